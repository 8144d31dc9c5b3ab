"""A captured module beside PyTorch, step by step in the NumPy engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from rnnedge_export.capture.original import Original
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.tolerances import PARITY_STD_FRACTION

STEPS = 200


def engine_stream(original: Original, x: np.ndarray) -> np.ndarray:
    """`[T, O]` of model inputs `[T, I]`."""
    engine = Float32Engine(original.spec, original.weights)
    state = [entry.initial_array()[None] for entry in original.spec.graph_state]
    y, _ = engine.run(x[None], state)
    found: np.ndarray = y[0]
    return found


def own_stream(original: Original, x: np.ndarray) -> np.ndarray:
    """The same by PyTorch, one step after the other with explicit state."""
    step = original.step_function(torch.float32)
    state = original.initial_state(torch.float32)
    outputs = []
    with torch.no_grad():
        for row in torch.from_numpy(x):
            y, state = step(row[None, None], state)
            outputs.append(y.reshape(-1).numpy().copy())
    return np.stack(outputs)


def drawn(original: Original, steps: int = STEPS) -> np.ndarray:
    generator = np.random.default_rng(0)
    size = (steps, original.spec.input_size)
    return generator.standard_normal(size).astype(np.float32)


def difference(original: Original, x: np.ndarray | None = None) -> float:
    """The largest between the engine and PyTorch, as a part of the outputs' range."""
    x = drawn(original) if x is None else x
    expected = own_stream(original, x)
    size = max(1.0, float(np.abs(expected).max()))
    return float(np.abs(engine_stream(original, x) - expected).max()) / size


def check_streams(original: Original, module: nn.Module, example: Any) -> None:
    """The engine gives what the user's own loop `y, *state = module(x, *state)` gives."""
    x, state, outputs = drawn(original), example[1:], []
    with torch.no_grad():
        for row in torch.from_numpy(x):
            y, *state = module(row[None, None], *state)
            outputs.append(y.reshape(-1).numpy().copy())
    error = np.abs(engine_stream(original, x) - np.stack(outputs)).max()
    assert original.reason == ""
    assert error <= 10 * PARITY_STD_FRACTION
