"""Models whose forecasts fill holes, and what they give, by a loop written out by hand."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.artifacts import quantised_model
from support.strategies import random_readings, random_weights, seeds

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.engine import Engine, initial_state


def can_predict(spec: ModelSpec) -> bool:
    """Whether forecasts of one of its features exist."""
    has_median = not spec.quantiles or 0.5 in spec.quantiles
    return has_median and not set(spec.feature_names).isdisjoint(spec.target_names)


def predicting(spec: ModelSpec) -> ModelSpec:
    """`spec`, whose forecasts fill the holes of every feature that has them."""
    features = tuple(
        dataclasses.replace(feature, missing="predict")
        if feature.name in spec.target_names
        else feature
        for feature in spec.features
    )
    return dataclasses.replace(spec, features=features)


def predicting_specs(
    specs: st.SearchStrategy[ModelSpec],
) -> st.SearchStrategy[ModelSpec]:
    """Those of `specs` that have forecasts of a feature, which fill its holes."""
    return specs.filter(can_predict).map(predicting)


def holed_readings(spec: ModelSpec, rng: np.random.Generator, size: int) -> np.ndarray:
    """`[size, F]` readings, with short and long holes wherever the policy lets them be."""
    readings = random_readings(spec, rng, size)
    may_be = np.array([feature.missing != "reject" for feature in spec.features])
    gaps = rng.random(readings.shape) < rng.choice([0.05, 0.3, 0.9])
    gaps |= (np.arange(size) % 16 < rng.integers(0, 8))[:, None]
    values = np.array([np.nan, np.inf, -np.inf, 1e30], np.float32)
    is_far = np.array([feature.range is not None for feature in spec.features])
    for t, k in np.argwhere(gaps & may_be):
        readings[t, k] = rng.choice(values[: 4 if is_far[k] else 3])
    return readings


def outputs_by_hand(
    engine: Engine, readings: np.ndarray, times: np.ndarray | None
) -> np.ndarray:
    """`[T, O]`: steps of `engine`, its holes filled by a slow loop."""
    spec, inputs = engine.spec, engine.inputs
    held = inputs.readings(spec.state[-1].initial_array())
    state = initial_state(spec.graph_state, 1, engine.dtype)
    names = [output.name for output in spec.outputs]
    rows = []
    for t, reading in enumerate(readings):
        for k, feature in enumerate(spec.features):
            low, high = feature.range or (-math.inf, math.inf)
            if math.isfinite(reading[k]) and low <= reading[k] <= high:
                held[k] = reading[k]
        held = inputs.readings(held)
        x = inputs.rows(held[None], None if times is None else times[t : t + 1])
        y, state = engine.run(x[None], state)
        rows.append(y[0, 0])
        held = held.copy()
        for k, feature in enumerate(spec.features):
            if feature.missing != "predict":
                continue
            name = f"{feature.name}_1{'_q50' if spec.quantiles else ''}"
            with np.errstate(over="ignore"):
                value = np.float32(rows[-1][names.index(name)])
            if np.isfinite(value):
                low, high = feature.range or (-math.inf, math.inf)
                held[k] = min(max(value, np.float32(low)), np.float32(high))
        held = inputs.readings(held)
    return np.array(rows).reshape(len(readings), spec.output_size)


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """The first `count` draws, the same in every run: one compilation takes them all."""
    found: list[Any] = []

    @settings(
        max_examples=count, phases=[Phase.generate], database=None, derandomize=True
    )
    @given(strategy)
    def draw(item: Any) -> None:
        found.append(item)

    draw()
    return found[:count]


@st.composite
def integer_models(draw, specs: st.SearchStrategy[ModelSpec]) -> QuantisedModel:
    """Models in integers whose forecasts fill holes, some layers kept in float."""
    while True:
        spec = draw(specs.filter(can_predict))
        weights = random_weights(spec, np.random.default_rng(draw(seeds)))
        kept = draw(st.sampled_from(((), (), (len(spec.layers) - 1,), (0,))))
        try:
            model = quantised_model(spec, weights, frozenset(kept))
        except SpecError:
            continue
        return dataclasses.replace(model, spec=predicting(spec))
