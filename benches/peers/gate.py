"""The gate beside Pillow + pdqhash + faiss, by the size of the list: files a second, CPU a file, latency.

For each size, `hashgate bench gate` puts the hashes of every second picture among made ones, judges every file with
each set of variants, and saves the list. The peers build their indexes of that very list, each in a process of its own
with one thread, and judge the same files: from bytes in memory to whether a hash is within 31 bits. All take turns (A B
C A B C ...), after one unmeasured turn each; what is shown is the median of the turns.

The answers are held against each other, or there are no figures:

- What faiss's flat index finds is held to counting bits with numpy. The other exact peers must name the same files.
- With eight rotations the exact peers must name the same files, and all that were named without.
- hashgate with `none` must name the files that the flat index names. Where Pillow and hashgate differ in a few bits of
  a picture's hash, and its nearest entry (or its quality) lies that near to the limit, either answer is right. Such
  files are counted.
- Of an index that may miss something, the share of the files is shown that it found.
"""

import argparse
import io
import json
import os
import platform
import shutil
import statistics
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
import pdqhash
import PIL
from importlib.metadata import version
from PIL import Image, ImageOps

THRESHOLD = 31
MIN_QUALITY = 50
# Of the made hashes so many are looked at by counting bits, to hold faiss's flat index to.
COUNTED = 200_000


def pixels(data):
    with Image.open(io.BytesIO(data)) as picture:
        return numpy.asarray(picture.convert("RGB"))


def plain(data):
    """The PDQ hash of a file's bytes, and its quality."""
    bits, quality = pdqhash.compute(pixels(data))
    return numpy.packbits(bits).reshape(1, 32), int(quality)


def rotated(data):
    """Its eight hashes, from one DCT, and its quality: how a careful program does it."""
    hashes, quality = pdqhash.compute_dihedral(pixels(data))
    return numpy.packbits(numpy.stack(hashes), axis=1), int(quality)


def rotated_again(data):
    """Its eight hashes as python-threatexchange makes them: it turns the picture, encodes it, and hashes that file."""
    from threatexchange.content_type.photo import PhotoContent

    every = [plain(turned) for turned in PhotoContent.all_simple_rotations(data).values()]
    return numpy.concatenate([hashed for hashed, _ in every]), every[0][1]


# What a peer is called: (its index, how a file is hashed, its title, whether it misses nothing).
PEERS = {
    "hash-only": (None, plain, "Pillow + pdqhash, no search", None),
    "flat": ("flat", plain, "… + faiss IndexBinaryFlat", True),
    "multihash": ("multihash", plain, "… + faiss IndexBinaryMultiHash 16x16, 1 flip", True),
    "binary-hash": ("binary-hash", plain, "… + faiss IndexBinaryHash 16, 4 flips", False),
    "flat-rotations": ("flat", rotated, "… eight rotations + IndexBinaryFlat", True),
    "multihash-rotations": ("multihash", rotated, "… eight rotations + IndexBinaryMultiHash", True),
    "threatexchange-rotations": (
        "multihash",
        rotated_again,
        "… eight rotations as python-threatexchange makes them + IndexBinaryMultiHash",
        None,
    ),
}


def make_index(name, hashes):
    if name == "flat":
        index = faiss.IndexBinaryFlat(256)
    elif name == "multihash":
        # As python-threatexchange sets it for 31 bits: one of 16 parts differs in one bit at most.
        index = faiss.IndexBinaryMultiHash(256, 16, 16)
        index.nflip = 1
    elif name == "binary-hash":
        index = faiss.IndexBinaryHash(256, 16)
        index.nflip = 4
    else:
        return None
    index.add(hashes)
    return index


class Judge:
    """Judges the files of a list, one after the other."""

    def __init__(self, index, files):
        self.index = index
        self.files = files

    def turn(self, peer):
        hashed = PEERS[peer][1]
        index = self.index if PEERS[peer][0] else None
        walls, cpus, matched, unread = [], [], [], []
        for path in self.files:
            data = Path(path).read_bytes()
            cpu, wall = time.process_time_ns(), time.perf_counter_ns()
            try:
                hashes, quality = hashed(data)
                found = False
                if index is not None and quality >= MIN_QUALITY:
                    # faiss counts a range as "less than".
                    limits, _, _ = index.range_search(hashes, THRESHOLD + 1)
                    found = bool(limits[-1])
            except OSError:
                unread.append(path)
                continue
            walls.append((time.perf_counter_ns() - wall) / 1e3)
            cpus.append((time.process_time_ns() - cpu) / 1e3)
            if found:
                matched.append(path)
        return {**figures(walls, cpus), "matched": matched, "unread": unread}


def figures(walls, cpus):
    return {
        "files_per_second": 1e6 * len(walls) / sum(walls),
        "cpu_us": sum(cpus) / len(cpus),
        "p50": float(numpy.percentile(walls, 50)),
        "p90": float(numpy.percentile(walls, 90)),
        "p99": float(numpy.percentile(walls, 99)),
        "max": max(walls),
    }


def load(path):
    """A list, one hash in hexadecimal a line, as rows of bytes."""
    return numpy.frombuffer(bytes.fromhex(Path(path).read_text()), dtype=numpy.uint8).reshape(-1, 32)


def work(options):
    """A peer's index in a process of its own: names of peers come in by lines, figures go out by lines."""
    faiss.omp_set_num_threads(1)
    index = make_index(options.worker, load(options.list))
    judge = Judge(index, json.loads(Path(options.files).read_text()))
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(judge.turn(line.strip())), flush=True)


class Worker:
    def __init__(self, index, hashes, files):
        command = [sys.executable, __file__, "--worker", index, "--list", str(hashes), "--files", str(files)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.line("ready")

    def line(self, expected=None):
        line = self.process.stdout.readline().strip()
        if not line or (expected and line != expected):
            sys.exit(f"peers: a peer's process failed ({self.process.wait()})")
        return line

    def turn(self, peer):
        self.process.stdin.write(peer + "\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Hashgate:
    def __init__(self, options, program, folder):
        self.options, self.program, self.folder = options, program, str(folder)

    def run(self, arguments, good=(0,)):
        command = [self.program, *arguments, self.folder]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode not in good:
            sys.exit(f"peers: {' '.join(command)} failed ({done.returncode}):\n{done.stderr}")
        return done.stdout

    def turn(self, size, lists):
        """One measured run of each gate, after one of its own that warms the caches."""
        options = self.options
        arguments = ["bench", "gate", "--format", "json", "--sizes", size, "--variants", options.variants, "--runs", "1"]
        arguments += ["--distribution", options.distribution, "--mode", options.mode]
        arguments += ["--digests", options.digests] if options.digests else []
        arguments += ["--save-hashes", str(lists)] if lists else []
        return json.loads(self.run(arguments))["sizes"][0]

    def hashes(self):
        """The PDQ hash and the quality of each file, by its path."""
        records = map(json.loads, self.run(["hash", "--format", "jsonl", "--mode", self.options.mode], (0, 2)).splitlines())
        good = (record for record in records if "pdq" in record.get("signals", {}))
        return {record["path"]: (record["signals"]["pdq"], record.get("quality")) for record in good}


def find_program(given):
    root = Path(__file__).resolve().parent.parent.parent
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    program = Path(given) if given else target / "release" / "hashgate"
    if not program.is_file():
        sys.exit(f"peers: {program} is not there: 'make build' builds it, --hashgate names another")
    return str(program.resolve())


def enlarge(path, megapixels, into):
    """A picture as a baseline JPEG of so many megapixels, in its own shape."""
    with Image.open(path) as picture:
        picture = ImageOps.exif_transpose(picture).convert("RGB")
    scale = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
    size = (round(picture.width * scale), round(picture.height * scale))
    picture.resize(size, Image.Resampling.LANCZOS).save(into, quality=90, subsampling="4:2:0")


def files_of(folder):
    files = sorted(str(path) for path in folder.rglob("*") if path.is_file())
    if len(files) < 2:
        sys.exit(f"peers: {folder} holds {len(files)} files, at least 2 are needed")
    return files


def distances(hashes, entries):
    """How far the nearest entry is from any of these hashes, by counting bits."""
    nearest = 256
    for row in hashes:
        for at in range(0, len(entries), COUNTED):
            bits = numpy.bitwise_count(entries[at : at + COUNTED] ^ row)
            nearest = min(nearest, int(bits.sum(axis=1, dtype=numpy.int64).min()))
    return nearest


def expect(what, expected, got):
    if set(expected) != set(got):
        missed, extra = sorted(set(expected) - set(got)), sorted(set(got) - set(expected))
        sys.exit(f"peers: {what} gave another answer: missed {missed}, too much {extra}")


def check_flat(files, entries, matched):
    """faiss's flat index against counting bits, of every file against the first entries."""
    index = make_index("flat", entries)
    for path in files:
        try:
            hashed, _ = plain(Path(path).read_bytes())
        except OSError:
            continue
        nearest = distances(hashed, entries)
        limits, _, _ = index.range_search(hashed, THRESHOLD + 1)
        if bool(limits[-1]) != (nearest <= THRESHOLD):
            sys.exit(f"peers: faiss's flat index and counting differ about {path}, {nearest} bits")


def check_hashgate(expected, got, by_hashgate, entries):
    """hashgate's answers against the flat index's; the files about which either answer is right."""
    either = []
    for path in sorted(set(expected) ^ set(got)):
        pillow, quality = plain(Path(path).read_bytes())
        if path not in by_hashgate:
            sys.exit(f"peers: hashgate does not read {path}, and Pillow does")
        own = numpy.frombuffer(bytes.fromhex(by_hashgate[path][0]), dtype=numpy.uint8).reshape(1, 32)
        apart = int(numpy.bitwise_count(pillow ^ own).sum())
        nearest = distances(pillow, entries)
        own_quality = by_hashgate[path][1]
        is_quality = (quality < MIN_QUALITY) != (own_quality is None or own_quality < MIN_QUALITY)
        if not is_quality and abs(nearest - THRESHOLD) > apart:
            sys.exit(
                f"peers: hashgate gave another answer about {path}: nearest entry {nearest} bits, "
                f"the two hashes {apart} apart, quality {quality} and {own_quality}"
            )
        either.append(path)
    return either


def middle(turns, key):
    return statistics.median(turn[key] for turn in turns)


def of_size(options, hashgate, size, files, work_folder):
    lists = Path(work_folder, f"lists-{size}")
    names = Path(work_folder, "files.json")
    names.write_text(json.dumps(files))
    print(f"peers: {size} hashes, turn 0", file=sys.stderr)
    figures_of = {}
    # The unmeasured turn; it saves the list of which the peers build their indexes.
    first = hashgate.turn(size, lists)
    (saved,) = lists.glob("*.hashes.txt")
    entries = load(saved)
    indexes = {PEERS[peer][0] or "none" for peer in options.peers}
    workers = {index: Worker(index, saved, names) for index in sorted(indexes)}
    answers = {peer: workers[PEERS[peer][0] or "none"].turn(peer) for peer in options.peers}
    for turn in range(1, options.runs + 1):
        print(f"peers: {size} hashes, turn {turn} of {options.runs}", file=sys.stderr)
        measured = hashgate.turn(size, None)
        for gate in measured["gates"]:
            name = f"hashgate, {gate['variants']}"
            spent = gate["file_us"]
            row = {key: spent[key] for key in ("p50", "p90", "p99", "max")}
            row |= {"files_per_second": gate["files_per_second"], "cpu_us": gate["cpu_us"], "matched": gate["matched"]}
            figures_of.setdefault(name, []).append(row)
        for peer in options.peers:
            row = workers[PEERS[peer][0] or "none"].turn(peer)
            expect(f"{peer} in another turn", answers[peer]["matched"], row["matched"])
            figures_of.setdefault(PEERS[peer][2], []).append(row)
    for worker in workers.values():
        worker.end()

    truth = answers["flat"]["matched"]
    check_flat(files, entries[:COUNTED], truth)
    exact = [peer for peer in options.peers if PEERS[peer][3]]
    for peer in exact:
        if PEERS[peer][1] is plain:
            expect(peer, truth, answers[peer]["matched"])
        else:
            expect(peer, answers["flat-rotations"]["matched"], answers[peer]["matched"])
            if not set(truth) <= set(answers[peer]["matched"]):
                sys.exit(f"peers: {peer} misses files that are found without rotations")
    either = []
    for gate in first["gates"]:
        if gate["variants"] == "none":
            either = check_hashgate(truth, gate["matched"], hashgate.hashes(), entries)
    base = middle(figures_of[PEERS["hash-only"][2]], "cpu_us")
    rows = []
    for name, turns in figures_of.items():
        matched = turns[0]["matched"]
        rows.append(
            {
                "name": name,
                **{key: round(middle(turns, key), 1) for key in ("files_per_second", "cpu_us", "p50", "p90", "p99", "max")},
                "times_pdqhash": round(base / middle(turns, "cpu_us"), 2),
                "cpu_us_turns": [round(turn["cpu_us"], 1) for turn in turns],
                "matched": None if name == PEERS["hash-only"][2] else len(matched),
                "found_of_flat": None if name == PEERS["hash-only"][2] else len(set(matched) & set(truth)),
            }
        )
    return {"hashes": len(entries), "size": size, "flat_matched": len(truth), "either_is_right": either, "results": rows}


def show(report):
    print(f"{report['date']}  {report['processor']}, {report['cores']} cores, load {report['load']}")
    print(f"{report['files']} files, {report['bytes'] / 1e6:.1f} MB; {report['runs']} turns; {report['command']}")
    for size in report["sizes"]:
        either = len(size["either_is_right"])
        print(f"\n{size['hashes']:,} hashes; the exact ones name the same {size['flat_matched']} files; either answer is right of {either}")
        print(f"{'':78} {'files/s':>8} {'CPU a file':>11} {'times':>6} {'p50':>9} {'p99':>9} {'max':>9} {'match':>6}")
        for row in size["results"]:
            matched = "" if row["matched"] is None else row["matched"]
            print(
                f"{row['name']:78} {row['files_per_second']:8.1f} {row['cpu_us'] / 1e3:8.2f} ms {row['times_pdqhash']:6.2f} "
                f"{row['p50'] / 1e3:6.2f} ms {row['p99'] / 1e3:6.2f} ms {row['max'] / 1e3:6.2f} ms {matched:>6}"
            )
    print("\ntimes: how many times as fast, in CPU time, as Pillow + pdqhash without a search")


def show_markdown(report):
    """The rows of the table in docs/src/measured.md."""
    print("| hashes in the list | what | files a second | CPU a file | times as fast as Pillow + pdqhash | p50 | p99 | files that match |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for size in report["sizes"]:
        for row in size["results"]:
            name = f"`--variants {row['name'].removeprefix('hashgate, ')}`" if row["name"].startswith("hashgate, ") else row["name"]
            matched = "" if row["matched"] is None else row["matched"]
            print(
                f"| {size['hashes']:,} | {name} | {row['files_per_second']:.0f} | {row['cpu_us'] / 1e3:.1f} ms "
                f"| {row['times_pdqhash']:.2f} | {row['p50'] / 1e3:.1f} ms | {row['p99'] / 1e3:.1f} ms | {matched} |"
            )


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def self_check():
    """faiss's range is as this program takes it (31 bits match, 32 do not), in each index that misses nothing."""
    for name in ("flat", "multihash"):
        index = make_index(name, numpy.zeros((1, 32), dtype=numpy.uint8))
        for flips, matches in ((THRESHOLD, True), (THRESHOLD + 1, False)):
            query = numpy.packbits(numpy.arange(256) < flips).reshape(1, 32)
            limits, _, _ = index.range_search(query, THRESHOLD + 1)
            assert bool(limits[-1]) == matches, f"faiss {name} at {flips} bits"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("HASHGATE_TEST_DATA")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(data, "photos") if data else None)
    parser.add_argument("--hashgate", metavar="PROGRAM", help="default: the release build of this project")
    parser.add_argument("--sizes", default="10k,1m", help="made hashes in the lists (default 10k,1m; 10m takes 12 GB of memory)")
    parser.add_argument("--variants", default="none,standard,thorough", help="hashgate's gates (default none,standard,thorough)")
    parser.add_argument("--distribution", default="correlated", help="how the made hashes are spread (default correlated)")
    parser.add_argument("--mode", default="exact", help="how hashgate hashes JPEGs (default exact)")
    parser.add_argument("--digests", default="", help="digests of the known files in hashgate's index: md5,sha1,sha256 (default none)")
    parser.add_argument("--peers", default=",".join(PEERS), help=f"default: all of {', '.join(PEERS)}; hash-only and flat always")
    parser.add_argument("--runs", type=int, default=5, help="measured turns of each (default 5)")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="of the pictures every Nth only")
    parser.add_argument("--megapixels", type=float, metavar="N", help="judge baseline JPEGs of so many megapixels, made of the pictures")
    parser.add_argument("--format", choices=["text", "json", "markdown"], default="text")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also a record as JSON")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--list", help=argparse.SUPPRESS)
    parser.add_argument("--files", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options)
        return
    if options.folder is None:
        parser.error("name a folder of pictures, or set HASHGATE_TEST_DATA")
    asked = options.peers.split(",")
    if unknown := [peer for peer in asked if peer not in PEERS]:
        parser.error(f"no peer is called {unknown[0]}; known are {', '.join(PEERS)}")
    needed = {"hash-only", "flat"} | ({"flat-rotations"} if "multihash-rotations" in asked else set())
    options.peers = [peer for peer in PEERS if peer in asked or peer in needed]
    self_check()
    program = find_program(options.hashgate)
    with tempfile.TemporaryDirectory() as work_folder:
        pictures = Path(work_folder, "pictures")
        pictures.mkdir()
        folder = options.folder.resolve()
        # hashgate passes over symbolic links: so the files are copied.
        chosen = [path for path in files_of(folder) if not path.endswith((".tsv", ".md", ".txt"))][:: options.every]
        for path in map(Path, chosen):
            name = path.relative_to(folder).as_posix().replace("/", "-")
            if options.megapixels:
                enlarge(path, options.megapixels, pictures / f"{name}.jpg")
            else:
                shutil.copyfile(path, pictures / name)
        files = files_of(pictures)
        hashgate = Hashgate(options, program, pictures)
        report = {
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "processor": processor(),
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2),
            "command": " ".join(["benches/peers/gate", *sys.argv[1:]]),
            "python": platform.python_version(),
            "pillow": PIL.__version__,
            "faiss": faiss.__version__,
            "pdqhash": version("pdqhash"),
            "threatexchange": version("threatexchange"),
            "files": len(files),
            "bytes": sum(Path(path).stat().st_size for path in files),
            "mode": options.mode,
            "digests": options.digests,
            "runs": options.runs,
            "sizes": [of_size(options, hashgate, size, files, work_folder) for size in options.sizes.split(",")],
        }
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    if options.format == "json":
        json.dump(report, sys.stdout, indent=2)
        print()
    elif options.format == "markdown":
        show_markdown(report)
    else:
        show(report)


if __name__ == "__main__":
    main()
