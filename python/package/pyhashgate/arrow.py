"""The kernel of jobs on Spark and Ray: record batches in, record batches out. Needs pyarrow.

`judge` takes batches with a column of pictures' bytes, of their paths, or of the addresses of tar files with pictures, and gives
a row for each picture. `match` takes a column of stored hashes, and gives rows for those that match.
"""

from __future__ import annotations

import tarfile
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from hashlib import sha256
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.fs

from ._native import Gate
from .judge import Judge, Row, not_judged, row_of

__all__ = ["MATCHES", "ROW", "SHARD_ROW", "judge", "judge_shards", "match"]

#: The most bytes of a picture that is fetched: what a gate reads unless told.
MOST_BYTES = 100 << 20
#: How many pictures are fetched at a time by one worker.
FETCHERS = 16
#: How many pictures are judged at once: their queries go through the index together.
ROWS_AT_ONCE = 256
#: Seconds that one address may be silent.
SILENT = 60

_MATCH = pa.struct(
    [
        ("bank", pa.string()),
        ("content_id", pa.int64()),
        ("kind", pa.string()),
        ("signal_type", pa.string()),
        ("hash", pa.string()),
        ("distance", pa.int32()),
        ("variant", pa.string()),
        ("threshold", pa.int32()),
        ("score", pa.float64()),
        ("action", pa.string()),
        ("reach", pa.int32()),
        ("rule", pa.string()),
        ("entry_form", pa.string()),
        ("quarantined", pa.bool_()),
        ("seconded_by", pa.string()),
    ]
)
_SAID = [
    ("outcome", pa.string()),
    ("action", pa.string()),
    ("passes", pa.bool_()),
    ("quality", pa.int32()),
    ("mode", pa.string()),
    ("generation", pa.int64()),
    ("error", pa.string()),
    ("bytes", pa.int64()),
    ("signals", pa.map_(pa.string(), pa.string())),
    ("matches", pa.list_(_MATCH)),
]
#: What a row of `judge` has: `path` is the column that names the picture.
ROW = pa.schema([("path", pa.string()), *_SAID])
#: What a row of `judge_shards` has.
SHARD_ROW = pa.schema(
    [("shard", pa.string()), ("member", pa.string()), ("key", pa.string()), ("sha256", pa.string()), *_SAID]
)
#: What a row of `match` has: `key` names the hash.
MATCHES = pa.schema(
    [
        ("key", pa.string()),
        ("outcome", pa.string()),
        ("action", pa.string()),
        ("generation", pa.int64()),
        ("matches", pa.list_(_MATCH)),
    ]
)


def _batch(names: list[tuple[Any, ...]], rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    """The names' columns, and those of the rows behind them."""
    columns = [list(column) for column in zip(*names)] if names else [[] for _ in range(len(schema) - len(_SAID))]
    said: list[list[Any]] = [list(column) for column in zip(*rows)] if rows else [[] for _ in _SAID]
    if rows:
        said[-2] = [list(signals.items()) for signals in said[-2]]
        said[-1] = [[match._asdict() for match in matches] for matches in said[-1]]
    arrays = [pa.array(values, type=field.type) for values, field in zip([*columns, *said], schema)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def judge(
    batches: Iterator[pa.RecordBatch],
    open_judge: Callable[[], AbstractContextManager[Judge]],
    *,
    path: str = "path",
    content: str | None = None,
) -> Iterator[pa.RecordBatch]:
    """A row for each row that comes: what is said of its picture.

    `content` names the column of the pictures' bytes; without it they are fetched by the addresses in the column `path`, which
    may be paths, or addresses that pyarrow opens (``s3://``, ``gs://``, ``hdfs://``), or ``http(s)://``.
    """
    with open_judge() as judging, ThreadPoolExecutor(FETCHERS) as fetchers:
        for batch in batches:
            names = [str(name) for name in batch.column(path).to_pylist()]
            if content is None:
                fetched = _ahead(fetchers, names)
            else:
                fetched = (Unfetched("no bytes") if data is None else data for data in _values(batch.column(content)))
            done = 0
            for part in _parts(fetched):
                told = [(_text(name),) for name in names[done : done + len(part)]]
                done += len(part)
                yield _batch(told, _judged(judging, part), ROW)
            if not names:
                yield _batch([], [], ROW)


def _values(column: pa.Array) -> Iterator[Any]:
    """The values of a column, one at a time: a batch of pictures is large."""
    return (value.as_py() for value in column)


def _ahead(fetchers: ThreadPoolExecutor, names: list[str]) -> Iterator[bytes | Unfetched]:
    """What is at these addresses, in their order. So many are fetched ahead as there are fetchers, while others are judged."""
    waiting = iter(names)
    running: deque[Future[bytes | Unfetched]] = deque(fetchers.submit(fetch, name) for name in islice(waiting, FETCHERS))
    try:
        while running:
            done = running.popleft().result()
            running.extend(fetchers.submit(fetch, name) for name in islice(waiting, 1))
            yield done
    finally:
        for one in running:
            one.cancel()


def _parts(fetched: Iterator[bytes | Unfetched]) -> Iterator[list[bytes | Unfetched]]:
    """What is judged at once: bounded in number and in bytes, whatever a batch has."""
    part: list[bytes | Unfetched] = []
    size = 0
    for data in fetched:
        part.append(data)
        size += 0 if isinstance(data, Unfetched) else len(data)
        if len(part) >= ROWS_AT_ONCE or size >= _AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part


class Unfetched(str):
    """Why the bytes of a picture could not be had."""


def _judged(judging: Judge, fetched: list[Any]) -> list[Row]:
    had = [data for data in fetched if not isinstance(data, Unfetched)]
    rows = iter(judging.check_many(had))
    return [
        not_judged("unreadable", str(data), judging.generation, 0) if isinstance(data, Unfetched) else next(rows)
        for data in fetched
    ]


def fetch(address: str) -> bytes | Unfetched:
    """The bytes at an address, or why they could not be had. Never more than a gate reads."""
    try:
        with _open(address) as source:
            data = source.read(MOST_BYTES + 1)
    except Exception as error:  # whatever a file system says: it is one picture's row
        return Unfetched(_text(f"{type(error).__name__}: {error}"))
    return bytes(data)


def _open(address: str) -> BinaryIO:
    if address.startswith(("http://", "https://")):
        opened: BinaryIO = urllib.request.urlopen(address, timeout=SILENT)
        return opened
    if "://" in address:
        system, inside = pyarrow.fs.FileSystem.from_uri(address)
        stream: BinaryIO = system.open_input_stream(inside)
        return stream
    return open(address, "rb")


#: Endings of what lies beside pictures in tar files. Everything else is judged.
_COMPANIONS = (".json", ".txt", ".cls", ".csv", ".tsv", ".npy", ".npz", ".pth", ".pkl", ".yaml", ".yml", ".xml", ".parquet", ".index")
#: Bytes of pictures that are judged at once, at most, where there is more than one.
_AT_ONCE = 64 << 20


class _Broken(Exception):
    """A tar file that does not go on where it says so."""


class _Member(tarfile.TarInfo):
    """A header. Where it is damaged, or missing, that is said: the library takes it for the end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> _Member:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            # Blocks of zeros: the end as it should be.
            raise
        except tarfile.HeaderError as error:
            raise _Broken(f"it is damaged or cut off: {error}") from error


def _text(name: str) -> str:
    """A name as text that can be written: bytes that are none stand as escapes."""
    return name.encode("utf-8", "backslashreplace").decode()


def judge_shards(
    batches: Iterator[pa.RecordBatch],
    open_judge: Callable[[], AbstractContextManager[Judge]],
    *,
    shard: str = "shard",
    members: str | None = None,
    at_once: int = 128,
) -> Iterator[pa.RecordBatch]:
    """A row for each member of the tar files whose addresses come in the column `shard`, but for known companions of pictures.

    `members` names a column of lists of names, where only those are judged. `member` is its name. `key` is that to the first dot, as WebDataset has it. A shard that cannot be read to its end has a row of
    its own, with both null and the outcome ``unreadable``, behind those of its pictures.
    """
    with open_judge() as judging:
        for batch in batches:
            chosen = [None] * batch.num_rows if members is None else batch.column(members).to_pylist()
            for address, wanted in zip(batch.column(shard).to_pylist(), chosen):
                only = None if wanted is None else frozenset(map(str, wanted))
                yield from _judge_shard(judging, str(address), only, at_once)


def _judge_shard(judging: Judge, address: str, only: frozenset[str] | None, at_once: int) -> Iterator[pa.RecordBatch]:
    names: list[tuple[Any, ...]] = []
    uploads: list[bytes | Unfetched] = []

    def told() -> pa.RecordBatch:
        made = _batch(names, _judged(judging, uploads), SHARD_ROW)
        names.clear()
        uploads.clear()
        return made

    size = 0
    try:
        with _open(address) as source, tarfile.open(
            fileobj=source, mode="r|*", bufsize=1 << 20, tarinfo=_Member
        ) as shard:
            for member in shard:
                # The library keeps every header that it has read.
                shard.members = []  # type: ignore[attr-defined]
                if not member.isfile() or member.name.lower().endswith(_COMPANIONS):
                    continue
                if only is not None and _text(member.name) not in only:
                    continue
                opened = shard.extractfile(member)
                data = opened.read(MOST_BYTES + 1) if opened is not None else b""
                if len(data) < min(member.size, MOST_BYTES + 1):
                    raise _Broken("it is damaged or cut off: a member is not whole")
                name = _text(member.name)
                folder, slash, base = name.rpartition("/")
                key = folder + slash + base.split(".", 1)[0]
                names.append((address, name, key, sha256(data).hexdigest()))
                uploads.append(data)
                size += len(data)
                if len(uploads) >= at_once or size >= _AT_ONCE:
                    yield told()
                    size = 0
    except Exception as error:
        names.append((address, None, None, None))
        uploads.append(Unfetched(_text(f"{type(error).__name__}: {error}")))
    if uploads:
        yield told()


_WIDTHS = {"pdq": 32, "md5": 16, "sha1": 20, "sha256": 32}


def match(
    batches: Iterator[pa.RecordBatch],
    open_gate: Callable[[], Gate],
    *,
    key: str = "key",
    hashes: str = "hash",
    quality: str | None = None,
    signal_type: str = "pdq",
) -> Iterator[pa.RecordBatch]:
    """Rows for those of the stored hashes that match: hits only.

    The column of hashes is of fixed-size or other binary values, or of hexadecimal text; null and empty ones are passed over. One
    of another length raises `ValueError` with its key: it can only be a mistake.
    """
    gate = open_gate()
    width = _WIDTHS.get(signal_type, 8)
    for batch in batches:
        values = [bytes.fromhex(value) if isinstance(value, str) else value for value in batch.column(hashes).to_pylist()]
        places = [place for place, value in enumerate(values) if value]
        for place in places:
            if len(values[place]) != width:
                named = batch.column(key)[place].as_py()
                raise ValueError(f"{key} {named}: a hash of {len(values[place])} bytes, and {signal_type} has {width}")
        given = b"".join(values[place] for place in places)
        qualities = None
        if quality is not None:
            column = batch.column(quality).to_pylist()
            qualities = bytes(255 if column[place] is None else column[place] for place in places)
        keys = batch.column(key)
        rows = []
        for at, verdict in gate.match(given, signal_type=signal_type, qualities=qualities):
            said = row_of(verdict, 0)
            rows.append(
                {
                    "key": str(keys[places[at]].as_py()),
                    "outcome": said.outcome,
                    "action": said.action,
                    "generation": said.generation,
                    "matches": [match._asdict() for match in said.matches],
                }
            )
        yield pa.RecordBatch.from_pylist(rows, schema=MATCHES)
