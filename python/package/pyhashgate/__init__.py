"""Known abusive pictures stopped at the upload.

`Gate.open` opens the folder that ``hashgate publish`` wrote; `Gate.check` says what it thinks of an upload:

>>> import pyhashgate
>>> gate = pyhashgate.Gate.open(index_folder)
>>> verdict = gate.check(known_picture)
>>> verdict.passes, verdict.action, verdict.matches[0].distance
(False, 'review', 0)

Ask `Verdict.passes`, not the action: what could not be judged has no action, and must not pass.

>>> gate.check(b"no picture")
Verdict(outcome='unsupported', error="text is not decoded here: convert it to PNG or JPEG to have it judged")

Everything that takes long runs without Python's lock, so threads share the processors. A process may fork at any time: the
fork waits for calls that are under way.
"""

from __future__ import annotations

import os as _os
from collections.abc import Mapping as _Mapping
from typing import Any as _Any

from . import _native
from ._native import (
    Comparison,
    Gate,
    HashIndex,
    Hashes,
    HashgateError,
    IndexFolderError,
    Match,
    NotJudgedError,
    Verdict,
    compare,
    distance,
    hash,
    hash_pixels,
    image_hash,
)
from ._pin import mark, pin

__version__: str = _native.__version__

__all__ = [
    "Comparison",
    "Gate",
    "HashIndex",
    "Hashes",
    "HashgateError",
    "IndexFolderError",
    "Match",
    "NotJudgedError",
    "Verdict",
    "compare",
    "distance",
    "hash",
    "hash_pixels",
    "image_hash",
    "mark",
    "pin",
]

if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(
        before=_native.before_fork,
        after_in_parent=_native.after_fork,
        after_in_child=_native.after_fork_in_child,
    )


def _open_again(folder: str, how: _Mapping[str, _Any]) -> Gate:
    """What a pickled gate is made of again."""
    return Gate.open(folder, **how)
