"""Modules whose answer on a window is another than step by step.

Attention, pooling, padded convolutions or a norm over the window make an output depend on
more than the present reading and the state. Such a module runs one step at a time too, and
an artifact follows those steps, but it was trained on something else. It is found by
running it on windows of the verification stream beside its own single steps, in float64
where it runs there, so that a small dependence is not taken for rounding.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.tolerances import (
    WINDOW_FLOAT32_FRACTION,
    WINDOW_FLOAT64_FRACTION,
    WINDOW_ROUNDING_FACTOR,
)

from ..capture.original import Original
from ..module.over_time import bidirectional_layers, first_time_operation, looks_ahead
from ..module.user_module import UserModule
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
    cause = ""
    if operation is not None:
        if operation.is_bidirectional and bidirectional_layers(original.module):
            raise looks_ahead(operation.where)
        cause = f" ({operation.name} in '{operation.where}' works over the time axis)"
    if single_steps:
        return (
            f"{original.user.name} {found.sentence}{cause}. Single steps were accepted as "
            "the truth (single_steps=True), and the artifacts follow them."
        )
    num_rows = original.spec.rows_per_step
    sees = "one reading" if num_rows == 1 else f"a frame of {num_rows} rows"
    ahead = (
        ""
        if num_rows == 1
        else "A padding of a convolution over time is zeros at both ends of every frame, and "
        "at its end it stands for rows to come: give it padding=0. "
    )
    raise SpecError(
        f"export: {original.user.name} {found.sentence}{cause}. An artifact sees {sees} "
        f"and the state that it carries. {ahead}Keep what the module needs of earlier "
        "readings as state: take the last N of them as an argument of forward and return "
        "them with the new one. Or pass single_steps=True to export what single steps "
        "give."
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
    assert original.user is not None
    user, rows = original.user, torch.from_numpy(x[:5])
    before = _call(user, rows, original.initial_state(torch.float32))
    if before is None:
        return []
    _, *state = before
    base = _call(user, rows, state)
    columns = []
    for column in range(rows.shape[1]):
        moved = rows.clone()
        moved[1:, column] = 1 - moved[1:, column]
        later = _call(user, moved, state)
        moved[0, column] = 1 - moved[0, column]
        every = _call(user, moved, state)
        if base and later and every and _are_equal(base, later):
            columns += [] if _are_equal(base, every) else [column]
    return columns


def _are_equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(map(torch.equal, one, other))


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
        signs = torch.arange(steps.x.numel()).reshape(steps.x.shape) % 2 * 2 - 1
        nudged = (steps.x * (1 + signs * _ULP)).numpy()
        other = _Steps(original, nudged, torch.float32)
        limits = _limits(recording, WINDOW_FLOAT32_FRACTION, other.y - steps.y)
    else:
        limits = _limits(recording, WINDOW_FLOAT64_FRACTION, exact.y - steps.y)
        steps = exact
    deviations = recording.y.std(axis=0, dtype=np.float64)
    largest, worst = 1.0, None
    for start, length in itertools.product(_STARTS, lengths):
        rows = slice(start, start + length)
        window, expected = steps.call(start, rows), steps.y[rows]
        if window is None:
            continue
        y = _nearest(window[0].double(), expected)
        if y is None:
            continue
        errors = np.abs(y - expected[length - len(y) :])
        errors[np.isnan(errors)] = np.inf
        share = errors / limits
        if share.max() <= largest or steps.takes_one_reading(start, length, window):
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
        self.user = original.user.to_probe(dtype)
        self.x = torch.from_numpy(x).to(dtype)
        self.y = np.empty((len(x), original.spec.output_size))
        self.states = [original.initial_state(dtype)]
        step = original.step_function(dtype)
        with torch.inference_mode():
            for t, row in enumerate(self.x):
                out, state = step(row[None, None], self.states[-1])
                self.y[t] = out[0, 0].numpy()
                self.states.append([tensor.clone() for tensor in state])

    def call(self, start: int, rows: slice) -> list[Tensor] | None:
        """`_call` on some rows, from the state that single steps have at `start`."""
        return _call(self.user, self.x[rows], self.states[start])

    def takes_one_reading(self, start: int, length: int, window: list[Tensor]) -> bool:
        """Whether a call on a window is one step with its first or its last row.

        Modules that take one step only may be written so: `x[:, 0]`, `x[:, -1]`.
        """
        first, last = (
            self.call(start, slice(k, k + 1)) for k in (start, start + length - 1)
        )
        if first is None or last is None:
            return True
        has_state = len(window) > 1
        if has_state and _are_close(window[1:], self.states[start + 1]):
            return True
        size = self.y.shape[1]
        found, *ones = (
            [y.reshape(len(y), -1)[:, -size:], *state]
            for y, *state in (window, last, first)
        )
        return any(_are_close(found, one) for one in ones[: 1 if has_state else 2])


def _limits(recording: Recording, fraction: float, moved: _Array) -> _Array:
    """`[O]` what windows may be off by: a fraction of the standard deviation, and rounding.

    `moved` `[T, O]` is what that does to single steps: in the parts of a module that compute
    in float32 themselves or, where no float64 runs, to the inputs.
    """
    y = recording.y.astype(np.float64)
    limits = fraction * y.std(axis=0)
    limits += WINDOW_ROUNDING_FACTOR * np.abs(moved).max(axis=0)
    ulps = np.spacing(np.abs(y).max(axis=0).astype(np.float32)).astype(np.float64)
    return np.maximum(limits, ulps)


def _call(user: UserModule, x: Tensor, state: list[Tensor]) -> list[Tensor] | None:
    """Outputs and new state of one call on `[T, I]`; None where it is not taken."""
    with torch.inference_mode():
        called = user.tried(x[None].expand(len(user.x), -1, -1), state)
    if called is None:
        return None
    y, new_state = called
    shapes = [tensor.shape for tensor in new_state]
    if shapes != [tensor.shape for tensor in state] or not y.numel():
        return None
    return [y if y.ndim else y[None], *new_state]


def _are_close(one: list[Tensor], other: list[Tensor]) -> bool:
    tolerance = 1e3 * torch.finfo(one[0].dtype).eps
    return all(
        torch.allclose(*pair, rtol=tolerance, atol=tolerance, equal_nan=True)
        for pair in zip(one, other, strict=True)
    )


def _nearest(y: Tensor, expected: _Array) -> _Array | None:
    """Outputs of a window as `[t, O]`, in the arrangement that is nearest to single steps.

    They are those of the last t steps: of all of them, or of the last alone.

    Args:
        y: as the module returns it: `[B, T, O]`, `[B, O]`, `[T, B, O]`, `[B, O, T]`, ...
        expected: `[T, O]` of single steps.
    """
    num_steps, size = expected.shape
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
