"""Modules that people write themselves, by name, each with an example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from . import written_cells as bodies

zeros = torch.zeros
Case = tuple[Callable[[], nn.Module], tuple[Any, ...]]
X, H = zeros(1, 1, 3), zeros(1, 6)


def number(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(shape) * 0.5)


def cell(inputs: int = 3, size: int = 6) -> nn.GRUCell:
    return nn.GRUCell(inputs, size)


def line(inputs: int = 6, outputs: int = 2) -> nn.Linear:
    return nn.Linear(inputs, outputs)


def _spectral() -> nn.Module:
    return torch.nn.utils.parametrizations.spectral_norm(line())


def _of(body: Any, parts: Callable[[], dict[str, Any]], *given: Any) -> Case:
    return (lambda: bodies.Parts(body, **parts())), given


def _moved_batch_norm() -> nn.Module:
    norm = nn.BatchNorm1d(6)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    return norm


WRITTEN: dict[str, Case] = {
    "bilinear": _of(
        bodies.bilinear,
        lambda: {"pair": nn.Bilinear(3, 3, 4), "cell": cell(7), "head": line()},
        X,
        H,
    ),
    "cfc": _of(
        bodies.cfc,
        lambda: {
            "body_of": line(9, 8),
            **{name: line(8, 6) for name in ("f1", "f2", "ta", "tb")},
            "head": line(),
        },
        X,
        H,
    ),
    "ltc": _of(
        bodies.ltc,
        lambda: {
            **{name: number(6, 6) for name in ("mu", "sigma", "w", "erev")},
            "cm": number(6),
            "sensory": line(3, 6),
            "head": line(),
        },
        X,
        H,
    ),
    "ind rnn": _of(
        bodies.ind_rnn,
        lambda: {"w": line(3, 6), "u": nn.Parameter(torch.rand(6)), "head": line()},
        X,
        H,
    ),
    "dual path": _of(
        bodies.dual_path,
        lambda: {
            "intra": nn.GRU(3, 2, bidirectional=True, batch_first=True),
            "fc": line(4, 3),
            "inter": nn.GRU(3, 3, batch_first=True),
        },
        zeros(1, 1, 6),
        zeros(1, 2, 3),
    ),
    "gru-d": _of(
        bodies.gru_d,
        lambda: {
            "gx": nn.Parameter(torch.rand(2)),
            "gh": line(2, 6),
            "cell": cell(4),
            "head": line(),
        },
        zeros(1, 1, 6),
        zeros(1, 2),
        H,
    ),
    "echo state": _of(
        bodies.reservoir,
        lambda: {"given": line(3, 8), "own": number(8, 8), "head": line(11)},
        X,
        zeros(1, 8),
    ),
    "conv2d of a frame": _of(
        bodies.frame_conv,
        lambda: {
            "conv": nn.Conv2d(1, 2, (3, 4), stride=(1, 2)),
            "cell": cell(8),
            "head": line(),
        },
        zeros(1, 1, 10),
        zeros(1, 3, 10),
        H,
    ),
    "min gru": _of(
        bodies.min_gru, lambda: {"z": line(3, 6), "n": line(3, 6), "head": line()}, X, H
    ),
    "min lstm": _of(
        bodies.min_lstm, lambda: {"gates": line(3, 18), "head": line()}, X, H
    ),
    "lru in real numbers": _of(
        bodies.lru_real,
        lambda: {
            "nu": number(6),
            "theta": number(6),
            "given": line(3, 6),
            "c_re": line(),
            "c_im": line(),
            "d": line(3, 2),
        },
        X,
        H,
        H,
    ),
    "ssm with an average": _of(
        bodies.ssm_with_average,
        lambda: {
            "given": line(3, 4),
            "dt": line(4, 4),
            "a": number(4, 3),
            "b": line(4, 3),
            "c": line(4, 3),
            "d": number(4),
            "head": line(4),
        },
        X,
        zeros(1, 4, 3),
        zeros(1, 4),
    ),
    "tcn with caches": _of(
        bodies.tcn,
        lambda: {
            "convs": nn.ModuleList(nn.Conv1d(3, 3, 3, groups=3) for _ in range(2)),
            "head": line(3),
        },
        X,
        (zeros(1, 3, 2), zeros(1, 3, 2)),
    ),
    "conv gru denoiser": _of(
        bodies.conv_gru,
        lambda: {
            "encode": nn.Conv1d(1, 2, 4, stride=2, padding=1),
            "gru": nn.GRU(8, 8, batch_first=True),
            "decode": nn.ConvTranspose1d(2, 1, 4, stride=2, padding=1),
        },
        zeros(1, 1, 8),
        zeros(1, 1, 8),
    ),
    "attention over an encoder": _of(
        bodies.attention,
        lambda: {
            "cell": cell(),
            "encoded": number(1, 5, 6),
            "keys": line(6, 6),
            "values": line(6, 6),
            "head": line(),
        },
        X,
        H,
    ),
    "dilated stack": _of(
        bodies.wave_net,
        lambda: {
            "first": line(3, 4),
            "filters": nn.ModuleList(line(8, 4) for _ in range(3)),
            "gates": nn.ModuleList(line(8, 4) for _ in range(3)),
            "head": line(4),
        },
        X,
        tuple(zeros(1, 2**k, 4) for k in range(3)),
    ),
    "transducer": _of(
        bodies.transducer,
        lambda: {
            "table": nn.Embedding(9, 4),
            "lstm": nn.LSTM(4, 6, 2, batch_first=True),
            "head": line(6, 9),
        },
        zeros(1, 1, 1),
        zeros(2, 1, 6),
        zeros(2, 1, 6),
    ),
    "cells in a list": _of(
        bodies.cell_list,
        lambda: {"cells": nn.ModuleList([cell(), cell(6)]), "head": line()},
        X,
        [H, H],
    ),
    "a dict of state": _of(
        bodies.in_dict,
        lambda: {"cell": cell(), "head": line()},
        X,
        {"h": H, "mean": H},
    ),
    "a dataclass of state": _of(
        bodies.in_dataclass,
        lambda: {"cell": cell(), "head": line()},
        X,
        bodies.Carry(H, zeros(1, 2, 3)),
    ),
    "a named tuple of state": _of(
        bodies.in_named_tuple,
        lambda: {"gates": line(9, 24), "head": line()},
        X,
        bodies.Memory(H, H),
    ),
    "learned start": _of(
        bodies.plain, lambda: {"cell": cell(), "head": line()}, X, H + 0.4
    ),
    "spectral norm": _of(
        bodies.plain, lambda: {"cell": cell(), "head": _spectral()}, X, H
    ),
    "norms": _of(
        bodies.normed,
        lambda: {
            "cell": cell(),
            "norm": nn.LayerNorm(6),
            "rms": nn.RMSNorm(6),
            "group": nn.GroupNorm(2, 6),
            "batch": _moved_batch_norm(),
            "head": line(),
        },
        X,
        H,
    ),
    "spiking": _of(bodies.spiking, lambda: {"given": line(3, 6), "head": line()}, X, H),
    "transformer block of a frame": _of(
        bodies.feed_forward,
        lambda: {
            "cell": cell(),
            "norm": nn.LayerNorm(6),
            "block": nn.TransformerEncoderLayer(2, 1, 4, batch_first=True),
            "head": line(),
        },
        X,
        H,
    ),
    "keys kept as state": _of(
        bodies.keys_in_state,
        lambda: {
            "given": line(3, 4),
            "mha": nn.MultiheadAttention(4, 2, batch_first=True),
            "head": line(4),
        },
        X,
        zeros(1, 3, 4),
    ),
}
