"""Modules of many shapes that people stream, each with an example to capture it by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

zeros = torch.zeros
Case = tuple[Callable[[], nn.Module], tuple[Any, ...]]


class State(NamedTuple):
    h: Tensor
    c: Tensor


class Body(nn.Module):
    """A GRU with a head; `change` is done to what the GRU gives."""

    def __init__(self, change: Any = None) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 6, batch_first=True)
        self.change = change or nn.Identity()
        self.head = nn.Linear(6, 2)

    def forward(self, x: Tensor, h: Tensor) -> Any:
        z, h = self.gru(x, h)
        return self.head(self.change(z)), h


class Net(nn.Module):
    """An LSTM with a head; `body` is its forward."""

    def __init__(self, body: Callable[..., Any]) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 6, batch_first=True)
        self.cell = nn.GRUCell(3, 6)
        self.head = nn.Linear(6, 2)
        self.second = nn.Linear(6, 1)
        self.gates = nn.Linear(9, 24)
        self.norm = nn.LayerNorm(6)
        self.conv = nn.Conv1d(3, 6, 3)
        self.start = nn.Parameter(torch.randn(1, 1, 6))
        self.body = body
        self.hidden: Any = None
        self.register_buffer("h", zeros(1, 1, 6))
        self.register_buffer("c", zeros(1, 1, 6))

    def forward(self, x: Tensor, *state: Any) -> Any:
        return self.body(self, x, *state)


class Optional(Net):
    """Its state may be None."""

    def forward(self, x: Tensor, state: Any = None) -> Any:
        return self.body(self, x, state)


class InParameter(nn.Module):
    """Its state is written into a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 6, batch_first=True)
        self.h = nn.Parameter(zeros(1, 1, 6), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        y, h = self.gru(x, self.h)
        self.h.data.copy_(h)
        return y


def plain(m: Any, x: Tensor, h: Tensor, c: Tensor) -> Any:
    z, (h, c) = m.lstm(x, (h, c))
    return m.head(z), h, c


def two_heads(m: Any, x: Tensor, h: Tensor, c: Tensor) -> Any:
    z, (h, c) = m.lstm(x, (h, c))
    return torch.cat([m.head(z), torch.sigmoid(m.second(z))], -1), h, c


def outputs_by_name(m: Any, x: Tensor, h: Tensor, c: Tensor) -> Any:
    z, (h, c) = m.lstm(x, (h, c))
    return {
        "mean": m.head(z),
        "scale": F.softplus(m.second(z)),
        "state_0": h,
        "state_1": c,
    }


def residual(m: Any, x: Tensor, h: Tensor, c: Tensor) -> Any:
    z, (h, c) = m.lstm(x, (h, c))
    return m.head(m.norm(z + F.gelu(z))) * x[..., :2], h, c


def by_hand(m: Any, x: Tensor, h: Tensor, c: Tensor) -> Any:
    i, f, g, o = m.gates(torch.cat([x[:, 0], h[0]], -1)).chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * m.norm(c).tanh()
    return m.head(h), h, c


def masked(m: Any, x: Tensor, h: Tensor, c: Tensor) -> Any:
    keep = 1 - torch.sigmoid(x[:, :, 2:])
    z, (h, c) = m.lstm(x, (h * keep, c * keep))
    return m.head(z), h, c


def twice(m: Any, x: Tensor, h: Tensor) -> Any:
    h = m.cell(x[:, 0], h)
    h = m.cell(x[:, 0], h)
    return m.head(h), h


def ring(m: Any, x: Tensor, buffer: Tensor, h: Tensor) -> Any:
    window = torch.cat([buffer, x], 1)
    h = m.cell(x[:, 0], h)
    return m.head(h + m.conv(window.transpose(1, 2))[..., 0]), window[:, 1:], h


def packed(m: Any, x: Tensor, h: Tensor, c: Tensor) -> Any:
    lengths = torch.full((x.shape[0],), x.shape[1])
    pack = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    z, (h, c) = m.lstm(pack, (h, c))
    return m.head(nn.utils.rnn.pad_packed_sequence(z, batch_first=True)[0]), h, c


def one_row_only(m: Any, x: Tensor, h: Tensor, c: Tensor) -> Any:
    return plain(m, x.reshape(1, 1, 3), h, c)


def from_dict(m: Any, x: Tensor, state: Any) -> Any:
    y, h, c = plain(m, x, state["h"], state["c"])
    return y, {"c": c, "h": h}


def from_tuple(m: Any, x: Tensor, state: Any) -> Any:
    y, h, c = plain(m, x, state.h, state.c)
    return y, State(h, c)


def none(m: Any, x: Tensor, state: Any) -> Any:
    z, state = m.lstm(x, state)
    return m.head(z), state


def learned(m: Any, x: Tensor, state: Any) -> Any:
    state = (m.start, m.start * 0.5) if state is None else state
    return none(m, x, state)


def in_buffers(m: Any, x: Tensor) -> Any:
    y, h, c = plain(m, x, m.h, m.c)
    m.h[:] = h
    m.c[:] = c
    return y


def in_attribute(m: Any, x: Tensor) -> Any:
    z, m.hidden = m.lstm(x, m.hidden)
    return m.head(z)


def average(m: Any, x: Tensor) -> Any:
    m.h *= 0.8
    m.h += 0.2 * F.pad(x, (0, 3))
    return m.head(m.h)


def made_inside(m: Any, x: Tensor) -> Any:
    z, _ = m.lstm(x, (zeros(1, len(x), 6), zeros(1, len(x), 6)))
    return m.head(z[:, -1])


def loop(m: Any, x: Tensor) -> Any:
    h = zeros(len(x), 6)
    for t in range(x.shape[1]):
        h = m.cell(x[:, t], h)
    return m.head(h)


X, H, ROW = zeros(1, 1, 3), zeros(1, 1, 6), zeros(1, 6)


def _net(body: Callable[..., Any], *state: Any, make: Any = Net) -> Case:
    return (lambda: make(body)), (X, *state)


def _weight_norm(*, old: bool) -> nn.Module:
    net = Body()
    if old:
        net.head = torch.nn.utils.weight_norm(net.head)
        net(X, H)
    else:
        torch.nn.utils.parametrizations.weight_norm(net.head)
    return net


MODULES: dict[str, Case] = {
    "plain": _net(plain, H, H),
    "two heads": _net(two_heads, H, H),
    "outputs by name": _net(outputs_by_name, H, H),
    "residual": _net(residual, H, H),
    "by hand": _net(by_hand, H, H),
    "masked state": _net(masked, H, H),
    "one cell twice": _net(twice, ROW),
    "ring buffer": _net(ring, zeros(1, 2, 3), ROW),
    "packed": _net(packed, H, H),
    "one row only": _net(one_row_only, H, H),
    "state in a dict": _net(from_dict, {"h": H, "c": H}),
    "state in a named tuple": _net(from_tuple, State(H, H)),
    "state is None": _net(none, make=Optional),
    "state is given as None": _net(none, None, make=Optional),
    "learned start": _net(learned, make=Optional),
    "start in the example": _net(plain, H + 0.3, H - 0.2),
    "state in buffers": _net(in_buffers),
    "state in an attribute": _net(in_attribute),
    "average in a buffer": _net(average),
    "zeros in forward": _net(made_inside),
    "a loop over cells": _net(loop),
    "state in a parameter": (InParameter, (X,)),
    "double": ((lambda: Body().double()), (X.double(), H.double())),
    "weight norm, old": ((lambda: _weight_norm(old=True)), (X, H)),
    "weight norm": ((lambda: _weight_norm(old=False)), (X, H)),
    **{
        f"activation {type(a).__name__}": ((lambda a=a: Body(a)), (X, H))
        for a in [
            nn.LeakyReLU(),
            nn.GELU(),
            nn.SiLU(),
            nn.ELU(),
            nn.Softplus(),
            nn.Hardtanh(),
            nn.PReLU(),
            nn.Hardswish(),
            nn.ReLU6(),
            nn.Softsign(),
            nn.Hardsigmoid(),
            nn.LogSoftmax(-1),
            nn.SELU(),
            nn.Mish(),
            nn.Dropout1d(0.2),
            nn.ReLU(inplace=True),
            nn.Sequential(nn.Linear(6, 6), nn.LayerNorm(6)),
        ]
    },
}
