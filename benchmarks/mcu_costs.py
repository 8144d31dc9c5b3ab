"""Fits what `rnnedge_export.boards.estimating` assumes, from measurements of models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_export.boards.catalogue import BOARDS
from rnnedge_export.boards.estimating import Work, packed_nbytes, work_of
from rnnedge_export.boards.measuring import Measurement, measure
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS

from .mcu_models import Subject, bare_cell, demo_model

_KINDS = ("rnn", "gru", "lstm")
_LAYERS = (*_KINDS, "other")


def fit_costs(say: Callable[[str], None]) -> dict[str, Any]:
    """The content of `costs.json`: by numerics, by board."""
    return {
        numerics: _fit_boards(say, is_integer=is_integer)
        for numerics, is_integer in ((NUMERICS, False), (INTEGER_NUMERICS, True))
    }


def _fit_boards(say: Callable[[str], None], *, is_integer: bool) -> dict[str, Any]:
    subjects = [
        bare_cell(kind.upper(), size, num_layers=count, is_integer=is_integer)
        for kind in _KINDS
        for size, count in ((8, 1), (32, 1), (64, 1), (16, 2))
    ]
    subjects.append(demo_model(is_integer=is_integer))
    works = [work_of(subject.spec) for subject in subjects]
    costs = {}
    for name, board in BOARDS.items():
        found = [measure(board, subject.source, subject.x) for subject in subjects]
        costs[name] = {
            **_instructions(works, found),
            **_bytes(subjects, works, found, is_integer=is_integer),
            "stack_nbytes": max(item.stack_nbytes or 0 for item in found),
        }
        say(f"{name}: {costs[name]}")
    return costs


def _instructions(
    works: Sequence[Work], found: Sequence[Measurement]
) -> dict[str, Any]:
    columns = [
        [w.multiply_adds, *(w.units.get(kind, 0) for kind in _KINDS), w.values, 1]
        for w in works
    ]
    counts = [item.max_instructions or 0 for item in found]
    multiply_add, *units, value, call = _fitted(columns, counts)
    return {
        "multiply_add": round(multiply_add, 3),
        "unit": {k: round(unit, 1) for k, unit in zip(_KINDS, units, strict=True)},
        "value": round(value, 1),
        "call": round(call),
    }


def _bytes(
    subjects: Sequence[Subject],
    works: Sequence[Work],
    found: Sequence[Measurement],
    *,
    is_integer: bool,
) -> dict[str, Any]:
    """Code and, for integers, weights and state, whose layout the generator keeps to itself."""
    columns = [[1, *(w.layers.get(key, 0) for key in _LAYERS)] for w in works]
    flash = [item.flash_nbytes for item in found]
    kept: dict[str, Any] = {}
    if is_integer:
        weights = [[w.matrix_values, w.other_values] for w in works]
        rows = [[*w, *c] for w, c in zip(weights, columns, strict=True)]
        matrix, other, *code = _fitted(rows, flash)
        kept = {
            "matrix_nbytes": round(matrix, 3),
            "other_nbytes": round(other, 2),
            "ram_nbytes": _ram(works, found),
        }
    else:
        packed = [packed_nbytes(subject.spec) for subject in subjects]
        code = _fitted(columns, [f - p for f, p in zip(flash, packed, strict=True)])
    names = ("base", *_LAYERS)
    return {
        "code_nbytes": {k: round(n) for k, n in zip(names, code, strict=True)},
        **kept,
    }


def _ram(works: Sequence[Work], found: Sequence[Measurement]) -> dict[str, float]:
    columns = [
        [1, w.state_values, *(w.units.get(kind, 0) for kind in _KINDS)] for w in works
    ]
    fitted = _fitted(columns, [item.ram_nbytes for item in found])
    names = ("base", "value", *_KINDS)
    return {k: round(n, 2) for k, n in zip(names, fitted, strict=True)}


def _fitted(rows: Sequence[Sequence[int]], values: Sequence[int]) -> list[float]:
    return non_negative_fit(np.array(rows, float), np.array(values, float)).tolist()


def non_negative_fit(
    a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`x >= 0` with the least relative errors of `a x` against `b`.

    Columns whose coefficient would be negative are left out, one after the other.
    """
    weight = 1 / np.maximum(b, 1)
    kept = list(range(a.shape[1]))
    while True:
        x, *_ = np.linalg.lstsq(a[:, kept] * weight[:, None], b * weight, rcond=None)
        if (x >= 0).all():
            break
        kept.remove(kept[int(np.argmin(x))])
    out = np.zeros(a.shape[1])
    out[kept] = x
    return out
