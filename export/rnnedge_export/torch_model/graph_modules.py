"""The layers that only a graph has as PyTorch modules (`modules.py`).

A layer that reads several values gets them joined, and one that reads none the model input,
for its batch and time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rnnedge_runtime.spec import graph_layers as kinds
from rnnedge_runtime.spec.layers import Layer

from .layer_module import LayerModule, State


class _Combine(LayerModule):
    def __init__(self, layer: kinds.Combine) -> None:
        super().__init__()
        self.operation = layer.operation
        self.size = layer.size

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        return self.combine(z[..., : self.size], z[..., self.size :])

    def combine(self, a: Tensor, b: Tensor) -> Tensor:
        """Of two values that are not joined."""
        if self.operation == "add":
            return a + b
        if self.operation == "subtract":
            return a - b
        if self.operation == "multiply":
            return a * b
        if self.operation == "divide":
            return a / b
        if self.operation == "minimum":
            return torch.minimum(a, b)
        return torch.maximum(a, b)


class _Concat(LayerModule):
    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        return z


class _Select(LayerModule):
    def __init__(self, layer: kinds.Select) -> None:
        super().__init__()
        indices = torch.tensor(layer.indices, dtype=torch.int64)
        self.register_buffer("indices", indices, persistent=False)
        self.first, self.size = layer.indices[0], len(layer.indices)
        run = range(self.first, self.first + self.size)
        self.is_run = layer.indices == tuple(run)

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        if self.is_run:
            return z.narrow(-1, self.first, self.size)
        return z.index_select(-1, self.indices)


class _Memory(LayerModule):
    """Gives its state, number `index`; the model puts the new one in its place."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        new_state.append(state[self.index])
        return state[self.index].unsqueeze(1)


class _Window(LayerModule):
    """The steps before, `[B, kept * n]`, are state number `index`."""

    def __init__(self, layer: kinds.Window, index: int) -> None:
        super().__init__()
        self.index = index
        self.kept = layer.inner_size
        self.dilation = layer.dilation
        self.taps = layer.taps

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        before = state[self.index].reshape(z.size(0), self.kept, z.size(2))
        held = torch.cat([before, z], dim=1)
        parts: list[Tensor] = []
        for k in range(self.taps):
            parts.append(held.narrow(1, k * self.dilation, z.size(1)))
        new_state.append(held[:, z.size(1) :].flatten(1))
        return torch.cat(parts, dim=-1)


class _Norm(LayerModule):
    def __init__(self, layer: kinds.Norm) -> None:
        super().__init__()
        self.groups = layer.groups
        self.eps = float(layer.eps)
        self.is_centred = layer.is_centred

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        parts = z.unflatten(-1, [self.groups, -1])
        if self.is_centred:
            parts = parts - parts.mean(dim=-1, keepdim=True)
        variance = (parts * parts).mean(dim=-1, keepdim=True)
        return (parts * torch.rsqrt(variance + self.eps)).flatten(-2)


class _Sum(LayerModule):
    def __init__(self, layer: kinds.Sum) -> None:
        super().__init__()
        self.output_size = layer.output_size

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        return z.unflatten(-1, [self.output_size, -1]).sum(dim=-1)


class _Depthwise(LayerModule):
    def __init__(self, layer: kinds.Depthwise) -> None:
        super().__init__()
        bound = layer.taps**-0.5
        shape = (layer.taps, layer.size)
        weight = torch.empty(shape).uniform_(-bound, bound)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(layer.size))

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        taps = z.unflatten(-1, self.weight.shape)
        return (taps * self.weight).sum(dim=-2) + self.bias


class _Constant(LayerModule):
    def __init__(self, layer: kinds.Constant) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(layer.output_size))

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        return self.value.expand(z.size(0), z.size(1), -1)


GRAPH_MODULES: dict[type[Layer], Callable[[Any, int], LayerModule]] = {
    kinds.Combine: lambda layer, index: _Combine(layer),
    kinds.Concat: lambda layer, index: _Concat(),
    kinds.Select: lambda layer, index: _Select(layer),
    kinds.Memory: lambda layer, index: _Memory(index),
    kinds.Window: _Window,
    kinds.Norm: lambda layer, index: _Norm(layer),
    kinds.Sum: lambda layer, index: _Sum(layer),
    kinds.Depthwise: lambda layer, index: _Depthwise(layer),
    kinds.Constant: lambda layer, index: _Constant(layer),
}
"""As `MODULES`."""
