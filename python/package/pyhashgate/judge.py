"""Many uploads judged in batches, where one of them may kill the process that looks at it.

`Judge` keeps a child process with a gate. A batch goes to the child; if the child dies of it, each upload of that batch is
asked about alone, and one that kills the child twice more is a row of the outcome ``undecodable``. So every upload has a row, and a
job never fails because of one.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from ._native import Gate, HashgateError, IndexFolderError, Verdict
from ._pin import mark, pin

__all__ = ["Judge", "MatchRow", "Row", "kept", "open_pinned"]

#: Bytes that go to the child at once, at most; a larger upload goes alone.
MOST_BYTES = 64 << 20


class MatchRow(NamedTuple):
    """One match of a row."""

    bank: str
    content_id: int
    kind: str
    signal_type: str
    hash: str
    distance: int
    variant: str
    threshold: int
    score: float | None
    action: str
    reach: int | None
    rule: str | None
    entry_form: str | None
    quarantined: bool
    seconded_by: str | None


class Row(NamedTuple):
    """What is said of one upload."""

    outcome: str
    action: str | None
    passes: bool
    quality: int | None
    mode: str | None
    generation: int
    error: str | None
    bytes: int
    signals: dict[str, str]
    matches: list[MatchRow]


def row_of(verdict: Verdict, size: int) -> Row:
    """A verdict as a row."""
    matches = [
        MatchRow(
            match.bank,
            match.content_id,
            match.kind,
            match.signal_type,
            match.hash,
            match.distance,
            match.variant,
            match.threshold,
            match.score,
            match.action,
            match.reach,
            match.rule,
            match.entry_form,
            match.quarantined,
            match.seconded_by,
        )
        for match in verdict.matches
    ]
    return Row(
        verdict.outcome,
        verdict.action,
        verdict.passes,
        verdict.quality,
        verdict.mode,
        verdict.generation,
        verdict.error,
        size,
        verdict.signals,
        matches,
    )


def open_pinned(folder: str | os.PathLike[str], which: str, **how: Any) -> Gate:
    """A gate of one index, named by its `mark`. It stays in `FOLDER.pins` on this machine however often the folder is published to.

    Raises `IndexFolderError` where neither the pins nor the folder have that index.
    """
    source = Path(folder)
    pins = source.with_name(source.name + ".pins")
    kept = pins / which
    if not kept.exists():
        pins.mkdir(parents=True, exist_ok=True)
        # By its name only once it is known to be that one.
        with tempfile.TemporaryDirectory(prefix=".new.", dir=pins) as new:
            made = Path(new) / "index"
            pin(source, made)
            got = mark(made)
            if got != which:
                raise IndexFolderError(
                    f"{source}: index {got} is in force, and the job asks for {which}: bring the folder to that index on every "
                    "machine before the job begins"
                )
            try:
                made.rename(kept)
            except OSError:
                # Somebody else was faster.
                if not kept.exists():
                    raise
    return Gate.open(kept, **how)


class _Died(Exception):
    """The child died; the message says of what."""


def _serve(given: Connection, folder: str, which: str | None, how: Mapping[str, Any]) -> None:
    """What the child does until nobody asks any more."""
    # Ctrl-C is the parent's to act on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        gate = Gate.open(folder, **how) if which is None else open_pinned(folder, which, **how)
        given.send(gate.generation)
    except Exception as error:
        given.send(error if isinstance(error, HashgateError) else IndexFolderError(str(error)))
        return
    while True:
        try:
            number, uploads = given.recv()
        except EOFError:
            return
        verdicts = gate.check_many(uploads)
        given.send((number, [row_of(verdict, len(data)) for verdict, data in zip(verdicts, uploads)]))


class Judge:
    """A gate in a process of its own. Use it with ``with``, or `close` it.

    `how` is what `Gate.open` takes. With a `mark`, the answers are that index's, whatever is published meanwhile. Threads may share
    it; they are served one after the other.
    """

    #: What the child does.
    _work = staticmethod(_serve)

    def __init__(
        self, folder: str | os.PathLike[str], *, mark: str | None = None, **how: Any
    ) -> None:
        self._folder = os.fspath(folder)
        self._mark = mark
        self._how = {"threads": 1, **how}
        self._child: tuple[BaseProcess, Connection] | None = None
        self._lock = threading.Lock()
        self._asked = 0
        #: The generation that answers.
        self.generation = 0
        self._begin()

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the child."""
        if self._child is not None:
            process, connection = self._child
            self._child = None
            connection.close()
            process.join(timeout=5)
            if process.is_alive():
                process.kill()
                process.join()

    def _begin(self) -> Connection:
        # A fork would take along what other threads hold; a new program takes nothing.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=self._work, args=(theirs, self._folder, self._mark, self._how), daemon=True
        )
        process.start()
        theirs.close()
        self._child = (process, ours)
        try:
            said = ours.recv()
        except EOFError:
            raise IndexFolderError(f"{self._folder}: {self._died()}") from None
        if isinstance(said, Exception):
            self.close()
            raise said
        self.generation = int(said)
        return ours

    def _died(self) -> str:
        """What the child died of; it is gone then."""
        if self._child is None:
            return "its process is gone"
        process, connection = self._child
        self._child = None
        connection.close()
        process.join(timeout=5)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
        if code is not None and code < 0:
            return f"the process that looked at it was ended by signal {-code}"
        return f"the process that looked at it ended with code {code}"

    def _ask(self, uploads: Sequence[bytes]) -> list[Row]:
        with self._lock:
            connection = self._child[1] if self._child is not None else self._begin()
            self._asked += 1
            try:
                connection.send((self._asked, list(uploads)))
                number, rows = connection.recv()
            except (EOFError, OSError):
                raise _Died(self._died()) from None
            except BaseException:
                # Its answer must not be taken for that to the next question.
                self._kill()
                raise
            if number != self._asked or len(rows) != len(uploads):
                self._kill()
                raise HashgateError("hashgate failed at it: a defect; please report it")
            return list(rows)

    def _kill(self) -> None:
        if self._child is not None:
            process, connection = self._child
            self._child = None
            process.kill()
            process.join()
            connection.close()

    def check_many(self, uploads: Sequence[bytes]) -> list[Row]:
        """A row for each upload, in their order."""
        rows: list[Row] = []
        for part in _parts(uploads):
            try:
                rows.extend(self._ask(part))
            except _Died:
                rows.extend(self._alone(data) for data in part)
        return rows

    def _alone(self, data: bytes) -> Row:
        said = ""
        # Twice: whatever else went on on the machine may have ended the first.
        for _ in range(2):
            try:
                return self._ask([data])[0]
            except _Died as died:
                said = str(died)
        return not_judged("undecodable", said, self.generation, len(data))


#: The judge that this process keeps, and what it was begun for.
_KEPT: dict[tuple[Any, ...], Judge] = {}


def kept(index: str, mark: str, how: dict[str, Any]) -> AbstractContextManager[Judge]:
    """This process's judge: begun when it is first asked for, and there for whoever asks next. It ends with the process.

    For workers that are given one task after the other, as Spark's are.
    """
    wanted = (os.getpid(), index, mark, tuple(sorted(how.items())))
    if wanted not in _KEPT:
        for of, judge in list(_KEPT.items()):
            del _KEPT[of]
            # One that another process began is not this one's to end.
            if of[0] == wanted[0]:
                judge.close()
        _KEPT[wanted] = Judge(index, mark=mark, **how)
    return nullcontext(_KEPT[wanted])


def not_judged(outcome: str, error: str, generation: int, size: int) -> Row:
    """A row of what no gate could look at."""
    return Row(outcome, None, False, None, None, generation, error, size, {}, [])


def _parts(uploads: Sequence[bytes]) -> list[list[bytes]]:
    parts: list[list[bytes]] = [[]]
    size = 0
    for data in uploads:
        if parts[-1] and size + len(data) > MOST_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(data)
        size += len(data)
    return [part for part in parts if part]
