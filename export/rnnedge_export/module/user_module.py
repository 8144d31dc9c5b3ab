"""A module with explicit state, seen as one function of flat tensors.

The state may be one list, tuple, mapping or dataclass, several arguments, or nested; the
example shows which. Example values give the initial state of a stream.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rnnedge_runtime.errors import RnnEdgeError, SpecError

from ..tools.silence import silence
from .matching import Binding
from .module_copy import same_again
from .reasons import error_text
from .structure import at, path_text, rebuild, tensors

_SHOWN = 6


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

    def invoke(self, x: Tensor, arguments: Sequence[Any]) -> Any:
        """What the module returns, for arguments in the user's own structure."""
        k = self.num_positional
        keywords = dict(zip(self.names[k:], arguments[k:], strict=True))
        return self.module(x.clone(), *arguments[:k], **keywords)

    def step(self, x: Tensor, state: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """One call: `x` `[B, 1, I]` to `y` `[B, 1, O]` and the new flat state."""
        outputs, new_state = self.parts(x, state)
        return _side_by_side(outputs, (x.shape[0], 1)), new_state

    def call(self, x: Tensor, state: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """One call with `x` `[B, T, I]`; `y` as the module returns it.

        Several outputs are put side by side, `[B, T, O]`, where each has a row per step.
        """
        outputs, new_state = self.parts(x, state)
        if len(outputs) == 1:
            return outputs[0], new_state
        has_rows = all(part.shape[:2] == x.shape[:2] for part in outputs)
        return _side_by_side(outputs, x.shape[: 2 if has_rows else 1]), new_state

    def tried(
        self, x: Tensor, state: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]] | None:
        """As `call`; None where that fails."""
        try:
            return self.call(x, state)
        except Exception:  # the module is the user's: any error may come
            return None

    def parts(
        self, x: Tensor, state: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The outputs in the type of `x` and the new flat state, in their own shapes.

        Raises:
            SpecError: it returns another structure than in its first call.
        """
        out = self.invoke(x, self.in_structure(state))
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
        kind = x.dtype
        found = [part if part.dtype == kind else part.to(kind) for part in found]
        return found, new_state

    @property
    def first_step(self) -> tuple[Tensor, ...]:
        """What `FlatStep` takes: one row of the example, and its state."""
        return (self.x[:, :1], *self.state)

    def program(self, x: Tensor | None = None) -> Any:
        """A copy in `torch.export`: `x` and flat state to `y` and flat state.

        Args:
            x: `[B, T, I]`; None: one row of the example.
        """
        inputs = self.first_step if x is None else (x, *self.state)
        with silence():
            return torch.export.export(FlatStep(self.to_probe()), inputs, strict=False)

    def to_probe(self, dtype: torch.dtype | None = None) -> UserModule:
        """A copy to try inputs on, which may leave something of them in the module."""
        module = same_again(self.module)
        return dataclasses.replace(self, module=module.to(dtype) if dtype else module)

    def with_batch(self, batch_size: int) -> UserModule | None:
        """The same with the example repeated along the batch axis; None if it cannot.

        The batch axis of a state tensor is the last but one, or else the first.
        """
        x = self.x.repeat(batch_size, 1, 1)
        for axis in (-2, 0):
            with contextlib.suppress(Exception), torch.no_grad():  # of any type
                state = [torch.cat([part] * batch_size, axis) for part in self.state]
                wider = dataclasses.replace(self, x=x, state=tuple(state))
                y, new_state = wider.step(x[:, :1], state)
                shapes = [[part.shape for part in side] for side in (state, new_state)]
                if shapes[0] == shapes[1] and len(y) == batch_size:
                    return wider
        return None


class FlatStep(nn.Module):
    """`forward(x, *state)` to `(y, *state)`, whatever the form of the user's own."""

    def __init__(self, user: UserModule) -> None:
        super().__init__()
        self.module = user.module
        self.user = user

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        y, new_state = self.user.step(x, state)
        return (y, *new_state)


class UserStep:
    """One step after the other, `x` `[1, 1, I]` to `y` `[1, 1, O]`.

    Its errors become sentences about the verification stream.
    """

    def __init__(self, user: UserModule) -> None:
        self.user = user
        self.num_steps = 0
        shapes = [tensor.shape for tensor in user.state]
        self.went_in = list(zip(user.state_names, shapes, strict=True))
        self.output_size: int | None = None

    def __call__(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Raises SpecError where the module raises anything, or its state changes shape."""
        user = self.user
        wide = x.expand(len(user.x), 1, -1)
        try:
            y, new_state = user.step(wide, state)
        except RnnEdgeError:
            raise
        except Exception as error:  # the module is the user's: any error may come
            raise SpecError(
                f"export: {user.name} fails at step {self.num_steps} of the verification "
                f"stream, x {_row(x)}: {error_text(error)}. Pass stream= with model inputs "
                "like those that the module was made for."
            ) from error
        for (name, shape), new in zip(self.went_in, new_state, strict=True):
            if new.shape != shape:
                raise SpecError(
                    f"export: the state '{name}' of {user.name} is {list(new.shape)} after "
                    f"step {self.num_steps}, and was {list(shape)} before. Give the state "
                    "one shape for all steps."
                )
        size = self.output_size or y.shape[-1]
        if y.shape[-1] != size:
            raise SpecError(
                f"export: y of {user.name} has {y.shape[-1]} values at step "
                f"{self.num_steps}, and had {size} before. Return as many in every step."
            )
        self.output_size = size
        self.num_steps += 1
        return y, new_state


def recurrent_layers(module: nn.Module) -> dict[str, nn.RNNBase]:
    """The recurrent layers of a module by name; the module itself goes by its type."""
    return {
        name or type(part).__name__: part
        for name, part in module.named_modules()
        if isinstance(part, nn.RNNBase)
    }


def time_major_layer(module: nn.Module) -> str:
    """The first recurrent layer that was built with `batch_first=False`; "" for none."""
    layers = recurrent_layers(module).items()
    return next((name for name, layer in layers if not layer.batch_first), "")


def _side_by_side(parts: list[Tensor], rows: Sequence[int]) -> Tensor:
    flat = [part.reshape(*rows, -1) for part in parts]
    return flat[0] if len(flat) == 1 else torch.cat(flat, dim=-1)


def _row(x: Tensor) -> str:
    values = [f"{value:.4g}" for value in x[0, 0].tolist()[:_SHOWN]]
    return f"[{', '.join(values)}{', ...' if x.shape[-1] > _SHOWN else ''}]"
