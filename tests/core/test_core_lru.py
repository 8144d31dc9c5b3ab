"""`lru` in the C core, in floats and in integers: the bytes of NumPy, however it is driven."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.artifacts import describe
from support.replay import instruction_sets
from support.strategies import random_readings, random_weights

from rnnedge_export.formats.rnne import writing
from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import measure_ranges
from rnnedge_runtime.backends.native import NativeEngine, has_native
from rnnedge_runtime.backends.native_state import extension
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.formats.rnne_file import parse_rnne
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.layers import Affine, Concat, Linear, Lru, Select
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model

pytestmark = pytest.mark.skipif(not has_native(), reason="the C engine is not built")
NUM_STEPS = 70
FEATURES = (Feature("a", clip=(-2, 2)), Feature("b"), Feature("dt", initial=1))


def chain(hidden: int) -> ModelSpec:
    start = tuple(np.linspace(-1, 1, hidden, dtype=np.float32).tolist())
    return ModelSpec(
        FEATURES,
        (Target("a"),),
        (
            Affine(3),
            Lru(3, hidden, start=start),
            Lru(hidden, hidden),
            Linear(hidden, 1),
        ),
    )


def timed(hidden: int) -> ModelSpec:
    """One layer with the length of the step, one without, joined with the readings."""
    return ModelSpec(
        FEATURES,
        (Target("a"), Target("b")),
        (
            Select(3, (2,)),
            Lru(3, hidden, has_step=True),
            Lru(hidden, 3),
            Concat((hidden, 3, 3)),
            Linear(hidden + 6, 2),
        ),
        wiring=((-1,), (-1, 0), (1,), (1, 2, -1), (3,)),
    )


SPECS = [make(size) for make in (chain, timed) for size in (1, 5, 16, 33)]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("is_integer", [False, True])
def test_every_instruction_set_and_way(
    spec: ModelSpec, is_integer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "LONG_RUN_STEPS", 1)
    weights = random_weights(spec, np.random.default_rng(0))
    readings = random_readings(spec, np.random.default_rng(1), NUM_STEPS)
    metadata, engine = describe(spec, weights), Float32Engine(spec, weights)
    content = writing.build_rnne(metadata, weights, engine=engine)
    if is_integer:
        calibration = np.nan_to_num(readings, posinf=1, neginf=-1).astype(np.float32)
        ranges = measure_ranges(spec, weights, calibration.clip(-5, 5))
        model = quantise(spec, weights, ranges, frozenset())
        engine = IntegerEngine(model)
        metadata = replace(metadata, digest=model.digest, numerics=INTEGER_NUMERICS)
        content = writing.build_rnne(metadata, model, engine=engine)
    described = parse_rnne(content, where="test")[0]
    stream = Model(described, engine).stream()
    expected = np.array([stream.step(row).copy() for row in readings])
    state = stream.state()
    for isa in instruction_sets():
        core = extension().Model(content, "test", isa)
        native = Model(described, NativeEngine(spec, core))
        first, second, fleet = native.stream(), native.stream(), native.streams(35)
        parts = [first.step(row).copy() for row in readings[:9]]
        second.restore(first.snapshot())
        y = np.concatenate([np.array(parts), second.run(readings[9:])])
        assert y.tobytes() == expected.tobytes(), isa
        for name, values in second.state().items():
            assert values.tobytes() == state[name].tobytes(), (isa, name)
        for row, known in zip(readings, expected, strict=True):
            found = np.array(fleet.step(np.tile(row, (35, 1))))
            assert found.tobytes() == np.tile(known, (35, 1)).tobytes(), isa
        assert core.self_test(content) is None
