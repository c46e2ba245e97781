"""A list of hashes on its way into matching, beside python-threatexchange: the same rows in one run.

A list is written once. hashgate imports it into a new bank and publishes the index, in one command;
python-threatexchange fetches it with its exchange for local files, as `tx fetch` does, keeps it, and
builds and keeps the index of each signal type, as `tx dataset --rebuild-indices` does. Beside them
hashgate does the same with a bank that holds every second row already. Each is a
process of its own, started in turns, and must end with as many hashes as the list has, or there is
no figure. Times are of the wall clock, and the median of the runs counts. Memory is the most that the
process had resident, and the most of it that is no file's, looked at every 5 ms.
"""

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

PEER = """
import json, pathlib, pickle, sys
from threatexchange.exchanges.impl.file_api import LocalFileSignalExchangeAPI
from threatexchange.signal_type.pdq.signal import PdqSignal

rows = pathlib.Path(sys.argv[1])
kept = pathlib.Path(sys.argv[2])
# What the exchange yields for such a file is a line a hash; `tx fetch` merges and keeps the deltas.
config = LocalFileSignalExchangeAPI.get_config_cls()(name="list", filename=str(rows))
api = LocalFileSignalExchangeAPI.for_collab(config)
state = {}
for delta in api.fetch_iter([PdqSignal], None):
    for key, value in delta.updates.items():
        merged = LocalFileSignalExchangeAPI.fetch_value_merge(state.get(key), value)
        if merged is None:
            state.pop(key, None)
        else:
            state[key] = merged
(kept / "state").write_bytes(pickle.dumps(state))
by_type = LocalFileSignalExchangeAPI.naive_convert_to_signal_type([PdqSignal], config, state)
entries = by_type[PdqSignal]
index = PdqSignal.get_index_cls().build(entries.items())
with (kept / "index").open("wb") as out:
    index.serialize(out)
print(len(index) if hasattr(index, "__len__") else len(entries))
"""


def write_list(path, count):
    """Made-up PDQ hashes: 256 random bits, of which half are set, and no two the same."""
    source = random.Random(7)
    seen = set()
    with path.open("w") as out:
        while len(seen) < count:
            value = source.getrandbits(256)
            if value not in seen:
                seen.add(value)
                out.write(f"pdq {value:064x}\n")


def write_csv(lines, path):
    """The same as a dataset in columns."""
    with lines.open() as source, path.open("w") as out:
        out.write("signal_type,signal_str,collab,category,tags\n")
        for line in source:
            out.write(f"pdq,{line[4:].strip()},list,POSITIVE_CLASS,sample\n")


def anonymous(process, found):
    """Keeps the most memory that a process has which is no file's, in bytes, until it ends."""
    status = Path(f"/proc/{process.pid}/status")
    while process.returncode is None:
        try:
            for line in status.read_text().splitlines():
                if line.startswith("RssAnon:"):
                    found[0] = max(found[0], int(line.split()[1]) * 1024)
        except OSError:
            return
        time.sleep(0.005)


def measured(command, **options):
    """How long a command took, the most memory it had, and what it said."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
    most = [0]
    threading.Thread(target=anonymous, args=(process, most), daemon=True).start()
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{command[0]} failed: {said}")
    cpu = usage.ru_utime + usage.ru_stime
    figures = {"seconds": seconds, "cpu_seconds": cpu, "peak_bytes": usage.ru_maxrss * 1024}
    return figures | {"anonymous_bytes": most[0]}, said


def write_half(table, path):
    """Every second row of a table."""
    with table.open() as source, path.open("w") as out:
        for number, line in enumerate(source):
            if number % 2 == 0:
                out.write(line)


def hashgate(program, rows, count, folder, held=None):
    home = folder / "home"
    run = [program, "--home", str(home)]
    subprocess.run([*run, "bank", "create", "list"], check=True, stdout=subprocess.DEVNULL)
    if held:
        fill = [*run, "import", "--bank", "list", str(held)]
        subprocess.run(fill, check=True, stdout=subprocess.DEVNULL)
        count_new = count - count // 2
    else:
        count_new = count
    figures, said = measured([*run, "import", "--bank", "list", "--publish", str(rows)])
    if f"{count_new} added" not in said or f"{count} distinct hashes" not in said:
        raise SystemExit(f"hashgate has not all of the list: {said}")
    return figures


def threatexchange(rows, count, folder):
    figures, said = measured([sys.executable, "-c", PEER, str(rows), str(folder)])
    if int(said.split()[-1]) != count:
        raise SystemExit(f"python-threatexchange has not all of the list: {said}")
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--program", default=os.environ.get("HASHGATE", "target/release/hashgate"))
    parser.add_argument("--only", choices=["hashgate", "half held", "threatexchange"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = {"hashgate": [], "half held": [], "threatexchange": []}
    with tempfile.TemporaryDirectory() as outer:
        outer = Path(outer)
        lines, table = outer / "list.txt", outer / "list.csv"
        write_list(lines, arguments.rows)
        write_csv(lines, table)
        half = outer / "half.csv"
        write_half(table, half)
        for run in range(arguments.runs):
            for name in found:
                if arguments.only not in (None, name):
                    continue
                folder = outer / f"{name.replace(' ', '-')}-{run}"
                folder.mkdir(mode=0o700)
                if name == "threatexchange":
                    figures = threatexchange(lines, arguments.rows, folder)
                else:
                    held = half if name == "half held" else None
                    figures = hashgate(arguments.program, table, arguments.rows, folder, held)
                shutil.rmtree(folder)
                found[name].append(figures)
                print(
                    f"{name}: {figures['seconds']:.2f} s, {figures['cpu_seconds']:.2f} s of a core, "
                    f"{figures['peak_bytes'] / 2**20:.0f} MiB at most, "
                    f"{figures['anonymous_bytes'] / 2**20:.0f} MiB of it no file's",
                    flush=True,
                )
    middle = {
        name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for name, runs in found.items()
        if runs
    }
    theirs = middle.get("threatexchange")
    for name, ours in middle.items():
        print(
            f"{name}: {ours['seconds']:.2f} s by the median, "
            f"{arguments.rows / ours['cpu_seconds']:.0f} rows a second of a core"
        )
        if theirs and ours is not theirs:
            print(
                f"{arguments.rows} rows: {theirs['seconds'] / ours['seconds']:.1f} times as fast, "
                f"{theirs['cpu_seconds'] / ours['cpu_seconds']:.1f} times by the time of cores, "
                f"{theirs['peak_bytes'] / ours['peak_bytes']:.1f} times less memory"
            )
    if arguments.json:
        record = {
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "machine": platform.platform(),
            "processors": os.cpu_count(),
            "command": sys.argv,
            "rows": arguments.rows,
            "threatexchange": version("threatexchange"),
            "runs": found,
        }
        arguments.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
