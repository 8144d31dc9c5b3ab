"""Long tables drawn at random: training, a file on the device and a pipe agree."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import table_layouts as layouts

from rnnedge.data import load_dataset
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tables.layouts.pivot import LongCell, pivoted
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.rows.changes import counter_change
from rnnedge_runtime.tables.rows.reading import read_rows

PIVOT = TableOptions(pivot="name")


@st.composite
def long_lines(draw: st.DrawFn) -> list[tuple[int, str, str]]:
    """Second, name and reading; `a` every minute, the others when they like."""
    num_rows = draw(st.integers(20, 40))
    lines = [(60 * k, "a", str(10 + k % 3)) for k in range(num_rows)]
    for name in draw(st.sampled_from(["b", "bc"])):
        seconds = draw(
            st.lists(
                st.integers(0, 60 * num_rows), min_size=8, max_size=40, unique=True
            )
        )
        lines += [(second, name, str(second % 7)) for second in seconds]
    for k in draw(st.lists(st.integers(0, len(lines) - 1), max_size=3)):
        lines[k] = (*lines[k][:2], draw(st.sampled_from(["", "unavailable"])))
    return sorted(lines)


def text_of(lines: list[tuple[int, str, str]]) -> str:
    start = np.datetime64("2024-01-01T00:00:00")
    rows = [f"{start + np.timedelta64(s, 's')}Z,{n},{v}\n" for s, n, v in lines]
    return "time,name,value\n" + "".join(rows)


def one_by_one(text: str) -> Iterator[str]:
    yield from text.splitlines(keepends=True)


@given(lines=long_lines(), is_shuffled=st.booleans())
def test_all_readers_make_the_same_rows(
    tmp_path: Path, lines: list[tuple[int, str, str]], is_shuffled: bool
) -> None:
    path = tmp_path / "long.csv"
    ordered = text_of(lines)
    text = text_of(sorted(lines, key=lambda line: line[1])) if is_shuffled else ordered
    path.write_text(text)
    data = load_dataset(path, targets="a", options=PIVOT)
    (series,) = data.series
    spec = ModelSpec(
        features=tuple(Feature(name) for name in data.features),
        targets=(Target("a"),),
        layers=(Linear(len(data.features), 1),),
        sample_period_s=60.0,
    )
    file = read_rows(io.StringIO(text), spec, where="file", options=PIVOT)
    pipe = read_rows(one_by_one(ordered), spec, where="pipe", options=PIVOT)
    for reader in (file, pipe):
        rows = list(reader.rows)
        readings = np.array([row.readings for row in rows])
        whole = series.values[series.is_reading]
        assert np.array_equal(readings, whole, equal_nan=True)
        assert series.time_us is not None
        times = series.time_us[series.is_reading].tolist()
        assert [row.time_us for row in rows] == times


@given(long_lines())
def test_no_reading_is_newer_than_its_row(lines: list[tuple[int, str, str]]) -> None:
    cells = [
        LongCell(k, None, second, None, {name: (second, value)})
        for k, (second, name, value) in enumerate(lines)
    ]
    for leaders in (None, ["a"]):
        rows = list(pivoted(cells, leaders=leaders, wanted=()))
        before = -1
        for row in rows:
            assert row.time_us > before
            for second, _ in row.cells.values():
                assert before < second <= row.time_us
            before = row.time_us
        wanted = {s for s, name, _ in lines if leaders is None or name == "a"}
        assert {row.time_us for row in rows} == wanted


def test_a_table_that_is_only_looked_at_has_the_rows_of_its_commonest_name() -> None:
    text = layouts.long_text(layouts.long_rows(minutes_apart=7)[:-1])
    frame = pl.read_csv(io.StringIO(text))
    data = load_dataset(
        frame, targets=(), options=TableOptions(pivot="entity_id"), is_learned=False
    )
    assert len(data.series[0]) == layouts.NUM_ROWS
    assert data.features == ("sensor.temp", "sensor.power")
    named = TableOptions(pivot="entity_id", missing_values=("state=-999",))
    with pytest.raises(DataError, match="no column 'state' for the missing value"):
        load_dataset(frame, targets="sensor.temp", options=named)


def test_a_table_without_any_reading() -> None:
    frame = pl.DataFrame({"time": layouts.STAMPS, "note": ["x"] * layouts.NUM_ROWS})
    with pytest.raises(DataError, match="no column of readings is left: column 'note'"):
        load_dataset(frame, targets=(), is_learned=False)


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        ((5.0, 0), (8.0, 60), 3.0),
        ((5.0, 0), (8.0, 89), 3.0),
        ((5.0, 0), (8.0, 91), np.nan),
        ((5.0, 0), (4.0, 60), np.nan),
        ((5.0, 60), (8.0, 60), np.nan),
        ((np.nan, 0), (8.0, 60), np.nan),
        ((5.0, None), (8.0, None), 3.0),
    ],
)
def test_what_a_counter_counted(
    before: tuple[float, int | None], now: tuple[float, int | None], change: float
) -> None:
    def micro(point: tuple[float, int | None]) -> tuple[float, int | None]:
        return point[0], None if point[1] is None else point[1] * 1_000_000

    found = counter_change(micro(before), micro(now), 60.0)
    assert np.array_equal(found, change, equal_nan=True)


def test_a_series_that_is_no_column_of_a_long_table(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(text_of([(60 * (k // 2), "ab"[k % 2], "1") for k in range(20)]))
    with pytest.raises(DataError, match="there is no column 'b' for the series"):
        load_dataset(path, targets="a", series="b", options=PIVOT)


def test_a_counter_whose_change_is_not_learned() -> None:
    columns = {"temp": [k % 7 for k in range(40)], "n": list(range(0, 120, 3))}
    plain = load_dataset(columns, targets="temp", features=["temp"])
    options = TableOptions(difference=("n",))
    found = load_dataset(columns, targets="temp", features=["temp"], options=options)
    assert found.columns == plain.columns
    assert np.array_equal(found.series[0].values, plain.series[0].values)
