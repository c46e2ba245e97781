"""Batches judged in a process that may die."""

from __future__ import annotations

import functools
import http.server
import io
import os
import shutil
import signal
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import KNOWN, Home

import pyhashgate
from pyhashgate import judge as judges
from pyhashgate.judge import Judge

KILLS = b"kills whoever looks at it"
KILLS_ONCE = b"kills the first that looks at it: "


class _Mortal:
    """A gate that some uploads kill."""

    def __init__(self, gate: pyhashgate.Gate) -> None:
        self._gate = gate
        self.generation = gate.generation

    def check_many(self, uploads: list[bytes]) -> list[pyhashgate.Verdict]:
        for data in uploads:
            if data == KILLS:
                os.kill(os.getpid(), signal.SIGSEGV)
            if data.startswith(KILLS_ONCE):
                mark = Path(data[len(KILLS_ONCE) :].decode())
                if not mark.exists():
                    mark.touch()
                    os._exit(3)
        return self._gate.check_many(uploads)


def _serve_mortally(given: Any, folder: str, which: str | None, how: Any) -> None:
    opened = judges.open_pinned
    judges.open_pinned = lambda *where, **how: _Mortal(opened(*where, **how))  # type: ignore[assignment]
    judges._serve(given, folder, which, how)


class MortalJudge(Judge):
    _work = staticmethod(_serve_mortally)


def test_rows_are_those_of_the_gate(home: Home, known: list[bytes], unknown: bytes) -> None:
    uploads = [known[0], unknown, b"no picture", known[2]]
    with Judge(home.index) as judging:
        rows = judging.check_many(uploads)
        assert judging.check_many([]) == []
    assert [row.outcome for row in rows] == ["match", "no_match", "unsupported", "match"]
    assert [row.passes for row in rows] == [False, True, False, False]
    assert [row.bytes for row in rows] == [len(data) for data in uploads]
    assert rows[0].matches[0].bank == "known" and rows[0].generation == 1


def test_what_kills_the_process_is_one_row(home: Home, known: list[bytes], unknown: bytes, tmp_path: Path) -> None:
    once = KILLS_ONCE + os.fsencode(tmp_path / "mark")
    uploads = [known[0], KILLS, unknown, once, known[1]]
    with MortalJudge(home.index, mark=pyhashgate.mark(home.index)) as judging:
        rows = judging.check_many(uploads)
        assert [row.outcome for row in rows] == ["match", "undecodable", "no_match", "unsupported", "match"]
        assert rows[1].error == "the process that looked at it was ended by signal 11"
        assert not rows[1].passes
        assert judging.check_many([known[2]])[0].outcome == "match"


def test_a_job_answers_by_one_generation(tmp_path: Path, known: list[bytes], unknown: bytes) -> None:
    home = Home(tmp_path / "home")
    home.add(KNOWN[0])
    home.publish()
    first = pyhashgate.mark(home.index)
    with Judge(home.index, mark=first) as judging:
        assert judging.check_many([unknown])[0].outcome == "no_match"
        home.add(KNOWN[3])
        home.publish()
        assert judging.check_many([unknown])[0].outcome == "no_match"
    # A worker that begins later answers by it, too; one that has not kept it cannot.
    with Judge(home.index, mark=first) as late:
        assert late.check_many([unknown])[0].generation == 1
    assert [kept.name for kept in (home.folder / "index.pins").iterdir()] == [first]
    with Judge(home.index, mark=pyhashgate.mark(home.index)) as judging:
        assert judging.check_many([unknown])[0].outcome == "match"
    with pytest.raises(pyhashgate.IndexFolderError, match="the job asks for 7-0"):
        Judge(home.index, mark="7-0")
    with pytest.raises(pyhashgate.IndexFolderError):
        Judge(tmp_path / "nothing")
    # The same number of another index is another one.
    other = Home(tmp_path / "other")
    other.add(KNOWN[3])
    other.publish()
    shutil.rmtree(home.index)
    shutil.copytree(other.index, home.index)
    with Judge(home.index, mark=pyhashgate.mark(home.index)) as judging:
        row = judging.check_many([unknown])[0]
        assert (row.generation, row.outcome) == (1, "match")


def test_a_worker_keeps_its_judge(home: Home, known: list[bytes]) -> None:
    which = pyhashgate.mark(home.index)
    with judges.kept(os.fspath(home.index), which, {"variants": "none"}) as first:
        assert first.check_many(known[:1])[0].outcome == "match"
    with judges.kept(os.fspath(home.index), which, {"variants": "none"}) as again:
        assert again is first and again.check_many(known[:1])[0].outcome == "match"
    with judges.kept(os.fspath(home.index), which, {"variants": "standard"}) as other:
        assert other is not first and first._child is None
        assert other.check_many(known[:1])[0].outcome == "match"
    other.close()


def test_an_answer_is_never_taken_for_another_question_s(home: Home, known: list[bytes], unknown: bytes) -> None:
    with Judge(home.index) as judging:
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            while True:
                judging.check_many([unknown] * 50)
        rows = judging.check_many([known[0]])
        assert [row.outcome for row in rows] == ["match"]
        wrong: list[str] = []

        def work(data: bytes, outcome: str) -> None:
            for _ in range(10):
                wrong.extend(row.outcome for row in judging.check_many([data]) if row.outcome != outcome)

        threads = [threading.Thread(target=work, args=given) for given in [(known[0], "match"), (unknown, "no_match")] * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


pa = pytest.importorskip("pyarrow")


def test_every_address_has_a_row(home: Home, known: list[bytes], tmp_path: Path) -> None:
    from pyhashgate import arrow

    (tmp_path / "served").mkdir()
    (tmp_path / "served/a.png").write_bytes(known[0])
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    addresses = [
        str(KNOWN[1]),
        f"{here}/a.png",
        f"{here}/gone.png",
        (tmp_path / "served/a.png").as_uri(),
        "/nowhere/at/all.jpg",
        "nonsense://x/y",
    ]
    batches = [pa.RecordBatch.from_pydict({"path": addresses})]
    rows = [
        row
        for batch in arrow.judge(iter(batches), functools.partial(Judge, home.index))
        for row in batch.to_pylist()
    ]
    server.shutdown()
    assert [row["path"] for row in rows] == addresses
    assert [row["outcome"] for row in rows] == ["match", "match", "unreadable", "match", "unreadable", "unreadable"]
    assert all(row["error"] for row in rows if row["outcome"] == "unreadable")
    assert dict(rows[0]["signals"])["pdq"] == (pyhashgate.hash(KNOWN[1].read_bytes()).pdq or b"").hex()
    assert rows[0]["matches"][0]["distance"] == 0


def test_bytes_columns_and_their_nulls(home: Home, known: list[bytes], unknown: bytes) -> None:
    from pyhashgate import arrow

    given = {"name": ["a", "b", "c"], "data": [known[0], None, unknown]}
    batches = iter([pa.RecordBatch.from_pydict(given), pa.RecordBatch.from_pydict({"name": [], "data": []})])
    made = list(arrow.judge(batches, functools.partial(Judge, home.index), path="name", content="data"))
    assert [row["outcome"] for row in made[0].to_pylist()] == ["match", "unreadable", "no_match"]
    assert made[1].num_rows == 0 and made[1].schema == arrow.ROW


def _shard(path: Path, members: list[tuple[str, bytes]]) -> str:
    with tarfile.open(path, "w") as shard:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))
    return str(path)


def test_pictures_in_tar_files(home: Home, known: list[bytes], unknown: bytes, tmp_path: Path) -> None:
    from pyhashgate import arrow

    whole = _shard(tmp_path / "00000.tar", [("000.png", known[0]), ("000.json", b"{}"), ("001.jpg", unknown), ("002.jpg", b"")])
    members = [("a.b/000.png", known[0]), ("a.b/001.seg.png", known[2]), ("002.jfif", unknown)]
    cut = tmp_path / "00001.tar"
    _shard(cut, members)
    cut.write_bytes(cut.read_bytes()[: len(known[0]) + 4096])
    # Damage in the second header, and an end without the blocks that say so.
    flipped, endless = tmp_path / "00002.tar", tmp_path / "00003.tar"
    data = bytearray(Path(_shard(flipped, members)).read_bytes())
    second = 512 + (len(known[0]) + 511) // 512 * 512
    data[second + 3] ^= 1
    flipped.write_bytes(data)
    _shard(endless, members[:1])
    endless.write_bytes(endless.read_bytes()[:second])
    odd = _shard(tmp_path / "00004.tar", [("b\udcff.png", known[0])])
    shards = [whole, str(cut), str(flipped), str(endless), odd, str(tmp_path / "gone.tar")]
    made = arrow.judge_shards(
        iter([pa.RecordBatch.from_pydict({"shard": shards})]), functools.partial(Judge, home.index), at_once=2
    )
    rows = [row for batch in made for row in batch.to_pylist()]
    told = [(Path(row["shard"]).name, row["key"], row["outcome"]) for row in rows]
    assert told == [
        ("00000.tar", "000", "match"),
        ("00000.tar", "001", "no_match"),
        ("00000.tar", "002", "undecodable"),
        ("00001.tar", "a.b/000", "match"),
        ("00001.tar", None, "unreadable"),
        ("00002.tar", "a.b/000", "match"),
        ("00002.tar", None, "unreadable"),
        ("00003.tar", "a.b/000", "match"),
        ("00003.tar", None, "unreadable"),
        ("00004.tar", "b\\udcff", "match"),
        ("gone.tar", None, "unreadable"),
    ]
    assert rows[0]["sha256"] == pyhashgate.hash(known[0], ["sha256"]).signals["sha256"]


def test_of_a_tar_file_only_the_members_that_are_named(home: Home, known: list[bytes], tmp_path: Path) -> None:
    from pyhashgate import arrow

    shard = _shard(tmp_path / "0.tar", [(f"{number}.png", data) for number, data in enumerate(known)])
    given = pa.RecordBatch.from_pydict({"shard": [shard, shard], "members": [["0.png", "2.png"], None]})
    made = arrow.judge_shards(iter([given]), functools.partial(Judge, home.index), members="members")
    rows = [row["member"] for batch in made for row in batch.to_pylist()]
    assert rows == ["0.png", "2.png", "0.png", "1.png", "2.png"]


def test_stored_hashes_give_hits_only(home: Home, known: list[bytes]) -> None:
    from pyhashgate import arrow

    values = [pyhashgate.hash(data).pdq or b"" for data in known]
    strangers = [bytes([number]) * 32 for number in range(1, 5)]

    def told(batches: Iterator[Any], **how: Any) -> list[tuple[str, int]]:
        made = arrow.match(batches, functools.partial(pyhashgate.Gate.open, home.index), **how)
        return [(row["key"], row["matches"][0]["distance"]) for batch in made for row in batch.to_pylist()]

    hashes = [strangers[0], values[1], None, strangers[1], values[0]]
    keys = list(range(5))
    for column in [
        pa.array(hashes, pa.binary(32)),
        pa.array(hashes, pa.binary()),
        pa.array([value and value.hex() for value in hashes]),
    ]:
        batch = pa.RecordBatch.from_arrays([pa.array(keys), column], ["key", "hash"])
        assert told(iter([batch])) == [("1", 0), ("4", 0)]
    batch = pa.RecordBatch.from_pydict({"key": keys, "hash": [b"", values[1], None, b"", values[0]]})
    assert told(iter([batch])) == [("1", 0), ("4", 0)], "an empty hash moves no other one"
    batch = pa.RecordBatch.from_pydict({"key": keys, "hash": [bytes(16), values[1], None, bytes(16), values[0]]})
    with pytest.raises(ValueError, match="key 0: a hash of 16 bytes"):
        told(iter([batch]))
    batch = pa.RecordBatch.from_pydict({"key": keys, "hash": hashes, "quality": [None, 100, 1, 2, 3]})
    assert told(iter([batch]), quality="quality") == [("1", 0)]
