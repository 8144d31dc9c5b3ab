from __future__ import annotations

import gzip
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rnnedge.data import Dataset, load_dataset
from rnnedge.data.tables.units import guess_unit
from rnnedge.datasets import weather
from rnnedge_runtime.errors import DataError

HOURS = [f"2013-01-01T{hour:02d}:00:00Z" for hour in range(24)]


def write(folder: Path, text: str, name: str = "boiler.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def hourly(*columns: str, cells: list[list[object]], hours: list[str] = HOURS) -> str:
    lines = [",".join(["time", *columns])]
    for hour, row in zip(hours, cells, strict=False):
        lines.append(",".join([hour, *map(str, row)]))
    return "\n".join(lines) + "\n"


def load_error(source: object, **arguments: object) -> str:
    arguments.setdefault("targets", "temp")
    with pytest.raises(DataError) as error:
        load_dataset(source, **arguments)
    return str(error.value)


def test_the_weather_of_jfk() -> None:
    data = load_dataset(weather(), targets="temp_c")
    names = ("temp_c", "dewpoint_c", "humidity_pct", "wind_ms", "pressure_hpa")
    assert data.columns == data.features == names
    assert data.units == ("C", "C", "%", "m/s", "hPa")
    assert data.sample_period_s == 3600
    (series,) = data.series
    assert len(series) == 8730
    assert series.time is not None
    assert series.time[0] == 1_357_020_000
    assert series.values.dtype == np.float32
    assert np.isnan(series.values).sum(axis=0)[-1] == 855
    assert series.is_reading.all()
    assert data.notes == ()


def test_the_weather_of_newark_keeps_its_broken_reading() -> None:
    data = load_dataset(weather("ewr"), targets="temp_c")
    wind = data.series[0].values[:, data.columns.index("wind_ms")]
    assert np.nanmax(wind) == np.float32(468.7)
    with pytest.raises(DataError, match=r"no station 'lga'\. Choose one of jfk, ewr"):
        weather("lga")


def test_features_are_the_numeric_columns_and_targets_are_features(
    tmp_path: Path,
) -> None:
    text = hourly("temp", "site", "flow", cells=[[k, "a", 2 * k] for k in range(5)])
    data = load_dataset(write(tmp_path, text), targets=["temp"])
    assert data.features == ("temp", "flow")
    assert data.columns == ("temp", "flow")
    assert data.notes == (
        f"{tmp_path / 'boiler.csv'}: column 'site' is left out, it holds text ('a' in "
        "row 1).",
    )


def test_named_features_stand_alone_and_targets_follow(tmp_path: Path) -> None:
    text = hourly("temp", "flow", "fan", cells=[[k, 2 * k, -k] for k in range(5)])
    data = load_dataset(write(tmp_path, text), targets="temp", features=["fan", "flow"])
    assert data.features == ("fan", "flow")
    assert data.targets == ("temp",)
    assert data.columns == ("fan", "flow", "temp")
    assert data.series[0].values[3].tolist() == [-3, 6, 3]


def test_infinities_and_too_large_numbers_are_missing(tmp_path: Path) -> None:
    text = hourly("temp", cells=[[1], ["inf"], ["1e39"], [2], ["NA"]])
    values = load_dataset(write(tmp_path, text), targets="temp").series[0].values
    assert np.array_equal(np.isnan(values[:, 0]), [False, True, True, False, True])


def test_holes_duplicates_and_rows_off_the_grid_are_mended_and_named(
    tmp_path: Path,
) -> None:
    hours = [*HOURS[:4], "2013-01-01T03:10:00Z", HOURS[6], "2013-01-01T07:05:00Z"]
    text = hourly("temp", cells=[[k] for k in range(7)], hours=[*hours, *HOURS[8:]])
    text += hourly("temp", cells=[[k] for k in range(9)], hours=HOURS[8:]).split(
        "\n", 1
    )[1]
    data = load_dataset(write(tmp_path, text), targets="temp")
    (series,) = data.series
    assert data.sample_period_s == 3600
    assert series.time is not None
    assert np.all(np.abs(np.diff(series.time) - 3600) <= 600)
    assert series.values[:9, 0].tolist()[:4] == [0, 1, 2, 3]
    assert np.isnan(series.values[4:6, 0]).all()
    assert series.values[6:9, 0].tolist() == [5, 6, 0]
    assert series.is_reading.tolist()[:9] == [True] * 4 + [False] * 2 + [True] * 3
    where = tmp_path / "boiler.csv"
    assert data.notes == (
        f"{where}: 4 rows off the period of 1 h, by the time since the row before, in "
        "the nearest slot (rows 5, 6, 7, 8).",
        f"{where}: 1 row left out, their time slot was already taken (row 5).",
        f"{where}: 2 missing rows put in after row 5.",
    )


def test_a_table_without_time_is_one_step_a_row(tmp_path: Path) -> None:
    data = load_dataset(write(tmp_path, "temp\n1\n\n2\n1\n"), targets="temp")
    assert data.sample_period_s is None
    assert data.series[0].time is None
    assert data.series[0].values[:, 0].tolist() == [1, 2, 1]
    assert data.notes[0].endswith("no time column, so rows are taken one step apart.")


def test_series_in_one_file_share_the_period(tmp_path: Path) -> None:
    lines = ["time,pump,temp"]
    for k in range(6):
        lines.append(f"{HOURS[k]},west,{k}")
        if k != 3:
            lines.append(f"{HOURS[k + 10]},east,{10 * k}")
    data = load_dataset(
        write(tmp_path, "\n".join(lines)), targets="temp", series="pump"
    )
    assert [series.name for series in data.series] == ["west", "east"]
    assert [len(series) for series in data.series] == [6, 6]
    assert data.features == ("temp",)
    east = data.series[1]
    assert np.array_equal(
        east.values[:, 0], [0, 10, 20, np.nan, 40, 50], equal_nan=True
    )
    assert data.notes == (
        f"{tmp_path / 'boiler.csv'}, series 'east': 1 missing row put in after row 6.",
    )


def test_several_files_by_pattern_and_by_list(tmp_path: Path) -> None:
    for name in ("b", "a"):
        cells = [[ord(name) + k, k] for k in range(5)]
        write(tmp_path, hourly("temp", f"only_{name}", cells=cells), f"{name}.csv")
    data = load_dataset(str(tmp_path / "*.csv"), targets="temp")
    assert [series.name for series in data.series] == ["a", "b"]
    assert data.series[1].values[0, 0] == ord("b")
    assert data.features == ("temp",)
    assert (
        len([note for note in data.notes if "another table has no such" in note]) == 2
    )
    same = load_dataset([tmp_path / "a.csv", tmp_path / "b.csv"], targets="temp")
    assert same.series[1].values.tolist() == data.series[1].values.tolist()
    assert "no file matches" in load_error(str(tmp_path / "*.tsv"))


def test_series_in_several_files_keep_apart(tmp_path: Path) -> None:
    for month in (1, 2):
        lines = [f"2013-0{month}-0{k},{'ab'[k % 2]},{k}" for k in range(1, 9)]
        write(tmp_path, "day,pump,temp\n" + "\n".join(lines), f"site.{month}.csv")
    data = load_dataset(str(tmp_path / "*.csv"), targets="temp", series="pump")
    names = [series.name for series in data.series]
    assert names == ["site.1/b", "site.1/a", "site.2/b", "site.2/a"]
    assert data.sample_period_s == 2 * 86_400


def same_readings(data: Dataset, other: Dataset) -> bool:
    a, b = data.series[0], other.series[0]
    return (
        data.columns == other.columns
        and data.sample_period_s == other.sample_period_s
        and np.array_equal(a.values, b.values, equal_nan=True)
        and np.array_equal(a.time, b.time)
    )


def test_csv_parquet_and_frames_mean_the_same(tmp_path: Path) -> None:
    cells: list[list[object]] = [[0.5 * k, ("", 7, -2)[k % 3]] for k in range(9)]
    path = write(tmp_path, hourly("temp", "flow", cells=cells))
    from_csv = load_dataset(path, targets="temp")
    start = datetime(2013, 1, 1)
    times = [start + timedelta(hours=k) for k in range(9)]
    frame = pl.DataFrame(
        {
            "time": times,
            "temp": [0.5 * k for k in range(9)],
            "flow": [(None, 7, -2)[k % 3] for k in range(9)],
        }
    )
    zoned = frame.with_columns(
        pl.col("time").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo")
    )
    epoch = frame.with_columns(pl.col("time").dt.epoch("s"))
    for k, variant in enumerate((frame, zoned, epoch)):
        assert same_readings(load_dataset(variant, targets="temp"), from_csv)
        variant.write_parquet(tmp_path / f"{k}.parquet")
        parquet = load_dataset(tmp_path / f"{k}.parquet", targets="temp")
        assert same_readings(parquet, from_csv)
    assert same_readings(load_dataset(frame.to_dict(), targets="temp"), from_csv)
    packed = tmp_path / "boiler.tsv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes().replace(b",", b"\t")))
    assert same_readings(load_dataset(packed, targets="temp"), from_csv)


def test_other_types_of_columns() -> None:
    frame = pl.DataFrame(
        {
            "day": [datetime(2013, 1, k).date() for k in (1, 2, 3)],
            "open": [True, False, None],
            "level": pl.Series(["1", "2", "NA"], dtype=pl.Categorical),
            "temp": pl.Series(["1.50", "2.5", None]).cast(pl.Decimal(6, 2)),
            "parts": [[1], [2], [3]],
            "nothing": [None, None, None],
        }
    )
    data = load_dataset(frame, targets="temp")
    assert data.sample_period_s == 86_400
    assert data.features == ("open", "level", "temp")
    expected = [[1, 1, 1.5], [0, 2, 2.5], [np.nan, np.nan, np.nan]]
    assert np.array_equal(data.series[0].values, expected, equal_nan=True)
    assert [note.split("'")[1] for note in data.notes] == ["parts", "nothing"]


def test_units_are_given_or_read_from_the_names(tmp_path: Path) -> None:
    text = hourly(
        "temp_k", "flow [l/min]", "load", cells=[[k, -k, 2 * k] for k in range(4)]
    )
    path = write(tmp_path, text)
    data = load_dataset(path, targets="temp_k", units={"load": "kN"})
    assert data.units == ("K", "l/min", "kN")
    message = load_error(path, targets="temp_k", units={"laod": "kN"})
    assert "no column 'laod' for the unit" in message
    assert "Did you mean 'load'?" in message


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("temp_c", "C"),
        ("Power_kW", "kW"),
        ("c", ""),
        ("temp", ""),
        ("x_y", ""),
        ("p (bar)", "bar"),
        ("[C]", ""),
    ],
)
def test_guessing_a_unit(column: str, unit: str) -> None:
    assert guess_unit(column) == unit


def test_a_missing_column_is_named_with_what_there_is(tmp_path: Path) -> None:
    path = write(tmp_path, hourly("temp_c", "flow", cells=[[k, k] for k in range(3)]))
    assert load_error(path, targets="temp_cc") == (
        f"{path}: there is no column 'temp_cc' for the target, the table has time, "
        "temp_c, flow. Did you mean 'temp_c'?"
    )
    for role, argument in (
        ("feature", {"features": ["zzz"]}),
        ("series", {"series": "zzz"}),
        ("time", {"time": "zzz"}),
    ):
        message = load_error(path, targets="temp_c", **argument)
        assert f"no column 'zzz' for the {role}, the table has time, temp_c" in message
        assert message.endswith("Choose one of these.")
    assert load_error(path, targets=()).startswith("load_dataset: no target is named.")


def test_text_in_a_numeric_column_is_named(tmp_path: Path) -> None:
    cells: list[list[object]] = [[k, 2 * k] for k in range(9)]
    cells[4][1] = "fault"
    path = write(tmp_path, hourly("temp", "flow", cells=cells))
    assert load_error(path) == (
        f"{path}: column 'flow' holds 'fault' in row 5, expected a number. If it means a "
        "missing reading, name it with --na 'fault'. Otherwise mend the cell, or leave the "
        "column out."
    )
    assert load_dataset(path, targets="temp", features=["temp"]).features == ("temp",)


def test_a_text_column_is_refused_only_when_asked_for(tmp_path: Path) -> None:
    path = write(
        tmp_path, hourly("temp", "mode", cells=[[k, "auto"] for k in range(4)])
    )
    assert load_dataset(path, targets="temp").features == ("temp",)
    for asked in ({"targets": "mode"}, {"features": ["temp", "mode"]}):
        assert "column 'mode' holds 'auto' in row 1" in load_error(path, **asked)


@pytest.mark.parametrize(
    ("cell", "fault"), [("7.5", "is 7.5 in all 4 rows"), ("", "is empty in all 4 rows")]
)
def test_columns_without_information(tmp_path: Path, cell: str, fault: str) -> None:
    path = write(tmp_path, hourly("temp", "flow", cells=[[k, cell] for k in range(4)]))
    data = load_dataset(path, targets="temp")
    assert data.features == ("temp",)
    assert data.notes == (f"{path}: column 'flow' is left out, it {fault}.",)
    for asked in ({"targets": "flow"}, {"features": ["temp", "flow"]}):
        assert load_error(path, **asked) == (
            f"{path}: column 'flow' {fault}, so there is nothing to learn from it. "
            "Leave it out, or give a table in which it varies."
        )


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    raw = text.encode()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    message = load_error(path)
    assert message.startswith(f"{path}: the table is empty, expected a header line")


def test_a_header_without_rows(tmp_path: Path) -> None:
    for end in ("", "\n", "\n\n"):
        path = write(tmp_path, "time,temp" + end)
        assert load_error(path) == (
            f"{path}: the table has the header time, temp and no rows. Check that it was "
            "written completely."
        )
    pl.DataFrame({"temp": []}).write_parquet(tmp_path / "a.parquet")
    assert "the header temp and no rows" in load_error(tmp_path / "a.parquet")
    assert "the table is empty" in load_error({})


def test_time_going_backwards(tmp_path: Path) -> None:
    hours = [HOURS[0], HOURS[1], HOURS[3], HOURS[2], HOURS[4]]
    path = write(tmp_path, hourly("temp", cells=[[k] for k in range(5)], hours=hours))
    message = load_error(path)
    assert message.startswith(
        f"{path}: time goes backwards in row 4, from 2013-01-01T03:00:00Z to "
        "2013-01-01T02:00:00Z. Sort the rows by time"
    )
    assert "--series" in message


def test_a_cell_that_is_not_a_time(tmp_path: Path) -> None:
    hours = [*HOURS[:3], "soon"]
    path = write(tmp_path, hourly("temp", cells=[[k] for k in range(4)], hours=hours))
    assert (
        "time column 'time' holds 'soon', which is not a time in row 4."
        in load_error(path)
    )


def test_interleaved_series_without_their_column(tmp_path: Path) -> None:
    hours = [hour for hour in HOURS[:6] for _ in range(2)]
    path = write(tmp_path, hourly("temp", cells=[[k] for k in range(12)], hours=hours))
    message = load_error(path)
    assert "6 of 12 rows repeat the time before them" in message
    assert "--series" in message


def test_an_empty_cell_in_the_series_column(tmp_path: Path) -> None:
    text = "time,pump,temp\n" + f"{HOURS[0]},a,1\n{HOURS[1]},,2\n"
    message = load_error(write(tmp_path, text), series="pump")
    assert "series column 'pump' is empty in row 2" in message


def test_rows_without_a_period(tmp_path: Path, rng: np.random.Generator) -> None:
    times = 1_357_020_000 + np.cumsum(rng.exponential(3600, 300)).astype(int)
    lines = ["time,temp", *(f"{t},{k}" for k, t in enumerate(times))]
    message = load_error(write(tmp_path, "\n".join(lines)))
    assert "the rows have no regular period" in message
    assert "Put the readings on a fixed period with --resample, for example" in message


def test_a_jump_too_long_for_a_hole_starts_a_new_stretch(tmp_path: Path) -> None:
    lines = ["time,temp", *(f"{k},{k}" for k in range(9)), "2000000,9"]
    data = load_dataset(write(tmp_path, "\n".join(lines)), targets="temp")
    assert [len(series) for series in data.series] == [9, 1]


def test_one_table_with_and_one_without_time(tmp_path: Path) -> None:
    a = write(tmp_path, hourly("temp", cells=[[k] for k in range(4)]), "a.csv")
    b = write(tmp_path, "temp\n1\n2\n", "b.csv")
    assert load_error([a, b]).startswith(f"{b}: no time column is found")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "does not exist" in load_error(tmp_path / "no.csv")
    assert "the folder holds no table" in load_error(tmp_path)
    path = write(tmp_path, "x", "readings.pdf")
    assert "the ending '.pdf' is not one of .csv, " in load_error(path)
    for name in ("bad.parquet", "bad.csv.gz"):
        message = load_error(write(tmp_path, "not that", name))
        assert message.startswith(f"{tmp_path / name}: the file cannot be read: ")
    packed = gzip.compress(b"time,temp\n" * 1000)
    (tmp_path / "cut.csv.gz").write_bytes(packed[: len(packed) // 2])
    assert "cannot be read" in load_error(tmp_path / "cut.csv.gz")


def test_something_that_is_no_table() -> None:
    assert load_error(7).startswith("table: a int is not a table. Give the path")
