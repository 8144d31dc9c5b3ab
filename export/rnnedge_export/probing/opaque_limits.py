"""What float32 may be off by in a module that is no chain of layers (ADR 0012)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnedge_runtime.tolerances import CARRIED_FACTOR, SMALLEST_ERROR

from ..capture.original import Original, StepFunction
from ..compare.carrying import is_small_spread
from ..compare.rounding import Float64
from ..compare.runs import Taken
from ..compare.shaken import shaken_calls
from ..compare.verification_stream import Inputs

_SHAKEN_STEPS = 24
_DRAWS = 4
_FLIP = 0.05
_SEED = 20130101


def opaque_limits(
    original: Original, x: Inputs, y: NDArray[np.float32], taken: Taken
) -> tuple[Float64 | None, Float64, bool, tuple[Float64, ...]]:
    """`float32_errors`, `limits`, `is_bounded` and `step_limits` of a `Recording`.

    Single steps are shaken, and what that gives is carried. The limits are those of two
    float32 engines against each other. Where the module does not run in float64, float32
    is shaken, and its own roundings are counted beside the drawn ones.

    Args:
        original: the module.
        x: `[T, I]` stream.
        y: `[T, O]` what it gave.
        taken: its judged steps, in its own state's shapes.
    """
    for dtype in (torch.float64, torch.float32):
        try:
            step = original.step_function(dtype)
            bounds = _step_bounds(step, taken, dtype)
            exact, apart, is_bounded = _carry(original, step, x, y, bounds[1:], dtype)
        except Exception:  # a user's module may hold constants that stay float32
            if dtype == torch.float32:
                raise
            continue
        break
    ties = _spacing(y)
    limits = CARRIED_FACTOR * np.maximum.accumulate(apart, axis=0)
    limits = 2 * (limits + bounds[0].reshape(-1)) + ties
    errors = np.abs(y - exact).max(axis=0) if dtype == torch.float64 else None
    step_limits = [2 * bound for bound in bounds]
    step_limits[0] += ties.max(axis=0).reshape(step_limits[0].shape)
    return errors, limits, is_bounded, tuple(step_limits)


def _spacing(y: NDArray[np.float32]) -> Float64:
    """`[T, O]` between outputs that are rounded to 16 bits, where a tie may go either way."""
    half = y.astype(np.float16)
    is_half = (y == half).all(axis=0)
    is_bfloat16 = (np.ascontiguousarray(y).view(np.uint32) & 0xFFFF == 0).all(axis=0)
    spacing = np.where(is_half, np.spacing(np.abs(half)), 0.0)
    return np.where(is_bfloat16, 2.0**-7 * np.abs(y), spacing)


def _step_bounds(step: StepFunction, taken: Taken, dtype: torch.dtype) -> list[Float64]:
    """Bounds of y and of each state tensor, the largest over some steps."""
    scale = 1.0 if dtype == torch.float64 else 2.0
    chosen = np.linspace(0, len(taken.at) - 1, min(_SHAKEN_STEPS, len(taken.at)))
    largest: list[Float64] = []
    for k in np.unique(chosen.astype(np.int64)):
        x = torch.from_numpy(taken.x[k]).to(dtype)[None, None]
        state = [torch.from_numpy(tensor[k]).to(dtype) for tensor in taken.before]

        def call(x: Tensor = x, state: Sequence[Tensor] = state) -> list[Tensor]:
            y, new_state = step(x, [tensor.clone() for tensor in state])
            return [y[0, 0], *new_state]

        with torch.no_grad():
            exact = call()
        moved = shaken_calls(call, _DRAWS, scale)
        apart = [
            np.max([np.abs((a - b).double().numpy()) for a in found], axis=0)
            for found, b in zip(zip(*moved, strict=True), exact, strict=True)
        ]
        largest = [
            np.maximum(*pair) for pair in zip(largest or apart, apart, strict=True)
        ]
    return [CARRIED_FACTOR * bound + SMALLEST_ERROR for bound in largest]


def _carry(
    original: Original,
    step: StepFunction,
    x: Inputs,
    y: NDArray[np.float32],
    bounds: Sequence[Float64],
    dtype: torch.dtype,
) -> tuple[Float64, Float64, bool]:
    """Outputs of the run as it is, how far a moved one parts from it, and whether it ends."""
    rng = np.random.default_rng(_SEED)
    runs = [original.initial_state(dtype), original.initial_state(dtype)]
    moves = [bound * rng.choice((-1.0, 1.0), bound.shape) for bound in bounds]
    outputs = np.empty((2, *y.shape))
    parted, largest = [0.0] * len(moves), [0.0] * len(moves)
    with torch.inference_mode():
        for t, row in enumerate(torch.from_numpy(x).to(dtype)):
            for k, state in enumerate(runs):
                out, runs[k] = step(row[None, None], state)
                outputs[k, t] = out[0, 0].numpy()
            for k, move in enumerate(moves):
                moves[k] = np.where(rng.random(move.shape) < _FLIP, -move, move)
                moved = runs[1][k] + torch.from_numpy(moves[k]).to(dtype)
                runs[1][k] = moved
                apart = float((moved - runs[0][k]).abs().max())
                parted[k] = max(parted[k], apart if np.isfinite(apart) else np.inf)
                largest[k] = max(largest[k], float(runs[0][k].abs().max()))
    apart_y = np.abs(outputs[1] - outputs[0])
    apart_y[~np.isfinite(apart_y)] = np.inf
    is_bounded = all(map(is_small_spread, parted, largest, bounds))
    return outputs[0], apart_y, is_bounded
