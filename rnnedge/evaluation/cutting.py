"""How many readings the input handling of a model cuts or takes for missing."""

from __future__ import annotations

import numpy as np

from rnnedge.data.series import Dataset
from rnnedge.evaluation.odd_readings import odd_readings
from rnnedge.tasks.task import Prepared

PARTS = ("validation", "test")


def count_cut(
    dataset: Dataset, prepared: Prepared
) -> dict[str, dict[str, dict[str, int]]]:
    """By part and feature: `readings`, and those `clipped` and `implausible` among them.

    Args:
        dataset: as it was given to `prepare`.
        prepared: what became of it.
    """
    spec = prepared.spec
    columns = [dataset.columns.index(name) for name in spec.feature_names]
    counted: dict[str, dict[str, dict[str, int]]] = {}
    for part in PARTS:
        counted[part] = {}
        for feature, column in zip(spec.features, columns, strict=True):
            counts = np.zeros(3, dtype=np.int64)
            for one, series in zip(dataset.series, prepared.series, strict=True):
                rows = getattr(series.parts, part)
                values = one.values[rows.start : rows.stop, column]
                odd = odd_readings(values, feature.clip, feature.range)
                counts += [each.sum() for each in (np.isfinite(values), *odd)]
            counted[part][feature.name] = dict(
                zip(
                    ("readings", "clipped", "implausible"), counts.tolist(), strict=True
                )
            )
    return counted


def cut_lines(
    counted: dict[str, dict[str, dict[str, int]]],
) -> list[str]:
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
