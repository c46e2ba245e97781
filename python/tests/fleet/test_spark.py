"""Jobs on a Spark cluster on this machine, while its parts are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conftest import KNOWN, ROOT, Home

import pyhashgate
from pyhashgate import Gate

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

UPLOADS = sorted((ROOT / "examples/pictures/uploads").glob("*.*"))
ROWS = 1200


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("spark") / "home")
    made.add(*KNOWN)
    made.publish()
    return made


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    sql = pytest.importorskip("pyspark.sql")
    # The executors are programs of their own, and find Python by this.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    made = (
        sql.SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "32")
        .config("spark.executor.extraJavaOptions", "-XX:TieredStopAtLevel=1")
        .getOrCreate()
    )
    yield made
    made.stop()


def processes(*words: str) -> list[int]:
    """Those whose command lines have all these words."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if entry.name.isdigit() and all(word in line for word in words):
            found.append(int(entry.name))
    return found


def killing(began: Path, killed: list[str]) -> threading.Thread:
    """Kills an executor, a Python worker and a process that judges, each once there is work."""

    def work() -> None:
        for name, words in [
            ("judge", ["multiprocessing.spawn"]),
            ("worker", ["pyspark.daemon"]),
            ("executor", ["CoarseGrainedExecutorBackend"]),
        ]:
            for _ in range(600):
                found = processes(*words)
                if began.exists() and found:
                    time.sleep(1.5)
                    try:
                        os.kill(found[-1], signal.SIGKILL)
                        killed.append(name)
                        break
                    except ProcessLookupError:
                        pass
                time.sleep(0.1)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_every_picture_has_one_row_whatever_is_killed(session: SparkSession, home: Home, tmp_path: Path) -> None:
    from pyhashgate import spark

    links = []
    (tmp_path / "in").mkdir()
    for number in range(ROWS):
        source = UPLOADS[number % len(UPLOADS)]
        link = tmp_path / "in" / f"{number:05}-{source.name}"
        link.symlink_to(source)
        links.append((str(link),))
    frame = session.createDataFrame(links, ["path"]).repartition(12)
    killed: list[str] = []
    thread = killing(tmp_path / "in", killed)
    spark.scan(frame, str(home.index)).write.parquet(str(tmp_path / "out"))
    thread.join(timeout=1)
    rows = session.read.parquet(str(tmp_path / "out")).collect()
    assert len(rows) == ROWS and len({row.path for row in rows}) == ROWS
    gate = Gate.open(home.index)
    expected = {path.name: gate.check(path.read_bytes()) for path in UPLOADS}
    for row in rows:
        verdict = expected[Path(row.path).name.split("-", 1)[1]]
        assert (row.outcome, row.action, row.passes) == (verdict.outcome, verdict.action, verdict.passes), row.path
        assert [match.distance for match in row.matches] == [match.distance for match in verdict.matches]
        assert row.generation == 1
    assert "worker" in killed or "judge" in killed, "nothing was killed: there was too little work"


def test_the_commands_go_on_where_they_ended(session: SparkSession, home: Home, tmp_path: Path) -> None:
    from pyhashgate import spark

    paths = [(str(path),) for path in UPLOADS]
    session.createDataFrame(paths[:5], ["path"]).write.parquet(str(tmp_path / "some"))
    session.createDataFrame(paths, ["path"]).write.parquet(str(tmp_path / "all"))
    for table in ["some", "all", "all"]:
        given = ["scan", "--index", str(home.index), "--input", str(tmp_path / table), "--output", str(tmp_path / "out")]
        assert spark.main(given) == 0
    rows = session.read.parquet(str(tmp_path / "out")).collect()
    assert sorted(row.path for row in rows) == sorted(path for (path,) in paths)


def test_a_job_that_died_keeps_what_it_wrote(
    session: SparkSession, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyhashgate import spark

    paths = [(str(path),) for path in UPLOADS]
    session.createDataFrame(paths, ["path"]).write.parquet(str(tmp_path / "all"))
    given = ["scan", "--index", str(home.index), "--input", str(tmp_path / "all"), "--output", str(tmp_path / "out")]
    steps = spark._steps

    def dies(frame: DataFrame, by: str, count: int) -> Iterator[DataFrame]:
        for number, part in enumerate(steps(frame, by, count)):
            if number == 4:
                raise RuntimeError("died")
            yield part

    with monkeypatch.context() as patched:
        patched.setattr(spark, "_steps", dies)
        with pytest.raises(RuntimeError, match="died"):
            spark.main(given)
    before = {row.path for row in session.read.parquet(str(tmp_path / "out")).collect()}
    assert 0 < len(before) < len(paths)
    written = set((tmp_path / "out").glob("*.parquet"))
    assert spark.main([*given, "--mark", pyhashgate.mark(home.index)]) == 0
    rows = session.read.parquet(str(tmp_path / "out")).collect()
    assert sorted(row.path for row in rows) == sorted(path for (path,) in paths)
    # What was written was not written again.
    assert written <= set((tmp_path / "out").glob("*.parquet"))


def test_the_second_pass_guesses_at_what_passed_and_is_wanted(session: SparkSession, home: Home, tmp_path: Path) -> None:
    from pyhashgate import spark

    known = [path.read_bytes() for path in KNOWN]
    names = {path.name: path for path in UPLOADS}
    table = [(str(path), "public" if number % 2 else "own") for number, path in enumerate(UPLOADS)]
    session.createDataFrame(table, ["path", "kind"]).write.parquet(str(tmp_path / "all"))
    common = ["scan", "--index", str(home.index), "--input", str(tmp_path / "all"), "--steps", "2"]
    assert spark.main([*common, "--output", str(tmp_path / "plain"), "--variants", "none"]) == 0
    plain = {row.path: row for row in session.read.parquet(str(tmp_path / "plain")).collect()}
    second = [*common, "--after", str(tmp_path / "plain"), "--output", str(tmp_path / "guessed")]
    assert spark.main([*second, "--where", "kind = 'public' AND plain.bytes > 0"]) == 0
    guessed = {row.path: row for row in session.read.parquet(str(tmp_path / "guessed")).collect()}
    assert set(guessed) == {path for path, kind in table if kind == "public" and plain[path].passes}
    assert spark.main(second) == 0
    guessed = {row.path: row for row in session.read.parquet(str(tmp_path / "guessed")).collect()}
    assert set(guessed) == {path for path, row in plain.items() if row.passes}
    gate = Gate.open(home.index)
    for path, row in guessed.items():
        verdict = gate.check(names[Path(path).name].read_bytes())
        assert (row.outcome, row.passes) == (verdict.outcome, verdict.passes)
    assert any(not row.passes for row in guessed.values()), f"guesses find nothing here that {len(known)} pictures as they are do not"
    # A share is the same pictures each time.
    frame, first = session.read.parquet(str(tmp_path / "all")), session.read.parquet(str(tmp_path / "plain"))
    shares = [{row.path for row in spark.second_pass(frame, first, share=0.5).collect()} for _ in range(2)]
    assert shares[0] == shares[1] < set(guessed) and shares[0]
    with pytest.raises(SystemExit):
        spark.main([*common, "--output", str(tmp_path / "no"), "--share", "0.5"])


def test_the_second_pass_takes_members_of_tar_files(session: SparkSession, home: Home, tmp_path: Path) -> None:
    from pyhashgate import spark

    for number in range(2):
        with tarfile.open(tmp_path / f"{number:05}.tar", "w") as shard:
            for path in UPLOADS[number::2]:
                shard.add(path, path.name)
    shards = [(str(path),) for path in sorted(tmp_path.glob("*.tar"))]
    session.createDataFrame(shards, ["url"]).write.parquet(str(tmp_path / "shards"))
    common = ["scan", "--index", str(home.index), "--input", str(tmp_path / "shards"), "--shards", "url"]
    assert spark.main([*common, "--output", str(tmp_path / "plain"), "--variants", "none"]) == 0
    plain = session.read.parquet(str(tmp_path / "plain")).collect()
    assert sorted(row.member for row in plain) == sorted(path.name for path in UPLOADS if path.suffix != ".txt")
    second = ["--after", str(tmp_path / "plain"), "--where", "member LIKE '%.jpg'", "--output", str(tmp_path / "guessed")]
    assert spark.main([*common, *second]) == 0
    guessed = session.read.parquet(str(tmp_path / "guessed")).collect()
    wanted = sorted(row.member for row in plain if row.passes and row.member.endswith(".jpg"))
    assert wanted and sorted(row.member for row in guessed) == wanted


def test_stored_hashes_are_joined_with_the_list(session: SparkSession, home: Home, tmp_path: Path) -> None:
    from pyhashgate import spark

    values = [pyhashgate.hash(path.read_bytes()).pdq or b"" for path in KNOWN]
    stored = [(number, os.urandom(32)) for number in range(20_000)]
    for place, value in enumerate(values):
        stored[place * 3_000 + 7] = (place * 3_000 + 7, value)
    frame = session.createDataFrame(stored, "key long, hash binary")
    rows = spark.join(frame, str(home.index)).collect()
    assert sorted(int(row.key) for row in rows) == [place * 3_000 + 7 for place in range(len(values))]
    assert all(row.matches[0].distance == 0 and row.outcome == "match" for row in rows)


def test_the_command_starts_by_itself(home: Home, tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    done = subprocess.run(
        [sys.executable, "-m", "pyhashgate.spark", "scan", "--help"], capture_output=True, text=True, check=True
    )
    assert "--shards COLUMN" in done.stdout
