"""A job on Ray on this machine, while an actor is killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conftest import KNOWN, ROOT, Home

from pyhashgate import Gate

UPLOADS = sorted((ROOT / "examples/pictures/uploads").glob("*.*"))
ROWS = 1200


def test_every_picture_has_one_row_though_an_actor_is_killed(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    data = pytest.importorskip("ray.data")
    from pyhashgate.ray import scan

    home = Home(tmp_path / "home")
    home.add(*KNOWN)
    home.publish()
    given = [{"path": str(UPLOADS[number % len(UPLOADS)]), "name": number} for number in range(ROWS)]
    gate = Gate.open(home.index)
    expected = {str(path): gate.check(path.read_bytes()) for path in UPLOADS}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    killed = []

    def kill() -> None:
        for _ in range(900):
            for entry in Path("/proc").iterdir():
                try:
                    line = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if b"_Judging" in line or b"MapWorker" in line:
                    time.sleep(2)
                    try:
                        os.kill(int(entry.name), signal.SIGKILL)
                        killed.append(entry.name)
                        return
                    except ProcessLookupError:
                        pass
            time.sleep(0.1)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        rows = scan(data.from_items(given, override_num_blocks=12), str(home.index), actors=2, batch=32).take_all()
    finally:
        ray.shutdown()
    assert killed, "no actor was killed: there was too little work"
    assert len(rows) == ROWS
    told: dict[str, int] = {}
    for row in rows:
        verdict = expected[row["path"]]
        assert (row["outcome"], row["action"]) == (verdict.outcome, verdict.action)
        told[row["path"]] = told.get(row["path"], 0) + 1
    assert set(told.values()) <= {ROWS // len(UPLOADS), ROWS // len(UPLOADS) + 1}
