"""A generation of an index that stays, however often the folder is published to."""

from __future__ import annotations

import os
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

from ._native import Gate, IndexFolderError

__all__ = ["mark", "pin"]


def mark(folder: str | os.PathLike[str]) -> str:
    """What tells the index in force in a folder from every other: its generation and a part of its manifest's SHA-256.

    A number alone does not: two folders that were filled from different homes have the same numbers. Raises `IndexFolderError`.
    """
    source = Path(folder)
    for _ in range(10):
        try:
            before = (source / "manifest").read_bytes()
            generation = Gate.open(source).generation
            if before == (source / "manifest").read_bytes():
                return f"{generation}-{sha256(before).hexdigest()[:16]}"
        except OSError as error:
            raise IndexFolderError(f"{source}: {error}") from error
    raise IndexFolderError(f"{source}: it changes faster than it can be read")


def pin(folder: str | os.PathLike[str], to: str | os.PathLike[str]) -> int:
    """Keeps the generation that is in force in a folder of its own, and gives its number.

    A job of many workers opens that folder, so that all of them, and whoever does a part again, answer by one generation.
    The files are linked where the two folders are on one file system, and copied where not. Remove the folder after the job.

    Raises `IndexFolderError` where the folder is no index, and `FileExistsError` where `to` exists.
    """
    source, target = Path(folder), Path(to)
    if target.exists():
        raise FileExistsError(f"{target}: there is something already: give the folder of a new pin")
    target.parent.mkdir(parents=True, exist_ok=True)
    last: Exception = IndexFolderError(f"{source}: no generation could be kept")
    # A publisher may remove files of the old generation while they are linked: then the new one is there.
    for _ in range(10):
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            for entry in sorted(source.iterdir()):
                if entry.is_file() and not entry.name.startswith("."):
                    _link(entry, made / entry.name)
            generation = Gate.open(made).generation
            made.rename(target)
            return generation
        except (FileNotFoundError, IndexFolderError) as error:
            last = error
        finally:
            shutil.rmtree(made, ignore_errors=True)
    if isinstance(last, FileNotFoundError):
        raise IndexFolderError(f"{source}: no generation could be kept") from last
    raise last


def _link(source: Path, target: Path) -> None:
    """The manifest is replaced by its publisher, and segments never change: a link keeps what it was."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
