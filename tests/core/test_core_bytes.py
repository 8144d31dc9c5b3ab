"""The C core gives the bytes of the NumPy float32 reference, however it is built and driven."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.replay import (
    EVERY_BUILD,
    GCC_ALONE,
    IS_X86,
    PLAIN,
    canonical_nans,
    executable,
    instruction_sets,
    replay,
    save_rnne,
)
from support.strategies import model_specs, random_readings, random_weights, seeds

import rnnedge_export.formats.rnne.writing as writer
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.spec.derived import time_features
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.engine import initial_state
from rnnedge_runtime.streams.inputs import hold_readings
from rnnedge_runtime.tolerances import FAST_FRACTION

NUM_STEPS = 40
MODES = (
    "step",
    "run",
    "run:1",
    "run:17",
    "fleet:1",
    "fleet:33",
    "index:35",
    "snapshot",
)


@pytest.fixture(autouse=True)
def _short_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LONG_RUN_STEPS", 1)


class Case:
    """A drawn model as a file, readings `[T, I]` with holes, and the expected bytes."""

    def __init__(
        self, spec: ModelSpec, folder: Path, seed: int, magnitude: float = 1.0
    ) -> None:
        rng = np.random.default_rng(seed)
        weights = random_weights(spec, rng)
        weights = {
            name: tensor * np.float32(magnitude) for name, tensor in weights.items()
        }
        readings = random_readings(spec, rng, NUM_STEPS)
        held = hold_readings(
            spec.features, readings, spec.state[-1].initial_array(), where="test"
        )
        times = rng.integers(-(2**40), 2**40, NUM_STEPS)
        derived = time_features(times, spec.derived)
        self.x = np.concatenate([readings, derived], axis=1)
        state = initial_state(spec.graph_state, 1, np.float32)
        finite = np.concatenate([held, derived], axis=1)
        y, _ = Float32Engine(spec, weights).run(finite[None], state)
        self.expected = canonical_nans(y[0].tobytes())
        self.path = folder / "model.rnne"
        save_rnne(spec, weights, self.path, finite)

    def bytes_of(self, build: str, mode: str, isa: int = 0, ftz: bool = False) -> bytes:
        return canonical_nans(replay(build, self.path, mode, self.x, isa=isa, ftz=ftz))


@GCC_ALONE
@settings(max_examples=25)
@given(
    spec=model_specs(), seed=seeds, magnitude=st.sampled_from((1.0, 1.0, 30.0, 1e30))
)
def test_every_instruction_set_and_mode(
    spec: ModelSpec, seed: int, magnitude: float, tmp_path: Path
) -> None:
    case = Case(spec, tmp_path, seed, magnitude)
    for isa in instruction_sets():
        for mode in MODES:
            assert case.bytes_of("gcc-O2", mode, isa) == case.expected, (isa, mode)
        replay("gcc-O2", case.path, "test", case.x, isa=isa)


@pytest.mark.parametrize("build", EVERY_BUILD)
def test_every_build(build: str, tmp_path: Path) -> None:
    executable(build)

    @settings(max_examples=3 if "aarch64" in build else 5)
    @given(spec=model_specs(), seed=seeds)
    def check(spec: ModelSpec, seed: int) -> None:
        case = Case(spec, tmp_path, seed)
        for isa in (0, PLAIN) if "aarch64" in build else (0, *instruction_sets()):
            for mode in ("step", "run:17", "fleet:35"):
                assert case.bytes_of(build, mode, isa) == case.expected, (isa, mode)

    check()


@GCC_ALONE
@pytest.mark.skipif(not IS_X86, reason="flush-to-zero is set by an x86 register here")
@settings(max_examples=20)
@given(
    spec=model_specs(), seed=seeds, magnitude=st.sampled_from((1.0, 1e-6, 1e-14, 1e-20))
)
def test_flush_to_zero_changes_no_byte(
    spec: ModelSpec, seed: int, magnitude: float, tmp_path: Path
) -> None:
    case = Case(spec, tmp_path, seed, magnitude)
    case.x *= np.float32(magnitude * 1e-15)
    plain = case.bytes_of("gcc-O2", "step")
    for isa in instruction_sets():
        for mode in ("step", "run", "fleet:33"):
            assert case.bytes_of("gcc-O2", mode, isa, ftz=True) == plain, (isa, mode)


@GCC_ALONE
@settings(max_examples=20)
@given(spec=model_specs(), seed=seeds)
def test_time_features(spec: ModelSpec, seed: int, tmp_path: Path) -> None:
    case = Case(spec, tmp_path, seed)
    times = np.random.default_rng(seed).integers(-(2**50), 2**50, 200)
    found = replay("gcc-O2", case.path, "time", times)
    assert found == time_features(times, spec.derived).tobytes()


@GCC_ALONE
@settings(max_examples=10)
@given(spec=model_specs(), seed=seeds)
def test_fast_stays_close(spec: ModelSpec, seed: int, tmp_path: Path) -> None:
    case = Case(spec, tmp_path, seed)
    fast = np.frombuffer(case.bytes_of("gcc-O2", "fast:40"), np.float32)
    exact = np.frombuffer(case.expected, np.float32)
    limit = FAST_FRACTION * (1 + np.abs(exact).max(initial=0.0))
    assert np.abs(fast - exact).max(initial=0.0) < limit
