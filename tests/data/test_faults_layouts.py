"""Layouts of tables: what training reads, the device reads as well, row for row."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support.tables import table_layouts as layouts

from rnnedge.data import Dataset, load_dataset
from rnnedge.data.tables.sources.files import read_file
from rnnedge.data.tables.sources.objects import json_lines
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.rows.reading import read_rows
from rnnedge_runtime.tables.rows.row import Row


def spec_of(data: Dataset) -> ModelSpec:
    return ModelSpec(
        features=tuple(Feature(name) for name in data.features),
        targets=tuple(Target(name) for name in data.targets),
        layers=(Linear(len(data.features), 1),),
        sample_period_s=data.sample_period_s,
        max_gap_s=data.max_gap_s,
        clock=data.clock,
    )


def device_rows(
    text: str, data: Dataset, options: TableOptions | None = None, **names: str
) -> list[Row]:
    reader = read_rows(
        io.StringIO(text), spec_of(data), where="odd", options=options, **names
    )
    return list(reader.rows)


def check_same_rows(
    text: str, data: Dataset, options: TableOptions | None = None, **names: str
) -> None:
    """The readings of the device's rows are those in the training's slots."""
    rows = device_rows(text, data, options, **names)
    num_features = len(data.features)
    for series in data.series:
        own = [row for row in rows if row.series in (None, series.name)]
        whole = series.values[series.is_reading][:, :num_features]
        assert np.array_equal([row.readings for row in own], whole, equal_nan=True)
        if series.time_us is not None:
            times = [row.time_us for row in own]
            assert times == series.time_us[series.is_reading].tolist()


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    raw = text.encode()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


LAYOUTS = {
    "lines.jsonl": layouts.json_lines(),
    "lines.ndjson": "\n" + layouts.json_lines(),
    "packed.jsonl.gz": layouts.json_lines(),
    "array.json": json.dumps(layouts.objects()),
    "pretty.json": json.dumps(layouts.objects(), indent=2),
    "wrapped.json": json.dumps({"status": "ok", "data": layouts.objects()}),
    "columns.json": json.dumps(layouts.columns()),
    "split.json": json.dumps(
        {
            "columns": ["time", "temp", "power"],
            "index": list(range(layouts.NUM_ROWS)),
            "data": [list(row) for row in layouts.ROWS],
        }
    ),
    "index.json": json.dumps({str(k): o for k, o in enumerate(layouts.objects())}),
    "by_column.json": json.dumps(
        {n: {str(k): v for k, v in enumerate(c)} for n, c in layouts.columns().items()}
    ),
    "header.json": json.dumps([["time", "temp", "power"], *map(list, layouts.ROWS)]),
    "inner.json": json.dumps({"place": "Kiel", "hourly": layouts.columns()}),
    "senml.jsonl": layouts.senml_lines(),
    "senml_stream.jsonl": layouts.senml_single_records(),
    "senml.json": layouts.senml_array(),
    "influx.csv": layouts.influx_text(),
    "influx_plain.csv": layouts.influx_text(has_annotations=False),
    "influx_tables.csv": layouts.influx_text(tables_apart=True),
    "influx.csv.gz": layouts.influx_text(),
    "json_in.txt": layouts.json_lines(),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_means_the_same_to_training_and_device(
    tmp_path: Path, name: str
) -> None:
    data = load_dataset(write(tmp_path, name, LAYOUTS[name]), targets="temp")
    assert data.features == ("temp", "power")
    assert data.sample_period_s == 3600
    (series,) = data.series
    assert np.array_equal(series.values, layouts.VALUES)
    assert series.time is not None
    assert series.time.tolist() == layouts.EPOCHS
    check_same_rows(LAYOUTS[name], data)


def test_senml_tells_units_and_refuses_relative_times(tmp_path: Path) -> None:
    data = load_dataset(
        write(tmp_path, "a.jsonl", layouts.senml_lines()), targets="temp"
    )
    assert data.units == ("C", "W")
    text = "".join(f'[{{"n": "temp", "t": {-9 - k}, "v": {k}}}]\n' for k in range(9))
    with pytest.raises(DataError, match="has the time -9, which SenML counts from now"):
        load_dataset(write(tmp_path, "b.jsonl", text), targets="temp")


def test_two_devices_in_senml_are_told_apart(tmp_path: Path) -> None:
    lines = []
    for k, epoch in enumerate(layouts.EPOCHS):
        for device in "ab":
            value = layouts.TEMP[k] + (device == "b")
            record = {"bn": f"{device}:", "bt": epoch, "n": "temp", "v": value}
            lines.append(json.dumps([record]))
    path = write(tmp_path, "a.jsonl", "\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"--series base_name .* --pivot base_name"):
        load_dataset(path, targets="temp")
    data = load_dataset(path, targets="temp", series="base_name")
    assert [series.name for series in data.series] == ["a:", "b:"]
    check_same_rows(path.read_text(), data, series="base_name")


def test_nested_objects_have_names_with_dots(tmp_path: Path) -> None:
    text = layouts.nested_lines()
    data = load_dataset(write(tmp_path, "a.jsonl", text), targets="in.temp")
    assert data.features == ("in.temp", "out.power")
    check_same_rows(text, data)


def test_keys_that_come_and_go_are_missing_readings(tmp_path: Path) -> None:
    items = [
        {k: v for k, v in item.items() if k != "power"} for item in layouts.objects()
    ]
    for k in range(5, len(items), 2):
        items[k]["power"] = layouts.POWER[k]
    text = "".join(json.dumps(item) + "\n" for item in items)
    data = load_dataset(write(tmp_path, "a.jsonl", text), targets="temp")
    assert data.features == ("temp", "power")
    assert np.isnan(data.series[0].values[:5, 1]).all()
    check_same_rows(text, data)


def test_influx_names_measurements_and_tags_only_where_they_differ(
    tmp_path: Path,
) -> None:
    text = layouts.influx_text()
    both = text + "".join(
        f",,2,,,{stamp},{value},temp,cellar\n"
        for stamp, value in zip(layouts.STAMPS, layouts.POWER, strict=True)
    )
    data = load_dataset(write(tmp_path, "a.csv", both), targets="room.temp")
    assert data.features == ("room.temp", "power", "cellar.temp")
    tagged = text.replace("_measurement\n", "_measurement,host\n").replace(
        "room\n", "room,a\n"
    )
    tagged += "".join(
        f",,2,,,{stamp},{value},temp,room,b\n"
        for stamp, value in zip(layouts.STAMPS, layouts.POWER, strict=True)
    )
    path = write(tmp_path, "b.csv", tagged)
    with pytest.raises(DataError, match=r"--series host .* --pivot host"):
        load_dataset(path, targets="temp")
    options = TableOptions(pivot="host")
    data = load_dataset(path, targets="a_temp", options=options)
    assert data.features == ("a_temp", "a_power", "b_temp")
    check_same_rows(tagged, data, options)


def test_broken_layouts_are_named(tmp_path: Path) -> None:
    for name, text, expected in (
        ("a.json", '{"time": 1,\n "temp": ', "the file is not JSON"),
        ("b.jsonl", '{"time": 1, "temp": 2}\n{"time"\n', "row 2 is not a JSON object"),
        ("c.json", "time,temp\n1,2\n", "does not start as JSON does"),
        ("d.json", "", "the table is empty"),
        ("g.json", LAYOUTS["array.json"][:-9], "the file is not JSON"),
        ("h.json", "[[1, 2], [3, 4]]", "row 1 is not a JSON object"),
        ("e.csv", layouts.influx_text()[:-9], "the row is cut short|has 8 cells"),
        (
            "f.csv",
            "#datatype,string\n#group,true\n,error,reference\n,x,1\n",
            "an error of",
        ),
    ):
        with pytest.raises(DataError, match=expected):
            load_dataset(write(tmp_path, name, text), targets="temp")


@pytest.mark.parametrize("order", ["mixed", "blocks", "sorted"])
@pytest.mark.parametrize("minutes", [0, 7])
def test_long_tables_are_refused_with_both_ways(
    tmp_path: Path, minutes: int, order: str
) -> None:
    """Two sensors were mixed into one series of "400 s"."""
    rows = layouts.long_rows(minutes_apart=minutes)
    if order != "mixed":
        rows = [*rows[::2], *rows[1::2]]
    rows = sorted(rows) if order == "sorted" else rows
    path = write(tmp_path, "ha.csv", layouts.long_text(rows))
    for target in ("state", "sensor.power"):
        with pytest.raises(DataError) as error:
            load_dataset(path, targets=target)
        message = str(error.value)
        assert "sensor.temp" in message
        assert "--series entity_id" in message
        assert "--pivot entity_id" in message


@pytest.mark.parametrize("target", ["sensor.temp", "sensor.power"])
@pytest.mark.parametrize("resample", [None, "1h:last", "2h:mean", "2h:max"])
@pytest.mark.parametrize("minutes", [0, 7])
def test_pivoted_tables_mean_the_same_to_training_and_device(
    tmp_path: Path, minutes: int, resample: str | None, target: str
) -> None:
    options = TableOptions(pivot="entity_id", resample=resample)
    for rows in (
        layouts.long_rows(minutes_apart=minutes),
        sorted(layouts.long_rows(minutes_apart=minutes)),
    ):
        text = layouts.long_text(rows)
        path = write(tmp_path, "ha.csv", text)
        data = load_dataset(path, targets=target, options=options)
        assert set(data.features) == {"sensor.temp", "sensor.power"}
        assert data.sample_period_s == {None: 3600, "1h:last": 3600}.get(resample, 7200)
        if resample != "1h:last":
            check_same_rows(text, data, options)
    note = "one for each 'entity_id'"
    assert any(note in note_text for note_text in data.notes)


def test_a_pivoted_row_holds_nothing_newer_than_its_time(tmp_path: Path) -> None:
    text = layouts.long_text(layouts.long_rows(minutes_apart=7))
    options = TableOptions(pivot="entity_id")
    path = write(tmp_path, "ha.csv", text)
    data = load_dataset(path, targets="sensor.temp", options=options)
    power = data.series[0].values[:, data.columns.index("sensor.power")]
    assert np.isnan(power[0])
    assert np.array_equal(power[1:], layouts.VALUES[:-1, 1])


def test_a_live_pivot_answers_when_a_row_is_complete() -> None:
    spec = ModelSpec(
        features=(Feature("sensor.temp"), Feature("sensor.power")),
        targets=(Target("sensor.temp"),),
        layers=(Linear(2, 1),),
        sample_period_s=3600.0,
    )
    given: list[int] = []

    def lines() -> object:
        for k, line in enumerate(layouts.long_text(layouts.long_rows()).splitlines()):
            given.append(k)
            yield line + "\n"

    options = TableOptions(pivot="entity_id")
    reader = read_rows(lines(), spec, where="pipe", options=options)
    assert next(reader.rows).readings.tolist() == layouts.VALUES[0].tolist()
    assert given[-1] <= 3


def test_mode_columns_are_no_names(tmp_path: Path) -> None:
    """Texts beside regular rows say how the machine is, not which it is."""
    rng = np.random.default_rng(0)
    modes = rng.choice(["auto", "eco", "off"], layouts.NUM_ROWS)
    alternating = [("open", "closed")[k % 2] for k in range(layouts.NUM_ROWS)]
    for mode in (modes, alternating):
        rows = [
            f"{t},{m},{a}\n" for (t, a, _), m in zip(layouts.ROWS, mode, strict=True)
        ]
        path = write(tmp_path, "a.csv", "time,mode,temp\n" + "".join(rows))
        assert load_dataset(path, targets="temp").sample_period_s == 3600


def test_two_columns_that_name_the_series_together(tmp_path: Path) -> None:
    lines = ["date,store,item,sales"]
    for store in (1, 2):
        for item in (1, 2):
            for k in range(40):
                lines.append(f"2024-01-{k + 1:02d},{store},{item},{k * store + item}")
    lines = [line for line in lines if "-01-3" not in line and "-01-4" not in line]
    text = "\n".join(lines) + "\n"
    path = write(tmp_path, "sales.csv", text)
    with pytest.raises(DataError, match=r"--series store\+item"):
        load_dataset(path, targets="sales")
    data = load_dataset(path, targets="sales", series="store+item")
    assert [series.name for series in data.series] == ["1/1", "1/2", "2/1", "2/2"]
    assert data.features == ("sales",)
    check_same_rows(text, data, series="store+item")


def test_a_pivot_without_what_it_needs(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", layouts.long_text(layouts.long_rows()))
    for pivot, target, expected in (
        ("sensor", "sensor.temp", "no column 'sensor' for the pivot"),
        ("entity_id", "sensor.tmp", "no column 'sensor.tmp' for the target"),
    ):
        with pytest.raises(DataError, match=expected):
            load_dataset(path, targets=target, options=TableOptions(pivot=pivot))
    no_time = write(tmp_path, "b.csv", "name,value\na,1\nb,2\na,2\nb,1\n")
    with pytest.raises(DataError, match="rows of one time belong together"):
        load_dataset(no_time, targets="a", options=TableOptions(pivot="name"))
    empty = write(
        tmp_path,
        "c.csv",
        layouts.long_text(["sensor.temp,1,2024-01-01", ",2,2024-01-02"]),
    )
    with pytest.raises(DataError, match="'entity_id' is empty in row 2"):
        load_dataset(
            empty, targets="sensor.temp", options=TableOptions(pivot="entity_id")
        )


def counter_text(*, offset: int = 10_000_000_000, has_reset: bool = False) -> str:
    steps = np.random.default_rng(1).integers(80, 160, layouts.NUM_ROWS)
    totals = offset + np.cumsum(steps)
    if has_reset:
        totals[30:] -= totals[30]
    rows = [f"{t},{v}\n" for t, v in zip(layouts.STAMPS, totals.tolist(), strict=True)]
    return "time,total_wh\n" + "".join(rows[:40] + rows[43:])


def test_a_counter_beyond_float32_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", counter_text())
    with pytest.raises(
        DataError, match=r"57 different values become .* --difference total_wh"
    ):
        load_dataset(path, targets="total_wh")
    small = write(tmp_path, "b.csv", counter_text(offset=0))
    assert load_dataset(small, targets="total_wh").features == ("total_wh",)


@pytest.mark.parametrize("has_reset", [False, True])
def test_the_change_of_a_counter(tmp_path: Path, has_reset: bool) -> None:
    text = counter_text(has_reset=has_reset)
    options = TableOptions(difference=("total_wh",))
    path = write(tmp_path, "a.csv", text)
    data = load_dataset(path, targets="total_wh", options=options)
    assert data.features == data.targets == ("total_wh_change",)
    assert data.units == ("Wh",)
    change = data.series[0].values[:, 0]
    missing = np.flatnonzero(np.isnan(change)).tolist()
    assert missing == [0, *([30] if has_reset else []), 40, 41, 42, 43]
    steps = np.random.default_rng(1).integers(80, 160, layouts.NUM_ROWS)
    is_known = ~np.isnan(change)
    assert np.array_equal(change[is_known], steps[is_known])
    check_same_rows(text, data, options)
    with pytest.raises(DataError, match="Read it with --difference total_wh"):
        device_rows(text, data)


@pytest.mark.parametrize("kind", ["parquet", "xlsx"])
def test_files_that_a_workstation_streams(tmp_path: Path, kind: str) -> None:
    frame = pl.read_csv(io.StringIO(layouts.csv_text()), try_parse_dates=True)
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        frame.write_parquet(path)
    else:
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append(["time", "temp", "power"])
        for time, row in zip(layouts.TIMES, layouts.ROWS, strict=True):
            sheet.append([time.replace(tzinfo=None), *row[1:]])
        book.save(path)
    data = load_dataset(path, targets="temp")
    assert np.array_equal(data.series[0].values, layouts.VALUES)
    lines = "".join(json_lines(read_file(path, TableOptions())))
    check_same_rows(lines, data)


def test_a_section_above_a_table_is_no_json(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "[readings]\n" + layouts.csv_text())
    data = load_dataset(path, targets="temp")
    assert np.array_equal(data.series[0].values, layouts.VALUES)


def test_a_folder_is_all_its_tables(tmp_path: Path) -> None:
    folder = tmp_path / "my data"
    folder.mkdir()
    for name in ("b.jsonl", "b.json", "a.jsonl.gz"):
        write(folder, name, LAYOUTS["packed.jsonl.gz"])
    write(folder, "README.md", "no table")
    data = load_dataset(folder, targets="temp")
    assert [series.name for series in data.series] == ["a", "b.json", "b.jsonl"]
