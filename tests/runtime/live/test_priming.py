"""A warm start from a table of the past."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.live_helpers import START_US
from support.run_helpers import (
    COLUMNS,
    LINES,
    make_artifact,
    several_series,
    weather_spec,
)

from rnnedge_runtime import load
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.live.continuous import live_streams
from rnnedge_runtime.live.loop.nouns import Batch, Counters
from rnnedge_runtime.live.loop.settings import LoopSettings
from rnnedge_runtime.live.priming import prime_from_table
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tables.rows.row import Row

HOUR_US = 3_600_000_000
FIRST_US = 1_357_020_000_000_000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    from dataclasses import replace

    spec = replace(weather_spec(), max_gap_s=6 * 3600.0)
    return load(make_artifact(tmp_path_factory.mktemp("artifact"), spec))


def batch_of(number: int, time_us: int, readings: list[float]) -> Batch:
    return Batch(
        time_us,
        np.array([number], np.int32),
        np.array([time_us], np.int64),
        np.array([readings], np.float32),
    )


def test_the_hole_after_history_is_stepped(model: Model, tmp_path: Path) -> None:
    """Also one longer than the longest: history once undid itself by it."""
    table = tmp_path / "history.csv"
    table.write_text("".join(LINES.splitlines(keepends=True)[:4]))
    counters = Counters()
    streams = live_streams(model, LoopSettings(), counters)
    said = list(prime_from_table(streams, model.spec, table))
    assert "3 rows of 1 series up to 2013-01-01T09:00:00Z" in said[-1]
    rows = RowStream(model)
    nan = [float("nan")] * len(COLUMNS)
    last = [4.5, -3, 61, 6, 1013]
    for hour, readings in (
        (0, [3.9, -3.3, 59.4, 5.7, 1012.6]),
        (1, [3.9, -3.3, 59.4, 468.7, float("nan")]),
        (3, [4, -3, 60, 5, 1013]),
        *((hour, nan) for hour in range(4, 43)),
        (43, last),
    ):
        expected = rows.advance(
            Row(1, None, FIRST_US + hour * HOUR_US, np.array(readings, np.float32))
        )
    found = streams.apply(batch_of(0, FIRST_US + 43 * HOUR_US, last))
    assert expected is not None
    assert found.values.tobytes() == expected.tobytes()
    assert counters.counts["streams", "new stretches"] == 0


def test_each_series_of_a_table_is_primed(model: Model, tmp_path: Path) -> None:
    text, alone = several_series()
    table = tmp_path / "history.csv"
    table.write_text(text)
    streams = live_streams(model, LoopSettings(), Counters())
    list(prime_from_table(streams, model.spec, table, series="station"))
    assert set(streams.names) == set(alone)
    readings = [4.0, -3, 60, 5, 1013]
    time_us = START_US + 1000 * HOUR_US
    for name, part in alone.items():
        (tmp_path / "part.csv").write_text(part)
        other = live_streams(model, LoopSettings(), Counters())
        list(prime_from_table(other, model.spec, tmp_path / "part.csv"))
        one = streams.apply(batch_of(streams.number(name), time_us, readings))
        two = other.apply(batch_of(0, time_us, readings))
        assert one.values.tobytes() == two.values.tobytes()


def test_a_history_without_times_is_refused(model: Model, tmp_path: Path) -> None:
    table = tmp_path / "history.csv"
    lines = [line.partition(",")[2] for line in LINES.splitlines()]
    table.write_text("\n".join(lines) + "\n")
    streams = live_streams(model, LoopSettings(), Counters())
    with pytest.raises(DataError, match="no time column"):
        list(prime_from_table(streams, model.spec, table))


def test_a_history_that_is_not_there_is_refused(model: Model, tmp_path: Path) -> None:
    streams = live_streams(model, LoopSettings(), Counters())
    with pytest.raises(DataError, match="cannot be read"):
        list(prime_from_table(streams, model.spec, tmp_path / "none.csv"))
