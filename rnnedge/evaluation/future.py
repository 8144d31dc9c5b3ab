"""Future rows: a table streamed to its end, and the steps after it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.model import Model
from rnnedge_runtime.series_streams import SeriesStreams
from rnnedge_runtime.spec import ModelSpec
from rnnedge_runtime.streaming import RowStream
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.rows import read_rows

ROWS_KEPT = 240
"""Readings before the forecast that a picture shows."""


@dataclass(frozen=True, eq=False)
class Future:
    """The forecast of one series.

    Attributes:
        name: of the series, "" where there is one.
        times_us: `[steps]` microseconds since 1970 UTC; None without a time.
        values: `[steps, targets]`, with Q quantiles `[steps, targets, Q]`, in raw units.
        past_us: `[K]` times of the last rows; None without a time.
        past: `[K, F]` their readings, NaN where missing.
    """

    name: str
    times_us: NDArray[np.int64] | None
    values: NDArray[np.float32]
    past_us: NDArray[np.int64] | None
    past: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Futures:
    """What was read and forecast.

    Attributes:
        futures: one per series.
        columns: a name per value of a row: `<target>`, with quantiles `<target>_q10`.
        notes: what was found in the table and mended.
    """

    futures: list[Future]
    columns: list[str]
    notes: list[str]


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
    single = RowStream(model, where=where)
    many = SeriesStreams(model, where=where)
    past: dict[str, deque[tuple[int, NDArray[np.float32]]]] = {}
    reader = read_rows(
        lines, spec, where=where, time=time, series=series, options=options
    )
    for row in reader.rows:
        (single if series is None else many).advance(row)
        kept = past.setdefault(row.series or "", deque(maxlen=ROWS_KEPT))
        kept.append((row.time_us or 0, row.readings))
    streams = dict(many.items()) if series is not None else {"": single}
    futures = [
        _future(spec, name, streams[name], kept, num_steps, hold=hold)
        for name, kept in past.items()
    ]
    findings = many.findings if series is not None else single.findings
    notes = [f"{where}: {text}" for text in (*reader.notes, *findings.lines())]
    return Futures(futures, _columns(spec), notes)


def _future(
    spec: ModelSpec,
    name: str,
    stream: RowStream,
    kept: deque[tuple[int, NDArray[np.float32]]],
    num_steps: int,
    *,
    hold: bool,
) -> Future:
    values = stream.forecast(num_steps, hold=hold)
    past = np.stack([readings for _, readings in kept])
    last_us, period_s = stream.last_time_us, spec.sample_period_s
    if last_us is None or period_s is None:
        return Future(name, None, values, None, past)
    ahead = np.rint(np.arange(1, num_steps + 1) * period_s * 1e6).astype(np.int64)
    past_us = np.array([time_us for time_us, _ in kept], dtype=np.int64)
    return Future(name, last_us + ahead, values, past_us, past)


def _columns(spec: ModelSpec) -> list[str]:
    if not spec.quantiles:
        return list(spec.target_names)
    return [
        f"{name}_q{100 * quantile:g}"
        for name in spec.target_names
        for quantile in spec.quantiles
    ]
