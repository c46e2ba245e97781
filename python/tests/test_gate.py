"""`Gate`, `Verdict` and what stands beside them."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import KNOWN, ROOT, Home

import pyhashgate
from pyhashgate import Gate, HashIndex, Verdict

UPLOADS = ROOT / "examples/pictures/uploads"


def test_a_known_picture_does_not_pass(home: Home, known: list[bytes]) -> None:
    gate = Gate.open(home.index)
    verdict = gate.check(known[0])
    assert (verdict.outcome, verdict.action, verdict.passes) == ("match", "review", False)
    match = verdict.matches[0]
    assert (match.bank, match.kind, match.distance, match.action) == ("known", "near", 0, "review")
    assert verdict.generation == gate.generation == 1
    assert gate.banks == ["known"]
    assert verdict.error is None and verdict.error_kind is None
    assert repr(verdict).startswith("Verdict(outcome='match', action='review', bank='known', distance=0")


def test_a_stranger_passes_and_what_is_no_picture_does_not(home: Home, unknown: bytes) -> None:
    gate = Gate.open(home.index)
    assert gate.check(unknown).passes
    for bad in [b"", b"no picture", unknown[:2000]]:
        verdict = gate.check(bad)
        assert not verdict.passes and verdict.action is None and verdict.error, verdict
        assert verdict.outcome in {"unsupported", "undecodable"}
    assert not gate.check_file("/nowhere/at/all").passes
    assert gate.check_file("/nowhere/at/all").outcome == "unreadable"


def test_verdicts_are_those_of_the_command(home: Home) -> None:
    told = subprocess.run(
        [os.environ.get("HASHGATE") or _command(), "--home", home.folder, "scan", "--format", "jsonl", UPLOADS],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    lines = [json.loads(line) for line in told.splitlines()]
    scanned = {line["path"]: line for line in lines if "path" in line}
    assert len(scanned) > 10
    gate = Gate.open(home.index)
    paths = sorted(scanned)
    for path, verdict in zip(paths, gate.check_many([Path(path).read_bytes() for path in paths]), strict=True):
        line = scanned[path]
        assert verdict.outcome == line["outcome"], path
        assert (verdict.action or "none") == line["action"], path
        assert verdict.signals == line["signals"], path
        assert [json.loads(match.to_json()) for match in verdict.matches] == line["matches"], path
        assert verdict.error == line.get("error"), path


def _command() -> str:
    from conftest import command

    return command()


def test_what_has_a_buffer_is_taken_and_nothing_else(home: Home, known: list[bytes]) -> None:
    gate = Gate.open(home.index)
    given: bytes | bytearray | memoryview
    for given in (known[0], bytearray(known[0]), memoryview(known[0])):
        assert gate.check(given).outcome == "match"
    for wrong in ["text", 7, None, [1, 2]]:
        with pytest.raises(TypeError, match="give bytes"):
            gate.check(wrong)  # type: ignore[arg-type]


def test_stored_hashes_are_matched_in_one_buffer(home: Home, known: list[bytes]) -> None:
    gate = Gate.open(home.index)
    hashes = [pyhashgate.hash(data) for data in known]
    values = [hashed.pdq for hashed in hashes if hashed.pdq is not None]
    assert len(values) == 3
    stranger = bytes(range(32))
    found = gate.match(b"".join([stranger, values[0], stranger, values[2]]))
    assert [(place, verdict.matches[0].distance) for place, verdict in found] == [(1, 0), (3, 0)]
    assert gate.match(b"") == []
    # Of too little quality it matches nothing.
    assert gate.match(values[0], qualities=b"\x00") == []
    assert len(gate.match(values[0], qualities=b"\xff")) == 1
    for wrong, options in [(b"123", {}), (values[0], {"qualities": b"12"}), (values[0], {"qualities": b"\x65"})]:
        with pytest.raises(ValueError):
            gate.match(wrong, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no type of hash"):
        gate.match(values[0], signal_type="nonsense")


def test_a_folder_that_is_no_index_is_an_error_with_its_cause(tmp_path: Path) -> None:
    with pytest.raises(pyhashgate.IndexFolderError, match=str(tmp_path)) as told:
        Gate.open(tmp_path)
    assert isinstance(told.value, pyhashgate.HashgateError)
    for options in [{"variants": "nonsense"}, {"mode": "nonsense"}, {"threads": 0}, {"signals": ["nonsense"]}]:
        with pytest.raises(ValueError):
            Gate.open(tmp_path, **options)  # type: ignore[arg-type]


def test_hash_compare_and_distance(known: list[bytes], unknown: bytes) -> None:
    hashed = pyhashgate.hash(known[0], ["pdq", "sha256", "phash"])
    assert set(hashed.signals) == {"pdq", "sha256", "phash"}
    assert hashed.pdq is not None and hashed.pdq.hex() == hashed.signals["pdq"]
    assert hashed.quality is not None and 50 <= hashed.quality <= 100
    assert pyhashgate.distance(hashed.signals["pdq"], "pdq:" + hashed.signals["pdq"]) == 0
    assert pyhashgate.compare(known[0], known[0]).verdict == "match"
    assert pyhashgate.compare(known[0], known[0]).same_bytes
    apart = pyhashgate.compare(known[0], unknown)
    assert apart.verdict == "no_match" and apart.distance is not None and apart.distance > apart.threshold == 31
    assert pyhashgate.compare(known[0], hashed.signals["pdq"]).distance == 0
    with pytest.raises(pyhashgate.NotJudgedError) as told:
        pyhashgate.hash(b"no picture")
    assert told.value.args[1:] == ("unsupported", "not_decoded")
    # A digest is there, whatever the bytes are.
    assert set(pyhashgate.hash(b"no picture", ["sha256"]).signals) == {"sha256"}
    for wrong in ["", "pdq:00", "zz" * 32]:
        with pytest.raises(ValueError):
            pyhashgate.distance(wrong, hashed.signals["pdq"])


def test_verdicts_and_gates_go_to_other_processes(home: Home, known: list[bytes]) -> None:
    gate = Gate.open(home.index, variants="none", mode="exact", threads=1)
    verdict = gate.check(known[0])
    again = pickle.loads(pickle.dumps(verdict))
    assert again == verdict and hash(again) == hash(verdict)
    assert Verdict.from_json(verdict.to_json()) == verdict
    assert pickle.loads(pickle.dumps(verdict.matches[0])) == verdict.matches[0]
    with pytest.raises(ValueError):
        Verdict.from_json('{"outcome": "match"}')
    opened = pickle.loads(pickle.dumps(gate))
    assert opened.check(known[0]) == verdict and opened.threads == 1


def test_a_gate_follows_its_folder_and_a_pin_stays(tmp_path: Path, known: list[bytes], unknown: bytes) -> None:
    home = Home(tmp_path / "home")
    home.add(KNOWN[0])
    home.publish()
    gate = Gate.open(home.index)
    kept = tmp_path / "kept"
    assert pyhashgate.pin(home.index, kept) == 1
    with pytest.raises(FileExistsError):
        pyhashgate.pin(home.index, kept)
    assert gate.refresh() is False
    home.add(KNOWN[3])
    home.publish()
    assert gate.check(unknown).passes
    assert gate.refresh() is True
    assert gate.generation == 2 and not gate.check(unknown).passes
    pinned = Gate.open(kept, generation=1)
    assert pinned.check(unknown).passes
    with pytest.raises(pyhashgate.HashgateError, match="opened for one generation"):
        pinned.refresh()
    with pytest.raises(pyhashgate.IndexFolderError, match="generation 2 is in force"):
        Gate.open(home.index, generation=1)
    with pytest.raises((pyhashgate.HashgateError, FileNotFoundError)):
        pyhashgate.pin(tmp_path / "nothing", tmp_path / "other")


def test_an_index_of_hashes_of_ones_own(known: list[bytes]) -> None:
    values = [pyhashgate.hash(data).pdq or b"" for data in known]
    index = HashIndex(b"".join(values * 2))
    assert len(index) == 6
    assert index.query(values[1], 31) == [(1, 0), (4, 0)]
    near = bytes([values[1][0] ^ 0b111]) + values[1][1:]
    assert index.query(near, 2) == [] and index.query(near, 3) == [(1, 3), (4, 3)]
    assert index.query_many(values[0] + near, 3) == [[(0, 0), (3, 0)], [(1, 3), (4, 3)]]
    assert HashIndex(b"").query(values[0], 31) == []
    with pytest.raises(ValueError):
        HashIndex(b"123")
    with pytest.raises(ValueError):
        index.query(b"123", 31)


def test_threads_check_at_the_same_time(home: Home, known: list[bytes], unknown: bytes) -> None:
    gate = Gate.open(home.index)
    wrong: list[Verdict] = []

    def work() -> None:
        for _ in range(20):
            for data, passes in [(known[1], False), (unknown, True)]:
                verdict = gate.check(data)
                if verdict.passes is not passes:
                    wrong.append(verdict)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


HEIC = sorted((ROOT / "tests/data/formats").glob("*.heic"))


def test_decoders_that_share_their_work_out_do_not_meet_others_on_one_thread(home: Home, known: list[bytes]) -> None:
    assert HEIC
    uploads = [path.read_bytes() for path in HEIC] * 12 + known
    gates = [Gate.open(home.index, threads=threads, memory=memory) for threads, memory in [(1, None), (4, None), (4, 256 << 20)]]
    told = [[verdict.outcome for verdict in gate.check_many(uploads)] for gate in gates]
    assert told[0] == told[1] == told[2]
    assert [gates[0].check(data).outcome for data in uploads] == told[0]


def _asked_in_child(gate: Gate, known: bytes, said: multiprocessing.SimpleQueue[list[str]]) -> None:
    value = pyhashgate.hash(known).pdq or b""
    told = [verdict.outcome for verdict in gate.check_many([known, b"no picture"])]
    told += [verdict.outcome for _, verdict in gate.match(value * 300)][:1]
    for path in HEIC[:2]:
        gate.check(path.read_bytes())
        gate.check_many([path.read_bytes()] * 2)
    assert len(HashIndex(os.urandom(32 * 20_000)).query(bytes(32), 0)) == 0
    said.put([*told, gate.check(known).outcome])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_may_fork_at_any_time(home: Home, known: list[bytes]) -> None:
    gate = Gate.open(home.index, threads=2)
    # Its threads have run, and others are in the middle of calls.
    gate.check_many([path.read_bytes() for path in HEIC] + known * 4)
    for path in HEIC[:2]:
        gate.check(path.read_bytes())
    ending = threading.Event()

    def work() -> None:
        while not ending.is_set():
            gate.check_many(known)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    context = multiprocessing.get_context("fork")
    try:
        for _ in range(10):
            said: multiprocessing.SimpleQueue[list[str]] = context.SimpleQueue()
            child = context.Process(target=_asked_in_child, args=(gate, known[0], said))
            child.start()
            child.join(timeout=60)
            assert child.exitcode == 0, "the child waits for ever"
            assert said.get() == ["match", "unsupported", "match", "match"]
    finally:
        ending.set()
        for thread in threads:
            thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_several_threads_may_fork_at_the_same_time(home: Home, known: list[bytes]) -> None:
    gate = Gate.open(home.index, threads=2)
    ending = threading.Event()
    codes: list[int] = []

    def work() -> None:
        while not ending.is_set():
            gate.check(known[0])

    def fork() -> None:
        for _ in range(5):
            child = os.fork()
            if child == 0:
                signal.alarm(60)
                os._exit(0 if gate.check(known[0]).outcome == "match" else 1)
            codes.append(os.waitpid(child, 0)[1])

    working = [threading.Thread(target=work) for _ in range(2)]
    forking = [threading.Thread(target=fork) for _ in range(3)]
    for thread in working + forking:
        thread.start()
    for thread in forking:
        thread.join()
    ending.set()
    for thread in working:
        thread.join()
    assert codes == [0] * 15, "a child waits for ever"


def test_a_long_call_ends_by_ctrl_c(home: Home) -> None:
    program = (
        "import os, signal, sys, threading, pyhashgate\n"
        f"gate = pyhashgate.Gate.open({str(home.index)!r}, threads=1)\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        "    while True:\n"
        "        gate.check_many([data] * 300)\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, KNOWN[0]], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "stopped\n"


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux linker")
def test_the_library_links_the_systems_own_three_only() -> None:
    library = pyhashgate._native.__file__
    told = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
    needed = {line.split("[")[1].rstrip("]").split(".so")[0] for line in told.splitlines() if "(NEEDED)" in line}
    assert needed <= {"libc", "libm", "libgcc_s", "ld-linux-x86-64", "ld-linux-aarch64"}, needed


@pytest.mark.parametrize("variants", ["none", "standard"])
def test_many_together_have_the_verdicts_that_each_has_alone(home: Home, variants: str) -> None:
    pictures = sorted((ROOT / "examples/pictures").glob("*/*.*"))
    uploads = [path.read_bytes() for path in pictures]
    assert len(uploads) > 20
    gate = Gate.open(home.index, variants=variants, threads=2)
    together = [verdict.to_json() for verdict in gate.check_many(uploads)]
    assert together == [gate.check(data).to_json() for data in uploads]
    assert {'"match"' in text for text in together} == {True, False}
