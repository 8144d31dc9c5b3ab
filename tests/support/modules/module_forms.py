"""Modules that take their inputs in other forms than `x` `[B, T, I]`, or keep their state.

Each comes with its own loop, written as its user would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

zeros = torch.zeros


class FormCase(NamedTuple):
    """A module with an example and its own loop.

    Attributes:
        make: it.
        example: what export gets.
        loop: outputs of the module for rows `[T, I]`, each `[O]`.
        num_tokens: rows hold tokens below it; 0 for other numbers.
    """

    make: Callable[[], nn.Module]
    example: Any
    loop: Callable[[nn.Module, Tensor], list[Tensor]]
    num_tokens: int = 0


class Forms(nn.Module):
    """Parts for all; `body` is the forward."""

    def __init__(self, body: Callable[..., Any], *, has_layers: bool = True) -> None:
        super().__init__()
        if has_layers:
            self.lstm = nn.LSTM(4, 6)
            self.gru = nn.GRU(4, 6)
        self.cell = nn.GRUCell(4, 6)
        self.hand = nn.Linear(10, 6)
        self.table = nn.Embedding(7, 4)
        self.head = nn.Linear(6, 2)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.start = nn.Parameter(torch.randn(1, 6))
        self.body = body
        self.hidden: Any = None
        self.caches = [zeros(1, 4) for _ in range(2)]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.body(self, *args, **kwargs)


class FirstNamed(Forms):
    """With named arguments, as most have."""

    def forward(self, obs: Any, h: Any = None, c: Any = None, start: Any = None) -> Any:
        given = [part for part in (h, c, start) if part is not None]
        return self.body(self, obs, *given)


class WithLengths(Forms):
    """Takes the lengths of its sequences."""

    def forward(self, x: Tensor, h: Tensor, lengths: Tensor) -> Any:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths)
        z, h = self.gru(packed, h)
        return nn.utils.rnn.pad_packed_sequence(z)[0], h


def one_step(m: Any, x: Tensor, h: Tensor) -> Any:
    h = m.cell(x, h)
    return m.head(h), h


def time_first(m: Any, x: Tensor, h: Tensor, c: Tensor) -> Any:
    z, (h, c) = m.lstm(x, (h, c))
    return m.head(z), h, c


def no_batch(m: Any, x: Tensor, h: Tensor) -> Any:
    z, h = m.gru(x, h)
    return m.head(z), h


def of_tokens(m: Any, x: Tensor, h: Tensor) -> Any:
    z, h = m.gru(m.table(x).transpose(0, 1), h)
    return m.head(z).transpose(0, 1), h


def of_dict(m: Any, x: Any, h: Tensor) -> Any:
    h = m.cell(torch.cat([x["value"][:, 0], x["static"]], -1), h)
    return {"mean": m.head(h), "h": h}


def with_resets(m: Any, obs: Tensor, h: Tensor, c: Tensor, start: Tensor) -> Any:
    keep = (1 - start).view(1, -1, 1)
    z, (h, c) = m.lstm(obs.transpose(0, 1), (h * keep, c * keep))
    return m.head(z.transpose(0, 1)), h, c


def with_flags(m: Any, obs: Tensor, h: Tensor, done: Tensor) -> Any:
    h = m.cell(obs, torch.where(done[:, None], torch.zeros_like(h), h))
    return m.head(h), h


def frames(m: Any, x: Tensor, h: Tensor, c: Tensor) -> Any:
    i, f, o, g = m.conv(torch.cat([x[:, 0], h], 1)).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    return h.mean((2, 3)), h, c


def kept_by_hand(m: Any, x: Tensor) -> Any:
    if m.hidden is None:
        m.hidden = zeros(1, 6)
    m.hidden = torch.tanh(m.hand(torch.cat([x[:, 0], m.hidden], -1)))
    return m.head(m.hidden)


def kept_in_lists(m: Any, x: Tensor) -> Any:
    m.caches = [*m.caches[1:], x[:, 0]]
    return m.head(F.pad(m.caches[0] + x[:, 0], (0, 2)))


def hand_loop(m: Any, x: Tensor) -> Any:
    h, outputs = m.start.expand(len(x), 6), []
    for t in range(x.shape[1]):
        h = torch.tanh(m.hand(torch.cat([x[:, t], h], -1)))
        outputs.append(m.head(h))
    return torch.stack(outputs, 1)


def two_outputs(m: Any, x: Tensor, h: Tensor) -> Any:
    h = m.cell(x[:, 0], h)
    return {"mean": m.head(h), "scale": F.softplus(h[:, :1]), "state_0": h}


def _carried(feed: Callable[[Tensor], Any], *state: Any, pick: Any = None) -> Any:
    """A loop that gives back what came back."""

    def loop(module: nn.Module, rows: Tensor) -> list[Tensor]:
        now, outputs = state, []
        for row in rows:
            given = feed(row)
            given = given if isinstance(given, tuple) else (given, *now)
            y, *now = (pick or (lambda out, _: out))(module(*given), given)
            outputs.append(y.reshape(-1))
        return outputs

    return loop


def _alone(module: nn.Module, rows: Tensor) -> list[Tensor]:
    """A loop over a module that keeps its state."""
    return [module(row[None, None]).reshape(-1) for row in rows]


def _windows(module: nn.Module, rows: Tensor) -> list[Tensor]:
    """All outputs of one long window."""
    return list(module(rows[None])[0])


def _with_start(module: nn.Module, rows: Tensor) -> list[Tensor]:
    h, c, outputs = zeros(1, 1, 6), zeros(1, 1, 6), []
    for row in rows:
        y, h, c = module(row[None, None, :4], h, c, row[4:])
        outputs.append(y.reshape(-1))
    return outputs


def _with_done(module: nn.Module, rows: Tensor) -> list[Tensor]:
    h, outputs = zeros(1, 6), []
    for row in rows:
        y, h = module(row[None, :4], h, row[4:] > 0.5)
        outputs.append(y.reshape(-1))
    return outputs


def _with_lengths(module: nn.Module, rows: Tensor) -> list[Tensor]:
    h, outputs = zeros(1, 1, 6), []
    for row in rows:
        y, h = module(row[None, None], h, torch.tensor([1]))
        outputs.append(y.reshape(-1))
    return outputs


def _of_dict(module: nn.Module, rows: Tensor) -> list[Tensor]:
    h, outputs = zeros(1, 6), []
    for row in rows:
        out = module({"value": row[None, None, :3], "static": row[None, 3:]}, h)
        h = out["h"]
        outputs.append(out["mean"].reshape(-1))
    return outputs


def _two_outputs(module: nn.Module, rows: Tensor) -> list[Tensor]:
    h, outputs = zeros(1, 6), []
    for row in rows:
        out = module(row[None, None], h)
        h = out["state_0"]
        outputs.append(torch.cat([out["mean"], out["scale"]], -1)[0])
    return outputs


H, ROW, X = zeros(1, 1, 6), zeros(1, 6), zeros(1, 1, 4)

FORMS: dict[str, FormCase] = {
    "one step": FormCase(
        lambda: Forms(one_step),
        (zeros(1, 4), ROW),
        _carried(lambda row: row[None], ROW),
    ),
    "one step of one stream": FormCase(
        lambda: Forms(one_step), (zeros(4), zeros(6)), _carried(lambda r: r, zeros(6))
    ),
    "time first": FormCase(
        lambda: Forms(time_first),
        (X, H, H),
        _carried(lambda row: row[None, None], H, H),
    ),
    "time first, five steps": FormCase(
        lambda: Forms(time_first),
        (zeros(5, 1, 4), H, H),
        _carried(lambda row: row[None, None], H, H),
    ),
    "no batch": FormCase(
        lambda: Forms(no_batch),
        (zeros(3, 4), ROW),
        _carried(lambda row: row[None], ROW),
    ),
    "tokens": FormCase(
        lambda: Forms(of_tokens),
        (torch.zeros(1, 1, dtype=torch.int64), H),
        _carried(lambda row: row[None].long(), H),
        7,
    ),
    "a dict of inputs": FormCase(
        lambda: Forms(of_dict),
        ({"value": zeros(1, 1, 3), "static": zeros(1, 1)}, ROW),
        _of_dict,
    ),
    "an argument that resets": FormCase(
        lambda: FirstNamed(with_resets), (X, H, H, zeros(1)), _with_start
    ),
    "a flag that resets": FormCase(
        lambda: FirstNamed(with_flags),
        {
            "obs": zeros(1, 4),
            "h": ROW,
            "start": torch.zeros(1, dtype=torch.bool),
        },
        _with_done,
    ),
    "lengths": FormCase(
        lambda: WithLengths(time_first), (X, H, torch.tensor([1])), _with_lengths
    ),
    "frames of an image": FormCase(
        lambda: Forms(frames),
        (zeros(1, 1, 1, 3, 3), zeros(1, 2, 3, 3), zeros(1, 2, 3, 3)),
        _carried(
            lambda row: row.reshape(1, 1, 1, 3, 3),
            zeros(1, 2, 3, 3),
            zeros(1, 2, 3, 3),
        ),
    ),
    "kept by hand": FormCase(
        lambda: Forms(kept_by_hand, has_layers=False), (X,), _alone
    ),
    "kept in a list": FormCase(
        lambda: Forms(kept_in_lists, has_layers=False), (X,), _alone
    ),
    "a loop by hand": FormCase(lambda: Forms(hand_loop), (X,), _windows),
    "named outputs": FormCase(lambda: Forms(two_outputs), (X, ROW), _two_outputs),
}


def rows_for(case: FormCase, input_size: int, steps: int) -> np.ndarray:
    """`[T, I]` inputs; tokens where it takes some."""
    generator = np.random.default_rng(0)
    if case.num_tokens:
        tokens = generator.integers(0, case.num_tokens, (steps, input_size))
        return tokens.astype(np.float32)
    return generator.random((steps, input_size)).astype(np.float32)
