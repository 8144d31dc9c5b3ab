"""Data frames of every library: all that is in them is read, or named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from support.tables import table_layouts as layouts

from rnnedge.data import Dataset, load_dataset
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.options import TableOptions

NUM_ROWS = layouts.NUM_ROWS
NAIVE = [time.replace(tzinfo=None) for time in layouts.TIMES]
COUNTS = [(k * 7) % 5 for k in range(NUM_ROWS)]
POLARS = pl.DataFrame({"time": NAIVE, "temp": layouts.TEMP, "n": COUNTS})


def load(source: Any, **arguments: Any) -> Dataset:
    return load_dataset(source, targets="temp", **arguments)


def error_of(source: Any, **arguments: Any) -> str:
    with pytest.raises(DataError) as error:
        load(source, **arguments)
    return str(error.value)


def check_plain(data: Dataset, *, missing: int | None = None) -> None:
    assert data.features == ("temp", "n")
    (series,) = data.series
    expected = np.array([layouts.TEMP, COUNTS], dtype=np.float32).T
    if missing is not None:
        expected[missing, 1] = np.nan
    assert np.array_equal(series.values, expected, equal_nan=True)
    assert series.time is not None
    assert series.time.tolist() == layouts.EPOCHS


@pytest.fixture
def pandas() -> Any:
    return pytest.importorskip("pandas")


@pytest.fixture
def frame(pandas: Any) -> Any:
    return pandas.DataFrame({"time": NAIVE, "temp": layouts.TEMP, "n": COUNTS})


@pytest.mark.parametrize(
    "kind",
    ["Int64", "Float64", "int64[pyarrow]", "float64[pyarrow]", "object", "category"],
)
@pytest.mark.parametrize("missing", [None, 3])
def test_columns_of_every_dtype(
    pandas: Any, frame: Any, kind: str, missing: int | None
) -> None:
    if "pyarrow" in kind:
        pytest.importorskip("pyarrow")
    frame["n"] = frame["n"].astype(kind)
    if missing is not None:
        frame.loc[missing, "n"] = None
    check_plain(load(frame), missing=missing)


def test_the_dtypes_that_pandas_converts_to(pandas: Any, frame: Any) -> None:
    check_plain(load(frame.convert_dtypes()))
    frame["n"] = pandas.arrays.SparseArray(frame["n"])
    check_plain(load(frame))
    frame["n"] = [Decimal(k) for k in COUNTS]
    frame.loc[5, "n"] = Decimal("NaN")
    check_plain(load(frame), missing=5)


def test_flags_with_missing_ones(pandas: Any, frame: Any) -> None:
    frame["n"] = pandas.array([k > 2 for k in COUNTS], dtype="boolean")
    frame.loc[3, "n"] = pandas.NA
    flags = load(frame).series[0].values[:, 1]
    frame["n"] = [k % 2 == 0 for k in range(NUM_ROWS)]  # and "n" is no index either
    assert load(frame).features == ("temp", "n")
    assert np.isnan(flags[3])
    assert np.array_equal(np.delete(flags, 3), np.delete(np.array(COUNTS) > 2, 3))


def test_durations_are_seconds(pandas: Any, frame: Any) -> None:
    frame["n"] = pandas.to_timedelta(frame["n"], unit="s")
    check_plain(load(frame))
    check_plain(load(POLARS.with_columns(n=pl.duration(seconds=pl.col("n")))))
    as_objects = {**POLARS.to_dict(), "n": [timedelta(seconds=k) for k in COUNTS]}
    check_plain(load(as_objects))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_every_unit_and_zone(pandas: Any, frame: Any, unit: str) -> None:
    naive = frame["time"].astype(f"datetime64[{unit}]")
    check_plain(load(frame.assign(time=naive)))
    zoned = naive.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    check_plain(load(frame.assign(time=zoned)))
    check_plain(load(frame.assign(time=zoned.astype(object))))
    check_plain(load(frame.assign(time=naive.astype(str))))


def test_arrow_times(frame: Any) -> None:
    pytest.importorskip("pyarrow")
    for kind in ("timestamp[us][pyarrow]", "timestamp[ns, tz=UTC][pyarrow]"):
        check_plain(load(frame.assign(time=frame["time"].astype(kind))))


@pytest.mark.parametrize("name", [None, "time", "when"])
def test_an_index_of_times_is_the_time(pandas: Any, frame: Any, name: str) -> None:
    indexed = frame.set_index("time").rename_axis(name)
    check_plain(load(indexed))
    check_plain(load(indexed.to_period("h")))
    series = load(indexed["temp"])
    assert series.features == ("temp",)
    assert series.sample_period_s == 3600


def test_levels_of_an_index_name_the_series(pandas: Any, frame: Any) -> None:
    indexed = frame.set_index("time")
    both = pandas.concat({"b": indexed, "a": indexed}, names=["site", "time"])
    for levels in (both, both.swaplevel(), both.rename_axis([None, None])):
        data = load(levels)
        assert [series.name for series in data.series] == ["b", "a"]
        assert data.features == ("temp", "n")
        assert any("of a row apart" in note for note in data.notes)
    nested = pandas.concat({1: both, 2: both}, names=["hall", "site", "time"])
    names = [series.name for series in load(nested).series]
    assert names == ["1/b", "1/a", "2/b", "2/a"]


def test_an_index_without_a_name_is_said_to_be_left_out(frame: Any) -> None:
    data = load(frame.set_axis([f"row {k}" for k in range(NUM_ROWS)]))
    assert any("the index has no name and is left out" in note for note in data.notes)
    assert load(frame.iloc[5:]).notes == load(frame).notes


def test_times_that_are_not_there_are_named_by_their_row(
    pandas: Any, frame: Any
) -> None:
    frame.loc[3, "time"] = pandas.NaT
    assert "time column 'time' is empty in row 4" in error_of(frame)
    times = [*NAIVE[:3], None, *NAIVE[4:]]
    assert "is empty in row 4" in error_of(POLARS.with_columns(time=pl.Series(times)))


def test_names_of_columns(pandas: Any, frame: Any) -> None:
    assert load(frame.rename(columns={"n": 3})).features == ("temp", "3")
    doubled = frame.set_axis(["time", "temp", "temp"], axis=1)
    assert error_of(doubled).startswith(
        "table: columns 2 and 3 are both named 'temp'. Rename one of them."
    )
    two = frame.set_index("time")
    two.columns = pandas.MultiIndex.from_tuples([("in", "temp"), ("in", "n")])
    assert load_dataset(two, targets="in_temp").features == ("in_temp", "in_n")
    taken = frame.set_index("time").assign(time=NAIVE)
    assert "both named 'time'" in error_of(taken)


def test_text_and_odd_objects_are_named(frame: Any) -> None:
    data = load(frame.assign(n=[{"a": 1}] * NUM_ROWS))
    assert any("column 'n' is left out, it holds text" in note for note in data.notes)
    message = error_of(frame.assign(n=[*COUNTS[:-1], "broken"]))
    assert f"column 'n' holds 'broken' in row {NUM_ROWS}" in message


def test_polars_frames() -> None:
    check_plain(load(POLARS))
    check_plain(load(POLARS.lazy()))
    check_plain(load(POLARS.with_columns(n=pl.col("n").cast(pl.Decimal(9, 2)))))
    check_plain(load(POLARS.with_columns(n=pl.col("n").cast(str).cast(pl.Categorical))))
    record = POLARS.select("time", "temp", x=pl.struct("n"))
    assert load(record).features == ("temp", "x.n")


def test_arrow_tables_and_other_libraries() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = POLARS.to_arrow()
    check_plain(load(table))
    check_plain(load(table.to_batches()[0]))
    doubled = pyarrow.table(
        [table["time"], table["temp"], table["temp"]], ["time", "temp", "temp"]
    )
    assert "columns 2 and 3 are both named 'temp'" in error_of(doubled)
    narwhals = pytest.importorskip("narwhals")
    check_plain(load(narwhals.from_native(POLARS)))
    check_plain(load(narwhals.from_native(POLARS.lazy())))


def test_dicts_of_columns(pandas: Any) -> None:
    plain = {"time": NAIVE, "temp": layouts.TEMP, "n": COUNTS}
    check_plain(load(plain))
    check_plain(load({**plain, "time": np.array(NAIVE, dtype="datetime64[s]")}))
    check_plain(load({**plain, "n": np.array(COUNTS, dtype=np.uint8)}))
    check_plain(load({**plain, "n": pandas.Series(COUNTS, dtype="Int64")}))
    check_plain(load({**plain, "n": pl.Series(COUNTS)}))
    check_plain(load({**plain, "n": [*COUNTS[:3], None, *COUNTS[4:]]}), missing=3)
    check_plain(load({**plain, "n": tuple(map(str, COUNTS))}))
    days = [date(2024, 1, 1) + timedelta(days=k) for k in range(NUM_ROWS)]
    assert load({**plain, "time": days}).sample_period_s == 86_400
    zoned = [time.astimezone(UTC) for time in layouts.TIMES]
    check_plain(load({**plain, "time": zoned}))
    assert isinstance(zoned[0], datetime)


def test_dicts_that_are_no_table() -> None:
    plain = {"time": NAIVE, "temp": layouts.TEMP}
    short = error_of({**plain, "n": [1, 2, 3]})
    assert f"column 'n' has 3 cells, expected {NUM_ROWS} as in 'time'" in short
    assert "column 'n' is one int, expected a list" in error_of({**plain, "n": 7})
    square = np.zeros((NUM_ROWS, 2))
    assert f"has the shape [{NUM_ROWS}, 2]" in error_of({**plain, "n": square})
    for nothing in (7, object(), np.zeros(3)):
        assert " is not a table. Give the path of a file" in error_of(nothing)
    assert "the list of tables is empty" in error_of([])
    assert "no rows" in error_of(POLARS.head(0))


def test_lists_and_dicts_of_frames_are_a_series_each(frame: Any) -> None:
    data = load({"oven": frame, "boiler": POLARS})
    assert [series.name for series in data.series] == ["oven", "boiler"]
    data = load([POLARS, frame])
    assert [series.name for series in data.series] == ["1", "2"]
    message = error_of({"oven": frame, "boiler": POLARS.drop("temp")})
    assert message.startswith(
        "table 'boiler': there is no column 'temp' for the target"
    )


def test_options_hold_for_frames(frame: Any) -> None:
    frame.loc[5, "n"] = -999
    data = load(frame, options=TableOptions(missing_values=("n=-999",)))
    check_plain(data, missing=5)
