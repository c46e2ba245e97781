"""Jobs on Spark: stored pictures judged, stored hashes matched. Needs pyspark and pyarrow on the driver and the executors.

As commands on a cluster that exists::

    python -m pyhashgate.spark scan --index /var/lib/hashgate/index --input paths.parquet --output verdicts.parquet
    python -m pyhashgate.spark join --index /var/lib/hashgate/index --input hashes.parquet --output hits.parquet

The index folder is at the same path on every machine. The job answers by one index, which each machine keeps beside the folder
(`FOLDER.pins`) until somebody removes it. `scan` goes on where an earlier run with the same output ended: rows are written in
`--steps` parts. Give it that run's `--mark`, which it names when it begins.

Guesses at the original cost several times what the picture as it is costs. So there may be two passes::

    … scan --index INDEX --input paths.parquet --output plain.parquet --variants none
    … scan --index INDEX --input paths.parquet --output guessed.parquet --after plain.parquet --where "plain.quality >= 50" --share 0.1

What holds on one machine and not here: quarantines and ordered counts mean nothing across executors, so entries in quarantine
count as each worker sees them.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from . import arrow
from ._pin import mark as find_mark
from .judge import kept, open_pinned

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["join", "main", "scan", "scan_shards", "second_pass", "second_pass_shards"]

#: What `second_pass` lets a condition ask of the first pass's row.
_PLAIN = ["outcome", "action", "passes", "quality", "mode", "generation", "bytes"]


def _run(
    frame: DataFrame, work: Any, schema: pa.Schema
) -> DataFrame:
    from pyspark.sql.pandas.types import from_arrow_schema

    return frame.mapInArrow(work, from_arrow_schema(schema))


def scan(
    frame: DataFrame,
    index: str,
    *,
    path: str = "path",
    content: str | None = None,
    mark: str | None = None,
    **how: Any,
) -> DataFrame:
    """A row for each row of the frame: what is said of the picture in its column `content`, or at the address in `path`.

    `how` is what `Gate.open` takes; one thread unless told. Without a mark the index is the one in force in the
    driver's folder.
    """
    mark = find_mark(index) if mark is None else mark
    open_judge = functools.partial(kept, index, mark, how)
    chosen = frame.select(path) if content is None else frame.select(path, content)

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return arrow.judge(batches, open_judge, path=path, content=content)

    return _run(chosen, work, arrow.ROW)


def scan_shards(
    frame: DataFrame,
    index: str,
    *,
    shard: str = "shard",
    members: str | None = None,
    mark: str | None = None,
    **how: Any,
) -> DataFrame:
    """A row for each picture in the tar files that the column `shard` names; of those that `members` lists, where it is given."""
    mark = find_mark(index) if mark is None else mark
    open_judge = functools.partial(kept, index, mark, how)

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return arrow.judge_shards(batches, open_judge, shard=shard, members=members)

    return _run(frame.select(shard) if members is None else frame.select(shard, members), work, arrow.SHARD_ROW)


def _wanted(frame: DataFrame, by: list[str], where: str | None, share: float) -> DataFrame:
    """Those for which the condition holds, and of these a share: the same ones each time."""
    from pyspark.sql import functions

    if not 0.0 <= share <= 1.0:
        raise ValueError(f"a share of {share}: 0 to 1")
    if where is not None:
        frame = frame.where(where)
    if share < 1.0:
        frame = frame.where(functions.pmod(functions.xxhash64(*by), functions.lit(1_000_000)) < round(share * 1_000_000))
    return frame


def second_pass(
    frame: DataFrame, plain: DataFrame, *, path: str = "path", where: str | None = None, share: float = 1.0
) -> DataFrame:
    """The rows of the frame whose pictures a first pass (`plain`, rows that `scan` gave) let pass, and which are wanted.

    `where` is a condition of SQL over the frame's columns, and over ``plain.quality``, ``plain.bytes`` and the other columns of the
    first pass's row. `share` takes so many of them, 0 to 1, chosen by their addresses. Give the result to `scan` with the guesses
    that are to be made.
    """
    from pyspark.sql import functions

    said = plain.select(functions.col("path").alias(path), functions.struct(*_PLAIN).alias("plain")).dropDuplicates([path])
    passed = frame.join(said, path).where("plain.passes")
    return _wanted(passed, [path], where, share).select(*frame.columns)


def second_pass_shards(plain: DataFrame, *, where: str | None = None, share: float = 1.0) -> DataFrame:
    """As `second_pass` of rows that `scan_shards` gave: tar files (`shard`) and which of their members (`members`) are wanted.

    `where` is over the columns of these rows, `member` and `quality` for instance.
    """
    from pyspark.sql import functions

    wanted = _wanted(plain.where("passes AND member IS NOT NULL"), ["shard", "member"], where, share)
    return wanted.groupBy("shard").agg(functions.collect_set("member").alias("members"))


def join(
    frame: DataFrame,
    index: str,
    *,
    key: str = "key",
    hashes: str = "hash",
    quality: str | None = None,
    signal_type: str = "pdq",
    mark: str | None = None,
    threads: int = 1,
) -> DataFrame:
    """Rows for those of the frame's stored hashes that match."""
    mark = find_mark(index) if mark is None else mark
    open_gate = functools.partial(open_pinned, index, mark, threads=threads)
    columns = [key, hashes] if quality is None else [key, hashes, quality]

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return arrow.match(batches, open_gate, key=key, hashes=hashes, quality=quality, signal_type=signal_type)

    return _run(frame.select(*columns), work, arrow.MATCHES)


def _session() -> SparkSession:
    from pyspark.sql import SparkSession

    session: SparkSession = SparkSession.builder.appName("hashgate").getOrCreate()
    return session


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pyhashgate.spark", description="Stored pictures and hashes asked about, on Spark.")
    commands = parser.add_subparsers(dest="command", required=True)

    def common(command: argparse.ArgumentParser) -> None:
        command.add_argument("--index", required=True, help="index folder, at the same path on every machine")
        command.add_argument("--input", required=True, help="Parquet table")
        command.add_argument("--output", required=True, help="Parquet table to write; rows are added to it")
        command.add_argument("--mark", help="index to answer by, as pyhashgate.mark names it [default: the one in force here]")
        command.add_argument("--batch", type=int, default=128, help="rows that are handed over at a time [default: %(default)s]")

    scanning = commands.add_parser("scan", help="pictures: by address, as bytes, or in tar files")
    common(scanning)
    source = scanning.add_mutually_exclusive_group()
    source.add_argument("--content", metavar="COLUMN", help="column of the pictures' bytes")
    source.add_argument("--shards", metavar="COLUMN", help="column of addresses of tar files with pictures")
    scanning.add_argument("--path", metavar="COLUMN", default="path", help="column of addresses [default: %(default)s]")
    scanning.add_argument("--variants", default="standard", help="guesses, as hashgate's --variants [default: %(default)s]")
    scanning.add_argument(
        "--after", metavar="PLAIN", help="second pass: only what passed in this table, which a first pass with --variants none wrote"
    )
    scanning.add_argument(
        "--where", metavar="SQL", help="second pass: only where this holds, of the input's columns and of plain.quality and its kin"
    )
    scanning.add_argument(
        "--share", type=float, default=1.0, help="second pass: a share of these, 0 to 1, the same each time [default: %(default)s]"
    )
    scanning.add_argument(
        "--steps", type=int, default=8, help="parts that are written one after the other: what is written is not lost [default: %(default)s]"
    )
    scanning.add_argument("--mode", default="auto", help="how JPEGs are hashed [default: %(default)s]")
    joining = commands.add_parser("join", help="stored hashes; hits only")
    common(joining)
    joining.set_defaults(batch=65_536)
    joining.add_argument("--key", metavar="COLUMN", default="key", help="column that names the hash [default: %(default)s]")
    joining.add_argument("--hash", metavar="COLUMN", default="hash", help="column of the hashes [default: %(default)s]")
    joining.add_argument("--quality", metavar="COLUMN", help="column of PDQ qualities")
    joining.add_argument("--signal-type", default="pdq", help="type of the hashes [default: %(default)s]")
    args = parser.parse_args(given)
    if args.command == "scan":
        if args.after is None and (args.where is not None or args.share != 1.0):
            parser.error("--where and --share choose for the second pass: name the first one's table by --after")
        if not 0.0 <= args.share <= 1.0:
            parser.error("--share: 0 to 1")
        if not 1 <= args.steps <= 10_000:
            parser.error("--steps: 1 to 10000")
    return args


def _without_done(frame: DataFrame, output: str, names: str, done: str) -> DataFrame:
    """The rows that the output does not have yet."""
    from pyspark.errors import AnalysisException

    try:
        before = frame.sparkSession.read.parquet(output).select(done).distinct()
    except AnalysisException:
        return frame
    return frame.join(before.withColumnRenamed(done, names), names, "left_anti")


def main(given: list[str] | None = None) -> int:
    """The command. Exit code 0, or what Spark raises."""
    args = _arguments(given)
    session = _session()
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(args.batch))
    frame = session.read.parquet(args.input)
    # One for all steps, whatever is published meanwhile.
    mark = find_mark(args.index) if args.mark is None else args.mark
    print(f"pyhashgate: answers are those of index {mark}; to go on with this job later, give it --mark {mark}", file=sys.stderr)
    if args.command == "join":
        made = join(
            frame,
            args.index,
            key=args.key,
            hashes=args.hash,
            quality=args.quality,
            signal_type=args.signal_type,
            mark=mark,
        )
        made.write.mode("append").parquet(args.output)
        return 0
    how = {"mark": mark, "variants": args.variants, "mode": args.mode}
    plain = None if args.after is None else session.read.parquet(args.after)
    if args.shards is not None:
        by, done, members = args.shards, "shard", None
        if plain is not None:
            by, members = "shard", "members"
            chosen = second_pass_shards(plain, where=args.where, share=args.share)
            frame = chosen.join(frame.select(frame[args.shards].alias("shard")).distinct(), "shard")
    else:
        by, done, members = args.path, "path", None
        if plain is not None:
            frame = second_pass(frame, plain, path=by, where=args.where, share=args.share)

    def scanned(part: DataFrame) -> DataFrame:
        if args.shards is not None:
            return scan_shards(part, args.index, shard=by, members=members, **how)
        return scan(part, args.index, path=by, content=args.content, **how)

    rest = _without_done(frame, args.output, by, done)
    for part in _steps(rest, by, args.steps):
        scanned(part).write.mode("append").parquet(args.output)
    return 0


def _steps(frame: DataFrame, by: str, steps: int) -> Iterator[DataFrame]:
    """Parts that have no row in common. Spark keeps rows of a job that ended, and none of one that died."""
    from pyspark.sql import functions

    if steps == 1:
        yield frame
        return
    which = functions.pmod(functions.xxhash64(by), functions.lit(steps))
    for step in range(steps):
        yield frame.where(which == step)


if __name__ == "__main__":
    sys.exit(main())
