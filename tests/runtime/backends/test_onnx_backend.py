"""ONNX Runtime as a guest on a small device: no spinning threads, no memory per step."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from support.artifacts import load_backend, save_artifact
from support.strategies import random_weights

import rnnedge_runtime
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.seal import BLANK_DIGITS, MARKER, seal
from rnnedge_runtime.spec.layers import Gru, Linear, Lstm
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model

HIDDEN = 256
SPEC = ModelSpec(
    features=(Feature("a"), Feature("b")),
    targets=(Target("a"),),
    layers=(Lstm(2, HIDDEN), Gru(HIDDEN, HIDDEN), Linear(HIDDEN, 1)),
)
IDLE_S = 0.3


@pytest.fixture
def model(tmp_path: Path, rng: np.random.Generator) -> Model:
    return load_backend(SPEC, random_weights(SPEC, rng), "onnx", tmp_path)


def test_an_idle_model_uses_no_processor_time(model: Model) -> None:
    stream = model.stream()
    stream.run(np.ones((500, 2)))
    stream.step([1.0, 2.0])
    start = time.process_time()
    time.sleep(IDLE_S)
    assert time.process_time() - start < IDLE_S / 10


def test_a_step_allocates_no_arrays(model: Model) -> None:
    """One state tensor is 1,024 bytes: a copy of any of the three would show."""
    stepper = model.engine.stepper()
    x, y = np.ones(2, np.float32), np.empty(1, np.float32)
    tracemalloc.start()
    try:
        peaks = []
        for call in (lambda: stepper.step(x, y), stepper.get_state):
            call()
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            call()
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    in_step, in_copy = peaks
    assert in_copy > 3 * HIDDEN * 4
    assert in_step < HIDDEN * 4


def test_the_state_alternates_between_two_sets_of_buffers(
    model: Model, rng: np.random.Generator
) -> None:
    """Any number of steps after a restore, odd or even, goes on from the state set."""
    xs = rng.normal(size=(9, 2)).astype(np.float32)
    for num_before in range(4):
        stream, other = model.stream(), model.stream()
        other.run(xs[:num_before])
        for x in xs[:num_before]:
            other.step(x)
        stream.step(xs[0])
        other.restore(stream.snapshot())
        for x in xs:
            np.testing.assert_array_equal(other.step(x), stream.step(x))


@pytest.mark.parametrize("name", [b"h_0_out", b"c_0", b"temp_c_name"])
def test_a_name_that_is_not_utf_8_is_refused(
    name: bytes, tmp_path: Path, rng: np.random.Generator
) -> None:
    """ONNX Runtime gave a UnicodeDecodeError where its names were read."""
    spec = ModelSpec(
        (Feature("temp_c_name"),), (Target("a"),), (Lstm(1, 3), Linear(3, 1))
    )
    path = save_artifact(spec, random_weights(spec, rng), tmp_path)
    content = path.read_bytes()
    assert name in content
    start = content.index(MARKER) + len(MARKER)
    blanked = content[:start] + BLANK_DIGITS + content[start + len(BLANK_DIGITS) :]
    path.write_bytes(seal(blanked.replace(name, name[:-1] + b"\x80")))
    with pytest.raises(FormatError, match=r"model\.onnx: "):
        rnnedge_runtime.load(path)
