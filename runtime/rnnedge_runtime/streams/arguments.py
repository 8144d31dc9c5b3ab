"""What a caller passes to a stream, checked before any state changes."""

from __future__ import annotations

import operator
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, check_shape
from ..errors import ShapeError, SpecError
from ..spec.model_spec import ModelSpec

_INT64_LIMIT = 2**63

TimeLike = int | NDArray[np.int64] | ArrayLike | None


def check_readings(
    spec: ModelSpec, x: ArrayLike, axes: str, *, where: str, artifact: str
) -> NDArray[np.float32]:
    """`x` as float32 with the given axes, of which the last is the F features.

    Args:
        axes: "F" for one reading, "T F" for a sequence, "N F" for a fleet.
        where: the call, for example "Stream.step".
        artifact: name of the file, for messages.

    Raises:
        ShapeError: another shape; the message lists the features.
    """
    if (
        isinstance(x, np.ndarray)
        and x.dtype == np.float32
        and x.ndim == len(axes.split())
        and x.shape[-1] == spec.num_features
    ):
        return x
    hint = (
        f"Pass one value per feature in that order; `rnnedge inspect {artifact}` "
        "lists them."
    )
    array = check_shape(x, axes, where=f"{where}: x", sizes={}, hint=hint)
    if array.shape[-1] != spec.num_features:
        names = ", ".join(spec.feature_names)
        raise ShapeError(
            f"{where}: x has {array.shape[-1]} values per reading, but '{artifact}' "
            f"expects {spec.num_features} ({names}). {hint}"
        )
    return array


def check_times(
    spec: ModelSpec, time: TimeLike, num_rows: int, *, where: str, is_sequence: bool
) -> NDArray[np.int64] | None:
    """The time stamp of every row, `[num_rows]` int64 Unix seconds UTC; None without need.

    Args:
        time: one value per row, or one integer: the time of the first row of a sequence,
            the common time of the rows of a fleet. Checked, and not used, where the spec
            has no derived inputs.
        is_sequence: whether the rows follow each other by `sample_period_s`.

    Raises:
        SpecError: no time given, or a start without a known sampling period.
        ShapeError: not integers, not within int64, or another number of them than rows.
    """
    if not spec.derived:
        if time is not None:
            _stamps(time, num_rows, where=where)
        return None
    if time is None:
        raise SpecError(
            f"{where}: no time was given, but the model derives inputs from it (periods "
            f"of {', '.join(str(d.period_s) for d in spec.derived)} s). "
            "Pass time= as integer Unix seconds UTC."
        )
    if type(time) is int and num_rows == 1 and -_INT64_LIMIT <= time < _INT64_LIMIT:
        return np.array([time], dtype=np.int64)
    stamps = _stamps(time, num_rows, where=where)
    if stamps.ndim == 0:
        period_s = 0.0
        if is_sequence and num_rows > 1:
            period_s = sample_period(spec, where=where)
            last = int(stamps) + round((num_rows - 1) * period_s)
            check_time_limits(last, where=where)
        ahead_s = np.rint(np.arange(num_rows) * period_s).astype(np.int64)
        return np.asarray(stamps.astype(np.int64) + ahead_s)
    return stamps.astype(np.int64)


def _stamps(time: TimeLike, num_rows: int, *, where: str) -> NDArray[np.generic]:
    """Integers within int64, one alone or one per row."""
    stamps = np.asarray(time)
    if stamps.dtype.kind == "O" and all(type(stamp) is int for stamp in stamps.flat):
        check_time_limits(min(stamps.flat, default=0), where=where)
        check_time_limits(max(stamps.flat, default=0), where=where)
    if stamps.dtype.kind == "u":
        check_time_limits(int(stamps.max(initial=0)), where=where)
    if stamps.size and stamps.dtype.kind not in "iu":
        raise ShapeError(
            f"{where}: time is {stamps.dtype}, expected integers. "
            "Pass Unix seconds UTC, for example int(time.time())."
        )
    if stamps.ndim and stamps.shape != (num_rows,):
        raise ShapeError(
            f"{where}: time has shape {list(stamps.shape)}, expected [{num_rows}], one "
            "time stamp per row. Pass them in the order of the rows."
        )
    return stamps


def check_time_limits(time: int, *, where: str) -> None:
    """Refuse a time that int64 does not hold.

    Raises:
        ShapeError: it is beyond.
    """
    if not -_INT64_LIMIT <= time < _INT64_LIMIT:
        raise ShapeError(
            f"{where}: the time {time} is beyond int64, {-_INT64_LIMIT} to "
            f"{_INT64_LIMIT - 1}. Pass Unix seconds UTC, for example int(time.time())."
        )


def sample_period(spec: ModelSpec, *, where: str) -> float:
    """Seconds between steps.

    Raises:
        SpecError: the spec does not know them.
    """
    if spec.sample_period_s is None:
        raise SpecError(
            f"{where}: the model does not know its sampling period, so the time of the "
            "later steps is unknown. Pass one time stamp per row, or train on a table "
            "with a time column."
        )
    return spec.sample_period_s


def check_count(
    count: SupportsIndex, *, least: int, where: str, name: str, what: str
) -> int:
    """`count` as an int.

    Args:
        least: smallest value allowed.
        where: the call, for example "Stream.forecast".
        name: of the argument.
        what: what it counts, for example "steps ahead".

    Raises:
        ShapeError: not an integer, or below `least`.
    """
    try:
        number = operator.index(count)
    except TypeError:
        number = None
    if number is None or number < least:
        expected = f"{least} or more" if number is not None else "an integer"
        raise ShapeError(
            f"{where}: {name} is {count!r}, expected {expected}. "
            f"Pass the number of {what}."
        )
    return number


def check_out(out: Array | None, shape: tuple[int, ...], *, where: str) -> None:
    """Raise ShapeError unless `out` is None or a writable float array of `shape`."""
    if out is None:
        return
    found, expected = "read-only", "an array to write to"
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype.kind != "f":
        found, expected = type(out).__name__, f"a float array of shape {list(shape)}"
        if isinstance(out, np.ndarray):
            found = f"{out.dtype} of shape {list(out.shape)}"
    elif out.flags.writeable:
        return
    raise ShapeError(
        f"{where}: out is {found}, expected {expected}. "
        "Make it once with numpy.empty and pass it to every step."
    )
