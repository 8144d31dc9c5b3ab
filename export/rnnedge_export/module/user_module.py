"""A module with explicit state, seen as one function of flat tensors.

The state may be one list, tuple, mapping or dataclass, several arguments, or nested; the
example shows which. Example values give the initial state of a stream.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rnnedge_runtime.errors import SpecError

from ..tools.silence import silence
from .matching import Binding
from .module_copy import same_again
from .structure import at, path_text, rebuild, tensors


@dataclass(frozen=True)
class UserModule:
    """A copy of a user's module in evaluation mode, and the example it runs on.

    Attributes:
        module: the copy, float32 on the CPU.
        x: `[B, T, I]` example input.
        state: example state, flattened.
        template: the arguments after `x`, in the user's own structure.
        names: the names of these arguments in `forward`.
        num_positional: how many of them are passed by position.
        binding: where outputs and state are in what the module returns.
        notes: sentences on what was found that the user should read.
        target_names: a name for every value of `y`, after the keys in what it returns.
        choice: what of it the caller chose, "" where nothing: part of the digest.
    """

    module: nn.Module
    x: Tensor
    state: tuple[Tensor, ...]
    template: tuple[Any, ...]
    names: tuple[str, ...]
    num_positional: int
    binding: Binding
    notes: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    choice: str = ""

    @property
    def name(self) -> str:
        return str(getattr(self.module, "original_name", type(self.module).__name__))

    @property
    def input_size(self) -> int:
        return int(self.x.shape[-1])

    @property
    def state_names(self) -> list[str]:
        """Name of every state tensor: `h`, or `state.h` of a mapping."""
        given = dict(zip(self.names, self.template, strict=True))
        return [path_text(path) for path, _ in tensors(given)]

    def in_structure(self, state: Sequence[Tensor]) -> tuple[Any, ...]:
        """Flat state as the arguments after `x`; the tensors are copied."""
        rest = iter(state)
        return tuple(
            rebuild(part, lambda _: next(rest).clone()) for part in self.template
        )

    def invoke(
        self, x: Tensor, arguments: Sequence[Any], module: nn.Module | None = None
    ) -> Any:
        """What the module returns, for arguments in the user's own structure."""
        keywords = dict(
            zip(
                self.names[self.num_positional :],
                arguments[self.num_positional :],
                strict=True,
            )
        )
        called = self.module if module is None else module
        return called(x.clone(), *arguments[: self.num_positional], **keywords)

    def step(
        self, x: Tensor, state: Sequence[Tensor], module: nn.Module | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """One call: `x` `[B, 1, I]` to `y` `[B, 1, O]` and the new flat state.

        Args:
            module: another module of the same signature to call instead.
        """
        outputs, new_state = self.parts(x, state, module)
        flat = [_as(x, part).reshape(x.shape[0], 1, -1) for part in outputs]
        return flat[0] if len(flat) == 1 else torch.cat(flat, dim=-1), new_state

    def call(
        self, x: Tensor, state: Sequence[Tensor], module: nn.Module | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """One call with `x` `[B, T, I]`; `y` as the module returns it.

        Several outputs are put side by side, `[B, T, O]`, where each has a row per step.
        """
        outputs, new_state = self.parts(x, state, module)
        outputs = [_as(x, part) for part in outputs]
        if len(outputs) == 1:
            return outputs[0], new_state
        if all(part.shape[:2] == x.shape[:2] for part in outputs):
            outputs = [part.reshape(*x.shape[:2], -1) for part in outputs]
        else:
            outputs = [part.reshape(len(x), -1) for part in outputs]
        return torch.cat(outputs, dim=-1), new_state

    def parts(
        self, x: Tensor, state: Sequence[Tensor], module: nn.Module | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The outputs and the new flat state, as the module returns them.

        Raises:
            SpecError: it returns another structure than in its first call.
        """
        out = self.invoke(x, self.in_structure(state), module)
        try:
            found = [at(out, path) for path in self.binding.outputs]
            new_state = [at(out, path) for path in self.binding.state]
        except (LookupError, TypeError, AttributeError):
            found, new_state = [None], []
        if not all(isinstance(part, Tensor) for part in (*found, *new_state)):
            raise SpecError(
                f"export: {self.name} returns another structure in a later call than in "
                "its first. Return the same tensors in every call."
            )
        return found, new_state

    def program(self) -> Any:
        """One step of a copy in `torch.export`: `x` and flat state to `y` and flat state."""
        flat = FlatStep(self, same_again(self.module))
        with silence():
            return torch.export.export(flat, (self.x[:, :1], *self.state), strict=False)

    def to_probe(self) -> UserModule:
        """A copy to try inputs on, which may leave something of them in the module."""
        return dataclasses.replace(self, module=same_again(self.module))

    def with_batch(self, batch_size: int) -> UserModule | None:
        """The same with the example repeated along the batch axis; None if it cannot.

        The batch axis of a state tensor is the last but one, or else the first.
        """
        for axis in (-2, 0):
            try:
                state = [_repeat(tensor, axis, batch_size) for tensor in self.state]
                x = self.x.repeat(batch_size, 1, 1)
                wider = dataclasses.replace(self, x=x, state=tuple(state))
                with torch.no_grad():
                    y, new_state = wider.step(x[:, :1], state)
            except Exception:  # the module is the user's: any error may come
                continue
            if _shapes(new_state) == _shapes(state) and len(y) == batch_size:
                return wider
        return None


class FlatStep(nn.Module):
    """`forward(x, *state)` to `(y, *state)`, whatever the form of the user's own."""

    def __init__(self, user: UserModule, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.user = user

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        y, new_state = self.user.step(x, state, self.module)
        return (y, *new_state)


def time_major_layers(module: nn.Module) -> list[str]:
    """Names of the recurrent layers that were built with `batch_first=False`."""
    return [
        name or type(part).__name__
        for name, part in module.named_modules()
        if isinstance(part, nn.RNNBase) and not part.batch_first
    ]


def _as(x: Tensor, part: Tensor) -> Tensor:
    return part if part.dtype == x.dtype else part.to(x.dtype)


def _shapes(parts: Sequence[Tensor]) -> list[list[int]]:
    return [list(tensor.shape) for tensor in parts]


def _repeat(tensor: Tensor, axis: int, times: int) -> Tensor:
    return torch.cat([tensor] * times, dim=axis)
