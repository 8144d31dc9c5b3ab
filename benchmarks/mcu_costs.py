"""Fits what `rnnedge_export.boards.estimating` assumes, from measurements of models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_export.boards.catalogue import BOARDS
from rnnedge_export.boards.estimating import Work, packed_nbytes, work_of
from rnnedge_export.boards.measuring import Measurement, measure
from rnnedge_runtime.weights import NUMERICS

from .mcu_models import Subject, bare_cell, demo_model

_KINDS = ("rnn", "gru", "lstm")
_SIZES = (8, 16, 32, 64)


def fit_costs(folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """The content of `costs.json`."""
    subjects = [bare_cell(kind.upper(), h, folder) for kind in _KINDS for h in _SIZES]
    subjects += [bare_cell(kind.upper(), 16, folder, num_layers=2) for kind in _KINDS]
    subjects.append(demo_model(folder))
    works = [work_of(subject.spec) for subject in subjects]
    costs = {}
    for name, board in BOARDS.items():
        found = [measure(board, subject.source, subject.x) for subject in subjects]
        costs[name] = _fit(subjects, works, found)
        say(f"{name}: {costs[name]}")
    return {NUMERICS: costs}


def _fit(
    subjects: Sequence[Subject], works: Sequence[Work], found: Sequence[Measurement]
) -> dict[str, Any]:
    code = [
        item.flash_nbytes - packed_nbytes(subject.spec)
        for subject, item in zip(subjects, found, strict=True)
    ]
    layers = [
        [1, *(work.layers.get(kind, 0) for kind in (*_KINDS, "other"))]
        for work in works
    ]
    code_nbytes = non_negative_fit(np.array(layers, float), np.array(code, float))
    counts = [item.max_instructions or 0 for item in found]
    columns = [
        [
            work.multiply_adds,
            *(work.units.get(kind, 0) for kind in _KINDS),
            work.values,
            1,
        ]
        for work in works
    ]
    multiply_add, *units, value, call = non_negative_fit(
        np.array(columns, float), np.array(counts, float)
    )
    return {
        "multiply_add": round(float(multiply_add), 3),
        "unit": {
            kind: round(float(unit), 1)
            for kind, unit in zip(_KINDS, units, strict=True)
        },
        "value": round(float(value), 1),
        "call": round(float(call)),
        "code_nbytes": {
            kind: round(float(nbytes))
            for kind, nbytes in zip(
                ("base", *_KINDS, "other"), code_nbytes, strict=True
            )
        },
        "stack_nbytes": max(item.stack_nbytes or 0 for item in found),
    }


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
