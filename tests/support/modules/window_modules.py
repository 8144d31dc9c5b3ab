"""Modules that need their window, and modules that only look as if they did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

zeros = torch.zeros


class OverWindow(nn.Module):
    """A GRU and something over the window, mixed in with a weight."""

    def __init__(self, kind: str, size: int = 6, weight: float = 1.0):
        super().__init__()
        self.kind, self.weight = kind, weight
        self.gru = nn.GRU(3, size, batch_first=True)
        self.score = nn.Linear(size, 1)
        self.conv = nn.Conv1d(3, 3, 3, padding=1)
        self.norm = nn.GroupNorm(1, size)
        self.attention = nn.MultiheadAttention(size, 1, batch_first=True)
        self.places = nn.Parameter(torch.randn(256, size))
        self.head = nn.Linear(size, 2)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        w = self.weight
        if self.kind in BEFORE:
            x = x + w * (BEFORE[self.kind](self, x) - x)
        z, h = self.gru(x, h)
        if self.kind in AFTER:
            z = z + w * (AFTER[self.kind](self, z) - z)
        return self.head(z), h


BEFORE: dict[str, Callable[[OverWindow, Tensor], Tensor]] = {
    "padded convolution": lambda m, x: m.conv(x.transpose(1, 2)).transpose(1, 2),
    "causal convolution": lambda m, x: F.conv1d(
        F.pad(x.transpose(1, 2), (2, 0)), m.conv.weight, m.conv.bias
    ).transpose(1, 2),
    "reversible norm": lambda m, x: (
        (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True, unbiased=False) + 0.1)
    ),
    "difference": lambda m, x: x - torch.cat([x[:, :1], x[:, :-1]], 1),
    "reversed": lambda m, x: x.flip(1),
    "cumulated": lambda m, x: x.cumsum(1),
    "spectrum": lambda m, x: torch.fft.fft(x, dim=1).real,
}
AFTER: dict[str, Callable[[OverWindow, Tensor], Tensor]] = {
    "mean": lambda m, z: z.mean(1, keepdim=True).expand_as(z),
    "last of the mean": lambda m, z: z.mean(1, keepdim=True),
    "max": lambda m, z: z.amax(1, keepdim=True),
    "first": lambda m, z: z + z[:, :1],
    "softmax": lambda m, z: torch.softmax(m.score(z), 1) * z,
    "attention": lambda m, z: m.attention(z, z, z, need_weights=False)[0],
    "group norm": lambda m, z: m.norm(z.transpose(1, 2)).transpose(1, 2),
    "places": lambda m, z: z + m.places[: z.shape[1]],
}
KINDS = (*BEFORE, *AFTER)


class Honest(nn.Module):
    """What streams as it is, by name."""

    def __init__(self, kind: str, size: int = 6):
        super().__init__()
        self.kind = kind
        self.gru = nn.GRU(3, size, batch_first=True)
        self.lstm = nn.LSTM(3, size, batch_first=True)
        self.major = nn.GRU(3, size)
        self.cell = nn.GRUCell(3, size)
        self.own = nn.Linear(3 + size, size)
        self.conv = nn.Conv1d(3, size, 4)
        self.norm = nn.LayerNorm(size)
        self.batch_norm = nn.BatchNorm1d(size)
        self.batch_norm.running_mean.normal_()
        self.attention = nn.MultiheadAttention(size, 1, batch_first=True)
        self.head = nn.Linear(size, 2)
        self.skip = nn.Linear(3, 2)
        self.register_buffer("memory", torch.randn(1, 7, size))
        self.register_buffer("constant", torch.randn(2, dtype=torch.float32))

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        return HONEST[self.kind][0](self, x, *state)

    def example(self) -> tuple[Tensor, ...]:
        size = self.head.in_features
        return (
            zeros(1, 1, 3),
            *(zeros(*shape(size)) for shape in HONEST[self.kind][1]),
        )


def _gru(m: Honest, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    z, h = m.gru(x, h)
    return z, h


def _with_cache(m: Honest, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
    rows = torch.cat([cache, x], 1)
    z = torch.relu(m.conv(rows.transpose(1, 2))).transpose(1, 2)
    return m.head(z), rows[:, -3:]


def _buffer(m: Honest, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    rows = torch.cat([rows, x], 1)[:, -5:]
    return m.skip(rows * torch.softmax(rows.sum(-1, keepdim=True), 1)).mean(1), rows


def _loop(m: Honest, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    found = []
    for t in range(x.shape[1]):
        h = m.cell(x[:, t], h)
        found.append(m.head(h))
    return torch.stack(found, 1), h


def _own(m: Honest, x: Tensor, h: Tensor, place: int) -> tuple[Tensor, Tensor]:
    h = torch.tanh(m.own(torch.cat([x[:, place], h], -1)))
    return m.head(h), h


def _change(m: Honest, x: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    rows = torch.cat([last, x], 1)
    return m.skip(torch.tanh(rows[:, 1:] - rows[:, :-1])), rows[:, -1:]


def _smoothed(m: Honest, x: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
    found = []
    for t in range(x.shape[1]):
        level = 0.9 * level + 0.1 * x[:, t]
        found.append(level)
    return m.skip(torch.stack(found, 1)), level


def _float32_constant(m: Honest, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    z, h = m.gru(x, h)
    return m.head(z) @ torch.eye(2), h


def _half_way(m: Honest, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    z, h = m.gru(x, h)
    return m.head(z).float().to(x.dtype), h


_H = (lambda n: (1, 1, n),)
_C = (lambda n: (1, n),)
Shape = Callable[[int], tuple[int, ...]]
HONEST: dict[str, tuple[Callable[..., Any], tuple[Shape, ...]]] = {
    "gru": (_gru, _H),
    "gru, head": (lambda m, x, h: (m.head(m.gru(x, h)[0]), m.gru(x, h)[1]), _H),
    "last output": (
        lambda m, x, h: (m.head(m.gru(x, h)[0][:, -1]), m.gru(x, h)[1]),
        _H,
    ),
    "hidden state": (lambda m, x, h: (m.head(m.gru(x, h)[1][-1]), m.gru(x, h)[1]), _H),
    "residual": (
        lambda m, x, h: (m.head(m.gru(x, h)[0]) + x[..., :2], m.gru(x, h)[1]),
        _H,
    ),
    "skip of a layer": (
        lambda m, x, h: (m.head(m.gru(x, h)[0]) + m.skip(x), m.gru(x, h)[1]),
        _H,
    ),
    "lstm": (
        lambda m, x, h, c: (m.head(m.lstm(x, (h, c))[0]), *m.lstm(x, (h, c))[1]),
        _H * 2,
    ),
    "time major inside": (
        lambda m, x, h: (
            m.head(m.major(x.transpose(0, 1), h)[0]).transpose(0, 1),
            m.major(x.transpose(0, 1), h)[1],
        ),
        _H,
    ),
    "channels first": (
        lambda m, x, h: (m.head(m.gru(x, h)[0]).transpose(1, 2), m.gru(x, h)[1]),
        _H,
    ),
    "flat output": (
        lambda m, x, h: (m.head(m.gru(x, h)[0]).flatten(1), m.gru(x, h)[1]),
        _H,
    ),
    "cell of the first": (
        lambda m, x, h: (m.head(m.cell(x[:, 0], h)), m.cell(x[:, 0], h)),
        _C,
    ),
    "cell of the last": (
        lambda m, x, h: (m.head(m.cell(x[:, -1], h)), m.cell(x[:, -1], h)),
        _C,
    ),
    "cell, squeezed": (
        lambda m, x, h: (m.head(m.cell(x.squeeze(1), h)), m.cell(x.squeeze(1), h)),
        _C,
    ),
    "cell, all rows": (
        lambda m, x, h: (
            m.head(m.cell(x.reshape(-1, 3), h)),
            m.cell(x.reshape(-1, 3), h),
        ),
        _C,
    ),
    "cell beside x": (
        lambda m, x, h: (
            m.skip(x) + m.head(m.cell(x[:, 0], h))[:, None],
            m.cell(x[:, 0], h),
        ),
        _C,
    ),
    "loop of cells": (_loop, _C),
    "own cell": (lambda m, x, h: _own(m, x, h, 0), _C),
    "own cell, last": (lambda m, x, h: _own(m, x, h, -1), _C),
    "smoothed": (_smoothed, (lambda n: (1, 3),)),
    "change": (_change, (lambda n: (1, 1, 3),)),
    "convolution with a cache": (_with_cache, (lambda n: (1, 3, 3),)),
    "attention over a buffer": (_buffer, (lambda n: (1, 5, 3),)),
    "attention over a memory": (
        lambda m, x, h: (
            m.head(
                m.attention(m.gru(x, h)[0], *[m.memory.expand(len(x), -1, -1)] * 2)[0]
            ),
            m.gru(x, h)[1],
        ),
        _H,
    ),
    "layer norm": (
        lambda m, x, h: (m.head(m.norm(m.gru(x, h)[0])), m.gru(x, h)[1]),
        _H,
    ),
    "batch norm": (
        lambda m, x, h: (
            m.head(m.batch_norm(m.gru(x, h)[0].transpose(1, 2)).transpose(1, 2)),
            m.gru(x, h)[1],
        ),
        _H,
    ),
    "softmax of classes": (
        lambda m, x, h: (torch.softmax(m.head(m.gru(x, h)[0]), -1), m.gru(x, h)[1]),
        _H,
    ),
    "gate": (
        lambda m, x, h: (x[..., :2] * m.head(m.gru(x, h)[0]).sigmoid(), m.gru(x, h)[1]),
        _H,
    ),
    "mean of a step": (
        lambda m, x, h: (
            m.head(m.gru(x - x.mean(-1, keepdim=True), h)[0]),
            m.gru(x - x.mean(-1, keepdim=True), h)[1],
        ),
        _H,
    ),
    "constant of float32": (_float32_constant, _H),
    "cast to float32": (_half_way, _H),
    "level of 1000": (
        lambda m, x, h: (m.head(m.gru(x, h)[0]) + 1000, m.gru(x, h)[1]),
        _H,
    ),
}
