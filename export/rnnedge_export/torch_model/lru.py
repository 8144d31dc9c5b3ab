"""`lru` in PyTorch: all steps at once by an associative scan, or one by one."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rnnedge_runtime.spec.layers import Lru

from .layer_module import LayerModule, State

AT_ONCE = 256
"""Steps of one scan; a longer sequence is scanned piece by piece."""

SLOWEST = 24.0
"""Steps within which the slowest unit of an untrained layer forgets."""


def scan(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """`h[t] = a[t] * h[t - 1] + b[t]` for every t, in about log2 T rounds.

    Only products of `a` are made, so nothing grows where it is 0 to 1 (Blelloch 1990, after
    Hillis & Steele 1986).

    Args:
        a: `[B, T, H]`.
        b: `[B, T, H]`.
        h: `[B, H]` before the first step.

    Returns:
        `[B, T, H]`.
    """
    size = a.shape[1]
    b = torch.cat([b[:, :1] + a[:, :1] * h.unsqueeze(1), b[:, 1:]], dim=1)
    reach = 1
    while reach < size:
        rest = size - reach
        b = torch.cat([b[:, :reach], b[:, reach:] + a[:, reach:] * b[:, :rest]], dim=1)
        a = torch.cat([a[:, :reach], a[:, reach:] * a[:, :rest]], dim=1)
        reach *= 2
    return b


def scan_all(a: Tensor, b: Tensor, h: Tensor, at_once: int = AT_ONCE) -> Tensor:
    """`scan` of a sequence of any length."""
    found: list[Tensor] = []
    for start in range(0, a.shape[1], at_once):
        rows = slice(start, start + at_once)
        part = scan(a[:, rows], b[:, rows], h)
        found.append(part)
        h = part[:, -1]
    return torch.cat(found, dim=1)


class LruModule(LayerModule):
    """A layer `lru` whose state is number `index`."""

    def __init__(self, layer: Lru, index: int) -> None:
        super().__init__()
        self.index = index
        self.dropout = 0.0
        self.hidden_size = layer.hidden_size
        rows, inputs = layer.weight_shapes()["weight"]
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(rows, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(rows))
        steps = torch.logspace(0, math.log10(SLOWEST), layer.hidden_size)
        with torch.no_grad():
            self.bias[: layer.hidden_size] = torch.log(torch.expm1(1 / steps))

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        d, n, o = self.blocks(z)
        h = scan_all(
            torch.sigmoid(-d), torch.sigmoid(d) * torch.tanh(n), state[self.index]
        )
        new_state.append(h[:, -1])
        return self.shown(h, o)

    def blocks(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three blocks of `weight z + bias`."""
        sums = nn.functional.linear(z, self.weight, self.bias)
        size = self.hidden_size
        return sums[..., :size], sums[..., size : 2 * size], sums[..., 2 * size :]

    def shown(self, h: Tensor, o: Tensor) -> Tensor:
        """The output."""
        y = torch.sigmoid(o) * h
        if self.dropout > 0.0:
            y = nn.functional.dropout(y, self.dropout, self.training)
        return y


class LruWithStep(LruModule):
    """A layer `lru` that reads z and, joined to it, the length of the step."""

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        d, n, o = self.blocks(z[..., :-1])
        v = -nn.functional.softplus(d) * torch.relu(z[..., -1:])
        h = scan_all(torch.exp(v), -torch.expm1(v) * torch.tanh(n), state[self.index])
        new_state.append(h[:, -1])
        return self.shown(h, o)


def lru_module(layer: Lru, index: int) -> nn.Module:
    """The module of a layer whose state is number `index`."""
    return LruWithStep(layer, index) if layer.has_step else LruModule(layer, index)
