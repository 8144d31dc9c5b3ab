"""Modules whose answer on a window is another than step by step.

Attention, pooling, padded convolutions or a norm over the window make an output depend on
more than the present reading and the state. Such a module runs one step at a time too, and
an artifact follows those steps, but it was trained on something else. It is found by
running it on windows of the verification stream beside its own single steps, in float64
where it runs there, so that a small dependence is not taken for rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.tolerances import (
    WINDOW_FLOAT32_FRACTION,
    WINDOW_FLOAT64_FRACTION,
    WINDOW_ROUNDING_FACTOR,
)

from ..capture.original import Original
from ..module.looking_ahead import bidirectional_layers, looks_ahead
from ..module.module_copy import same_again
from ..module.time_operations import TimeOperation, first_time_operation
from .recording import Recording

_LENGTHS = (2, 5, 24, 64)
_STARTS = (0, 16)
_ULP = 2.0**-23
_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WindowDifference:
    """How far a module on a window is from its own single steps.

    Attributes:
        num_steps: T of the window.
        step: of the window, where the difference is.
        output: name of the output.
        difference: in the output's unit.
        deviation: standard deviation of the output on the verification stream.
    """

    num_steps: int
    step: int
    output: str
    difference: float
    deviation: float

    @property
    def sentence(self) -> str:
        """What was found, as a sentence without its subject."""
        spread = (
            f", {self.difference / self.deviation:.2g} standard deviations of it"
            if self.deviation
            else ""
        )
        return (
            f"gives other numbers on a window than step by step: in one call of "
            f"{self.num_steps} steps, output '{self.output}' at step {self.step} is "
            f"{self.difference:.2g} away from what single steps give{spread}"
        )


def check_windows(
    original: Original, recording: Recording, *, single_steps: bool
) -> str:
    """A note where a window differs and single steps are taken; "" where none does.

    Args:
        original: the module.
        recording: its single steps on the verification stream.
        single_steps: whether its user takes the single steps for what the module is.

    Raises:
        SpecError: on a window the module gives other numbers than step by step, and that
            was not accepted.
    """
    found, columns = compare_windows(original, recording)
    if original.user is None or (found is None and not columns):
        return ""
    if found is None:
        names = ", ".join(original.spec.features[k].name for k in columns)
        return (
            f"{original.user.name} reads {names} in the first row of a window only. Step by "
            "step it reads it in every row, and the artifacts follow that."
        )
    operation = first_time_operation(original.user, recording.x)
    ahead = bidirectional_layers(original.module)
    if operation is not None and operation.is_bidirectional and ahead:
        raise looks_ahead(operation.where)
    cause = _cause(operation)
    if single_steps:
        return (
            f"{original.user.name} {found.sentence}{cause}. Single steps were accepted as "
            "the truth (single_steps=True), and the artifacts follow them."
        )
    raise SpecError(
        f"export: {original.user.name} {found.sentence}{cause}. An artifact sees one reading "
        "and the state that it carries. Keep what the module needs of earlier readings as "
        "state: take the last N of them as an argument of forward and return them with the "
        "new one. Or pass single_steps=True to export what single steps give."
    )


def compare_windows(
    original: Original, recording: Recording
) -> tuple[WindowDifference | None, list[int]]:
    """The largest difference between windows and single steps; None below the limit.

    None too where the module takes one step at a time only. Inputs that are read in the
    first row of a window alone, such as a flag that resets the state, come second: they
    are zero in the comparison.
    """
    if original.user is None:
        return None, []
    x = recording.x[: max(_STARTS) + max(*_LENGTHS, original.user.x.shape[1])]
    found = _difference(original, recording, x)
    columns = _first_row_inputs(original, x) if found else []
    if columns:
        x = x.copy()
        x[:, columns] = 0
        found = _difference(original, recording, x)
    return found, columns if found is None else []


def _first_row_inputs(original: Original, x: NDArray[np.float32]) -> list[int]:
    """Which inputs a window of five rows reads in its first row alone."""
    module, rows = original.module, torch.from_numpy(x[:5])
    before = _call(original, module, rows, original.initial_state(torch.float32))
    if before is None:
        return []
    state = before[1]
    base = _call(original, module, rows, state)
    columns = []
    for column in range(rows.shape[1]):
        moved = rows.clone()
        moved[1:, column] = 1 - moved[1:, column]
        first = moved.clone()
        first[0, column] = 1 - first[0, column]
        later, every = (_call(original, module, rows, state) for rows in (moved, first))
        if base and later and every and _is_same(base, later):
            columns += [] if _is_same(base, every) else [column]
    return columns


def _is_same(
    one: tuple[Tensor, list[Tensor]], other: tuple[Tensor, list[Tensor]]
) -> bool:
    pairs = zip([one[0], *one[1]], [other[0], *other[1]], strict=True)
    return all(torch.equal(*pair) for pair in pairs)


def _difference(
    original: Original, recording: Recording, x: NDArray[np.float32]
) -> WindowDifference | None:
    user = original.user
    assert user is not None
    longest = len(x) - max(_STARTS)
    lengths = sorted({min(n, longest) for n in (*_LENGTHS, user.x.shape[1]) if n > 1})
    steps = _Steps(original, x, torch.float32)
    try:
        exact = _Steps(original, x, torch.float64)
    except Exception:  # a user's module may hold constants that stay float32
        limits = _float32_limits(original, recording, steps)
    else:
        limits = _float64_limits(recording, exact, steps)
        steps = exact
    deviations = recording.y.std(axis=0, dtype=np.float64)
    largest, worst = 1.0, None
    for start, length, y in _windows(original, steps, lengths):
        expected = steps.y[start : start + length]
        errors = np.abs(y - expected[length - len(y) :])
        errors[np.isnan(errors)] = np.inf
        share = errors / limits
        if share.max() <= largest or _takes_one_reading(original, steps, start, length):
            continue
        largest = float(share.max())
        step, output = np.unravel_index(int(np.argmax(share)), share.shape)
        worst = WindowDifference(
            length,
            int(step) + length - len(y),
            original.spec.outputs[output].name,
            float(errors[step, output]),
            float(deviations[output]),
        )
    return worst


class _Steps:
    """Single steps of a module: outputs `[T, O]`, and its state before each step."""

    def __init__(self, original: Original, x: NDArray[np.float32], dtype: torch.dtype):
        assert original.user is not None
        self.module = same_again(original.user.module).to(dtype)
        self.x = torch.from_numpy(x).to(dtype)
        self.dtype = dtype
        self.y = np.empty((len(x), original.spec.output_size))
        self.states = [original.initial_state(dtype)]
        step = original.step_function(dtype)
        with torch.inference_mode():
            for t, row in enumerate(self.x):
                out, state = step(row[None, None], _copies(self.states[-1]))
                self.y[t] = out[0, 0].numpy()
                self.states.append(_copies(state))


def _float64_limits(recording: Recording, exact: _Steps, steps: _Steps) -> _Array:
    """`[O]` what windows may be off by in float64.

    A module may compute a part of its own in float32, so that error is allowed for.
    """
    y = recording.y.astype(np.float64)
    float32_errors = np.abs(exact.y - steps.y).max(axis=0)
    spread = WINDOW_FLOAT64_FRACTION * y.std(axis=0)
    return _above_zero(spread + WINDOW_ROUNDING_FACTOR * float32_errors, y)


def _float32_limits(original: Original, recording: Recording, steps: _Steps) -> _Array:
    """`[O]` the same where only float32 runs: what a rounding of the inputs does is added."""
    y = recording.y.astype(np.float64)
    spread = WINDOW_FLOAT32_FRACTION * y.std(axis=0)
    signs = torch.arange(steps.x.numel()).reshape(steps.x.shape) % 2 * 2 - 1
    nudged = (steps.x * (1 + signs * _ULP)).numpy()
    moved = np.abs(_Steps(original, nudged, torch.float32).y - steps.y).max(axis=0)
    return _above_zero(spread + WINDOW_ROUNDING_FACTOR * moved, y)


def _above_zero(limits: _Array, y: _Array) -> _Array:
    """Limits of at least a few roundings of float32 at the level of the output."""
    ulps = np.spacing(np.abs(y).max(axis=0).astype(np.float32)).astype(np.float64)
    return np.maximum(limits, ulps)


def _windows(
    original: Original, steps: _Steps, lengths: list[int]
) -> Iterator[tuple[int, int, _Array]]:
    """Start, length and outputs `[t, O]` of windows that the module takes.

    The outputs are those of the last t steps: of all of them, or of the last alone.
    """
    for start in _STARTS:
        for length in lengths:
            x, state = steps.x[start : start + length], steps.states[start]
            called = _call(original, steps.module, x, state)
            if called is None:
                continue
            expected = steps.y[start : start + length]
            y = _nearest(called[0].double(), expected, len(x))
            if y is not None:
                yield start, length, y


def _call(
    original: Original, module: nn.Module, x: Tensor, state: list[Tensor]
) -> tuple[Tensor, list[Tensor]] | None:
    """One call on a window `[T, I]`; None where the module does not take it."""
    user = original.user
    assert user is not None
    rows = x[None].expand(len(user.x), -1, -1)
    try:
        with torch.inference_mode():
            y, new_state = user.call(rows, _copies(state), module)
    except Exception:  # the module is the user's: any error may come
        return None
    shapes = [tensor.shape for tensor in new_state]
    if shapes != [tensor.shape for tensor in state] or not y.numel():
        return None
    return (y if y.ndim else y[None]), new_state


def _takes_one_reading(
    original: Original, steps: _Steps, start: int, length: int
) -> bool:
    """Whether a call on a window is one step with its first or its last row.

    Modules that take one step only may be written so: `x[:, 0]`, `x[:, -1]`.
    """
    x, state = steps.x[start : start + length], steps.states[start]
    window = _call(original, steps.module, x, state)
    last = _call(original, steps.module, x[-1:], state)
    if window is None or last is None:
        return True
    if _are_close(window[1], steps.states[start + 1]):
        return True
    size = original.spec.output_size
    outputs = [y.reshape(len(y), -1)[:, -size:] for y, _ in (window, last)]
    return _are_close([outputs[0], *window[1]], [outputs[1], *last[1]])


def _are_close(one: list[Tensor], other: list[Tensor]) -> bool:
    tolerance = 1e3 * torch.finfo(one[0].dtype).eps
    return all(
        torch.allclose(*pair, rtol=tolerance, atol=tolerance, equal_nan=True)
        for pair in zip(one, other, strict=True)
    )


def _nearest(y: Tensor, expected: _Array, num_steps: int) -> _Array | None:
    """Outputs of a window as `[t, O]`, in the arrangement that is nearest to single steps.

    Args:
        y: as the module returns it: `[B, T, O]`, `[B, O]`, `[T, B, O]`, `[B, O, T]`, ...
        expected: `[T, O]` of single steps.
        num_steps: T.
    """
    size = expected.shape[1]
    found = [
        y.movedim(axis, 0).reshape(num_steps, -1, size)[:, 0]
        for axis in range(y.ndim)
        if y.shape[axis] == num_steps and y.numel() % (num_steps * size) == 0
    ]
    if not found and y[0].numel() == num_steps * size:
        found.append(y[0].reshape(num_steps, size))
    if not found and y[0].numel() >= size:
        found.append(y[0].reshape(1, -1)[:, -size:])
    arrays = [part.numpy() for part in found]

    def distance(part: _Array) -> float:
        errors = np.abs(part - expected[num_steps - len(part) :])
        return float(np.nan_to_num(errors, nan=np.inf).max())

    return min(arrays, key=distance, default=None)


def _copies(state: list[Tensor]) -> list[Tensor]:
    return [tensor.clone() for tensor in state]


def _cause(operation: TimeOperation | None) -> str:
    if operation is None:
        return ""
    return f" ({operation.name} in '{operation.where}' works over the time axis)"
