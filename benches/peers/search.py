"""Searching within a radius, beside other indexes: the same hashes and queries in one run.

`hashgate bench search` makes the hashes and the queries (or takes real ones), measures itself on
one thread, and saves what it asked. Each peer then builds its index of those hashes and is asked
those queries, in a process of its own, one thread: one query at a time, then in batches. What
faiss's flat index finds is the truth: hashgate must have as many hits, or there is no figure, and
each peer's recall is the share of the truth that it found.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

# One thread, before the libraries start theirs.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import faiss
import numpy
import usearch
import usearch.index
from importlib.metadata import version

# A phase asks at least so many queries, however long they take.
FEWEST = 32
# usearch has no search within a radius: the nearest so many are asked for and held to the radius.
NEAREST = 16


def exact_settings(bits, radius, count):
    """Multi-hash settings (hashes, bits of each, flips) that miss nothing, quickest first, by a
    model of the cost: 0.1 us for a bucket, 0.25 us for an entry in it (measured at a million)."""
    found = []
    for flips in range(4):
        hashes = radius // (flips + 1) + 1
        width = min(bits // hashes, 32)
        if width < 8:
            continue
        probes = hashes * sum(math.comb(width, n) for n in range(flips + 1))
        found.append((0.1 * probes + 0.25 * probes * count / 2**width, (hashes, width, flips)))
    return [setting for _, setting in sorted(found)]


class Flat:
    """faiss, every hash looked at."""

    def __init__(self, bits, radius):
        # faiss counts a range as "less than".
        self.within = radius + 1
        self.index = self.empty(bits)

    def empty(self, bits):
        return faiss.IndexBinaryFlat(bits)

    def build(self, hashes):
        self.index.add(hashes)

    def search(self, queries):
        """Numbers of the hashes within the radius, and where each query's begin."""
        limits, _, found = self.index.range_search(queries, self.within)
        return limits, found


class MultiHash(Flat):
    """faiss, tables of parts of the hashes, probed with some bits flipped."""

    def __init__(self, bits, radius, hashes, width, flips):
        self.settings = (hashes, width, flips)
        super().__init__(bits, radius)

    def empty(self, bits):
        hashes, width, flips = self.settings
        index = faiss.IndexBinaryMultiHash(bits, hashes, width)
        index.nflip = flips
        return index


class ThreatExchange:
    """python-threatexchange's index for PDQ, as its matching asks it."""

    def __init__(self, bits, radius):
        from threatexchange.signal_type.pdq.signal import PdqSignal

        self.index = PdqSignal.get_index_cls()()
        self.radius = radius
        assert bits == 256 and self.index.get_match_threshold() == radius

    def build(self, hashes):
        self.index.add_all((row.tobytes().hex(), number) for number, row in enumerate(hashes))

    def search(self, queries):
        text = [row.tobytes().hex() for row in queries]
        if len(text) == 1:
            answers = [[match.metadata for match in self.index.query(text[0])]]
        else:
            found = self.index.index.search_with_distance_in_result(text, self.radius)
            answers = [[number for number, *_ in found[query]] for query in text]
        limits = numpy.cumsum([0] + [len(answer) for answer in answers])
        return limits, numpy.array([number for answer in answers for number in answer], dtype=numpy.int64)


class Usearch:
    """usearch's graph (HNSW): approximate, the nearest only."""

    def __init__(self, bits, radius):
        self.radius = radius
        self.index = usearch.index.Index(ndim=bits, metric=usearch.index.MetricKind.Hamming, dtype="b1")

    def build(self, hashes):
        self.index.add(numpy.arange(len(hashes), dtype=numpy.uint64), hashes, threads=1)

    def search(self, queries):
        matches = self.index.search(queries, NEAREST, threads=1)
        keys = numpy.asarray(matches.keys).reshape(len(queries), -1)
        distances = numpy.asarray(matches.distances).reshape(len(queries), -1)
        counts = getattr(matches, "counts", None)
        filled = numpy.full(len(queries), keys.shape[1]) if counts is None else numpy.asarray(counts)
        near = (distances <= self.radius) & (numpy.arange(keys.shape[1]) < filled[:, None])
        limits = numpy.concatenate([[0], numpy.cumsum(near.sum(axis=1))])
        return limits, keys[near].astype(numpy.int64)


def peer(name, bits, radius, count):
    best = exact_settings(bits, radius, count)
    if name == "flat":
        return "faiss flat", Flat(bits, radius)
    if name == "multihash":
        hashes, width, flips = best[0]
        flips = f"{flips} flip{'' if flips == 1 else 's'}"
        return f"faiss multi-hash {hashes}x{width}, {flips}", MultiHash(bits, radius, *best[0])
    if name == "multihash-16x16":
        return "faiss multi-hash 16x16, 1 flip", MultiHash(bits, radius, 16, 16, 1)
    if name == "threatexchange":
        return f"python-threatexchange {version('threatexchange')}", ThreatExchange(bits, radius)
    if name == "usearch":
        return f"usearch HNSW, nearest {NEAREST}", Usearch(bits, radius)
    sys.exit(f"peers: no peer is called {name}")


def peers_for(bits, radius, count, wanted):
    """The peers that can answer, each way once."""
    best = exact_settings(bits, radius, count)
    fits = {
        "flat": True,
        "multihash": bool(best),
        "multihash-16x16": bits == 256 and radius <= 31 and best[0] != (16, 16, 1),
        "threatexchange": bits == 256 and radius == 31,
        "usearch": True,
    }
    return [name for name in wanted if fits[name]]


def resident():
    """Bytes of memory that this process holds now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def work(options):
    """One peer, in a process of its own: its figures to standard output, its hits to a file."""
    faiss.omp_set_num_threads(1)
    hashes, queries = numpy.load(options.hashes), numpy.load(options.queries)
    title, index = peer(options.peer, 8 * hashes.shape[1], options.radius, len(hashes))
    before = resident()
    begin = time.perf_counter()
    index.build(hashes)
    built = time.perf_counter() - begin
    held = resident() - before

    # Hashes of the index that are not among the queries warm it up.
    for row in hashes[:: max(1, len(hashes) // 64)]:
        index.search(row.reshape(1, -1))
    times = []
    begin = time.perf_counter()
    for row in queries:
        if len(times) >= FEWEST and time.perf_counter() - begin > options.seconds:
            break
        asked = time.perf_counter_ns()
        index.search(row.reshape(1, -1))
        times.append(time.perf_counter_ns() - asked)

    pairs, spent, done = [], 0.0, 0
    for at in range(0, len(queries), options.batch):
        if done and spent > options.seconds:
            break
        batch = queries[at : at + options.batch]
        begin = time.perf_counter()
        limits, found = index.search(batch)
        spent += time.perf_counter() - begin
        asked = numpy.repeat(numpy.arange(at, at + len(batch)), numpy.diff(limits).astype(numpy.int64))
        pairs.append(numpy.stack([asked, found]))
        done += len(batch)
    numpy.save(options.found, numpy.concatenate(pairs, axis=1))
    times = numpy.array(times) / 1e3
    json.dump(
        {
            "name": title,
            "build_seconds": built,
            "bytes_per_hash": held / len(hashes),
            "single_asked": len(times),
            "mean_us": float(times.mean()),
            "p50_us": float(numpy.percentile(times, 50)),
            "p99_us": float(numpy.percentile(times, 99)),
            "queries_per_second": 1e6 / float(times.mean()),
            "batch_asked": done,
            "batch_queries_per_second": done / spent,
        },
        sys.stdout,
    )


def load(path):
    """A list, one hash in hexadecimal a line, as rows of bytes."""
    text = Path(path).read_text()
    width = len(text.split("\n", 1)[0]) // 2
    return numpy.frombuffer(bytes.fromhex(text), dtype=numpy.uint8).reshape(-1, width)


def find_program(given):
    root = Path(__file__).resolve().parent.parent.parent
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    program = Path(given) if given else target / "release" / "hashgate"
    if not program.is_file():
        sys.exit(f"peers: {program} is not there: 'make build' builds it, --hashgate names another")
    return str(program.resolve())


def hashgate(program, arguments):
    command = [program, "bench", "search", "--format", "json", "--threads", "1", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"peers: {' '.join(command)} failed ({done.returncode}):\n{done.stderr}")
    return json.loads(done.stdout)


def keys(pairs):
    """Pairs of a query and a hash as single numbers, sorted, each once."""
    return numpy.unique(pairs[0].astype(numpy.int64) << 32 | pairs[1].astype(numpy.int64))


def measure(options, program, name, arguments, work_folder):
    """One index: hashgate and the peers."""
    lists = Path(work_folder, "lists")
    given = ["--signal-type", options.signal_type, "--radii", ",".join(map(str, options.radii))]
    given += ["--batch", str(options.batch), "--queries", str(options.queries), "--seconds", str(options.seconds)]
    given += ["--save-hashes", str(lists), "--index-memory", options.index_memory, *arguments]
    report = hashgate(program, given)
    figures = report["indexes"][0]
    (hashes_list,) = lists.glob("*.hashes.txt")
    hashes = load(hashes_list)
    hashes_file = str(Path(work_folder, "hashes.npy"))
    numpy.save(hashes_file, hashes)
    out = []
    for search in figures["searches"]:
        radius = search["radius"]
        queries = load(str(hashes_list).replace(".hashes.", f".r{radius}.queries."))[: search["queries"]]
        queries_file = str(Path(work_folder, "queries.npy"))
        numpy.save(queries_file, queries)
        rows = [
            {
                "name": "hashgate",
                "build_seconds": figures["build_seconds"],
                "bytes_per_hash": figures["bytes_per_hash"],
                "single_asked": search["queries"],
                "mean_us": search["latency_us"]["mean"],
                "p50_us": search["latency_us"]["p50"],
                "p99_us": search["latency_us"]["p99"],
                "queries_per_second": search["queries_per_second"],
                "batch_asked": search["batches"][0]["queries"],
                "batch_queries_per_second": search["batches"][0]["queries_per_second"],
            }
        ]
        truth = truth_asked = None
        given_up = []
        for wanted in ["flat", *(peer for peer in options.peers if peer != "flat")]:
            if wanted not in peers_for(8 * hashes.shape[1], radius, len(hashes), PEERS):
                continue
            print(f"peers: {name}, r = {radius}: {wanted}", file=sys.stderr)
            found_file = str(Path(work_folder, "found.npy"))
            command = [sys.executable, __file__, "--peer", wanted, "--radius", str(radius)]
            command += ["--hashes", hashes_file, "--queries-file", queries_file, "--found", found_file]
            command += ["--batch", str(options.batch), "--seconds", str(options.seconds)]
            if wanted == "flat":
                # The truth is wanted of every query.
                command[command.index("--seconds") + 1] = "1000000" if len(queries) * len(hashes) < 1e11 else str(options.seconds)
            try:
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=options.patience
                )
            except subprocess.TimeoutExpired:
                print(f"peers: {wanted} was given up after {options.patience} s (--patience)", file=sys.stderr)
                given_up.append(wanted)
                continue
            if done.returncode != 0:
                sys.exit(f"peers: {wanted} failed ({done.returncode})")
            row = json.loads(done.stdout)
            found = keys(numpy.load(found_file))
            if truth is None:
                truth, truth_asked = found, row["batch_asked"]
                if truth_asked == search["queries"] and len(truth) != search["hits"]:
                    sys.exit(f"peers: hashgate has {search['hits']} hits, the truth is {len(truth)}")
                rows[0]["recall"] = 1.0 if truth_asked == search["queries"] else None
            asked = min(row["batch_asked"], truth_asked)
            right = truth[truth >> 32 < asked]
            got = found[found >> 32 < asked]
            row["recall"] = len(numpy.intersect1d(right, got)) / len(right) if len(right) else None
            row["false_hits"] = len(numpy.setdiff1d(got, right))
            rows.append(row)
        for row in rows:
            row["times_hashgate_p50"] = row["p50_us"] / rows[0]["p50_us"]
            row["times_hashgate_batch"] = rows[0]["batch_queries_per_second"] / row["batch_queries_per_second"]
        out.append(
            {
                "data": name,
                "hashes": len(hashes),
                "radius": radius,
                "queries": search["queries"],
                "hits": search["hits"],
                "checked_against_scan": search["checked"],
                "given_up": given_up,
                "results": rows,
            }
        )
    return report, out


def show(comparison):
    print(
        f"\n{comparison['data']}, {comparison['hashes']:,} hashes, r = {comparison['radius']}: "
        f"{comparison['queries']} queries, {comparison['hits']} hits"
    )
    print(
        f"{'':34} {'build':>8} {'B/hash':>7} {'p50':>10} {'p99':>10} {'mean':>10} {'batch q/s':>10} "
        f"{'recall':>7} {'one':>8} {'batch':>8}"
    )
    for row in comparison["results"]:
        recall = row.get("recall")
        print(
            f"{row['name']:34} {row['build_seconds']:7.1f}s {row['bytes_per_hash']:7.0f} "
            f"{row['p50_us']:8.1f}us {row['p99_us']:8.1f}us {row['mean_us']:8.1f}us "
            f"{row['batch_queries_per_second']:10,.0f} {'' if recall is None else f'{100 * recall:6.2f}%':>7} "
            f"{row['times_hashgate_p50']:7.1f}x {row['times_hashgate_batch']:7.1f}x"
        )
    if comparison["given_up"]:
        print(f"given up: {', '.join(comparison['given_up'])}")


def self_check():
    """Each peer's range is as this program takes it: the radius itself matches, one more does not."""
    for bits, radius in ((256, 31), (64, 8)):
        hashes = numpy.zeros((1, bits // 8), dtype=numpy.uint8)
        for name in peers_for(bits, radius, 1, PEERS):
            _, index = peer(name, bits, radius, 1)
            index.build(hashes)
            for flips, expected in ((0, 1), (radius, 1), (radius + 1, 0)):
                query = numpy.packbits(numpy.arange(bits) < flips).reshape(1, -1)
                limits, found = index.search(query)
                assert list(limits) == [0, expected] and list(found) == [0] * expected, f"{name} at {flips} bits"


PEERS = ["flat", "multihash", "multihash-16x16", "threatexchange", "usearch"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1m", help="numbers of hashes, joined by commas (default 1m)")
    parser.add_argument("--signal-type", default="pdq", help="pdq or a 64-bit type (default pdq)")
    parser.add_argument("--radii", help="joined by commas (default 31 for pdq, 8,10 for 64 bits)")
    parser.add_argument("--distributions", default="uniform,correlated", help="as of hashgate bench search; real adds $HASHGATE_TEST_DATA/benign_pdq.tsv")
    parser.add_argument("--queries", type=int, default=16384)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--seconds", type=int, default=20, help="after which a peer is asked no more (default 20)")
    parser.add_argument("--patience", type=int, default=1800, help="after which a peer is given up, its building included (default 1800)")
    parser.add_argument("--peers", default=",".join(PEERS), help=f"default {','.join(PEERS)}")
    parser.add_argument("--index-memory", default="mmap", help="hashgate's: mmap, populate or copy (default mmap)")
    parser.add_argument("--hashgate", metavar="PROGRAM", help="default: the release build of this project")
    parser.add_argument("--json", metavar="FILE", help="write a record of the figures")
    for name in ("--peer", "--hashes", "--queries-file", "--found"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--radius", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        options.queries = options.queries_file
        return work(options)
    options.peers = options.peers.split(",")
    if unknown := set(options.peers) - set(PEERS):
        parser.error(f"no peer is called {', '.join(sorted(unknown))}")
    default = "31" if options.signal_type == "pdq" else "8,10"
    options.radii = [int(radius) for radius in (options.radii or default).split(",")]
    program = find_program(options.hashgate)
    self_check()
    load_before = round(os.getloadavg()[0], 2)

    comparisons, machine = [], None
    data = os.environ.get("HASHGATE_TEST_DATA")
    for law in options.distributions.split(","):
        for size in options.sizes.split(",") if law != "real" else [None]:
            with tempfile.TemporaryDirectory() as folder:
                if law == "real":
                    if options.signal_type != "pdq" or not data:
                        sys.exit("peers: real hashes are pdq, from benign_pdq.tsv in $HASHGATE_TEST_DATA")
                    rows = Path(data, "benign_pdq.tsv").read_text().splitlines()[1:]
                    real = Path(folder, "real.txt")
                    real.write_text("".join(row.split("\t", 1)[0] + "\n" for row in rows))
                    arguments = ["--hashes", str(real)]
                else:
                    arguments = ["--distributions", law, "--sizes", size]
                report, found = measure(options, program, law, arguments, folder)
            machine = machine or report["machine"]
            for comparison in found:
                show(comparison)
            comparisons += found
    record = {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "processor": machine["processor"],
        "cores": machine["cores"],
        "kernel": machine["kernel"],
        "load": load_before,
        "command": " ".join(["benches/peers/search", *sys.argv[1:]]),
        "hashgate": machine["program_version"],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("faiss-cpu", "usearch", "threatexchange", "numpy")},
        "signal_type": options.signal_type,
        "comparisons": comparisons,
    }
    if options.json:
        Path(options.json).write_text(json.dumps(record, indent=2) + "\n")
    print(
        f"\n{record['date']}  {record['processor']}, one thread each, load before {load_before}\n"
        "one, batch: how many times as long as hashgate a query takes: singly (median), in batches.\n"
        "B/hash: hashgate's file, which is mapped; a peer's growth in memory."
    )
    if load_before > 0.5:
        print("The machine was busy: measure again on a quiet one.")


if __name__ == "__main__":
    main()
