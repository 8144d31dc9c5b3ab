"""Frames: several rows of readings that make one step of a model.

A network that strides over time gives an output every s rows. Its step takes these s rows
side by side; what they are called and how they are read follows from those of one row.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import SpecError

if TYPE_CHECKING:
    from .model_spec import Feature, ModelSpec

MOST_ROWS = 65_536
"""Most rows of a frame; a model has at most as many features."""


def frame_features(features: tuple[Feature, ...], num_rows: int) -> tuple[Feature, ...]:
    """The features of a frame of `num_rows` rows, from those of one row."""
    if num_rows == 1:
        return features
    return tuple(
        replace(feature, name=f"{feature.name}[{row}]")
        for row in range(num_rows)
        for feature in features
    )


def row_features(features: tuple[Feature, ...], num_rows: int) -> tuple[Feature, ...]:
    """The features of one row, from those of a frame."""
    if num_rows == 1:
        return features
    first = features[: len(features) // num_rows]
    return tuple(replace(item, name=item.name.removesuffix("[0]")) for item in first)


def of_one_row(spec: ModelSpec) -> ModelSpec:
    """`spec` with the features of one row; its sizes are no longer those of its layers."""
    found = copy.copy(spec)
    features = row_features(spec.features, spec.rows_per_step)
    vars(found).update(features=features, rows_per_step=1)
    for name in ("feature_names", "state", "by_row"):
        vars(found).pop(name, None)
    return found


def check_gives_every_row(spec: ModelSpec, *, where: str) -> None:
    """Refuse a model that gives no output in some rows, where every row needs one.

    Raises:
        SpecError: its steps take several rows.
    """
    if spec.rows_per_step > 1:
        raise SpecError(
            f"{where}: the model gives an output every {spec.rows_per_step} rows, and this "
            "needs one in every row. Stream its rows with `rnnedge run`."
        )


def check_frames(spec: ModelSpec) -> None:
    """Refuse a frame that is none.

    Raises:
        SpecError: a number of rows out of range, features that are not the same in every
            row, or inputs derived from the time, of which a frame has several.
    """
    num_rows = spec.rows_per_step
    if num_rows == 1:
        return
    if not 1 <= num_rows <= MOST_ROWS:
        raise SpecError(
            f"ModelSpec: rows_per_step is {num_rows}, expected 1 to {MOST_ROWS:,}. "
            "Give the rows between two outputs."
        )
    if spec.derived:
        raise SpecError(
            f"ModelSpec: rows_per_step is {num_rows} and inputs are derived from the time, "
            "which is another in every row of a frame. Leave the derived inputs out."
        )
    row = row_features(spec.features, num_rows)
    if spec.features != frame_features(row, num_rows):
        raise SpecError(
            f"ModelSpec: rows_per_step is {num_rows}, but the {len(spec.features)} features "
            f"are not those of {num_rows} equal rows, <name>[0] to "
            f"<name>[{num_rows - 1}]. Make them with frame_features()."
        )
