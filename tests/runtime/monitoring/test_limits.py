"""Limits of sensors that are given where a model runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import native_model, times_of
from support.predicting import predicting_specs
from support.run_helpers import LINES, make_artifact, parse, run
from support.strategies import model_specs, random_readings, random_weights, seeds

from rnnedge_runtime.errors import NonFiniteError, SpecError
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.live.series_streams import SeriesStreams
from rnnedge_runtime.monitoring.limits import narrowed, read_limits
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tables.rows.row import Row

LIMITS = {"": (-0.5, 0.75)}


@settings(max_examples=25)
@given(spec=st.one_of(model_specs(), predicting_specs(model_specs())), seed=seeds)
def test_readings_beyond_the_limits_are_missing_ones(
    spec: ModelSpec, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    if any(feature.missing == "reject" for feature in spec.features):
        return
    model = native_model(spec, random_weights(spec, rng))
    readings = random_readings(spec, rng, 20)
    inside = (readings >= -0.5) & (readings <= 0.75)
    times = times_of(spec, 20)
    expected = model.stream().run(np.where(inside, readings, np.nan), times)
    rows = RowStream(model, limited=narrowed(spec, LIMITS))
    seconds = range(20) if times is None else times
    for t, (values, time) in enumerate(zip(readings, seconds, strict=True)):
        time_us = round(float(time) * 1e6) if times is not None else None
        found = rows.advance(Row(t + 1, None, time_us, values))
        if times is None or spec.sample_period_s != 0.5:
            assert found is not None
            assert found.tobytes() == expected[t].tobytes()


def temperature(missing: str, longest: int | None = None) -> Model:
    temp = Feature(
        "temp", "C", missing, None, 10.0, (-100.0, 200.0), longest_unchanged=longest
    )
    other = Feature("rain")
    layers = (Gru(2, 3), Linear(3, 1))
    spec = ModelSpec((temp, other), (Target("temp"),), layers)
    return native_model(spec, random_weights(spec, np.random.default_rng(0)))


@pytest.mark.parametrize("kind", [RowStream, SeriesStreams])
@pytest.mark.parametrize(
    ("policy", "fate"), [("hold", "held"), ("predict", "filled by the forecast")]
)
def test_they_are_counted_by_name(kind: type, policy: str, fate: str) -> None:
    model = temperature(policy)
    limited = narrowed(model.spec, {"temp": (-40, 60)})
    stream = kind(model, limited=limited)
    for number, temp in enumerate((20, 61, 150, 20), start=1):
        stream.advance(Row(number, "a", None, np.array([temp, 0], np.float32)))
    assert stream.findings.lines() == [
        f"implausible readings of temp, outside -40 to 60, {fate}: 2, first at row 2."
    ]


def test_a_rejected_one_names_the_limits() -> None:
    model = temperature("reject")
    stream = RowStream(model, limited=narrowed(model.spec, {"temp": (-40, 60)}))
    with pytest.raises(
        NonFiniteError, match="outside its range of -40 to 60, in row 1"
    ):
        stream.advance(Row(1, None, None, np.array([61, 0], np.float32)))
    assert stream.findings.num_rows == 0


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        (["temp"], "'temp', expected LO:HI"),
        (["temp=5"], "'temp=5', expected LO:HI"),
        (["temp=a:b"], "'temp=a:b', expected"),
        (["temp=5:5"], "'temp=5:5', expected"),
        (["temp=nan:5"], "'temp=nan:5', expected"),
        (["temp=0:1e39"], "'temp=0:1e39', expected"),
        (["temp=1:2", "temp=1:3"], "'temp=1:3' is the second one for temp"),
        (["tmp=1:2"], "'tmp' is no feature of the model, which has temp, rain"),
        (["temp=-101:2"], "-101 to 2 for 'temp' is wider than .* -100 to 200,"),
        (["1:201"], "1 to 201 for 'temp' is wider than"),
    ],
)
def test_what_is_no_limit_is_refused(texts: list[str], fault: str) -> None:
    spec = temperature("hold").spec
    with pytest.raises(SpecError, match=f"^--range: {fault}"):
        narrowed(spec, read_limits(texts))


def test_limits_are_those_named_and_others_stay() -> None:
    spec = temperature("hold").spec
    assert narrowed(spec, {}) is spec
    limits = read_limits(["-1e3:1e3", "temp=-4:1e2"])
    assert [f.range for f in narrowed(spec, limits).features] == [
        (-4, 100),
        (-1e3, 1e3),
    ]


def test_a_sensor_that_sticks_is_counted_by_name() -> None:
    stream = RowStream(temperature("hold", longest=12))
    rain = np.random.default_rng(0).random(60)
    for t in range(60):
        temp = 20 if 10 <= t < 50 else t
        temp = np.nan if t in (30, 31) else temp
        row = Row(t + 1, None, None, np.array([temp, rain[t]], np.float32))
        stream.advance(row)
    assert stream.findings.lines() == [
        "missing readings of temp held: 2, first at row 31.",
        "readings of temp unchanged for more than 24 in a row, in training at most 12: "
        "14, first at row 37.",
    ]


def test_the_command_takes_limits(tmp_path: Path) -> None:
    artifact = make_artifact(tmp_path)
    result = run(artifact, "--range", "wind_ms=0:100", stdin=LINES)
    assert result.exit_code == 0
    assert "implausible readings of wind_ms, outside 0 to 100, held: 1" in result.stderr
    assert parse(result.stdout) == parse(
        run(artifact, stdin=LINES.replace("468.7", "")).stdout
    )
    result = run(artifact, "--range", "temp=1:2", stdin=LINES)
    assert result.exit_code == 2
    assert "--range: 'temp' is no feature of the model" in result.stderr
