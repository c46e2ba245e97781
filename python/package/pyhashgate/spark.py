"""Jobs on Spark: stored pictures judged, stored hashes matched. Needs pyspark and pyarrow on the driver and the executors.

As commands on a cluster that exists::

    python -m pyhashgate.spark scan --index /var/lib/hashgate/index --input paths.parquet --output verdicts.parquet
    python -m pyhashgate.spark join --index /var/lib/hashgate/index --input hashes.parquet --output hits.parquet

The index folder is at the same path on every machine. The job answers by one index, which each machine keeps beside the folder
(`FOLDER.pins`) until somebody removes it. `scan` goes on where an earlier run with the same output ended.

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
from .judge import Judge, open_pinned

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["join", "main", "scan", "scan_shards"]


def _judge(index: str, mark: str, how: dict[str, Any]) -> Judge:
    return Judge(index, mark=mark, **how)


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
    open_judge = functools.partial(_judge, index, mark, how)
    chosen = frame.select(path) if content is None else frame.select(path, content)

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return arrow.judge(batches, open_judge, path=path, content=content)

    return _run(chosen, work, arrow.ROW)


def scan_shards(
    frame: DataFrame, index: str, *, shard: str = "shard", mark: str | None = None, **how: Any
) -> DataFrame:
    """A row for each picture in the tar files that the column `shard` names."""
    mark = find_mark(index) if mark is None else mark
    open_judge = functools.partial(_judge, index, mark, how)

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return arrow.judge_shards(batches, open_judge, shard=shard)

    return _run(frame.select(shard), work, arrow.SHARD_ROW)


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
    scanning.add_argument("--mode", default="auto", help="how JPEGs are hashed [default: %(default)s]")
    joining = commands.add_parser("join", help="stored hashes; hits only")
    common(joining)
    joining.set_defaults(batch=65_536)
    joining.add_argument("--key", metavar="COLUMN", default="key", help="column that names the hash [default: %(default)s]")
    joining.add_argument("--hash", metavar="COLUMN", default="hash", help="column of the hashes [default: %(default)s]")
    joining.add_argument("--quality", metavar="COLUMN", help="column of PDQ qualities")
    joining.add_argument("--signal-type", default="pdq", help="type of the hashes [default: %(default)s]")
    return parser.parse_args(given)


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
    if args.command == "join":
        made = join(
            frame,
            args.index,
            key=args.key,
            hashes=args.hash,
            quality=args.quality,
            signal_type=args.signal_type,
            mark=args.mark,
        )
    elif args.shards is not None:
        rest = _without_done(frame, args.output, args.shards, "shard")
        made = scan_shards(
            rest, args.index, shard=args.shards, mark=args.mark, variants=args.variants, mode=args.mode
        )
    else:
        rest = _without_done(frame, args.output, args.path, "path")
        made = scan(
            rest,
            args.index,
            path=args.path,
            content=args.content,
            mark=args.mark,
            variants=args.variants,
            mode=args.mode,
        )
    made.write.mode("append").parquet(args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
