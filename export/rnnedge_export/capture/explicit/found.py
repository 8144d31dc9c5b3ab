"""What the ways to find state share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...module.structure import rebuild, tensors

NUM_STEPS = 4
_Recurrent = (nn.RNNBase, nn.RNNCellBase)


@dataclass(frozen=True, slots=True)
class Found:
    """A module with explicit state.

    Attributes:
        module: takes and returns its state.
        example: with the state of a new stream.
        note: where the state was.
    """

    module: nn.Module
    example: Any
    note: str


def some_steps(x: Tensor) -> list[Tensor]:
    """Inputs of a few steps `[B, 1, I]` near the example; a token stays that token."""
    generator = torch.Generator().manual_seed(0)
    first = x[:, :1]
    return [
        first + 0.9 * torch.rand(first.shape, generator=generator)
        for _ in range(NUM_STEPS)
    ]


def are_equal(first: Any, second: Any) -> bool:
    """Whether all tensors of two values are near."""
    one, other = ([t for _, t in tensors(value)] for value in (first, second))
    return len(one) == len(other) and all(
        a.shape == b.shape and torch.allclose(a, b, rtol=1e-5, atol=1e-6)
        for a, b in zip(one, other, strict=True)
    )


def recurrent_parts(module: nn.Module) -> dict[str, nn.Module]:
    """Recurrent layers and cells of PyTorch, by name."""
    parts = module.named_modules()
    return {name: part for name, part in parts if isinstance(part, _Recurrent)}


@contextmanager
def starts_seen(module: nn.Module) -> Iterator[dict[str, Any]]:
    """By layer, the state that it got in its first call, None for none."""
    seen: dict[str, Any] = {}
    hooks = []
    for name, part in recurrent_parts(module).items():

        def hook(_: Any, args: Any, kwargs: Any, *, name: str = name) -> None:
            given = args[1] if len(args) > 1 else kwargs.get("hx")
            seen.setdefault(name, given)

        hooks.append(part.register_forward_pre_hook(hook, with_kwargs=True))
    try:
        yield seen
    finally:
        for handle in hooks:
            handle.remove()


def starts_like(state: Any, seen: dict[str, Any]) -> Iterator[Any]:
    """What a new stream may start from: zeros, or what the layers were given."""
    yield rebuild(state, torch.zeros_like)
    left = [t.detach() for _, t in tensors(list(seen.values()))]

    def taken(like: Tensor) -> Tensor:
        at = next((k for k, t in enumerate(left) if t.numel() == like.numel()), None)
        if at is None:
            return torch.zeros_like(like)
        return left.pop(at).reshape(like.shape).clone()

    yield rebuild(state, taken)
