"""Errors of every series on its own, on the test part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge.tasks.scores import NETWORK
from rnnedge_runtime.spec.model_spec import ModelSpec

Array = NDArray[np.float32]

MOST_SHOWN = 12
ENDS_SHOWN = 3  # worst and best of more
MOST_WITH_ALL_STEPS = 100
"""Series up to which the report holds every step; above, the first and the last."""


@dataclass(frozen=True, eq=False, slots=True)
class SeriesErrors:
    """Mean absolute errors of every series; stretches of one device are one series.

    Attributes:
        names: of the S series, in order of appearance.
        count: `[S, O]` forecasts scored.
        mae: `[S, O]` per forecaster, in the targets' units, NaN where nothing is scored.
    """

    names: tuple[str, ...]
    count: NDArray[np.int64]
    mae: dict[str, NDArray[np.float64]]


def errors_by_series(
    names: Sequence[str], errors: Mapping[str, Sequence[Array]]
) -> SeriesErrors:
    """The SeriesErrors of the scored rows.

    Args:
        names: of every stretch.
        errors: `[N, O]` per forecaster and stretch, NaN where the truth is unknown.
    """
    position = {name: k for k, name in enumerate(dict.fromkeys(names))}
    size = len(position)
    count, mae = np.zeros((size, 0), np.int64), {}
    for forecaster, arrays in errors.items():
        index = np.repeat([position[name] for name in names], list(map(len, arrays)))
        error = np.concatenate(arrays)
        known = np.isfinite(error)
        count = np.stack(
            [np.bincount(index[k], minlength=size) for k in known.T], axis=1
        )
        total = [
            np.bincount(index, weights=column, minlength=size)
            for column in np.where(known, error, 0.0).T
        ]
        with np.errstate(invalid="ignore"):
            mae[forecaster] = np.stack(total, axis=1) / np.where(
                count > 0, count, np.nan
            )
    return SeriesErrors(tuple(position), count, mae)


def by_step(spec: ModelSpec, values: Iterable[object]) -> dict[str, dict[str, Any]]:
    """The values of all outputs by target and step; those that are None are left out."""
    content: dict[str, dict[str, Any]] = {target: {} for target in spec.target_names}
    for output, value in zip(spec.outputs, values, strict=True):
        if value is not None:
            content[output.target][str(output.step)] = value
    return content


def series_content(spec: ModelSpec, errors: SeriesErrors) -> dict[str, Any]:
    """`parts.test.series` of `report.json`: by name, forecaster, target and step."""
    has_all = len(errors.names) <= MOST_WITH_ALL_STEPS
    shown = [has_all or output.step in (1, spec.horizon) for output in spec.outputs]

    def score(mae: NDArray[np.float64], row: int, k: int) -> dict[str, Any] | None:
        if not shown[k] or not errors.count[row, k]:
            return None
        base = errors.mae["persistence"][row, k]
        return {
            "mae": float(mae[row, k]),
            "skill_percent": float(100 * (1 - mae[row, k] / base))
            if base > 0
            else None,
            "count": int(errors.count[row, k]),
        }

    return {
        name: {
            forecaster: by_step(spec, [score(mae, row, k) for k in range(len(shown))])
            for forecaster, mae in errors.mae.items()
        }
        for row, name in enumerate(errors.names)
    }


def shown_series(spec: ModelSpec, errors: SeriesErrors) -> tuple[list[int], str]:
    """Positions of the series to print, and what they are.

    All up to twelve; of more, the three with the largest and the three with the smallest
    error of the network, as a part of the best baseline's, at the furthest step.
    """
    number = len(errors.names)
    if number <= MOST_SHOWN:
        return list(range(number)), f"{number} series"
    column = spec.horizon - 1
    base = np.nanmin(
        np.where(
            errors.count[None, :, column] > 0,
            [mae[:, column] for name, mae in errors.mae.items() if name != NETWORK],
            np.inf,
        ),
        axis=0,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = errors.mae[NETWORK][:, column] / base
    scored = np.flatnonzero(errors.count[:, column] > 0)
    order = scored[np.argsort(-ratio[scored], kind="stable")]
    chosen = [*order[:ENDS_SHOWN].tolist(), *order[-ENDS_SHOWN:].tolist()]
    return chosen, f"worst and best {ENDS_SHOWN} of {number:,} series"
