"""How many readings the input handling of a model cuts or takes for missing."""

from __future__ import annotations

import numpy as np

from rnnedge.data.series import Dataset
from rnnedge.tasks.forecast.preparing import Prepared

PARTS = ("validation", "test")


def count_cut(
    dataset: Dataset, prepared: Prepared
) -> dict[str, dict[str, dict[str, int]]]:
    """By part and feature: `readings`, and those `clipped` and `implausible` among them.

    A reading outside the feature's plausible range is implausible, and not clipped as well.

    Args:
        dataset: as it was given to `prepare`.
        prepared: what became of it.
    """
    spec = prepared.spec
    columns = [dataset.columns.index(name) for name in spec.feature_names]
    low, high = _bounds([feature.clip for feature in spec.features])
    least, most = _bounds([feature.range for feature in spec.features])
    counted = {}
    for part in PARTS:
        counts = np.zeros((3, len(columns)), dtype=np.int64)
        for one, series in zip(dataset.series, prepared.series, strict=True):
            rows = getattr(series.parts, part)
            values = one.values[rows.start : rows.stop][:, columns]
            seen = np.isfinite(values)
            implausible = seen & ((values < least) | (values > most))
            clipped = seen & ~implausible & ((values < low) | (values > high))
            counts += [each.sum(axis=0) for each in (seen, clipped, implausible)]
        kinds = ("readings", "clipped", "implausible")
        counted[part] = {
            name: dict(zip(kinds, map(int, column), strict=True))
            for name, column in zip(spec.feature_names, counts.T, strict=True)
        }
    return counted


def cut_lines(
    counted: dict[str, dict[str, dict[str, int]]],
) -> list[str]:
    """One line per kind with the features of which readings were cut, for the terminal."""
    lines = []
    for kind, words in (
        ("clipped", "cut to their clip range"),
        ("implausible", "taken for missing, outside their plausible range"),
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


def _bounds(
    limits: list[tuple[float, float] | None],
) -> tuple[np.ndarray, np.ndarray]:
    pairs = [limit or (-np.inf, np.inf) for limit in limits]
    low, high = np.array(pairs, dtype=np.float32).T
    return low, high
