"""What a step is made of besides single readings: inputs derived from the time, and frames.

A derived input is sine and cosine of the phase of the time stamp in a period. A network that
strides over time gives an output every s rows; its step takes these s rows side by side, a
frame, whose features follow from those of one row.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..numerics.phase import phase, phase_sin_cos

HOUR_OF_DAY_S = 86_400
TIME_OF_YEAR_S = 31_556_952
MAX_PERIOD_S = 2**31 - 1


@dataclass(frozen=True, slots=True)
class DerivedInput:
    """Sine and cosine of `((t + offset_s) mod period_s) / period_s` of a turn.

    Attributes:
        period_s: length of one turn in seconds, 1 to 2^31 - 1.
        offset_s: seconds added to the time before the phase is taken.
    """

    period_s: int
    offset_s: int = 0


def time_features(
    time: NDArray[np.int64], derived: Sequence[DerivedInput]
) -> NDArray[np.float32]:
    """The derived columns of `time`, in model input order: sin, cos of each input.

    Args:
        time: `[T]` Unix seconds UTC.
        derived: D derived inputs.

    Returns:
        `[T, 2 D]` float32.
    """
    period_s = np.array([item.period_s for item in derived], dtype=np.int64)
    offset_s = np.array([item.offset_s for item in derived], dtype=np.int64)
    out = np.empty((len(time), 2 * len(derived)), dtype=np.float32)
    out[:, 0::2], out[:, 1::2] = phase_sin_cos(phase(time[:, None], period_s, offset_s))
    return out


MOST_ROWS = 65_536
"""Most rows of a frame; a model has at most as many features."""


def frame_features(features: tuple[Any, ...], num_rows: int) -> tuple[Any, ...]:
    """The features of a frame of `num_rows` rows, from those of one row."""
    if num_rows == 1:
        return features
    return tuple(
        replace(feature, name=f"{feature.name}[{row}]")
        for row in range(num_rows)
        for feature in features
    )


def row_features(features: tuple[Any, ...], num_rows: int) -> tuple[Any, ...]:
    """The features of one row, from those of a frame."""
    if num_rows == 1:
        return features
    first = features[: len(features) // num_rows]
    return tuple(replace(item, name=item.name.removesuffix("[0]")) for item in first)


def of_one_row(spec: Any) -> Any:
    """`spec` with the features of one row; its sizes are no longer those of its layers."""
    if spec.rows_per_step == 1:
        return spec
    found = copy.copy(spec)
    features = row_features(spec.features, spec.rows_per_step)
    vars(found).update(features=features, rows_per_step=1)
    for name in ("feature_names", "state", "by_row"):
        vars(found).pop(name, None)
    return found


def check_gives_every_row(spec: Any, *, where: str) -> None:
    """Refuse a model that gives no output in some rows, where every row needs one.

    Raises:
        SpecError: its steps take several rows.
    """
    if spec.rows_per_step > 1:
        raise SpecError(
            f"{where}: the model gives an output every {spec.rows_per_step} rows, and this "
            "needs one in every row. Stream its rows with `rnnedge run`."
        )


def check_frames(spec: Any) -> None:
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
