"""How many readings the input handling of a model cuts or takes for missing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.series import Dataset
from rnnedge.tasks.scores import PARTS
from rnnedge.tasks.task import Prepared
from rnnedge_runtime.spec.clip import clip_bounds, odd_readings, range_bounds
from rnnedge_runtime.spec.model_spec import ModelSpec

Counts = dict[str, dict[str, int]]


def count_odd(spec: ModelSpec, blocks: Iterable[NDArray[np.float32]]) -> Counts:
    """By feature: `readings`, and those `clipped` and `implausible` among them.

    Args:
        spec: F features with their limits.
        blocks: `[N, F]` readings, as they came.
    """
    counts = np.zeros((3, spec.num_features), dtype=np.int64)
    limits = clip_bounds(spec), range_bounds(spec)
    for values in blocks:
        masks = (np.isfinite(values), *odd_readings(values, *limits))
        counts += [mask.sum(axis=0) for mask in masks]
    kinds = ("readings", "clipped", "implausible")
    return {
        name: dict(zip(kinds, column, strict=True))
        for name, column in zip(spec.feature_names, counts.T.tolist(), strict=True)
    }


def count_cut(dataset: Dataset, prepared: Prepared) -> dict[str, Counts]:
    """`count_odd` by part, of the data as it was given to `prepare`."""
    spec = prepared.spec
    columns = [dataset.columns.index(name) for name in spec.feature_names]
    counted = {}
    for part in PARTS:
        rows = [getattr(series.parts, part) for series in prepared.series]
        counted[part] = count_odd(
            spec,
            (
                one.values[some.start : some.stop, columns]
                for one, some in zip(dataset.series, rows, strict=True)
            ),
        )
    return counted


def cut_lines(counted: dict[str, Counts]) -> list[str]:
    """One line per kind with the features of which readings were cut, for the terminal."""
    lines = []
    for kind, words in (
        ("clipped", "seen at the bounds of their clip range"),
        ("implausible", "taken for missing, outside their range"),
    ):
        found = [
            f"{name} {counts[kind]:,} of {counts['readings']:,} ({part})"
            for part in PARTS
            for name, counts in counted[part].items()
            if counts[kind]
        ]
        if found:
            lines.append(f"Readings {words}: {', '.join(found)}.")
    return lines
