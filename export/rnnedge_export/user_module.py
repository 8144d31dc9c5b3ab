"""A module with explicit state, seen as one function of flat tensors.

The state may be one list or tuple, several arguments, or nested; the example shows which.
Example values give the initial state of a stream.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from rnnedge_runtime.errors import ShapeError, SpecError

from .looking_ahead import refuse_looking_ahead

_SIGNATURE = (
    "Write forward(x, state: List[Tensor]) or forward(x, *state), returning (y, state), "
    "with x [B, T, I] and y [B, T, O]."
)


@dataclass(frozen=True)
class UserModule:
    """A copy of a user's module in evaluation mode, and the example it runs on.

    Attributes:
        module: the copy, float32 on the CPU.
        x: `[B, T, I]` example input.
        state: example state, flattened.
        structure: how the flat state becomes the arguments after `x`.
    """

    module: nn.Module
    x: Tensor
    state: tuple[Tensor, ...]
    structure: Any

    @property
    def name(self) -> str:
        return type(self.module).__name__

    @property
    def input_size(self) -> int:
        return int(self.x.shape[-1])

    def arguments(self) -> tuple[Any, ...]:
        """What `module` is called with: the example's first step and its state."""
        state = [tensor.clone() for tensor in self.state]
        return (self.x[:, :1], *pytree.tree_unflatten(state, self.structure))

    def step(
        self, x: Tensor, state: Sequence[Tensor], module: nn.Module | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """One call: `x` `[B, 1, I]` to `y` `[B, 1, O]` and the new flat state.

        Args:
            module: another module of the same signature to call instead.
        """
        y, new_state = self.call(x, state, module)
        return y.reshape(x.shape[0], 1, -1), new_state

    def call(
        self, x: Tensor, state: Sequence[Tensor], module: nn.Module | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """One call with `x` `[B, T, I]`; `y` as the module returns it."""
        rest = pytree.tree_unflatten(list(state), self.structure)
        out = (module or self.module)(x, *rest)
        y, *new_state = pytree.tree_flatten(out)[0]
        return y, new_state

    def with_batch(self, batch_size: int) -> UserModule | None:
        """The same with the example repeated along the batch axis; None if it cannot.

        The batch axis of a state tensor is the last but one, or else the first.
        """
        for axis in (-2, 0):
            try:
                state = [_repeat(tensor, axis, batch_size) for tensor in self.state]
                x = self.x.repeat(batch_size, 1, 1)
                wider = UserModule(self.module, x, tuple(state), self.structure)
                _check_call(wider)
            except (RuntimeError, IndexError, SpecError):
                continue
            return wider
        return None


def read_user_module(module: nn.Module, example: Sequence[Any] | None) -> UserModule:
    """A UserModule from what the caller of `export` passed, checked by calling it once.

    Raises:
        SpecError: no example, a layer bidirectional over time, another element type than
            float32, or a call that does not return `(y, state)` with state of the same
            shapes.
        ShapeError: the example's `x` is not `[B, T, I]`.
    """
    name = type(module).__name__
    if example is None or (isinstance(example, tuple | list) and not example):
        raise SpecError(
            f"export: {name} is not a SequenceModel and no example was given. "
            "Pass example=(x, state...) with x [B, T, I] and the state of a new stream."
        )
    if not isinstance(example, tuple | list):
        raise SpecError(
            f"export: the example is {type(example).__name__}, expected a tuple. "
            "Pass example=(x, state...) with x [B, T, I] and the state of a new stream."
        )
    x, *rest = example
    if not isinstance(x, Tensor) or x.ndim != 3 or 0 in x.shape:
        shape = list(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ShapeError(
            f"export: the example's x is {shape}, expected a tensor [B, T, I]. "
            "Pass a batch of sequences, batch first."
        )
    flat, structure = pytree.tree_flatten(tuple(rest))
    tensors = [x, *flat, *module.parameters()]
    odd = [t for t in tensors if not isinstance(t, Tensor) or t.dtype != torch.float32]
    if odd:
        found = odd[0].dtype if isinstance(odd[0], Tensor) else type(odd[0]).__name__
        raise SpecError(
            f"export: the example or the weights of {name} hold {found}, expected "
            "torch.float32 tensors. Convert both with .float()."
        )
    own = _own_copy(module)
    state = tuple(tensor.detach().cpu().clone() for tensor in flat)
    user = UserModule(own, x.detach().cpu(), state, structure)
    _check_call(user)
    refuse_looking_ahead(user)
    return user


def _own_copy(module: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(module).eval().cpu()
    except Exception as error:  # the module is the user's: any error may come
        raise SpecError(
            f"export: {type(module).__name__} cannot be copied: {error}. Keep nothing that "
            "was computed in its attributes; take all state as arguments of forward and "
            "return it."
        ) from None


def _check_call(user: UserModule) -> None:
    where = f"export: {user.name}"
    try:
        with torch.no_grad():
            out = user.module(*user.arguments())
    except Exception as error:  # the module is the user's: any error may come
        raise SpecError(
            f"{where} fails on one step of the example, x {list(user.x[:, :1].shape)} and "
            f"state {_shapes(user.state)}: {error} {_time_major_hint(user.module)}"
            f"{_SIGNATURE}"
        ) from error
    if not isinstance(out, tuple | list) or not isinstance(out[0], Tensor):
        raise SpecError(
            f"{where} returns {type(out).__name__}, expected (y, state). {_SIGNATURE}"
        )
    y, *state = pytree.tree_flatten(out)[0]
    if _shapes(state) != _shapes(user.state):
        raise SpecError(
            f"{where} returns state of shapes {_shapes(state)}, but takes "
            f"{_shapes(user.state)}. Return the new state in the order and shapes of the "
            "state that came in."
        )
    batch_size = user.x.shape[0]
    if y.numel() % batch_size or (y.ndim and y.shape[0] != batch_size):
        raise SpecError(
            f"{where} returns y {list(y.shape)} for x {list(user.x[:, :1].shape)}, "
            f"expected [B={batch_size}, T=1, O]. {_time_major_hint(user.module)}"
            f"{_SIGNATURE}"
        )


def time_major_layers(module: nn.Module) -> list[str]:
    """Names of the recurrent layers that were built with `batch_first=False`."""
    return [
        name or type(part).__name__
        for name, part in module.named_modules()
        if isinstance(part, nn.RNNBase) and not part.batch_first
    ]


def _time_major_hint(module: nn.Module) -> str:
    names = time_major_layers(module)
    if not names:
        return ""
    return f"Layer '{names[0]}' has batch_first=False, and x is batch first. "


def _shapes(tensors: Sequence[Tensor]) -> list[list[int]]:
    return [list(tensor.shape) for tensor in tensors]


def _repeat(tensor: Tensor, axis: int, times: int) -> Tensor:
    return torch.cat([tensor] * times, dim=axis)
