"""The rows of several series in one table, each series through a stream of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..formats.snapshot import snapshot_bytes
from ..spec.model_spec import ModelSpec
from ..streams.exclusive import OneOwner
from ..streams.model import Model
from ..tables.rows.row import Row
from .findings import Findings
from .row_stream import RowStream
from .saved_rows import pack_series, unpack_series


class SeriesStreams(OneOwner):
    """A RowStream per value of the series column, made at its first row. Not thread-safe.

    Args:
        model: what to stream; all series share its weights.
        where: name of the table, for messages.
        limited: the model's spec with the limits of its sensors, as of a RowStream.
    """

    _copy = (
        "SeriesStreams",
        "other = SeriesStreams(model); other.restore(series.snapshot())",
    )

    def __init__(
        self, model: Model, *, where: str = "rows", limited: ModelSpec | None = None
    ) -> None:
        self._model = model
        self._limited = limited
        self.is_sparse = model.spec.rows_per_step > 1
        self._where = where
        self._streams: dict[str, RowStream] = {}
        self.findings = Findings()

    def __len__(self) -> int:
        return len(self._streams)

    def items(self) -> Iterator[tuple[str, RowStream]]:
        """Name and stream of every series, in the order of their first rows."""
        yield from self._streams.items()

    def last_times_us(self) -> dict[str, int]:
        """Time of the last row of every series that has one, microseconds since 1970 UTC."""
        return {
            name: time_us
            for name, stream in self._streams.items()
            for time_us in stream.last_times_us().values()
        }

    def advance(self, row: Row) -> NDArray[np.float32] | None:
        """Take one row of the series that it names (`RowStream.advance`)."""
        name = row.series or ""
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = self._stream(name)
        return stream.advance(row)

    def _stream(self, name: str) -> RowStream:
        where = f"{self._where}, series '{name}'"
        stream = RowStream(
            self._model, where=where, is_one_of_many=True, limited=self._limited
        )
        stream.findings = self.findings
        return stream

    def snapshot(self) -> bytes:
        """The row streams of all series (docs/format.md, "Series streams")."""
        return pack_series(
            {name: stream.snapshot() for name, stream in self._streams.items()}
        )

    def restore(self, blob: bytes) -> None:
        """Go on where `snapshot` was taken; series not in it start anew.

        Raises:
            FormatError: cut short, changed, of another version, of one series only, a field
                that cannot be, or no snapshot at all. Nothing was changed then.
            StateError: the snapshot of another model.
        """
        streams = {}
        for name, saved in unpack_series(snapshot_bytes(blob)).items():
            streams[name] = self._stream(name)
            streams[name].restore(saved)
        self._streams = streams
