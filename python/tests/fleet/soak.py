"""Jobs on Spark and Ray over many pictures, again and again, while their parts are killed. Run it by `tools/python soak`.

    soak.py --index DIR --pictures DIR [--pictures DIR …] [--engines spark,ray] [--rows 20000] [--runs 10] [--kills 20]

The rows are the pictures again and again, half in a table of paths and half in tar files (all by paths on Ray). Each run ends with as
many rows as came, no two of one input, each with the verdict that the command `scan` has for the same bytes. Meanwhile every process
that maps the index is counted: together they hold it in memory once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

#: Whose ends are tried: who judges, who fetches and writes, and who has several of them.
PARTS = {
    "spark": ["multiprocessing.spawn", "pyspark.daemon", "CoarseGrainedExecutorBackend"],
    "ray": ["multiprocessing.spawn", "ray::"],
}
#: So many pictures in a tar file.
IN_A_SHARD = 250
Said = dict[str, tuple[str, str | None]]


def below() -> Iterator[tuple[int, str]]:
    """The processes that this one began, and those that they began: each with its command line."""
    parents, lines = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                lines[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (OSError, IndexError):
                continue
    for process, line in lines.items():
        above = parents.get(process)
        while above is not None and above != os.getpid():
            above = parents.get(above)
        if above is not None:
            yield process, line


def held(index: str) -> tuple[int, int]:
    """How many processes map segments of the index's pins, and what these mappings hold together, in bytes (Pss)."""
    mapping, total = 0, 0
    for process, _ in below():
        try:
            lines = Path(f"/proc/{process}/smaps").read_text().splitlines()
        except OSError:
            continue
        inside, found = False, False
        for line in lines:
            name = line.split()
            if "-" in name[0] and not name[0].endswith(":"):
                inside = f"{index}.pins/" in line and "segment-" in line
                found |= inside
            elif inside and name[0] == "Pss:":
                total += int(name[1]) << 10
        mapping += found
    return mapping, total


class Trouble:
    """Kills parts of a job by chance while it runs, and counts what the index takes."""

    def __init__(self, engine: str, index: str, kills: int, seconds: float, draw: random.Random) -> None:
        self.killed: list[str] = []
        self.most_bytes, self.most_processes = 0, 0
        self._over = threading.Event()
        self._how = engine, index, kills, seconds, draw
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Trouble:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        engine, index, kills, seconds, draw = self._how
        while not self._over.wait(seconds * draw.uniform(0.5, 1.5)):
            processes, total = held(index)
            if total > self.most_bytes:
                self.most_bytes, self.most_processes = total, processes
            # Only once there is work.
            if processes == 0 or len(self.killed) >= kills:
                continue
            part = draw.choice(PARTS[engine])
            found = [process for process, line in below() if part in line]
            if found:
                try:
                    os.kill(draw.choice(found), signal.SIGKILL)
                    self.killed.append(part)
                except ProcessLookupError:
                    pass


def said_by_scan(command: str, index: str, variants: str, sources: list[Path], into: Path) -> Said:
    into.mkdir()
    for number, source in enumerate(sources):
        (into / str(number)).symlink_to(source.resolve())
    asked = ["scan", "--index", index, "--variants", variants, "--format", "jsonl", "--follow-links", str(into)]
    done = subprocess.run([command, *asked], capture_output=True, text=True)
    assert done.returncode in (0, 1, 2), done.stderr
    rows = [row for row in map(json.loads, done.stdout.splitlines()) if "outcome" in row and "path" in row]
    assert len(rows) == len(sources), f"{len(rows)} of {len(sources)} scanned"
    return {Path(row["path"]).name: (row["outcome"], None if row["action"] == "none" else row["action"]) for row in rows}


def made(sources: list[Path], rows: int, shards: bool, into: Path) -> tuple[list[str], list[str]]:
    """Links to the pictures, and tar files of them. Each name ends with the number of its picture."""
    into.mkdir()
    links, tars = [], []
    half = rows // 2 if shards else rows
    for number in range(half):
        link = into / f"{number:06}-{number % len(sources)}"
        link.symlink_to(sources[number % len(sources)].resolve())
        links.append(str(link))
    for first in range(half, rows, IN_A_SHARD):
        tars.append(str(into / f"{first:06}.tar"))
        with tarfile.open(tars[-1], "w") as shard:
            for number in range(first, min(first + IN_A_SHARD, rows)):
                shard.add(sources[number % len(sources)].resolve(), f"{number:06}-{number % len(sources)}")
    return links, tars


def by_spark(index: str, variants: str, links: list[str], tars: list[str], out: Path) -> list[tuple[str, str, str | None]]:
    from pyspark.sql import SparkSession

    from pyhashgate import spark

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    session = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", "128").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    parquet.write_table(pa.table({"path": links}), f"{out}.links")
    parquet.write_table(pa.table({"shard": tars}), f"{out}.shards")
    frame = session.read.parquet(f"{out}.links").repartition(16)
    spark.scan(frame, index, variants=variants).write.parquet(str(out / "links"))
    frame = session.read.parquet(f"{out}.shards").repartition(len(tars))
    spark.scan_shards(frame, index, variants=variants).write.parquet(str(out / "shards"))
    rows = [(row.path, row.outcome, row.action) for row in session.read.parquet(str(out / "links")).collect()]
    rows += [(row.member, row.outcome, row.action) for row in session.read.parquet(str(out / "shards")).collect()]
    return rows


def by_ray(index: str, variants: str, links: list[str], _: list[str], __: Path) -> list[tuple[str, str, str | None]]:
    import ray
    import ray.data

    from pyhashgate.ray import scan

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, ignore_reinit_error=True)
    dataset = ray.data.from_arrow(pa.table({"path": links})).repartition(16)
    rows = scan(dataset, index, actors=2, batch=128, variants=variants).take_all()
    return [(row["path"], row["outcome"], row["action"]) for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--index", required=True)
    parser.add_argument("--pictures", required=True, type=Path, action="append")
    parser.add_argument("--engines", default="spark,ray")
    parser.add_argument("--variants", default="none")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--kills", type=int, default=20, help="over all runs of an engine")
    parser.add_argument("--every", type=float, default=4.0, help="seconds between two kills, about")
    parser.add_argument("--hashgate", default=os.environ.get("HASHGATE") or shutil.which("hashgate"))
    args = parser.parse_args()
    sources = sorted(path for folder in args.pictures for path in folder.rglob("*") if path.is_file())
    draw = random.Random(17)
    largest = sum(path.stat().st_size for path in Path(args.index).glob("segment-*"))
    for engine in args.engines.split(","):
        killed = 0
        for number in range(args.runs):
            with tempfile.TemporaryDirectory() as scratch:
                here = Path(scratch)
                expected = said_by_scan(args.hashgate, args.index, args.variants, sources, here / "scanned")
                links, tars = made(sources, args.rows, engine == "spark", here / "in")
                here.joinpath("out").mkdir()
                most = (args.kills - killed + args.runs - number - 1) // (args.runs - number)
                began = time.monotonic()
                with Trouble(engine, args.index, most, args.every, draw) as trouble:
                    work = {"spark": by_spark, "ray": by_ray}[engine]
                    rows = work(args.index, args.variants, links, tars, here / "out")
                took = time.monotonic() - began
                names = {name for name, _, _ in rows}
                assert len(rows) == len(names) == args.rows, f"{len(rows)} rows, {len(names)} distinct, of {args.rows}"
                for name, *verdict in rows:
                    assert tuple(verdict) == expected[name.rpartition("-")[2]], (name, verdict)
                share = trouble.most_bytes / largest
                assert share < 1.1, f"{trouble.most_processes} processes hold the index {share:.2f} times"
                killed += len(trouble.killed)
                print(
                    f"{engine}, run {number + 1}: {len(rows)} rows in {took:.0f} s, killed {', '.join(trouble.killed) or 'nothing'}; "
                    f"{trouble.most_processes} processes held {share:.2f} of the index at most",
                    flush=True,
                )
        assert killed >= min(args.kills, args.runs), f"{killed} were killed: there was too little work"
        print(f"{engine}: {args.runs} runs, {killed} killed", flush=True)


if __name__ == "__main__":
    main()
