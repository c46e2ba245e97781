"""What the tests need: an index that the command `hashgate` published, and pictures."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KNOWN = sorted((ROOT / "examples/pictures/known").glob("*.*"))


def command() -> str:
    """The command that publishes. `HASHGATE` names it, else the one that was built beside."""
    built = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    candidates = [os.environ.get("HASHGATE"), built / "release/hashgate", shutil.which("hashgate")]
    found = next((str(program) for program in candidates if program and Path(program).is_file()), None)
    if found is None:
        pytest.fail("no hashgate to publish an index with: build it with `make build`, or name it by HASHGATE")
    return found


class Home:
    """A home of the command, with a bank `known`, and the index that it publishes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = folder / "index"
        self.run("bank", "create", "known")

    def run(self, *args: object) -> str:
        done = subprocess.run(
            [command(), "--home", self.folder, *map(str, args)], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
        return done.stdout

    def add(self, *pictures: Path) -> None:
        self.run("bank", "add", "known", *pictures)

    def publish(self) -> None:
        self.run("publish")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("home") / "home")
    made.add(*KNOWN[:3])
    made.publish()
    return made


@pytest.fixture(scope="session")
def known() -> list[bytes]:
    return [path.read_bytes() for path in KNOWN[:3]]


@pytest.fixture(scope="session")
def unknown() -> bytes:
    return KNOWN[3].read_bytes()
