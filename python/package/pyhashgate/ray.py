"""Jobs on Ray Data: stored pictures judged. Needs ray and pyarrow.

>>> import ray.data                                             # doctest: +SKIP
>>> from pyhashgate.ray import scan                             # doctest: +SKIP
>>> scan(ray.data.read_parquet("paths.parquet"), "/var/lib/hashgate/index").write_parquet("verdicts")  # doctest: +SKIP
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from . import arrow
from ._pin import mark as find_mark
from .judge import Judge

if TYPE_CHECKING:
    import ray.data

__all__ = ["scan"]


class _Judging:
    """What an actor does: one judge for all the batches that it is given."""

    def __init__(self, index: str, mark: str, how: dict[str, Any], path: str, content: str | None) -> None:
        self._judge = Judge(index, mark=mark, **how)
        self._path, self._content = path, content

    def _kept(self) -> AbstractContextManager[Judge]:
        return nullcontext(self._judge)

    def __call__(self, table: pa.Table) -> pa.Table:
        batches = iter(table.combine_chunks().to_batches())
        made = arrow.judge(batches, self._kept, path=self._path, content=self._content)
        return pa.Table.from_batches(list(made), schema=arrow.ROW)


def scan(
    dataset: ray.data.Dataset,
    index: str,
    *,
    path: str = "path",
    content: str | None = None,
    mark: str | None = None,
    actors: int = 1,
    batch: int = 128,
    **how: Any,
) -> ray.data.Dataset:
    """A row for each row of the dataset, as `pyhashgate.spark.scan` gives; by so many actors."""
    mark = find_mark(index) if mark is None else mark
    return dataset.map_batches(
        _Judging,
        fn_constructor_args=(index, mark, how, path, content),
        batch_size=batch,
        batch_format="pyarrow",
        # From one on: actors that hold every core would leave none to whatever reads the pictures.
        concurrency=(1, actors),
    )
