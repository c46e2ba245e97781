"""What the wheel and its jobs do beside the command, on this machine, as a table. Run it by `tools/python measure`.

    measure.py --index DIR --pictures DIR [--rows 20000] [--stored 1000000] [--list FILE] [--engines spark,ray]

Ratios are of things measured in one run, one after the other. Each asserts its answers. `--list` is the list of hashes that the
index was published from, one in hexadecimal a line: stored hashes are planted from it, each some bits off.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

import pyhashgate
from pyhashgate import Gate

CORES = pyhashgate._native.cores()


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    made = work()
    return time.perf_counter() - began, made


def told(name: str, ours: str, other: str, ratio: float | None = None) -> None:
    last = "" if ratio is None else f"{ratio:.2f}"
    print(f"| {name} | {ours} | {other} | {last} |", flush=True)


def check_on_threads(index: str, pictures: list[bytes]) -> None:
    gate = Gate.open(index, threads=1)
    [gate.check(data) for data in pictures[:20]]
    one, _ = timed(lambda: [gate.check(data) for data in pictures])
    with ThreadPoolExecutor(2) as threads:
        two, _ = timed(lambda: list(threads.map(gate.check, pictures)))
    rate = len(pictures) / one, len(pictures) / two
    told("`check` from two threads, beside one (pictures/s)", f"{rate[1]:.1f}", f"{rate[0]:.1f}", one / two)


def pooled(index: str, pictures: list[bytes]) -> None:
    for variants in ["none", "standard"]:
        gate = Gate.open(index, threads=1, variants=variants)
        gate.check_many(pictures[:20])
        took, rows = [], []
        for work in [lambda: [gate.check(data) for data in pictures], lambda: gate.check_many(pictures)]:
            began = time.process_time()
            rows.append(work())
            took.append((time.process_time() - began) / len(pictures) * 1e3)
        assert rows[0] == rows[1]
        name = f"`check_many`, variants {variants}, beside `check` (CPU ms a picture)"
        told(name, f"{took[1]:.2f}", f"{took[0]:.2f}", took[0] / took[1])


def cost(index: str, pictures: list[bytes]) -> None:
    """Core-hours for a billion, by CPU time, which a busy machine changes less than it does rates."""
    for variants in ["none", "standard"]:
        gate = Gate.open(index, threads=1, variants=variants)
        gate.check_many(pictures[:20])
        began = time.process_time()
        gate.check_many(pictures)
        each = (time.process_time() - began) / len(pictures)
        told(f"a billion pictures, variants {variants} (core-hours)", f"{each * 1e9 / 3600:,.0f}", f"{each * 1e3:.2f} ms each")
    gate = Gate.open(index, threads=1)
    draw = random.Random(17)
    stored = draw.randbytes(32 * (1 << 19))
    gate.match(stored[: 32 << 16])
    began = time.process_time()
    gate.match(stored)
    each = (time.process_time() - began) / (1 << 19)
    told("a billion stored hashes (core-hours)", f"{each * 1e9 / 3600:,.1f}", f"{each * 1e6:.1f} µs each")
    size = sum(path.stat().st_size for path in Path(index).iterdir())
    told("the index (bytes)", f"{size:,}", "")


def batch_rate(command: str, hashes: int) -> float:
    """What the command searches in a second and on one thread, in a list of this size."""
    asked = ["bench", "search", "--sizes", str(hashes), "--radii", "31", "--distributions", "uniform", "--batch", "65536"]
    asked += ["--threads", "1", "--queries", "65536", "--check", "20", "--format", "json"]
    done = subprocess.run([command, *asked], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    batches = re.findall(r'"batches": \[(.*?)\]', done.stdout, re.DOTALL)
    rates = [float(rate) for batch in batches for rate in re.findall(r'"queries_per_second": ([0-9.]+)', batch)]
    assert rates, done.stdout[:2000]
    return max(rates)


def planted(strangers: int, known: list[bytes], draw: random.Random) -> tuple[list[bytes], set[int]]:
    """Strangers, with hashes of the list among them that are up to 31 bits off."""
    hashes = [draw.randbytes(32) for _ in range(strangers)]
    places = set()
    for value in known:
        off = int.from_bytes(value, "big")
        for bit in draw.sample(range(256), draw.randrange(32)):
            off ^= 1 << bit
        place = draw.randrange(strangers)
        hashes[place] = off.to_bytes(32, "big")
        places.add(place)
    return hashes, places


def some_of(listed: Path, count: int, draw: random.Random) -> list[bytes]:
    """Hashes from all over a list."""
    size = listed.stat().st_size
    found = []
    with listed.open("rb") as lines:
        while len(found) < count:
            lines.seek(draw.randrange(size - 200))
            lines.readline()
            value = re.search(rb"[0-9a-f]{64}", lines.readline())
            if value:
                found.append(bytes.fromhex(value[0].decode()))
    return found


def match_rate(index: str, command: str | None, size: int, stored: list[bytes], places: set[int]) -> float:
    gate = Gate.open(index, threads=1)
    given = b"".join(stored)
    gate.match(given[: 32 * 1000])
    rates, others = [], []
    # In turns, and the best of each: others may want the machine meanwhile.
    for _ in range(3 if len(stored) <= 1_000_000 else 1):
        took, hits = timed(lambda: gate.match(given))
        assert {at for at, _ in hits} == places, f"{len(hits)} hits, {len(places)} planted"
        rates.append(len(stored) / took)
        if command is not None:
            others.append(batch_rate(command, size))
    rate, beside = max(rates), max(others, default=None)
    told(
        "`match` on one thread, beside the command's batch search (hashes/s)",
        f"{rate:,.0f}",
        "" if beside is None else f"{beside:,.0f}",
        None if beside is None else rate / beside,
    )
    return rate


def pictures_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp", ".gif"))


def made_rows(pictures: Path, rows: int, into: Path) -> list[str]:
    """So many addresses: the pictures again and again, by links of their own."""
    files = pictures_of(pictures)
    names = []
    into.mkdir()
    for number in range(rows):
        source = files[number % len(files)]
        link = into / f"{number:06}{source.suffix}"
        link.symlink_to(source)
        names.append(str(link))
    return names


def scanned(command: str, index: str, variants: str, folder: Path) -> tuple[float, Counter[str]]:
    asked = ["scan", "--index", index, "--variants", variants, "--jobs", str(CORES), "--format", "jsonl", "--follow-links"]
    took, done = timed(lambda: subprocess.run([command, *asked, str(folder)], capture_output=True, text=True))
    assert done.returncode in (0, 1, 2), done.stderr
    rows = (json.loads(line) for line in done.stdout.splitlines())
    return took, Counter(f"{row['path']} {row['outcome']} {row['action']}" for row in rows if "outcome" in row)


def spark_session() -> Any:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{CORES}]").config("spark.ui.enabled", "false")
    return builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", "256").getOrCreate()


def by_spark(index: str, names: list[str], variants: str, out: Path) -> tuple[float, Counter[str]]:
    from pyhashgate import spark

    session = spark_session()
    session.range(1).count()
    parquet.write_table(pa.table({"path": names}), str(out) + ".in.parquet")
    frame = session.read.parquet(str(out) + ".in.parquet").repartition(4 * CORES)
    took, _ = timed(lambda: spark.scan(frame, index, variants=variants).write.parquet(str(out)))
    rows = session.read.parquet(str(out)).select("path", "outcome", "action").collect()
    return took, Counter(f"{row.path} {row.outcome} {row.action or 'none'}" for row in rows)


def by_ray(index: str, names: list[str], variants: str, out: Path) -> tuple[float, Counter[str]]:
    import ray
    import ray.data
    from pyhashgate.ray import scan

    ray.init(num_cpus=CORES, include_dashboard=False, log_to_driver=False, ignore_reinit_error=True)
    dataset = ray.data.from_arrow(pa.table({"path": names})).repartition(4 * CORES)
    ray.data.range(1).count()
    took, rows = timed(lambda: scan(dataset, index, actors=CORES, batch=256, variants=variants).take_all())
    ray.shutdown()
    return took, Counter(f"{row['path']} {row['outcome']} {row['action'] or 'none'}" for row in rows)


def joined(index: str, stored: list[bytes], places: set[int], rate: float, out: Path) -> None:
    from pyhashgate import spark

    session = spark_session()
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "65536")
    table = pa.table({"key": pa.array(range(len(stored)), pa.int64()), "hash": pa.array(stored, pa.binary())})
    parquet.write_table(table, str(out), row_group_size=len(stored) // (8 * CORES) + 1)
    # Parts as Spark reads them: to deal them out anew would cost as much as the search.
    session.conf.set("spark.sql.files.maxPartitionBytes", str(out.stat().st_size // (4 * CORES) + 1))
    frame = session.read.parquet(str(out))
    frame.count()
    took, rows = timed(lambda: spark.join(frame, index).collect())
    assert {int(row.key) for row in rows} == places, f"{len(rows)} rows, {len(places)} planted"
    ours = len(stored) / took / CORES
    told(f"Spark's join, {len(stored):,} stored hashes, beside `match` (hashes/s a core)", f"{ours:,.0f}", f"{rate:,.0f}", ours / rate)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--index", required=True)
    parser.add_argument("--pictures", required=True, type=Path)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--stored", type=int, default=1_000_000)
    parser.add_argument("--list", type=Path, help="the list that the index is of")
    parser.add_argument("--variants", default="none,standard")
    parser.add_argument("--engines", default="spark,ray")
    parser.add_argument("--only", default="check,pooled,cost,match,scan,join")
    parser.add_argument("--batch-rate", action="store_true", help="make an index of made hashes and search it by the command too")
    parser.add_argument("--hashgate", default=os.environ.get("HASHGATE") or shutil.which("hashgate"))
    args = parser.parse_args()
    only = args.only.split(",")
    data = [path.read_bytes() for path in pictures_of(args.pictures)]
    draw = random.Random(17)
    print(f"{CORES} cores, {len(data)} pictures of {sum(map(len, data)) // len(data):,} bytes, index {pyhashgate.mark(args.index)}\n")
    print("| what | here | beside | ratio |\n| --- | ---: | ---: | ---: |", flush=True)
    if "check" in only:
        check_on_threads(args.index, data)
    if "pooled" in only:
        pooled(args.index, data)
    if "cost" in only:
        cost(args.index, data)
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        if args.list is not None and ("match" in only or "join" in only):
            stored, places = planted(args.stored, some_of(args.list, 1_000, draw), draw)
            size = round(args.list.stat().st_size / 65)
            rate = match_rate(args.index, args.hashgate if args.batch_rate else None, size, stored, places)
            if "join" in only and "spark" in args.engines:
                joined(args.index, stored, places, rate, here / "stored.parquet")
        if "scan" in only:
            for variants in args.variants.split(","):
                names = made_rows(args.pictures, args.rows, here / variants)
                took, expected = scanned(args.hashgate, args.index, variants, here / variants)
                assert len(expected) == args.rows and set(expected.values()) == {1}, f"{len(expected)} rows"
                for engine in args.engines.split(","):
                    run = {"spark": by_spark, "ray": by_ray}[engine]
                    ours, rows = run(args.index, names, variants, here / f"{engine}-{variants}")
                    assert rows == expected, f"{len((rows - expected) + (expected - rows))} rows differ"
                    name = f"{engine}, {args.rows:,} files, variants {variants}, beside `scan` (files/s)"
                    told(name, f"{args.rows / ours:.1f}", f"{args.rows / took:.1f}", took / ours)


if __name__ == "__main__":
    main()
