"""`rnnedge run --series`: several series in one table, each with a state of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.run_helpers import (
    NAMES,
    forecasts,
    make_artifact,
    parse,
    run,
    several_series,
)

import rnnedge_runtime as runtime
from rnnedge.data import load_dataset
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.live.series_streams import SeriesStreams


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_artifact(tmp_path_factory.mktemp("artifact"))


@pytest.mark.parametrize("output_format", ["csv", "jsonl"])
def test_several_series_in_one_file_are_streamed_apart(
    artifact: Path, output_format: str
) -> None:
    """Wrong: a file that trained with `--series` stopped at "time goes backwards". Right:
    every series as if it were alone, rows in file order.
    """
    text, alone = several_series()
    options = ("--series", "station", "--format", output_format)
    result = run(artifact, *options, stdin=text)
    assert result.exit_code == 0, result.output
    if output_format == "csv":
        found = parse(result.stdout)
    else:
        objects = [json.loads(line) for line in result.stdout.splitlines()]
        found = [{k: str(v) for k, v in item.items()} for item in objects]
    assert list(found[0]) == ["station", "time", *NAMES]
    expected = parse(text)
    for column in ("station", "time"):
        assert [row[column] for row in found] == [row[column] for row in expected]
    for name, table in alone.items():
        own = [row for row in found if row["station"] == name]
        single = parse(run(artifact, stdin=table).stdout)
        assert np.array_equal(forecasts(own), forecasts(single))
    assert "standard input: missing rows stepped: " in result.stderr


def test_series_in_json_lines(artifact: Path) -> None:
    rows = parse(several_series()[0])
    objects = [
        {k: v if k in ("station", "time") else float(v) for k, v in row.items()}
        for row in rows
    ]
    text = "".join(json.dumps(item) + "\n" for item in objects)
    expected = run(artifact, "--series", "station", stdin=several_series()[0]).stdout
    assert run(artifact, "--series", "station", stdin=text).stdout == expected


def test_series_are_those_of_training(artifact: Path, tmp_path: Path) -> None:
    path = tmp_path / "stations.csv"
    path.write_text(several_series()[0])
    found = parse(run(artifact, "--series", "station", "--input", path).stdout)
    dataset = load_dataset(path, targets="temp_c", series="station")
    assert len(dataset.series) == 3
    for series in dataset.series:
        stream = runtime.load(artifact).stream()
        assert series.time is not None
        expected = [
            stream.step(x, time=int(t))
            for x, t in zip(series.values, series.time, strict=True)
        ]
        own = [row for row in found if row["station"] == series.name]
        assert np.array_equal(forecasts(own), np.array(expected)[series.is_reading])


def test_the_states_of_all_series_are_in_one_file(
    artifact: Path, tmp_path: Path
) -> None:
    text, _ = several_series()
    whole = run(artifact, "--series", "station", stdin=text).stdout
    header, *lines = text.splitlines(keepends=True)
    state = tmp_path / "all.state"
    rows = ""
    for part in (lines[:1], lines[1:50], [], lines[50:]):
        stdin = "".join([header, *part])
        result = run(artifact, "--series", "station", "--state", state, stdin=stdin)
        assert result.exit_code == 0, result.output
        rows += result.stdout.split("\n", 1)[1]
    assert rows == whole.split("\n", 1)[1]


def test_the_state_file_is_that_of_the_format_page(
    artifact: Path, tmp_path: Path
) -> None:
    text, _ = several_series()
    state = tmp_path / "all.state"
    run(artifact, "--series", "station", "--state", state, stdin=text)
    content = state.read_bytes()
    assert content[:12] == b"RNNM" + bytes([1, 0, 0, 0, 3, 0, 0, 0])
    first = text.splitlines()[1].split(",")[0].encode()
    name_end = 16 + len(first)
    assert content[12:name_end] == len(first).to_bytes(4, "little") + first
    size = int.from_bytes(content[name_end : name_end + 4], "little")
    model = runtime.load(artifact)
    RowStream(model).restore(content[name_end + 4 : name_end + 4 + size])
    streams = SeriesStreams(model)
    streams.restore(content)
    assert len(streams) == 3
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1
        for bad in (content[:position], bytes(changed)):
            with pytest.raises(FormatError):
                streams.restore(bad)
    assert streams.snapshot() == content


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("station", " ", "series column 'station' is empty in row "),
        ("statoin", "JFK", "no column 'statoin' for the series, the table has sta"),
        ("time", "JFK", "column 'time' is named for the series and for the time"),
    ],
)
def test_errors_of_the_series_column(
    artifact: Path, column: str, cell: str, expected: str
) -> None:
    text = several_series()[0].replace("JFK", cell)
    options = ("--series", column, "--time", "time", "--strict")
    result = run(artifact, *options, stdin=text)
    assert result.exit_code == 2
    assert expected in result.stderr
    assert "Traceback" not in result.output


def test_time_backwards_points_to_the_series_option(artifact: Path) -> None:
    """Wrong: "stream each series apart", which no option did. Right: names the option,
    but not to those who use it.
    """
    text, _ = several_series()
    result = run(artifact, "--strict", stdin=text)
    assert result.exit_code == 2
    assert "tell several series apart with --series COLUMN" in result.stderr
    older = text + text.splitlines(keepends=True)[1]
    result = run(artifact, "--series", "station", "--strict", stdin=older)
    assert result.exit_code == 2
    assert "standard input, series '" in result.stderr
    assert "time goes backwards in row 121" in result.stderr
    assert "--series" not in result.stderr


def test_series_at_the_same_times_point_to_the_option(artifact: Path) -> None:
    """Wrong: rows of a second series at the same times were dropped as repeated, with the
    advice to resample. Right: the advice names the option too.
    """
    header, *rows = several_series()[1]["JFK"].splitlines()
    both = [f"{name},{row}" for row in rows for name in ("a", "b")]
    text = "\n".join([f"station,{header}", *both]) + "\n"
    assert "or name their --series COLUMN" in run(artifact, stdin=text).stderr
    result = run(artifact, "--series", "station", stdin=text)
    assert "already taken" not in result.stderr
    assert "--series" not in result.stderr
