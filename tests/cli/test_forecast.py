"""`rnnedge forecast`, and the pictures of it and of `rnnedge run`."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from support.artifacts import save_artifact
from support.run_helpers import LINES, make_artifact, run, several_series, weather_spec
from support.strategies import random_weights

from rnnedge.cli import main
from rnnedge_runtime import load
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

PNG = b"\x89PNG"


def forecast(*arguments: object, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["forecast", *map(str, arguments)], input=stdin)


def rows_of(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def artifact_of(folder: Path, *, seed: int = 0, **choices: object) -> Path:
    """Two features `a` and `b`, the target `a`, three steps ahead."""
    spec = ModelSpec(
        features=(Feature("a", "C"), Feature("b")),
        **{
            "targets": (Target("a", "C"),),
            "layers": (Gru(2, 4), Linear(4, 3)),
            "horizon": 3,
            **choices,
        },
    )
    return save_artifact(
        spec, random_weights(spec, np.random.default_rng(seed)), folder, ".rnne"
    )


def table(times: np.ndarray | None, num_rows: int = 60) -> str:
    values = np.random.default_rng(1).normal(size=(num_rows, 2)).round(3)
    lines = ["a,b"] if times is None else ["time,a,b"]
    for k, (a, b) in enumerate(values.tolist()):
        lines.append(f"{a},{b}" if times is None else f"{times[k]}Z,{a},{b}")
    return "\n".join(lines) + "\n"


def test_the_rows_after_the_last_with_its_forecast(tmp_path: Path) -> None:
    artifact = make_artifact(tmp_path)
    rows = rows_of(forecast(artifact, "-", stdin=LINES))
    assert [row["time"] for row in rows] == [
        "2013-01-01T10:10:00Z",
        "2013-01-01T11:10:00Z",
        "2013-01-01T12:10:00Z",
    ]
    last = list(csv.reader(io.StringIO(run(artifact, stdin=LINES).stdout)))[-1]
    assert [row["temp_c"] for row in rows] == last[1:]
    two = rows_of(forecast(artifact, "-", "--steps", 2, stdin=LINES))
    assert two == rows[:2]


def test_times_below_a_second_keep_their_phase(tmp_path: Path) -> None:
    artifact = artifact_of(tmp_path, sample_period_s=0.08)
    start = np.datetime64("2024-05-01T10:00:00.013000", "us")
    times = start + np.arange(60) * np.timedelta64(80, "ms")
    rows = rows_of(forecast(artifact, "-", stdin=table(times)))
    expected = times[-1] + np.arange(1, 4) * np.timedelta64(80, "ms")
    assert [row["time"] for row in rows] == [f"{time}Z" for time in expected]


def test_a_third_of_a_second_does_not_add_up_rounding(tmp_path: Path) -> None:
    artifact = artifact_of(
        tmp_path,
        sample_period_s=1 / 3,
        targets=(Target("a"), Target("b")),
        layers=(Gru(2, 4), Linear(4, 6)),
    )
    start = np.datetime64("2024-05-01T10:00:00", "us")
    times = start + np.rint(np.arange(60) * 1e6 / 3).astype("timedelta64[us]")
    rows = rows_of(forecast(artifact, "-", "--steps", 9, stdin=table(times)))
    apart = np.datetime64(rows[-1]["time"][:-1], "us") - times[-1]
    assert apart == np.timedelta64(3, "s")


def test_every_series_has_rows_of_its_own(tmp_path: Path) -> None:
    artifact = make_artifact(tmp_path)
    mixed, alone = several_series()
    (tmp_path / "mixed.csv").write_text(mixed, encoding="utf-8")
    plot = tmp_path / "next.svg"
    result = forecast(
        artifact, tmp_path / "mixed.csv", "--series", "station", "--plot", plot
    )
    rows = rows_of(result)
    assert [row["series"] for row in rows] == [name for name in alone for _ in range(3)]
    for name, text in alone.items():
        mine = [dict(row) for row in rows if row["series"] == name]
        for row in mine:
            del row["series"]
        assert mine == rows_of(forecast(artifact, "-", stdin=text))
    picture = plot.read_text(encoding="utf-8")
    assert picture.startswith("<?xml")
    assert all(f"<!-- {name} -->" in picture for name in alone)


def test_beyond_the_horizon_other_inputs_are_refused_or_held(tmp_path: Path) -> None:
    artifact = make_artifact(tmp_path)
    refused = forecast(artifact, "-", "--steps", 5, stdin=LINES)
    assert refused.exit_code == 2
    assert "more than 3 steps" in refused.stderr
    assert "dewpoint_c" in refused.stderr
    for option in ("--target", "--horizon", "--beyond hold"):
        assert option in refused.stderr
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 1
    held = forecast(artifact, "-", "--steps", 5, "--beyond", "hold", stdin=LINES)
    rows = rows_of(held)
    assert rows[:3] == rows_of(forecast(artifact, "-", stdin=LINES))
    stream = load(artifact).stream()
    for line in LINES.splitlines()[1:3]:
        cells = line.split(",")
        seconds = int(np.datetime64(cells[0][:-1], "s").astype(int))
        stream.step([float(c) if c else np.nan for c in cells[1:]], time=seconds)
    stream.step([np.nan] * 5, time=seconds + 3600)
    stream.step([4, -3, 60, 5, 1013], time=seconds + 7200)
    ahead = stream.forecast(5, hold=True)
    assert [float(row["temp_c"]) for row in rows] == pytest.approx(ahead[:, 0])


def test_quantiles_have_a_column_each(tmp_path: Path) -> None:
    artifact = artifact_of(
        tmp_path, quantiles=(0.1, 0.5, 0.9), layers=(Gru(2, 4), Linear(4, 9))
    )
    plot = tmp_path / "next.png"
    text = table(None)
    rows = rows_of(forecast(artifact, "-", "--plot", plot, stdin=text))
    assert list(rows[0]) == ["step", "a_q10", "a_q50", "a_q90"]
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert plot.read_bytes().startswith(PNG)
    streamed = run(artifact, "--plot", tmp_path / "run.png", stdin=text)
    assert streamed.exit_code == 0, streamed.output
    last = streamed.stdout.splitlines()[-1].split(",")[1:]
    assert last == [value for row in rows for value in list(row.values())[1:]]


def test_a_picture_and_its_reasons_not_to_be(tmp_path: Path) -> None:
    artifact = make_artifact(tmp_path)
    plot = tmp_path / "next.png"
    result = forecast(artifact, "-", "--plot", plot, stdin=LINES)
    assert result.exit_code == 0
    assert f"Plot: {plot}" in result.stderr
    assert plot.read_bytes().startswith(PNG)
    for command in (forecast, run):
        for bad, reason in (("next.xyz", "'.xyz'"), ("no/next.png", "does not exist")):
            source = ("-",) if command is forecast else ()
            result = command(artifact, *source, "--plot", tmp_path / bad, stdin=LINES)
            assert result.exit_code == 2
            assert result.stdout == ""
            (line,) = result.stderr.splitlines()
            assert reason in line


def test_what_a_stream_cannot_do_is_refused(tmp_path: Path) -> None:
    artifact = make_artifact(tmp_path)
    for options in (("--sort",), ("--max-gap", "3h")):
        result = forecast(artifact, "-", *options, stdin=LINES)
        assert result.exit_code == 2
        assert options[0] in result.stderr


def test_an_empty_table_and_another_period_are_said(tmp_path: Path) -> None:
    artifact = make_artifact(tmp_path)
    empty = forecast(artifact, "-", stdin=LINES.splitlines()[0] + "\n")
    assert empty.exit_code == 2
    assert "standard input: the table has no rows" in empty.stderr
    hours = np.datetime64("2013-01-01T00", "s") + 2 * np.arange(60) * np.timedelta64(
        1, "h"
    )
    rows = "".join(f"{hour}Z,4,-3,60,5,1013\n" for hour in hours)
    other = forecast(artifact, "-", stdin=LINES.splitlines()[0] + "\n" + rows)
    assert "the rows are not 3600 s apart" in other.stderr


def test_an_implausible_reading_is_held_and_not_clipped(tmp_path: Path) -> None:
    spec = weather_spec()
    wind = dataclasses.replace(spec.features[3], range=(0.0, 100.0))
    features = (*spec.features[:3], wind, spec.features[4])
    artifact = make_artifact(tmp_path, dataclasses.replace(spec, features=features))
    result = forecast(artifact, "-", stdin=LINES)
    assert "implausible readings of wind_ms, outside 0 to 100, held: 1" in result.stderr
    assert "clipped" not in result.stderr


def test_run_draws_its_last_rows(tmp_path: Path) -> None:
    artifact = make_artifact(tmp_path)
    mixed, alone = several_series(10)
    plot = tmp_path / "run.svg"
    plain = run(artifact, "--series", "station", stdin=mixed)
    drawn = run(artifact, "--series", "station", "--plot", plot, stdin=mixed)
    assert drawn.stdout == plain.stdout
    picture = plot.read_text(encoding="utf-8")
    assert all(f"<!-- {name} -->" in picture for name in alone)
    assert "<!-- forecast 3 h before -->" in picture
    header = LINES.splitlines()[0] + "\n"
    empty = run(artifact, "--plot", tmp_path / "none.png", stdin=header)
    assert empty.exit_code == 0
    assert "no picture, as there are no rows" in empty.stderr
