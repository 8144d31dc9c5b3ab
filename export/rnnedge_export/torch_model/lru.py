"""`lru` in PyTorch: all steps at once by an associative scan, or one by one."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rnnedge_runtime.spec.layers import Lru

AT_ONCE = 256
"""Steps of one scan; a longer sequence is scanned piece by piece."""

SLOWEST = 64.0
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


class LruModule(nn.Module):
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
        self,
        z: Tensor,
        x: Tensor,
        readings: Tensor,
        state: list[Tensor],
        new: list[Tensor],
    ) -> Tensor:
        d, n, o = self.blocks(z)
        return self.driven(torch.sigmoid(-d), torch.sigmoid(d), n, o, state, new)

    def blocks(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three blocks of `weight z + bias`."""
        sums = nn.functional.linear(z, self.weight, self.bias)
        size = self.hidden_size
        return sums[..., :size], sums[..., size : 2 * size], sums[..., 2 * size :]

    def driven(
        self,
        kept: Tensor,
        moved: Tensor,
        n: Tensor,
        o: Tensor,
        state: list[Tensor],
        new: list[Tensor],
    ) -> Tensor:
        """The output, where `kept` and `moved` are the shares of h and of `tanh(n)`."""
        h = scan_all(kept, moved * torch.tanh(n), state[self.index])
        new.append(h[:, -1])
        y = torch.sigmoid(o) * h
        if self.dropout > 0.0:
            y = nn.functional.dropout(y, self.dropout, self.training)
        return y

    @torch.jit.ignore
    def tensor(self, name: str) -> Tensor:
        """A canonical tensor by its name within the layer."""
        tensor: Tensor = getattr(self, name)
        return tensor


class LruWithStep(LruModule):
    """A layer `lru` that reads z and then the length of the step."""

    def forward(  # type: ignore[override]
        self,
        z: list[Tensor],
        x: Tensor,
        readings: Tensor,
        state: list[Tensor],
        new: list[Tensor],
    ) -> Tensor:
        d, n, o = self.blocks(z[0])
        v = -nn.functional.softplus(d) * torch.relu(z[1])
        return self.driven(torch.exp(v), -torch.expm1(v), n, o, state, new)


def lru_module(layer: Lru, index: int) -> nn.Module:
    """The module of a layer whose state is number `index`."""
    return LruWithStep(layer, index) if layer.has_step else LruModule(layer, index)
