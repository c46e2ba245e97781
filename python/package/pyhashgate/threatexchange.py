"""PDQ for python-threatexchange and HMA, hashed and searched by hashgate. Needs the package ``threatexchange``.

For the command ``tx``::

    tx config extensions add pyhashgate.threatexchange

It brings a type of signal of its own, ``hashgate_pdq``, beside the command's ``pdq``, which cannot be replaced there. In a
configuration of HMA give `PdqSignal` in the place of python-threatexchange's; it goes by the same name, ``pdq``.

Hashes are exactly PDQ's, from all pixels of a picture, and pictures are decoded by hashgate: within limits, and by code that a
compiler has checked. All within 31 bits is found, as by python-threatexchange's own index.
"""

from __future__ import annotations

import threading
import typing as t

from threatexchange.extensions.manifest import ThreatExchangeExtensionManifest
from threatexchange.signal_type.index import (
    IndexMatchUntyped,
    SignalSimilarityInfoWithIntDistance,
    SignalTypeIndex,
)
from threatexchange.signal_type.pdq.signal import PdqSignal as _PdqSignal

from . import _native

__all__ = ["TX_MANIFEST", "HashgatePdqSignal", "PdqIndex", "PdqSignal"]

T = t.TypeVar("T")
_BYTES = 32


class PdqIndex(SignalTypeIndex[T]):
    """All entries within 31 bits of a hash, nearest first. Entries may be added at any time."""

    def __init__(self, entries: t.Iterable[tuple[str, T]] = ()) -> None:
        super().__init__()
        self._entries: list[T] = []
        self._hashes = bytearray()
        #: Where each part begins, and the part; together they hold the first entries.
        self._parts: list[tuple[int, _native.HashIndex]] = []
        self._lock = threading.Lock()
        self.add_all(entries)

    @classmethod
    def get_match_threshold(cls) -> int:
        """The largest distance that is told, in bits."""
        return 31

    def __len__(self) -> int:
        return len(self._entries)

    def query(self, query: str) -> list[IndexMatchUntyped[SignalSimilarityInfoWithIntDistance, T]]:
        """What is within the threshold of a hash of 64 hexadecimal digits."""
        asked = _read(query)
        met: list[tuple[int, int]] = []
        for first, part in self._ready():
            found = part.query(asked, self.get_match_threshold())
            met.extend((distance, first + place) for place, distance in found)
        met.sort()
        return [
            IndexMatchUntyped(SignalSimilarityInfoWithIntDistance(distance), self._entries[place])
            for distance, place in met
        ]

    def add(self, signal_str: str, entry: T) -> None:
        """Adds an entry. One with the same hash stays beside it."""
        self.add_all(((signal_str, entry),))

    def add_all(self, entries: t.Iterable[tuple[str, T]]) -> None:
        """Adds entries. Where a hash is none, `ValueError`, and nothing is added."""
        read = [(_read(signal), entry) for signal, entry in entries]
        with self._lock:
            for value, entry in read:
                self._hashes += value
                self._entries.append(entry)

    def _ready(self) -> list[tuple[int, _native.HashIndex]]:
        """The parts, which hold all entries. A part is as large as those behind it together, at least."""
        with self._lock:
            held = sum(len(part) for _, part in self._parts)
            if held < len(self._entries):
                first = held
                parts = list(self._parts)
                while parts and len(parts[-1][1]) < 2 * (len(self._entries) - first):
                    first = parts.pop()[0]
                part = _native.HashIndex(bytes(self._hashes[first * _BYTES :]))
                self._parts = [*parts, (first, part)]
            return self._parts

    def __getstate__(self) -> dict[str, t.Any]:
        with self._lock:
            return {"entries": list(self._entries), "hashes": bytes(self._hashes)}

    def __setstate__(self, state: dict[str, t.Any]) -> None:
        self._entries = list(state["entries"])
        self._hashes = bytearray(state["hashes"])
        if len(self._hashes) != _BYTES * len(self._entries):
            raise ValueError("an index that is damaged: it has not one hash for each entry")
        self._parts = []
        self._lock = threading.Lock()


def _read(signal: str) -> bytes:
    try:
        value = bytes.fromhex(signal)
    except ValueError:
        value = b""
    if len(value) != _BYTES or len(signal) != 2 * _BYTES:
        raise ValueError("invalid PDQ hash: 64 hexadecimal digits")
    return value


class PdqSignal(_PdqSignal):
    """PDQ under its own name, hashed and searched by hashgate."""

    @classmethod
    def get_name(cls) -> str:
        """Its name in commands and files."""
        return "pdq"

    @classmethod
    def get_index_cls(cls) -> type[PdqIndex[t.Any]]:  # type: ignore[override]
        """What holds many of its hashes."""
        return PdqIndex

    @classmethod
    def hash_from_bytes(cls, bytes_: bytes) -> str:
        """64 hexadecimal digits; the empty string where the picture holds too little, or is none."""
        try:
            hashes = _native.hash(bytes_)
        except _native.NotJudgedError:
            return ""
        if hashes.pdq is None or (hashes.quality or 0) < cls.QUALITY_THRESHOLD:
            return ""
        return hashes.pdq.hex()


class HashgatePdqSignal(PdqSignal):
    """The same beside the ``pdq`` that a command brings."""

    @classmethod
    def get_name(cls) -> str:
        """Its name in commands and files."""
        return "hashgate_pdq"


TX_MANIFEST = ThreatExchangeExtensionManifest(signal_types=(HashgatePdqSignal,))
