"""Tables that rows come from: those that only polars can read, beside the runtime's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rnnedge_runtime.live.sources.registry import open_source
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.text.encoding import TextLines

if TYPE_CHECKING:
    from rnnedge_runtime.live.sources.pipe import Wait


@contextlib.contextmanager
def open_lines(
    source: str,
    options: TableOptions | None = None,
    *,
    wait: Wait | None = None,
    holds_out: bool = False,
) -> Iterator[TextLines]:
    """As `open_source`; of Parquet and Excel one JSON object a row."""
    path = Path(source)
    if path.suffix.lower() in (".parquet", ".pq", ".xlsx", ".xlsm", ".xls"):
        from rnnedge.data.tables.sources.files import read_file
        from rnnedge.data.tables.sources.objects import json_lines

        table = read_file(path, options or TableOptions())
        yield TextLines(json_lines(table), table.notes, is_live=False)
        return
    with open_source(source, options, wait=wait, holds_out=holds_out) as lines:
        yield lines
