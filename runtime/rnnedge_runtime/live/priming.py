"""A warm start: streams brought up to date from a table of the past, or an older state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import DataError, FormatError, StateError
from ..tables.held_out import HeldOut
from ..tables.options import TableOptions
from ..tables.rows.reading import read_rows
from ..tables.timestamps import time_text
from .places import open_source

if TYPE_CHECKING:
    from ..spec.model_spec import ModelSpec
    from ..tables.rows.row import Row
    from .loop.recording import AnyStreams
    from .loop.streams import LiveStreams
    from .places import Opener

_ROWS_AT_ONCE = 65_536


def prime_from_table(
    streams: LiveStreams,
    spec: ModelSpec,
    table: Path,
    *,
    series: str | None = None,
    time: str | None = None,
    options: TableOptions | None = None,
    open_lines: Opener | None = None,
) -> Iterator[str]:
    """Step the rows of a table; what is to be said of it.

    The hole between its last row and the first live reading is stepped, however long.

    Args:
        streams: of a model, as new.
        spec: of the model.
        table: any that `rnnedge run --input` reads.
        series: name of the column that tells series apart; None: there is one, named "".
        time: name of the time column; None: found.
        options: how the table is read.
        open_lines: opens it.

    Raises:
        DataError: it cannot be read, or has no times.
    """
    where, held_lines = str(table), list[str]()
    options = options or TableOptions()
    held = HeldOut(where, held_lines.append, False)
    with (open_lines or open_source)(where, options, holds_out=True) as lines:
        reader = read_rows(
            lines,
            spec,
            where=where,
            time=time,
            series=series,
            options=options,
            held=held,
        )
        if reader.time_column is None:
            raise DataError(
                f"{where}: the history has no time column, so nobody knows where it ends. "
                "Name the column, or start without --prime."
            )
        number = last_us = 0
        some: list[Row] = []
        for row in reader.rows:
            if row.time_us is None or row.is_held_out:
                continue
            number, last_us = number + 1, max(last_us, row.time_us)
            some.append(row)
            if len(some) == _ROWS_AT_ONCE:
                _step(streams, some)
                some = []
        if some:
            _step(streams, some)
    yield from (f"{where}: {note}" for note in reader.notes)
    yield from held_lines
    if not number:
        yield f"{where}: the history has no rows."
        return
    yield (
        f"{where}: {number:,} rows of {len(streams.names):,} series up to "
        f"{time_text(last_us)} have brought the streams up to date."
    )


def prime_from_state(streams: AnyStreams, path: Path, folder: Path | None) -> str:
    """Go on from the state file of a run on a table; what is to be said of it.

    Raises:
        FormatError, StateError: it is damaged, or of another model.
        DataError: it cannot be read.
    """
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: the saved state cannot be read: {error.strerror}. Name another "
            "--state folder."
        ) from None
    try:
        streams.restore(blob)
    except (FormatError, StateError) as error:
        raise type(error)(f"{path}: {error} Or name another --state folder.") from None
    return f"{path}: this is the state of one file; from now on it is kept in {folder}."


def _step(streams: LiveStreams, rows: list[Row]) -> None:
    streams.prime(
        [row.series or "" for row in rows],
        np.array([row.time_us for row in rows], np.int64),
        np.array([row.readings for row in rows], np.float32),
    )
