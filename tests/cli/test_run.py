"""`rnnedge run`: files and pipes in, forecasts out."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.artifacts import save_artifact
from support.run_helpers import (
    COLUMNS,
    LINES,
    NAMES,
    forecasts,
    make_artifact,
    parse,
    run,
    several_series,
    weather_spec,
)
from support.strategies import random_weights

import rnnedge_runtime as runtime
from rnnedge.data import load_dataset
from rnnedge.datasets import weather
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tolerances import parity_limit

MAIN = [sys.executable, "-c", "from rnnedge.cli import main; main()"]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_artifact(tmp_path_factory.mktemp("artifact"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "readings.csv"
    path.write_text(LINES)
    return path


@pytest.mark.parametrize("station", ["jfk", "ewr"])
def test_a_streamed_file_is_what_training_would_see(
    artifact: Path, tmp_path: Path, station: str
) -> None:
    lines = gzip.decompress(weather(station).read_bytes()).decode().splitlines()[:1500]
    lines = [line for k, line in enumerate(lines) if not 200 <= k < 240]
    path = tmp_path / f"{station}.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    result = run(artifact, "--input", path)
    assert result.exit_code == 0, result.output
    rows = parse(result.stdout)
    options = TableOptions(max_gap="2d")
    (series,) = load_dataset(path, targets="temp_c", options=options).series
    stream = runtime.load(artifact).stream()
    assert series.time is not None
    expected = np.array(
        [
            stream.step(x, time=int(t))
            for x, t in zip(series.values, series.time, strict=True)
        ]
    )
    assert len(expected) == 1499
    assert np.array_equal(forecasts(rows), expected[series.is_reading])
    assert [row["time"] for row in rows] == [line.split(",")[0] for line in lines[1:]]
    assert "missing rows stepped: 40, first at row 200." in result.stderr
    is_broken = "readings of wind_ms outside 0 to 40 clipped: 1, first" in result.stderr
    assert is_broken == (station == "ewr")


def test_the_columns_and_the_report(artifact: Path, table: Path) -> None:
    result = run(artifact, "--input", table)
    rows = parse(result.stdout)
    assert list(rows[0]) == ["time", *NAMES]
    assert [row["time"][11:16] for row in rows] == ["06:00", "07:00", "09:00", "09:10"]
    assert [rows[3][name] for name in NAMES] == [rows[2][name] for name in NAMES]
    assert result.stderr.splitlines() == [
        f"{table}: readings of wind_ms outside 0 to 40 clipped: 1, first at row 2.",
        f"{table}: missing readings of pressure_hpa held: 1, first at row 2.",
        f"{table}: missing rows stepped: 1, first at row 3.",
        f"{table}: rows moved to the nearest time slot: 1, first at row 4.",
        f"{table}: rows in a time slot already taken: 1, first at row 4.",
    ]
    values = [row[name] for row in rows for name in NAMES]
    assert values == [str(np.float32(value)) for value in values]


@pytest.mark.parametrize(
    ("minutes", "is_other"), [(10, True), (60, False), (30, True), (120, True)]
)
def test_rows_of_another_period_are_pointed_out(
    artifact: Path, minutes: int, is_other: bool
) -> None:
    header, *_ = LINES.splitlines(keepends=True)
    start = 1_400_000_400
    rows = [f"{start + 60 * minutes * k},4,-3,60,5,{1000 + k}\n" for k in range(30)]
    result = run(artifact, stdin="".join([header, *rows]))
    assert len(parse(result.stdout)) == 30
    hint = "standard input: the rows are not 3600 s apart, as in training."
    assert (hint in result.stderr) == is_other


def test_json_lines_in_and_out(artifact: Path, table: Path) -> None:
    objects = []
    for line in LINES.splitlines()[1:]:
        time, *cells = line.split(",")
        readings = [float(cell) if cell else None for cell in cells]
        objects.append({"time": time, **dict(zip(COLUMNS, readings, strict=True))})
    text = "".join(json.dumps(item) + "\n" for item in objects)
    expected = parse(run(artifact, "--input", table).stdout)
    result = run(artifact, "--format", "jsonl", stdin=text)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [list(item) for item in found] == [["time", *NAMES]] * 4
    assert [item["time"] for item in found] == [row["time"] for row in expected]
    values = np.array([[item[name] for name in NAMES] for item in found], np.float32)
    assert np.array_equal(values, forecasts(expected))
    epoch = {**objects[0], "time": 1_357_020_000}
    result = run(artifact, "--format", "jsonl", stdin=json.dumps(epoch))
    assert json.loads(result.stdout)["time"] == 1_357_020_000


def test_every_backend_gives_the_same_rows(artifact: Path, table: Path) -> None:
    onnx = forecasts(parse(run(artifact, "--input", table).stdout))
    result = run(artifact, "--input", table, "--backend", "reference")
    reference = forecasts(parse(result.stdout))
    assert np.abs(reference - onnx).max() <= parity_limit(reference)


def test_rows_without_time_are_numbered(tmp_path: Path) -> None:
    spec = ModelSpec(
        features=(Feature("a"),),
        targets=(Target("a"),),
        layers=(Gru(1, 3), Linear(3, 1)),
        sample_period_s=60.0,
    )
    weights = random_weights(spec, np.random.default_rng(0))
    path = save_artifact(spec, weights, tmp_path)
    result = run(path, stdin="a\n1\nnan\n3\n")
    assert [row["row"] for row in parse(result.stdout)] == ["1", "2", "3"]
    assert (
        "standard input: no time column, so rows are taken 60 s apart." in result.stderr
    )


def test_a_state_file_goes_on_where_the_last_run_ended(
    artifact: Path, table: Path, tmp_path: Path
) -> None:
    whole = parse(run(artifact, "--input", table).stdout)
    header, *lines = LINES.splitlines(keepends=True)
    state = tmp_path / "jfk.state"
    rows = []
    for part in (lines[:1], lines[1:3], [], lines[3:]):
        result = run(artifact, "--state", state, stdin="".join([header, *part]))
        assert result.exit_code == 0, result.output
        rows += parse(result.stdout)
    assert rows == whole
    assert sorted(tmp_path.iterdir()) == [state, table]


def test_an_error_leaves_state_and_output_as_they_were(
    artifact: Path, tmp_path: Path
) -> None:
    state, output, broken = (tmp_path / name for name in ("state", "out.csv", "in.csv"))
    assert run(artifact, "--state", state, stdin=LINES).exit_code == 0
    saved = state.read_bytes()
    output.write_text("older forecasts\n")
    broken.write_text(LINES.replace("T06", "T10").replace("T07", "T11"))
    result = run(artifact, "--input", broken, "--output", output, "--strict")
    assert result.exit_code == 2
    assert "time goes backwards in row 3" in result.stderr
    assert output.read_text() == "older forecasts\n"
    broken.write_text(LINES.replace("wind_ms", "wind"))
    options = ("--input", broken, "--output", output, "--state", state)
    assert run(artifact, *options).exit_code == 2
    assert state.read_bytes() == saved
    assert output.read_text() == "older forecasts\n"
    assert sorted(tmp_path.iterdir()) == [broken, output, state]


def test_output_to_a_file(artifact: Path, table: Path, tmp_path: Path) -> None:
    expected = run(artifact, "--input", table).stdout
    result = run(artifact, "--input", table, "--output", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == expected
    assert result.stdout == ""
    result = run(artifact, "--input", table, "--output", tmp_path / "no" / "out.csv")
    assert result.exit_code == 2
    assert "out.csv: the file cannot be written: No such file" in result.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "standard input: the table is empty, expected a header line"),
        (
            LINES.replace("wind_ms", "wind"),
            "there is no column 'wind_ms' for the model",
        ),
        (
            LINES.replace("5.7", "calm"),
            "column 'wind_ms' holds 'calm' in row 1, expected",
        ),
        (LINES.replace("T07", "T05"), "time goes backwards in row 2"),
        (LINES.replace("2013-01-01T06", "6 o'clock"), "which is not a time in row 1"),
        (
            LINES + "2013\n" + LINES.splitlines()[-1],
            "row 5 has 1 cells, but the table has 6 columns",
        ),
    ],
)
def test_errors_are_one_line_and_exit_2(
    artifact: Path, text: str, expected: str
) -> None:
    result = run(artifact, "--strict", stdin=text)
    assert result.exit_code == 2
    assert expected in result.stderr
    assert "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (
            ("--sort",),
            "--sort: a stream takes its rows one by one and cannot sort them",
        ),
        (
            ("--max-gap", "6h"),
            "--max-gap 6h: a stream keeps to the longest hole of the",
        ),
    ],
)
def test_what_only_a_whole_table_can_be_asked_for(
    artifact: Path, option: tuple[str, ...], expected: str
) -> None:
    result = run(artifact, *option, stdin=LINES)
    assert result.exit_code == 2
    assert expected in result.stderr


def test_errors_of_files(artifact: Path, table: Path, tmp_path: Path) -> None:
    for name, raw, expected in (
        ("cut.csv.gz", gzip.compress(LINES.encode())[:60], "cannot be unpacked"),
        ("not.csv.gz", LINES.encode(), "cannot be unpacked"),
        ("a.parquet", b"PAR1", "a.parquet: the file cannot be read: "),
        ("latin.csv", "größe".encode("latin-1"), "the table has größe. Choose"),
    ):
        (tmp_path / name).write_bytes(raw)
        result = run(artifact, "--input", tmp_path / name)
        assert result.exit_code == 2
        assert expected in result.stderr
    result = run(artifact, "--input", tmp_path / "none.csv")
    assert "none.csv: the file cannot be read: No such file" in result.stderr
    result = run(artifact, "--input", table, "--state", tmp_path / "no" / "state")
    assert "the folder for the state does not exist" in result.stderr
    result = run(tmp_path / "none.onnx", "--input", table)
    assert result.exit_code == 2
    (tmp_path / "state").write_bytes(b"not a state")
    result = run(artifact, "--input", table, "--state", tmp_path / "state")
    assert result.exit_code == 2
    assert "not a snapshot" in result.stderr


STATE_KINDS = {
    "one": ((), LINES),
    "many": (("--series", "station"), several_series()[0]),
}


@pytest.mark.parametrize(("kind", "wrong"), [("one", "many"), ("many", "one")])
def test_a_state_that_does_not_fit_is_named_with_a_remedy(
    artifact: Path, tmp_path: Path, kind: str, wrong: str
) -> None:
    """Wrong: "snapshot: it belongs to model ...", without the file. Right: its path, and
    what to do on the command line; the file is left as it was.
    """
    options, text = STATE_KINDS[kind]
    names = ("foreign", "cut", "junk", "other_kind")
    foreign, cut, junk, other_kind = (tmp_path / f"{name}.state" for name in names)
    other = make_artifact(tmp_path, seed=1)
    assert run(other, "--state", foreign, *options, stdin=text).exit_code == 0
    cut.write_bytes(foreign.read_bytes()[:-1])
    junk.write_bytes(b"not a state")
    more, table = STATE_KINDS[wrong]
    assert run(artifact, "--state", other_kind, *more, stdin=table).exit_code == 0
    for path, fault in (
        (foreign, "it belongs to model"),
        (cut, "checksum"),
        (junk, "b'not '"),
        (other_kind, "--series"),
    ):
        before = path.read_bytes()
        result = run(artifact, "--state", path, *options, stdin=text)
        assert result.exit_code == 2
        assert f"Error: {path}: s" in result.stderr
        assert fault in result.stderr
        assert "name another --state file, or delete this one." in result.stderr
        assert path.read_bytes() == before


def test_a_missing_reading_under_reject_names_the_row(
    table: Path, tmp_path: Path
) -> None:
    result = run(make_artifact(tmp_path, weather_spec("reject")), "--input", table)
    assert result.exit_code == 2
    assert f"{table}: feature 'pressure_hpa' is missing in row 2" in result.stderr


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*MAIN, "run", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": ""},
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_pipe_is_answered_row_by_row_and_ctrl_c_saves(
    artifact: Path, tmp_path: Path, number: signal.Signals
) -> None:
    header, *lines = LINES.splitlines(keepends=True)
    state = tmp_path / "jfk.state"
    process = start(artifact, "--state", state)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(header)
        answers = []
        for line in lines[:2]:
            process.stdin.write(line)
            process.stdin.flush()
            answers.append(process.stdout.readline())
            if len(answers) == 1:
                answers.append(process.stdout.readline())
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert f"standard input: stopped after 2 rows; the state is in {state}." in errors
    rest = run(artifact, "--state", state, stdin="".join([header, *lines[2:]])).stdout
    expected = run(artifact, stdin=LINES).stdout
    assert "".join(answers) + rest.split("\n", 1)[1] == expected


def test_a_reader_that_leaves_ends_the_run_quietly(artifact: Path) -> None:
    process = start(artifact, "--input", weather())
    assert process.stdout is not None
    assert process.stdout.readline() == "time,temp_c_1,temp_c_2,temp_c_3\n"
    process.stdout.close()
    assert process.stderr is not None
    with process:
        errors = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors
