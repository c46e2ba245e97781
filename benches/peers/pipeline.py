"""The whole pipeline, from files to answers, beside the same job in Python.

The job: walk a folder; read, decode and hash every picture; look its PDQ hash up, within 31 bits,
in a bank that holds the hashes of every second one; name the files that match. Python does it with
Pillow, pdqhash and faiss; with python-threatexchange's own hashing and index; and, another hash
within 8 bits of 64, with imagehash and numpy: each in one process and one thread. hashgate does it
with `hashgate scan`. Rust's image_hasher and pdqhash crates, and the image crate's decoding alone,
run in a small program (`rust/`) that looks nothing up.

All read the same files in one run, in turn (A B C A B C ...), after one unmeasured turn each. The
median counts. Those that look PDQ hashes up must name the same files, and exactly those that brute
force over the hashes names, or there is no figure at all; imagehash must name at least the files
that are in the bank, and what only hashes must have hashed (nearly) every file.

Every turn runs in a process of its own, whose peak memory is the system's word. Python's turns are
forked from this process: its libraries count, as they do for whoever uses them.
"""

import argparse
import html
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

# One thread, before the libraries start theirs.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import faiss
import imagehash
import numpy
import pdqhash
import PIL
from importlib.metadata import version
from PIL import Image
from threatexchange.signal_type.pdq.signal import PdqSignal

THRESHOLD = 31
MIN_QUALITY = 50
BANK = "peers"
# Jobs of the program in `rust/`, and what they are called here.
RUST_PEERS = [
    ("image_hasher", "rust: image_hasher"),
    ("pdqhash", "rust: pdqhash"),
    ("image-decode", "rust: image, pixels only"),
    ("hashgate-exact", "hashgate, hash only"),
    ("hashgate-fast", "hashgate, fast, hash only"),
]
# The same, where yume-pdq can be built. Those of 512 hash pixels that are there already: 512 by 512, grey.
YUME_PEERS = [
    ("yume-pdq", "rust: yume-pdq"),
    ("yume-pdq-512", "rust: yume-pdq, pixels to hash"),
    ("hashgate-512", "hashgate, pixels to hash"),
]


def pictures(folder):
    """The files of the job, sorted: what the folder holds, its manifest aside."""
    found = sorted(
        Path(where) / name
        for where, _, names in os.walk(folder)
        for name in names
        if not name.endswith((".tsv", ".md", ".txt"))
    )
    if len(found) < 2:
        sys.exit(f"peers: {folder} holds {len(found)} pictures, at least 2 are needed")
    return found


def python_hash(path):
    """PDQ hash (32 bytes, as faiss wants them) and quality of a file; None if it cannot be read."""
    try:
        with Image.open(path) as picture:
            pixels = numpy.asarray(picture.convert("RGB"))
    except Exception:
        return None
    bits, quality = pdqhash.compute(pixels)
    return numpy.packbits(bits), int(quality)


class Python:
    """The job as a careful Python program does it."""

    name = "python: pdqhash, faiss"
    exact = True

    def __init__(self, hashes):
        self.index = faiss.IndexBinaryFlat(256)
        self.index.add(hashes)

    def lookup(self, hashed):
        # faiss counts a range as "less than".
        limits, _, _ = self.index.range_search(hashed.reshape(1, 32), THRESHOLD + 1)
        return bool(limits[1])

    def turn(self, folder):
        """Seconds, and the files that matched. The interpreter's start and its imports are not counted."""
        begin = time.perf_counter()
        matched = set()
        for path in pictures(folder):
            answer = python_hash(path)
            if answer and answer[1] >= MIN_QUALITY and self.lookup(answer[0]):
                matched.add(path)
        return time.perf_counter() - begin, matched


class ThreatExchange:
    """The job as python-threatexchange does it: bytes to a hash, and its index."""

    name = "python-threatexchange"
    exact = True

    def __init__(self, hashes):
        self.signal_type = PdqSignal
        self.index = PdqSignal.get_index_cls()((row.tobytes().hex(), None) for row in hashes)

    def turn(self, folder):
        begin = time.perf_counter()
        matched = set()
        for path in pictures(folder):
            try:
                hashed = self.signal_type.hash_from_bytes(path.read_bytes())
            except Exception:
                continue
            if hashed and self.index.query(hashed):
                matched.add(path)
        return time.perf_counter() - begin, matched


class ImageHash:
    """imagehash's phash, looked up by numpy: another hash, and so other answers."""

    name = "python: imagehash phash"
    exact = False

    def __init__(self, paths):
        hashed = [value for path in paths if (value := self.hash(path)) is not None]
        self.bank = numpy.array(hashed, dtype=numpy.uint64)

    @staticmethod
    def hash(path):
        try:
            with Image.open(path) as picture:
                bits = imagehash.phash(picture).hash
        except Exception:
            return None
        return numpy.packbits(bits).view(">u8")[0]

    def turn(self, folder):
        begin = time.perf_counter()
        matched = set()
        for path in pictures(folder):
            value = self.hash(path)
            if value is not None and int(numpy.bitwise_count(self.bank ^ numpy.uint64(value)).min()) <= 8:
                matched.add(path)
        return time.perf_counter() - begin, matched


class RustPeer:
    """A job of the program in `rust/`: hashes, or pixels, and no look-up. Its start is not counted."""

    exact = None

    def __init__(self, program, job, name):
        self.program, self.job, self.name = program, job, name
        self.bits_off = None

    def turn(self, folder):
        done = subprocess.run([self.program, self.job, "1", str(folder)], capture_output=True, check=False)
        if done.returncode != 0:
            sys.exit(f"peers: {self.program} {self.job} failed ({done.returncode}):\n{done.stderr.decode()}")
        report = json.loads(done.stdout)
        self.bits_off = report.get("bits_off")
        return report["seconds"][0], report["done"], report["peak_bytes"]


def can_build_yume():
    """Whether what yume-pdq's build compiles (GMP, MPFR and MPC) can be compiled here."""
    missing = [tool for tool in ("cc", "m4", "make") if not shutil.which(tool)]
    if missing:
        print(f"peers: yume-pdq is left out: {', '.join(missing)} is not here, which its build needs", file=sys.stderr)
    return not missing


def build_rust_peers(with_yume):
    """The program of `rust/`, built outside the project."""
    package = Path(__file__).resolve().parent / "rust"
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "hashgate", "peers-target")
    environment = {**os.environ, "CARGO_TARGET_DIR": str(cache)}
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", str(package / "Cargo.toml")]
    command += ["--features", "yume-pdq"] if with_yume else []
    if subprocess.run(command, env=environment, check=False).returncode != 0:
        sys.exit(f"peers: {' '.join(command)} failed; --no-rust leaves those peers out")
    return str(cache / "release" / "hashgate-peers")


def forked(turn, folder):
    """Runs one turn in a process of its own: its seconds, its answer, its peak memory in bytes."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(receive)
            seconds, matched = turn(folder)
            with os.fdopen(send, "w") as out:
                json.dump([seconds, [str(path) for path in matched]], out)
            status = 0
        finally:
            os._exit(status)
    os.close(send)
    with os.fdopen(receive) as source:
        answer = source.read()
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit("peers: a turn of Python's failed")
    seconds, matched = json.loads(answer)
    return seconds, {Path(path) for path in matched}, usage.ru_maxrss * 1024


# Starts a program from a small process: one that this large one starts begins with its peak memory.
LAUNCHER = """
import json, os, subprocess, sys, time
begin = time.perf_counter()
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - begin
with open(sys.argv[1], "w") as out:
    json.dump([seconds, os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024], out)
"""


class Hashgate:
    """`hashgate scan`, with its start and end: the time that its user waits."""

    exact = True

    def __init__(self, program, home, jobs, arguments):
        self.name = f"hashgate --jobs {jobs}"
        self.command = [program, "--home", home, "scan", "--format", "jsonl", "--jobs", str(jobs), *arguments]

    def turn(self, folder):
        with tempfile.NamedTemporaryFile() as measured:
            done = subprocess.run(
                [sys.executable, "-S", "-c", LAUNCHER, measured.name, *self.command, str(folder)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
            seconds, status, peak = json.load(measured)
        # 1: something matched; 2: something was not judged, as the manifest in the folder.
        if status not in (0, 1, 2):
            sys.exit(f"peers: {' '.join(self.command)} failed ({status}):\n{done.stderr.decode()}")
        matched, summary = set(), None
        for line in done.stdout.splitlines():
            record = json.loads(line)
            summary = record.get("summary", summary)
            if record.get("outcome") == "match":
                matched.add(Path(record["path"]))
        if summary is None:
            sys.exit("peers: the scan ended without its summary")
        return seconds, matched, peak


def fill_bank(program, home, hashes):
    """A home with one bank that holds these hashes, published."""
    work = Path(home)
    listed = work.parent / "bank.txt"
    listed.write_text("".join(f"{h.tobytes().hex()}\n" for h in hashes))
    for arguments in (
        ["bank", "create", BANK, "--action", "review"],
        ["import", "--bank", BANK, str(listed)],
        ["publish"],
    ):
        done = subprocess.run(
            [program, "--home", home, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            sys.exit(f"peers: hashgate {' '.join(arguments)} failed ({done.returncode}):\n{done.stdout}{done.stderr}")


def page(report):
    """An HTML page with the result as bars: files a second, and peak memory."""
    results = report["results"]
    rows = []
    for panel, (title, key, unit) in enumerate(
        [("Files a second", "files_per_second", ""), ("Peak memory, MB", "peak_bytes", " MB")]
    ):
        left = 210 + panel * 400
        most = max(result[key] for result in results)
        rows.append(f'<text x="{left}" y="20" font-weight="bold">{title}</text>')
        for at, result in enumerate(results):
            top, width = 34 + at * 30, round(260 * result[key] / most, 1)
            shade = "#1f6f5c" if result["name"].startswith("hashgate") else "#8aa0b4"
            value = result[key] / 1e6 if unit else result[key]
            if panel == 0:
                rows.append(f'<text x="200" y="{top + 15}" text-anchor="end">{html.escape(result["name"])}</text>')
            rows.append(f'<rect x="{left}" y="{top}" width="{width}" height="20" fill="{shade}"/>')
            rows.append(f'<text x="{left + width + 6}" y="{top + 15}">{value:.0f}{unit}</text>')
    height = 44 + len(results) * 30
    about = (
        f"{report['date']}, {report['processor']}, {report['cores']} cores, load {report['load']}; "
        f"{report['files']} files of {report['bytes'] / 1e6:.1f} MB; medians of {report['runs']} turns; {report['command']}"
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>hashgate beside its peers</title>'
        '<body style="font-family: sans-serif; margin: 2em"><h1>From files to answers</h1>'
        f"<p>{html.escape(about)}</p>"
        f'<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="{height}" font-size="13">{"".join(rows)}</svg>'
        "<p>Crates of Rust hash only, and look nothing up.</p></body></html>\n"
    )


def find_program(given):
    root = Path(__file__).resolve().parent.parent.parent
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    for candidate in [given] if given else [target / "release" / "hashgate", shutil.which("hashgate")]:
        if candidate and Path(candidate).is_file():
            return str(Path(candidate).resolve())
    sys.exit("peers: no hashgate program found: 'make build' builds it, --hashgate names another")


def self_check():
    """faiss's range is as this program takes it: 31 bits match, 32 do not."""
    index = faiss.IndexBinaryFlat(256)
    index.add(numpy.zeros((1, 32), dtype=numpy.uint8))
    for flips, matches in ((THRESHOLD, True), (THRESHOLD + 1, False)):
        query = numpy.packbits(numpy.arange(256) < flips).reshape(1, 32)
        limits, _, _ = index.range_search(query, THRESHOLD + 1)
        assert bool(limits[1]) == matches, f"faiss at {flips} bits"


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("HASHGATE_TEST_DATA")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(data, "photos") if data else None)
    parser.add_argument("--hashgate", metavar="PROGRAM", help="default: the release build of this project")
    parser.add_argument("--runs", type=int, default=5, help="measured turns of each (default 5)")
    parser.add_argument("--jobs", default="1,2", help="hashgate's numbers of jobs (default 1,2)")
    parser.add_argument("--scan-arguments", default="", help="further arguments of hashgate scan, in one string")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--html", metavar="FILE", type=Path, help="also a page with a picture of the result")
    parser.add_argument("--no-rust", action="store_true", help="leave the Rust crates out: nothing is built")
    parser.add_argument("--python-only", action="store_true", help="leave hashgate out, as a test of this program")
    options = parser.parse_args()
    if options.folder is None:
        parser.error("name a folder of pictures, or set HASHGATE_TEST_DATA")
    folder = options.folder.resolve()
    self_check()

    files = pictures(folder)
    hashed = {path: answer for path in files if (answer := python_hash(path))}
    in_bank = [path for path in list(hashed)[::2] if hashed[path][1] >= MIN_QUALITY]
    bank = numpy.stack([hashed[path][0] for path in in_bank])
    # What is right, without either program's index.
    expected = {
        path
        for path, (value, quality) in hashed.items()
        if quality >= MIN_QUALITY and int(numpy.bitwise_count(bank ^ value).sum(axis=1).min()) <= THRESHOLD
    }
    assert set(in_bank) <= expected

    with tempfile.TemporaryDirectory() as work:
        runners = [Python(bank), ThreatExchange(bank), ImageHash(in_bank)]
        if not options.python_only:
            program = find_program(options.hashgate)
            home = str(Path(work, "home"))
            fill_bank(program, home, bank)
            runners += [Hashgate(program, home, int(jobs), shlex.split(options.scan_arguments)) for jobs in options.jobs.split(",")]
        if not options.no_rust:
            with_yume = can_build_yume()
            rust = build_rust_peers(with_yume)
            jobs = RUST_PEERS + (YUME_PEERS if with_yume else [])
            runners += [RustPeer(rust, job, name) for job, name in jobs]
        seconds = {runner.name: [] for runner in runners}
        peaks = dict.fromkeys(seconds, 0)
        for turn in range(options.runs + 1):
            for runner in runners:
                in_process = not isinstance(runner, (Hashgate, RustPeer))
                spent, matched, peak = forked(runner.turn, folder) if in_process else runner.turn(folder)
                peaks[runner.name] = max(peaks[runner.name], peak)
                if runner.exact is None:
                    # A decoder of its own may refuse one file in a hundred.
                    if matched < len(hashed) * 0.99:
                        sys.exit(f"peers: {runner.name} hashed {matched} of {len(hashed)} files")
                elif matched != expected if runner.exact else not set(in_bank) <= matched:
                    missed = sorted(str(path) for path in expected - matched)
                    extra = sorted(str(path) for path in matched - expected)
                    sys.exit(f"peers: {runner.name} gave another answer: missed {missed}, too much {extra}")
                # The first turn warms the file cache.
                if turn > 0:
                    seconds[runner.name].append(spent)

    base = statistics.median(seconds[Python.name])
    bits_off = {runner.name: runner.bits_off for runner in runners if isinstance(runner, RustPeer)}
    report = {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "command": " ".join(["benches/peers/run", *sys.argv[1:]]),
        "python": platform.python_version(),
        "pillow": PIL.__version__,
        "faiss": faiss.__version__,
        "threatexchange": version("threatexchange"),
        "imagehash": imagehash.__version__,
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in files),
        "matched": len(expected),
        "runs": options.runs,
        "results": [
            {
                "name": name,
                "seconds": [round(value, 4) for value in values],
                "median": round(statistics.median(values), 4),
                "files_per_second": round(len(files) / statistics.median(values), 1),
                "times_python": round(base / statistics.median(values), 2),
                "peak_bytes": peaks[name],
                "bits_off": bits_off.get(name),
            }
            for name, values in seconds.items()
        ],
    }
    if options.html:
        options.html.write_text(page(report))
    if options.format == "json":
        json.dump(report, sys.stdout, indent=2)
        print()
        return
    print(f"{report['date']}  {report['processor']}, {report['cores']} cores, load {report['load']}")
    print(f"{report['files']} files, {report['bytes'] / 1e6:.1f} MB, bank of {len(bank)}; all that look PDQ up name the same {report['matched']} files")
    print(f"{'':32} {'median':>9} {'spread':>17} {'files/s':>9} {'times pdqhash':>14} {'peak':>9}")
    for result in report["results"]:
        spread = f"{min(result['seconds']):.3f}-{max(result['seconds']):.3f}"
        print(
            f"{result['name']:32} {result['median']:8.3f}s {spread:>17} "
            f"{result['files_per_second']:9.1f} {result['times_python']:13.2f}x {result['peak_bytes'] / 1e6:6.0f} MB"
        )
    for result in report["results"]:
        if bits := result["bits_off"]:
            print(
                f"{result['name']}: {bits['mean']} bits off the reference's hash in the mean, {bits['max']} at most, "
                f"{bits['equal']} of {len(files)} equal"
            )


if __name__ == "__main__":
    main()
