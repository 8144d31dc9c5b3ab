"""A module that gives fewer outputs than it takes rows, as one that takes frames of rows.

A convolution or a pooling with a stride over time needs s rows for one output. What is
exported takes these s rows side by side in one step, and so has a step for every output.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rnnedge_runtime.errors import RnnEdgeError, SpecError
from rnnedge_runtime.spec.frames import MOST_ROWS

from ...module.example_arguments import named_arguments, parameters_of
from ...module.module_copy import own_copy, same_again, unwrapped
from ...module.structure import Path, rebuild, tensors
from .formed import Call, with_signature

_LONG = 240
"""Rows of a second trial: many strides divide it."""


@dataclass(frozen=True, slots=True)
class _Growth:
    """An axis of a tensor that comes back, which grows with the rows that go in."""

    path: Path
    axis: int
    per_trial: int


class InFrames(nn.Module):
    """Takes `x` `[B, T, s * F]` and gives its rows `[B, s * T, F]` to a module.

    Args:
        module: it.
        call: how it is called.
        num_rows: s, the rows of a frame.
        grown: the tensors it returns that have several rows for a frame: where they are,
            their time axis and how many rows.
    """

    def __init__(
        self,
        module: nn.Module,
        call: Call,
        num_rows: int,
        grown: tuple[_Growth, ...],
    ) -> None:
        super().__init__()
        self.user_module = module
        self.call = call
        self.num_rows = num_rows
        self.grown = {item.path: item for item in grown}
        self.original_name = type(module).__name__

    def take(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        """One call."""
        rows = x.reshape(x.shape[0], x.shape[1] * self.num_rows, -1)
        others = {**dict(zip(self.call.others, args, strict=False)), **kwargs}
        value = self.call.invoke(self.user_module, rows, others)
        if not self.grown:
            return value
        paths = iter([path for path, _ in tensors(value)])

        def in_frames(tensor: Tensor) -> Tensor:
            found = self.grown.get(next(paths))
            if found is None:
                return tensor
            moved = tensor.movedim(found.axis, 1)
            return moved.reshape(len(moved), moved.shape[1] // found.per_trial, -1)

        return rebuild(value, in_frames)


def in_frames(
    module: nn.Module, example: Any, rows_per_step: int | None
) -> tuple[nn.Module, Any, int, str]:
    """`module` and its example in frames, their rows, and a sentence on it; or as given.

    Args:
        module: the user's.
        example: what `export` was given.
        rows_per_step: rows of a frame; None: found by calling the module on windows.

    Raises:
        SpecError: `rows_per_step` cannot be, the example is shorter than a frame, or the
            module does not give as many outputs for every frame.
    """
    as_given = module, example, 1, ""
    if rows_per_step is not None and not 1 <= rows_per_step <= MOST_ROWS:
        raise SpecError(
            f"export: rows_per_step is {rows_per_step}, expected 1 to {MOST_ROWS:,}. Give "
            "the product of the strides over time."
        )
    try:
        x, names, rest, num_positional = named_arguments(module, example)
        inner = own_copy(unwrapped(module))
    except RnnEdgeError:  # said where the module is read
        return as_given
    is_sequence = isinstance(x, Tensor) and x.ndim == 3 and x.is_floating_point()
    if rows_per_step == 1 or not is_sequence:
        return as_given
    parameters = parameters_of(inner)
    first = parameters[0].name if parameters else "x"
    call = Call(first, dict(zip(names, rest, strict=True)), num_positional)
    trial = _Trial(inner, x, call)
    num_rows = rows_per_step or trial.stride()
    if num_rows == 1:
        return as_given
    name, length = trial.name, x.shape[1]
    if length < num_rows:
        raise SpecError(
            f"export: {name} needs {num_rows} rows for a step, but the example's x "
            f"{list(x.shape)} has {length}. Pass an example with x [B, T, F], T a multiple "
            f"of {num_rows}."
        )
    grown = trial.growth(num_rows, 2 * num_rows)
    per_frame = {item.per_trial for item in grown or ()}
    if grown is not None and trial.growth(2 * num_rows, 3 * num_rows) != grown:
        raise SpecError(
            f"export: {name} does not give as many outputs for every frame of {num_rows} "
            "rows. Pass the product of its strides over time as rows_per_step."
        )
    several = tuple(item for item in grown or () if item.per_trial > 1)
    framed = _framed(inner, call, num_rows, several)
    rows = x[:, : length // num_rows * num_rows]
    frames = rows.reshape(len(x), length // num_rows, -1)
    by_name = isinstance(example, Mapping)
    example = {**example, first: frames} if by_name else (frames, *rest)
    return framed, example, num_rows, _note(name, num_rows, max(per_frame, default=1))


@dataclass(frozen=True)
class _Trial:
    """The module with its example, called on windows of several lengths."""

    module: nn.Module
    x: Tensor
    call: Call

    @property
    def name(self) -> str:
        return type(self.module).__name__

    def shapes(self, num_rows: int) -> dict[Path, torch.Size] | None:
        """Shapes of what it returns for so many rows; None where it fails."""
        times = -(-num_rows // self.x.shape[1])
        rows = self.x.repeat(1, times, 1)[:, :num_rows].clone()
        try:
            with torch.no_grad():
                others = rebuild(self.call.others, torch.clone)
                value = self.call.invoke(same_again(self.module), rows, others)
        except Exception:  # the module is the user's: any error may come
            return None
        return {path: tensor.shape for path, tensor in tensors(value)}

    def growth(self, few: int, many: int) -> list[_Growth] | None:
        """What grows from a window of `few` rows to one of `many`; None where one fails."""
        short, long = self.shapes(few), self.shapes(many)
        if short is None or long is None or set(short) != set(long):
            return None
        return [
            _Growth(path, axis, more - less)
            for path, shape in short.items()
            if len(shape) == len(long[path])
            for axis, (less, more) in enumerate(zip(shape, long[path], strict=True))
            if more > less
        ]

    def stride(self) -> int:
        """Rows for one output; 1 where that is not seen."""
        own = self.x.shape[1]
        if own < 2:
            return 1
        for length in (own, _LONG):
            grown = self.growth(length, 2 * length)
            if not grown:
                return 1
            most = max(item.per_trial for item in grown)
            if length % most == 0:
                return length // most
            if most > length:
                return 1
        return 1


def _framed(
    module: nn.Module, call: Call, num_rows: int, grown: tuple[_Growth, ...]
) -> InFrames:
    """With the signature of the module."""
    kinds = inspect.Parameter
    head = kinds(call.first, kinds.POSITIONAL_OR_KEYWORD)
    signature = inspect.Signature([head, *parameters_of(module)[1:]])
    own = type("InFrames", (InFrames,), {"forward": with_signature(signature)})
    made: InFrames = own(module, call, num_rows, grown)
    return made


def _note(name: str, num_rows: int, per_frame: int) -> str:
    each = "an output" if per_frame == 1 else f"{per_frame} outputs"
    return (
        f"{name} gives {each} every {num_rows} rows, so a step takes a frame of {num_rows} "
        "rows; streams in Python gather them and give None until it is full."
    )
