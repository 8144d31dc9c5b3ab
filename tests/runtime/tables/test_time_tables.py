"""Times of whole files: training and device read them alike, and faults stay mended."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import available_timezones

import numpy as np
import polars as pl
import pytest

from rnnedge.data import load_dataset
from rnnedge.data.series import Dataset
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.spec.derived import HOUR_OF_DAY_S, DerivedInput
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.rows.reading import read_rows

START = datetime(2022, 10, 27)
MOMENTS = [START + timedelta(minutes=30 * k) for k in range(400)]


def table(times: Sequence[str], name: str = "time") -> str:
    rows = (f"{text};{20 + k % 7}.5;{k % 5}\n" for k, text in enumerate(times))
    return f"{name};v;w\n" + "".join(rows)


def load(folder: Path, text: str, **options: object) -> Dataset:
    (folder / "a.csv").write_text(text, encoding="utf-8")
    return load_dataset(
        folder / "a.csv",
        targets="v",
        options=TableOptions(**options),  # type: ignore[arg-type]
    )


def spec_of(dataset: Dataset) -> ModelSpec:
    return ModelSpec(
        features=tuple(Feature(name) for name in dataset.features),
        targets=(Target("v"),),
        layers=(Linear(len(dataset.features), 1),),
        sample_period_s=dataset.sample_period_s,
        clock=dataset.clock,
    )


def device_times(
    text: str, dataset: Dataset, *, is_pipe: bool = False, **options: object
) -> list[int | None]:
    lines: Iterator[str] | io.StringIO = io.StringIO(text, newline="")
    if is_pipe:
        lines = iter(text.splitlines(keepends=True))
    reader = read_rows(
        lines,
        spec_of(dataset),
        where="a.csv",
        options=TableOptions(**options),  # type: ignore[arg-type]
    )
    return [row.time_us for row in reader.rows]


def written(code: str) -> list[str]:
    return [moment.strftime(code) for moment in MOMENTS]


FILES = {
    "iso": table(written("%Y-%m-%d %H:%M:%S")),
    "german": table(written("%d.%m.%Y %H:%M"), "Zeit"),
    "english": table(written("%d/%m/%Y %H:%M")),
    "us": table(written("%m/%d/%Y %I:%M %p"), "Date"),
    "month": table(written("%d-%b-%Y %H:%M")),
    "excel": table([f"{44861 + k / 48:.6f}" for k in range(400)]),
    "yymmdd": table(written("%y%m%d %H%M"), "date"),
    "epoch": table([f"{1666828800000 + 1_800_000 * k}" for k in range(400)], "time_ms"),
    "epoch_float": table([f"{1666828800 + 1800 * k}.0" for k in range(400)], "ts"),
    "two": table([f"{m:%d/%m/%Y};{m:%H:%M:%S}" for m in MOMENTS], "Date;Time"),
    "hour_minute": table([f"{m:%Y-%m-%d};{m:%H%M}" for m in MOMENTS], "date;time"),
    "zone_name": table(written("%Y-%m-%d %H:%M:%S CET")),
    "offset": table(written("%Y-%m-%dT%H:%M:%S +02:00")),
    "header": table(written("%m/%d/%y %I:%M:%S %p"), "Date Time, GMT+01:00"),
    "clock": table(written("%H:%M:%S")),
    "seconds": table([f"{0.5 * k:.1f}" for k in range(400)], "Time (s)"),
    "millis": table([str(20 * k) for k in range(400)], "millis"),
    "t": table([f"{0.5 * k}" for k in range(400)], "t"),
}


@pytest.mark.parametrize("name", FILES)
def test_both_readers_read_the_same_times(tmp_path: Path, name: str) -> None:
    dataset = load(tmp_path, FILES[name])
    (series,) = dataset.series
    assert series.time_us is not None
    expected = series.time_us.tolist()
    assert dataset.features == ("v", "w")
    assert np.abs(np.diff(series.time_us) - np.diff(series.time_us)[0]).max() <= 2
    for is_pipe in (False, True):
        times = device_times(FILES[name], dataset, is_pipe=is_pipe)
        assert np.abs(np.array(times) - expected).max() <= 2


@pytest.mark.parametrize("code", ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"])
def test_a_pipe_is_told_by_the_option(tmp_path: Path, code: str) -> None:
    moments = [datetime(2022, 3, 1) + timedelta(hours=k) for k in range(400)]
    text = table([moment.strftime(code) for moment in moments])
    dataset = load(tmp_path, text)
    assert dataset.series[0].time_us is not None
    with pytest.raises(DataError, match="--time-format") as error:
        device_times(text, dataset, is_pipe=True)
    assert code in str(error.value)
    expected = dataset.series[0].time_us.tolist()
    assert device_times(text, dataset, is_pipe=True, time_format=code) == expected
    assert device_times(text, dataset) == expected


def test_yyyymmddhh_are_no_seconds(tmp_path: Path) -> None:
    moments = [datetime(2024, 2, 1) + timedelta(hours=k) for k in range(200)]
    dataset = load(tmp_path, table([f"{m:%Y%m%d%H}" for m in moments]))
    assert dataset.sample_period_s == 3600
    assert len(dataset.series[0]) == 200
    assert any("read as yyyymmddhh" in note for note in dataset.notes)


@pytest.mark.parametrize("name", ["millis", "t_ms", "Timestamp (ms)", "#timestamp_ms"])
def test_milliseconds_from_zero_are_the_time(tmp_path: Path, name: str) -> None:
    dataset = load(tmp_path, table([str(20 * k) for k in range(400)], name))
    assert dataset.sample_period_s == 0.02
    assert not dataset.has_calendar
    assert dataset.clock == ""
    assert dataset.features == ("v", "w")


def test_row_numbers_are_no_features(tmp_path: Path) -> None:
    text = table([f"{k};{m}" for k, m in enumerate(MOMENTS)], "Unnamed: 0;time")
    dataset = load(tmp_path, text)
    assert dataset.features == ("v", "w")
    assert any(
        "'Unnamed: 0' is left out, it just counts" in note for note in dataset.notes
    )
    second = table([f"{k};{m}" for k, m in enumerate(MOMENTS)], "created_at;time")
    assert load(tmp_path, second).features == ("v", "w")


def test_a_second_clock_is_not_said_to_stand_still(tmp_path: Path) -> None:
    text = table(
        [f"{m};{1551398400 + 0.02 * k:.2f}" for k, m in enumerate(MOMENTS)],
        "time;Unix Timestamp",
    )
    dataset = load(tmp_path, text)
    assert dataset.features == ("v", "w")
    assert not any("in all" in note for note in dataset.notes)


def test_local_times_around_the_end_of_daylight_saving(tmp_path: Path) -> None:
    if not available_timezones():
        pytest.skip("no list of time zones")
    utc = [START + timedelta(minutes=30 * k) for k in range(400)]
    change = datetime(2022, 10, 30, 1)
    local = [m + timedelta(hours=2 if m < change else 1) for m in utc]
    text = table([f"{m:%Y-%m-%d %H:%M:%S}" for m in local])
    with pytest.raises(DataError, match=r"row 147, .* goes back by an hour.*--tz"):
        load(tmp_path, text)
    dataset = load(tmp_path, text, tz="Europe/Berlin")
    times = dataset.series[0].time_us
    assert times is not None
    assert dataset.clock == "Europe/Berlin"
    assert times[0] == np.datetime64(START, "us").astype(np.int64)
    assert (np.diff(times) == 1_800_000_000).all()
    assert device_times(text, dataset) == times.tolist()
    hourly = table([f"{m:%Y-%m-%d %H:%M:%S}" for m in local[::2]])
    assert any("repeats an hour" in note for note in load(tmp_path, hourly).notes)
    spring = datetime(2022, 3, 26)
    moments = [spring + timedelta(hours=k + (k >= 26)) for k in range(200)]
    text = table([f"{m:%Y-%m-%d %H:%M}" for m in moments])
    assert any(
        "'2022-03-27 03:00', skips an hour" in n for n in load(tmp_path, text).notes
    )
    assert len(load(tmp_path, text, tz="Europe/Berlin").series[0]) == 200


def test_naive_times_are_said_to_be_utc(tmp_path: Path) -> None:
    dataset = load(tmp_path, FILES["iso"])
    assert dataset.clock == "UTC"
    assert sum("taken as UTC" in note for note in dataset.notes) == 1


def test_a_short_table_is_read_as_its_neighbour(tmp_path: Path) -> None:
    for name, day in (("long", 1), ("short", 2)):
        moments = [datetime(2022, day, 3) + timedelta(hours=k) for k in range(24)]
        if name == "long":
            moments = [datetime(2022, 1, 3) + timedelta(hours=k) for k in range(720)]
        text = table([f"{m:%d/%m/%Y %H:%M}" for m in moments])
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="--time-format"):
        load_dataset(tmp_path / "short.csv", targets="v")
    dataset = load_dataset(str(tmp_path / "*.csv"), targets="v")
    assert dataset.series[1].time_us is not None
    first = np.datetime64(int(dataset.series[1].time_us[0]), "us")
    assert first == np.datetime64("2022-02-03")
    assert sum("taken as UTC" in note for note in dataset.notes) == 1


def test_no_hour_of_day_without_a_date(tmp_path: Path) -> None:
    dataset = load(tmp_path, FILES["seconds"])
    spec = dataclasses.replace(
        spec_of(dataset),
        derived=(DerivedInput(HOUR_OF_DAY_S),),
        layers=(Linear(4, 1),),
    )
    with pytest.raises(DataError, match="holds no dates"):
        read_rows(io.StringIO(FILES["seconds"]), spec, where="a.csv")


@pytest.mark.parametrize(
    ("values", "first", "clock"),
    [
        (pl.Series(MOMENTS, dtype=pl.Datetime("ms")), "2022-10-27T00:00", "UTC"),
        (pl.Series(MOMENTS).dt.replace_time_zone("Etc/GMT-2"), "2022-10-26T22:00", ""),
        (
            pl.Series([2022102700.0 + k for k in range(24)]),
            "2022-10-27T00:00",
            "UTC",
        ),
        (pl.Series([1666828800.0 + k for k in range(24)]), "2022-10-27T00:00", ""),
        (pl.Series([44861 + k / 48 for k in range(48)]), "2022-10-27T00:00", "UTC"),
    ],
)
def test_times_of_data_frames(values: pl.Series, first: str, clock: str) -> None:
    readings = [float(k % 7) for k in range(len(values))]
    dataset = load_dataset(pl.DataFrame({"time": values, "v": readings}), targets="v")
    times = dataset.series[0].time_us
    assert times is not None
    assert np.datetime64(int(times[0]), "us") == np.datetime64(first)
    assert dataset.features == ("v",)
    assert dataset.clock == clock
