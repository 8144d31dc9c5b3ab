"""Modules as users write them, in many styles, each with an example to export it by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

zeros = torch.zeros


class ListOfState(nn.Module):
    """Two layers in one GRU, a scaler in buffers, dropout, state in a list."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 5, num_layers=2, batch_first=True, dropout=0.3)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(5, 2)
        self.register_buffer("mean", torch.tensor([1.0, -2.0, 0.5]))
        self.register_buffer("std", torch.tensor([2.0, 0.5, 3.0]))

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        y, h = self.gru((x - self.mean) / self.std, state[0])
        return self.head(self.drop(y)), [h]


class StarState(nn.Module):
    """`forward(x, *state)` around two LSTMs, one without biases."""

    def __init__(self):
        super().__init__()
        self.first = nn.LSTM(3, 4, batch_first=True)
        self.second = nn.LSTM(4, 4, batch_first=True, bias=False)
        self.head = nn.Linear(4, 2)

    def forward(self, x, *state):
        h0, c0, h1, c1 = state
        z, (h0, c0) = self.first(x, (h0, c0))
        z, (h1, c1) = self.second(torch.tanh(z), (h1, c1))
        return self.head(z) * 4.0 + 20.0, h0, c0, h1, c1


class TupleState(nn.Module):
    """The state of an LSTM as PyTorch hands it out; only the last step is returned."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 6, num_layers=2, batch_first=True, proj_size=2)
        self.head = nn.Linear(2, 1)

    def forward(self, x, state):
        z, state = self.lstm(x, state)
        return self.head(z[:, -1, :]), state


class CellsInALoop(nn.Module):
    """Cells stepped by hand, their states stacked into one tensor."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTMCell(3, 4)
        self.gru = nn.GRUCell(4, 4, bias=False)
        self.rnn = nn.RNNCell(4, 4, nonlinearity="relu")
        self.head = nn.Linear(4, 3)

    def forward(self, x, state):
        h, c, g, r = state.unbind(0)
        outputs = []
        for t in range(x.shape[1]):
            h, c = self.lstm(x[:, t], (h, c))
            g = self.gru(h, g)
            r = self.rnn(g, r)
            outputs.append(torch.softmax(self.head(r), dim=-1))
        return torch.stack(outputs, dim=1), torch.stack([h, c, g, r])


class TimeMajorInside(nn.Module):
    """`batch_first=False`, transposed on the way in and out; state batch first."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(3, 4, num_layers=2, nonlinearity="relu")
        self.head = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 1))

    def forward(self, x, h):
        z, h = self.rnn(x.transpose(0, 1), h.permute(1, 0, 2).contiguous())
        return self.head(z).permute(1, 0, 2), h.transpose(0, 1)


class LearnsTheChange(nn.Module):
    """A list of layers, sliced state, the last reading added to the output."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.RNN(3, 4, batch_first=True), nn.RNN(4, 4, batch_first=True)]
        )
        self.head = nn.Linear(4, 2)

    def forward(self, x, h):
        z, new = x, []
        for k, layer in enumerate(self.layers):
            z, part = layer(z, h[k : k + 1])
            new.append(part)
        return 1.5 * self.head(z) - 0.25 + x[..., :1], torch.cat(new)


class LastHidden(nn.Module):
    """The head reads `h_n`, as many tutorials do."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 4, num_layers=2, batch_first=True)
        self.head = nn.Linear(4, 1)

    def forward(self, x, h):
        _, h = self.gru(x, h)
        return self.head(h[-1]), h


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(7, 4)
        self.gru = nn.GRU(4, 5, batch_first=True)
        self.head = nn.Linear(5, 7)

    def forward(self, x, h):
        z, h = self.gru(self.table(x[..., 0].long()), h)
        return torch.softmax(self.head(z), -1), h


class Sorted(nn.Module):
    """The hidden values in order before the head: no layer of ours."""

    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(3, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        h = self.cell(x[:, -1], state[0])
        return self.head(self.arranged(h)), [h]

    def arranged(self, h: Tensor) -> Tensor:
        return h.sort(dim=-1).values


class Ranked(Sorted):
    """The place of the largest value beside the values."""

    def arranged(self, h: Tensor) -> Tensor:
        return h + h.argmax(dim=-1, keepdim=True)


CHAINS: dict[str, tuple[Callable[[], nn.Module], tuple[Any, ...], str]] = {
    "list-of-state": (
        ListOfState,
        (zeros(1, 4, 3), [zeros(2, 1, 5)]),
        "affine gru gru linear",
    ),
    "star-state": (
        StarState,
        (zeros(2, 1, 3), *[zeros(1, 2, 4)] * 4),
        "lstm activation lstm linear affine",
    ),
    "tuple-state": (
        TupleState,
        (zeros(1, 1, 3), (zeros(2, 1, 2), zeros(2, 1, 6))),
        "lstm lstm linear",
    ),
    "cells-in-a-loop": (
        CellsInALoop,
        (zeros(1, 6, 3), zeros(4, 1, 4)),
        "lstm gru rnn linear softmax",
    ),
    "time-major-inside": (
        TimeMajorInside,
        (zeros(1, 2, 3), zeros(1, 2, 4)),
        "rnn rnn linear activation linear",
    ),
    "learns-the-change": (
        LearnsTheChange,
        (zeros(3, 1, 3), zeros(2, 3, 4)),
        "rnn rnn linear affine add_last",
    ),
    "last-hidden": (LastHidden, (zeros(1, 1, 3), zeros(2, 1, 4)), "gru gru linear"),
    "tokens": (
        Tokens,
        (zeros(1, 1, 1), zeros(1, 1, 5)),
        "embedding gru linear softmax",
    ),
}
