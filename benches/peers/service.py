"""hashgate as a service beside a Flask service that does as HMA does: the same list, pictures and questions in one run.

`service_flask.py` answers `/h/hash` and `/m/lookup` by Pillow and python-threatexchange, under gunicorn. hashgate answers the
same paths, and `/v1/check`, which is the whole gate with its guesses (and, by a second node, without them). All have the same number of workers. They take turns,
each alone, asked by `load/` (Rust) over loopback on the same machine, whose processors it shares with them. So the requests a second
are those of service and asker together, and the CPU time of the service's processes, which is read from the system, is the figure
that another machine would have too.

First the answers are held against each other, or there are no figures: each looked-up hash must have the same number of matches at the
same distances, and the hash of each picture may differ by ten bits at most (other decoders).
"""

import argparse
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

import numpy
from PIL import Image

HERE = Path(__file__).resolve().parent
PORTS = {"flask": 18711, "hashgate": 18710, "hashgate, no guesses": 18712}
# So many questions wait in each: none is refused, as gunicorn refuses none.
QUEUE = 512
# Hashes that are made at a time.
PART = 100_000
TICKS = os.sysconf("SC_CLK_TCK")
FORM = "multipart/form-data; boundary=hashgate"


def note(text):
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def find_program(given):
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target"))
    program = Path(given) if given else target / "release" / "hashgate"
    if not program.is_file():
        sys.exit(f"peers: {program} is not there: 'make build' builds it, --hashgate names another")
    return str(program.resolve())


def build_load():
    """The asker, built outside the project."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hashgate" / "peers-target"
    command = ["cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", str(HERE / "load" / "Cargo.toml")]
    if subprocess.run(command, env={**os.environ, "CARGO_TARGET_DIR": str(cache)}, check=False).returncode:
        sys.exit(f"peers: {' '.join(command)} failed")
    return str(cache / "release" / "hashgate-load")


def family(pid):
    """A process and all that came of it."""
    found, asked = [], [pid]
    while asked:
        one = asked.pop()
        found.append(one)
        for tasks in Path(f"/proc/{one}/task").glob("*/children"):
            asked += map(int, tasks.read_text().split())
    return found


def cpu_seconds(pid):
    total = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mib(pid):
    """Memory of its own (not files that are mapped), of all its processes together."""
    total = 0
    for one in family(pid):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                total += int(line.split()[1])
    return total / 1024


class Service:
    def __init__(self, name, command, environment=None, folder=None):
        self.name, self.port = name, PORTS[name]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, env={**os.environ, **(environment or {})}, cwd=folder, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        for _ in range(6000):
            if self.process.poll() is not None:
                self.fail("it ended")
            try:
                if self.get("/status") == b"I-AM-ALIVE":
                    return
            except OSError:
                pass
            time.sleep(0.1)
        self.fail("it was not ready after ten minutes")

    def fail(self, why):
        self.log.seek(0)
        sys.exit(f"peers: {self.name}: {why}\n{self.log.read().decode(errors='replace')[-4000:]}")

    def ask(self, path, body=None, headers=None):
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, headers=headers or {})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.read()

    def get(self, path):
        return self.ask(path)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def form(data):
    head = '--hashgate\r\nContent-Disposition: form-data; name="photo"; filename="x.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    return head.encode() + data + b"\r\n--hashgate--\r\n"


def save_questions(path, questions):
    path.write_text("".join(json.dumps(question) + "\n" for question in questions))
    return str(path)


def lookup_path(hashed):
    return "/m/lookup?" + urllib.parse.urlencode({"signal": hashed, "signal_type": "pdq"})


def make_list(path, count, seed):
    """Random PDQ hashes of which half of the bits are set, as the reference makes them."""
    source = numpy.random.default_rng(seed)
    with path.open("w") as out:
        for left in range(count, 0, -PART):
            order = source.random((min(left, PART), 256), dtype=numpy.float32).argsort(axis=1)
            digits = numpy.packbits(order < 128, axis=1).tobytes().hex()
            out.writelines(digits[at : at + 64] + "\n" for at in range(0, len(digits), 64))


def near(hashed, bits, source):
    flipped = int(hashed, 16)
    for place in source.sample(range(256), bits):
        flipped ^= 1 << place
    return f"{flipped:064x}"


def held_against_each_other(ours, theirs, hashes, pictures):
    def distances(service, hashed):
        answer = json.loads(service.get(lookup_path(hashed)))
        return sorted(int(match["distance"]) for bank in answer.values() for match in bank)

    found = 0
    for hashed in hashes:
        one, other = distances(ours, hashed), distances(theirs, hashed)
        if one != other:
            sys.exit(f"peers: {hashed} has the distances {one} in hashgate, {other} in the other")
        found += bool(one)
    widest = 0
    for picture in pictures:
        body, headers = form(picture.read_bytes()), {"content-type": FORM}
        one, other = (json.loads(service.ask("/h/hash", body, headers))["pdq"] for service in (ours, theirs))
        if not one or not other:
            if one != other:
                note(f"{picture.name}: too little in it for one of the two")
            continue
        off = (int(one, 16) ^ int(other, 16)).bit_count()
        widest = max(widest, off)
        if off > 10:
            sys.exit(f"peers: {picture}: the hashes differ in {off} bits")
    return found, widest


def measured(load, service, questions, connections, seconds, rate=None):
    # A short turn first: threads started, caches warm.
    quiet = [load, f"127.0.0.1:{service.port}", questions, str(connections)]
    subprocess.run([*quiet, "1"], check=True, capture_output=True)
    before = cpu_seconds(service.process.pid)
    done = subprocess.run([*quiet, str(seconds), *([f"{rate:.3f}"] if rate else [])], capture_output=True, text=True, check=False)
    if done.returncode:
        service.fail(done.stderr)
    told = json.loads(done.stdout)
    told["cpu_us"] = 1e6 * (cpu_seconds(service.process.pid) - before) / max(1, told["requests"])
    bad = {status: many for status, many in told["statuses"].items() if status != "200"}
    if bad:
        note(f"{service.name}: {bad}")
    told["bad"] = sum(bad.values())
    return told


def hashgate_home(program, folder, rows):
    home = folder / "home"
    run = [program, "--home", str(home)]
    for arguments in (["bank", "create", "list", "--action", "block"], ["import", "--bank", "list", str(rows)], ["publish"]):
        done = subprocess.run([*run, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"peers: hashgate {' '.join(arguments)} failed:\n{done.stderr}")
    return home / "index"


def middle(turns):
    """The turn whose requests a second are the median."""
    return sorted(turns, key=lambda turn: turn["per_second"])[len(turns) // 2]


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def latency(us):
    return f"{us / 1000:.3g} ms" if us >= 1000 else f"{us:.0f} µs"


def as_markdown(report):
    told = report["told"]
    out = [
        f"{told['hashes']:,} hashes, {told['workers']} workers each, {told['connections']} connections, "
        f"{told['cpu']}, {told['cores']} cores, load {told['load']}, {told['at']}",
        "",
        "| question | service | requests a second | CPU a request | p50 | p99 | times |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in report["rows"]:
        for name, turn in row["turns"].items():
            times = turn["per_second"] / row["turns"]["flask"]["per_second"]
            out.append(
                f"| {row['title']} | {name} | {number(turn['per_second'])} | {latency(turn['cpu_us'])} | {latency(turn['p50'])} "
                f"| {latency(turn['p99'])} | {times:.3g} |"
            )
    out += ["", "At the same rate of requests:", "", "| question | a second | service | p50 | p99 |", "| --- | ---: | --- | ---: | ---: |"]
    for row in report["paced"]:
        for name, turn in row["turns"].items():
            out.append(f"| {row['title']} | {number(row['rate'])} | {name} | {latency(turn['p50'])} | {latency(turn['p99'])} |")
    out += ["", "At 80 % of the most that it answered:", "", "| question | a second | p50 | p99 | times |", "| --- | ---: | ---: | ---: | ---: |"]
    for row in report["loaded"]:
        turn = row["turn"]
        out.append(
            f"| {row['title']} | {number(row['rate'])} | {latency(turn['p50'])} | {latency(turn['p99'])} | {turn['p99'] / turn['p50']:.3g} |"
        )
    out += ["", f"Memory of their own: {', '.join(f'{name} {number(mib)} MiB' for name, mib in report['memory'].items())}."]
    out += [f"Held against each other: {told['found']} of {told['looked_up']} hashes found by both at the same distances; hashes of "
            f"{told['pictures']} pictures at most {told['widest']} bits apart; answers that were not 200: {told['bad']}."]
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--hashgate", help="the program, if not target/release/hashgate")
    parser.add_argument("--photos", default=str(Path(os.environ.get("HASHGATE_TEST_DATA", "../shared/data")) / "photos"))
    parser.add_argument("--hashes", type=int, default=1_000_000)
    parser.add_argument("--every", type=int, default=4, help="of the photos every so many is asked about")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--large", type=int, default=4000, help="pixels of the longer side of the large pictures; 0: none")
    parser.add_argument("--format", choices=["markdown", "json"], default="markdown")
    options = parser.parse_args()
    program, load = find_program(options.hashgate), build_load()
    pictures = sorted(Path(options.photos).glob("*.jpg"))[:: options.every]
    if not pictures:
        sys.exit(f"peers: there are no JPEGs in {options.photos}; --photos names another folder")
    if not shutil.which("cargo"):
        sys.exit("peers: cargo is needed to build the asker")
    source = random.Random(16)
    with tempfile.TemporaryDirectory(prefix="hashgate-peers-") as folder:
        folder = Path(folder)
        note("making the list")
        rows = folder / "list.txt"
        make_list(rows, options.hashes, 16)
        some = source.sample(rows.read_text().split(), 200)
        # Half of what is asked is near an entry; as of uploads in the rest, nothing is.
        asked = [near(hashed, source.randint(0, 28), source) for hashed in some[:100]]
        asked += [near(hashed, 90, source) for hashed in some[100:]]
        large = []
        if options.large:
            for picture in pictures[:4]:
                with Image.open(picture) as read:
                    read = read.convert("RGB")
                    scale = options.large / max(read.size)
                    bigger = read.resize((round(read.width * scale), round(read.height * scale)), Image.Resampling.LANCZOS)
                    bigger.save(folder / f"large-{picture.stem}.jpg", quality=90)
                large.append(folder / f"large-{picture.stem}.jpg")
        forms = {}
        for picture in pictures + large:
            forms[picture] = folder / f"form-{picture.name}"
            forms[picture].write_bytes(form(picture.read_bytes()))

        def upload(path, picture, raw):
            headers = {"content-type": "application/octet-stream" if raw else FORM}
            return {"method": "POST", "path": path, "headers": headers, "body": str(picture if raw else forms[picture])}

        lookups = save_questions(folder / "lookups", [{"method": "GET", "path": lookup_path(one), "body": None} for one in asked])
        hashing = save_questions(folder / "hash", [upload("/h/hash", one, False) for one in pictures])
        both = save_questions(folder / "both", [upload("/m/lookup", one, False) for one in pictures])
        check = save_questions(folder / "check", [upload("/v1/check", one, True) for one in pictures])
        questions = [
            ("a hash looked up: /m/lookup", lookups, lookups),
            ("a photo hashed: /h/hash", hashing, hashing),
            ("a photo hashed and looked up: /m/lookup", both, both),
            ("a photo judged: /v1/check, beside hashed and looked up", both, check),
        ]
        if large:
            large_hash = save_questions(folder / "large-hash", [upload("/h/hash", one, False) for one in large])
            large_both = save_questions(folder / "large-both", [upload("/m/lookup", one, False) for one in large])
            large_check = save_questions(folder / "large-check", [upload("/v1/check", one, True) for one in large])
            pixels = f"{options.large} pixels wide"
            questions += [
                (f"a picture {pixels} hashed: /h/hash", large_hash, large_hash),
                (f"a picture {pixels} judged: /v1/check, beside hashed and looked up", large_both, large_check),
            ]
        note("making hashgate's index")
        index = hashgate_home(program, folder, rows)
        note("starting both")
        gunicorn = [sys.executable, "-m", "gunicorn", "--preload", "--worker-class", "gthread", "--threads", "4", "--workers"]
        gunicorn += [str(options.workers), "--bind", f"127.0.0.1:{PORTS['flask']}", "--log-level", "error", "service_flask:app"]
        theirs = Service("flask", gunicorn, {"LIST": str(rows)}, HERE)
        settings = folder / "config.toml"
        settings.write_text(f"[service]\nqueue = {QUEUE}\nworkers = {options.workers}\nwait = 60000\n")

        def serve(name, variants):
            arguments = ["serve", "--config", str(settings), "--index", str(index), "--variants", variants]
            return Service(name, [program, *arguments, "--listen", f"127.0.0.1:{PORTS[name]}"])

        ours = serve("hashgate", "standard")
        plain = serve("hashgate, no guesses", "none")
        try:
            found, widest = held_against_each_other(ours, theirs, asked, pictures + large)
            report = {"rows": [], "paced": [], "loaded": []}
            bad = 0
            for title, asked_of_them, asked_of_us in questions:
                note(title)
                # Guesses are made for a verdict alone.
                services = (theirs, ours, plain) if asked_of_us is not asked_of_them else (theirs, ours)
                turns = {service.name: [] for service in services}
                for _ in range(options.runs):
                    for service in services:
                        asks = asked_of_them if service is theirs else asked_of_us
                        turns[service.name].append(measured(load, service, asks, options.connections, options.seconds))
                row = {name: middle(each) for name, each in turns.items()}
                report["rows"].append({"title": title, "turns": row})
                # A rate that Flask answers without a queue: half of its most.
                rate = row["flask"]["per_second"] / 2
                paced = {
                    service.name: measured(
                        load, service, asked_of_them if service is theirs else asked_of_us, options.connections * 4, options.seconds * 2, rate
                    )
                    for service in services
                }
                report["paced"].append({"title": title, "rate": rate, "turns": paced})
                rate = row["hashgate"]["per_second"] * 0.8
                turn = measured(load, ours, asked_of_us, options.connections * 8, options.seconds * 2, rate)
                report["loaded"].append({"title": title, "rate": rate, "turn": turn})
                bad += sum(one["bad"] for one in [*row.values(), *paced.values(), turn])
            report["memory"] = {service.name: memory_mib(service.process.pid) for service in (theirs, ours)}
        finally:
            for service in (ours, plain, theirs):
                service.end()
    report["told"] = {
        "hashes": options.hashes,
        "workers": options.workers,
        "connections": options.connections,
        "looked_up": len(asked),
        "found": found,
        "pictures": len(pictures) + len(large),
        "widest": widest,
        "bad": bad,
        "cpu": next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine()),
        "cores": os.cpu_count(),
        "load": f"{os.getloadavg()[0]:.2f}",
        "at": datetime.now(timezone.utc).isoformat(timespec="minutes"),
        "packages": {name: version(name) for name in ("flask", "gunicorn", "pillow", "threatexchange", "faiss-cpu", "pdqhash")},
    }
    print(json.dumps(report) if options.format == "json" else as_markdown(report))


if __name__ == "__main__":
    main()
