"""Future rows: a table streamed to its end, and the steps after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge.evaluation.tracks import Recorder, Track
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.live.series_streams import SeriesStreams
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.rows.reading import RowReader, read_rows


@dataclass(frozen=True, eq=False)
class Future:
    """The forecast of one series.

    Attributes:
        name: of the series, "" where there is one.
        times_us: `[steps]` microseconds since 1970 UTC; None without a time.
        values: `[steps, targets]`, with Q quantiles `[steps, targets, Q]`, in raw units.
        past: the last rows before it.
    """

    name: str
    times_us: NDArray[np.int64] | None
    values: NDArray[np.float32]
    past: Track


@dataclass(frozen=True, eq=False)
class Futures:
    """What was read and forecast.

    Attributes:
        futures: one per series.
        columns: a name per value of a row: `<target>`, with quantiles `<target>_q10`.
        reader: how the table was read.
        stream: what it was streamed through, with what was found in it.
    """

    futures: list[Future]
    columns: list[str]
    reader: RowReader
    stream: RowStream | SeriesStreams


def read_future(
    model: Model,
    lines: Iterable[str],
    *,
    where: str,
    num_steps: int,
    hold: bool,
    time: str | None,
    series: str | None,
    options: TableOptions,
) -> Futures:
    """Stream a table through a model and forecast from its last row.

    Args:
        model: what forecasts.
        lines: of the table.
        where: its name, for messages.
        num_steps: steps ahead.
        hold: see `Stream.forecast`.
        time: time column; None: found.
        series: column that tells series apart; None: there is one.
        options: how the table is read.

    Raises:
        DataError: the table cannot be read.
        SpecError: the model cannot forecast so far.
    """
    spec = model.spec
    reader = read_rows(
        lines, spec, where=where, time=time, series=series, options=options
    )
    kind = RowStream if series is None else SeriesStreams
    stream: RowStream | SeriesStreams = kind(model, where=where)
    recorder = Recorder(spec.output_size)
    for row in reader.rows:
        recorder.add(row, stream.advance(row))
    streams = {"": stream} if isinstance(stream, RowStream) else dict(stream.items())
    futures = [
        _future(spec, streams[track.name], track, num_steps, hold=hold)
        for track in recorder.tracks()
    ]
    return Futures(futures, _columns(spec), reader, stream)


def _future(
    spec: ModelSpec, stream: RowStream, past: Track, num_steps: int, *, hold: bool
) -> Future:
    values = stream.forecast(num_steps, hold=hold)
    last_us, period_s = stream.last_time_us, spec.sample_period_s
    if last_us is None or period_s is None:
        return Future(past.name, None, values, past)
    ahead = np.rint(np.arange(1, num_steps + 1) * period_s * 1e6).astype(np.int64)
    return Future(past.name, last_us + ahead, values, past)


def _columns(spec: ModelSpec) -> list[str]:
    if not spec.quantiles:
        return list(spec.target_names)
    return [
        f"{name}_q{100 * quantile:g}"
        for name in spec.target_names
        for quantile in spec.quantiles
    ]
