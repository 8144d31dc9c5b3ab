"""LiveStreams: each series as if it were a RowStream, however the readings are cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import native_model, reference_model
from support.live_batches import (
    draw_readings,
    forecasts_of,
    forecasts_of_rows,
    live_streams,
    with_holes_held,
)
from support.strategies import model_specs, partitions, random_weights, seeds

from rnnedge_runtime.live.loop.series.slots import advance_slots
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.tables.time_grid import SlotClock


@settings(max_examples=200)
@given(seed=seeds, period_s=st.sampled_from([0.5, 1.0, 60.0, 3600.0, 0.1, 1 / 3]))
def test_slots_of_columns_are_those_of_clocks(seed: int, period_s: float) -> None:
    rng = np.random.default_rng(seed)
    period_us = period_s * 1e6
    late_us = rng.uniform(-0.6, 0.5, 64) * period_us * rng.integers(0, 2, 64)
    step_us = np.rint(rng.uniform(0, 4, 64) * period_us).astype(np.int64)
    step_us[:16] = np.rint(rng.integers(0, 5, 16) * period_us)
    steps, after_us = advance_slots(step_us, late_us, period_us)
    for k in range(64):
        clock = SlotClock(period_s, 0, 0, float(late_us[k])).advance(int(step_us[k]))
        assert (clock.slot, clock.late_us) == (steps[k], after_us[k])


@pytest.mark.parametrize("make_model", [reference_model, native_model])
@settings(max_examples=30)
@given(spec=model_specs(), seed=seeds, data=st.data())
def test_each_series_is_a_row_stream_however_its_readings_are_cut(
    make_model: Callable, spec: ModelSpec, seed: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    spec = with_holes_held(spec, data.draw(st.sampled_from([None, 8])))
    model = make_model(spec, random_weights(spec, rng))
    disorder = 0.1 if spec.sample_period_s else 0.0
    readings = draw_readings(spec, rng, disorder=disorder)
    if not spec.sample_period_s:
        readings = replace(readings, time_us=readings.time_us[0] + np.arange(40))
    expected = forecasts_of_rows(model, readings)
    sizes = data.draw(partitions(len(readings)))
    ends = np.cumsum(sizes).tolist()
    starts = [end - size for end, size in zip(ends, sizes, strict=True)]
    streams = live_streams(model)
    outcomes = [
        streams.apply(readings.part(slice(start, end)).batch())
        for start, end in zip(starts, ends, strict=True)
    ]
    assert forecasts_of(outcomes, starts) == expected
