"""Saved live streams as bytes (docs/format.md, "Live streams").

All of a saved state is checked here before any of it is used.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....arrays import Array
from ....errors import FormatError, StateError
from ....formats.snapshot import snapshot_bytes
from ....streams.model import Model
from ...saved_rows import (
    FIRST_TIME_US,
    LAST_TIME_US,
    MOST_STEPS,
    SERIES_MAGIC,
    check_sum,
    check_version,
    impossible,
    sealed,
    unpack_rows,
    unpack_series,
)
from .slots import NO_TIME

MAGIC = b"RNNL"
LIVE_STREAMS_VERSION = 1
_HEADER = struct.Struct("<4sHH16s16sQIIIIQ")
_LONGEST_RUN = 2**32 - 1
_DOUBLE, _WATCHED = 1, 2


@dataclass(frozen=True, slots=True)
class SavedStreams:
    """All that live streams hold, of N series.

    Attributes:
        sequence: of the last batch.
        names: of the series by number.
        time_us: `[N]` of the last reading, or `NO_TIME`.
        late_us: `[N]` how late it was.
        is_primed: `[N]` whether it is one of the history.
        num_steps: `[N]` steps behind each state.
        values: `[N, S]` the states, float32 or float64.
        waiting: readings that wait, in the order of their receipts.
        last: `[N, F]` last reading of each feature, NaN before the first; `[0, F]` where
            nobody watches for sensors that stick.
        runs: `[N, F]` how many in a row were the same; as `last`.
    """

    sequence: int
    names: list[str]
    time_us: NDArray[np.int64]
    late_us: NDArray[np.float64]
    is_primed: NDArray[np.bool_]
    num_steps: NDArray[np.uint64]
    values: Array
    waiting: WaitingReadings
    last: NDArray[np.float32]
    runs: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WaitingReadings:
    """P readings as columns.

    Attributes:
        series: `[P]` numbers of the series.
        time_us: `[P]` of the readings.
        received_us: `[P]` when they were received.
        values: `[P, F]` NaN where missing.
    """

    series: NDArray[np.int32]
    time_us: NDArray[np.int64]
    received_us: NDArray[np.int64]
    values: NDArray[np.float32]


def none_waiting(num_features: int) -> WaitingReadings:
    """No readings."""
    empty = np.empty(0, dtype=np.int64)
    values = np.empty((0, num_features), dtype=np.float32)
    return WaitingReadings(empty.astype(np.int32), empty, empty, values)


def pack_streams(saved: SavedStreams, model: Model) -> bytes:
    """The bytes of saved live streams of a model."""
    names = [name.encode("utf-8", "surrogatepass") for name in saved.names]
    is_double = saved.values.dtype == np.float64
    is_watched = len(saved.last) == len(names) > 0
    header = _HEADER.pack(
        MAGIC,
        LIVE_STREAMS_VERSION,
        _DOUBLE * is_double | _WATCHED * is_watched,
        bytes.fromhex(model.digest)[:16],
        model.metadata.numerics.encode(),
        saved.sequence,
        len(names),
        saved.values.shape[1],
        model.spec.num_features,
        len(saved.waiting.series),
        sum(map(len, names)),
    )
    lengths = np.array([len(name) for name in names], dtype="<u4")
    columns = [
        saved.time_us.astype("<i8"),
        saved.late_us.astype("<f8"),
        saved.is_primed.astype("u1"),
        saved.num_steps.astype("<u8"),
        saved.values.astype("<f8" if is_double else "<f4"),
        saved.waiting.series.astype("<u4"),
        saved.waiting.time_us.astype("<i8"),
        saved.waiting.received_us.astype("<i8"),
        saved.waiting.values.astype("<f4"),
        saved.last.astype("<f4"),
        np.minimum(saved.runs, _LONGEST_RUN).astype("<u4"),
    ]
    parts = [header, lengths.tobytes(), *names]
    return sealed(b"".join([*parts, *(column.tobytes() for column in columns)]))


def unpack_streams(blob: bytes, model: Model) -> SavedStreams:
    """Saved live streams of a model, checked in full; also saved row streams.

    Raises:
        FormatError: cut short, changed, of another version, a field that cannot be.
        StateError: the state of another model.
    """
    blob = snapshot_bytes(blob)
    if blob[:4] != MAGIC:
        return _from_rows(blob, model)
    check_version(blob, LIVE_STREAMS_VERSION)
    check_sum(blob, _HEADER.size)
    header = _HEADER.unpack_from(blob)
    _check_model(header, model)
    saved = _unpack_columns(blob, header, model)
    _check_clocks(saved, model)
    if not np.isfinite(saved.values).all():
        raise impossible("a state holds NaN or infinity")
    if saved.num_steps.max(initial=0) > MOST_STEPS:
        raise impossible(
            f"it counts {saved.num_steps.max()} steps, the largest is {MOST_STEPS}"
        )
    _check_waiting(saved.waiting, len(saved.names))
    return saved


def _check_model(header: tuple[Any, ...], model: Model) -> None:
    _, _, flags, digest, numerics, _, _, size, num_features, *_ = header
    name = numerics.rstrip(b"\0")
    if (digest, name) != (
        bytes.fromhex(model.digest)[:16],
        model.metadata.numerics.encode(),
    ):
        found = name.decode(errors="replace")
        raise StateError(
            f"saved state: it belongs to model {digest.hex()} ({found}), but this is "
            f"model {model.digest[:32]} ({model.metadata.numerics}). Load the artifact it "
            "was taken from, or start without it."
        )
    if flags & ~(_DOUBLE | _WATCHED):
        raise impossible(f"its flags are {flags}, the largest are {_DOUBLE | _WATCHED}")
    expected = sum(entry.size for entry in model.spec.state)
    if (size, num_features) != (expected, model.spec.num_features):
        raise impossible(
            f"its states have {size} values of {num_features} features, expected "
            f"{expected} of {model.spec.num_features}"
        )


def _unpack_columns(blob: bytes, header: tuple[Any, ...], model: Model) -> SavedStreams:
    _, _, flags, _, _, sequence, count, size, width, num_waiting, names_nbytes = header
    watched = count if flags & _WATCHED else 0
    value = "<f8" if flags & _DOUBLE else "<f4"
    kinds = [
        ("<u4", (count,)),
        ("u1", (names_nbytes,)),
        ("<i8", (count,)),
        ("<f8", (count,)),
        ("u1", (count,)),
        ("<u8", (count,)),
        (value, (count, size)),
        ("<u4", (num_waiting,)),
        ("<i8", (num_waiting,)),
        ("<i8", (num_waiting,)),
        ("<f4", (num_waiting, width)),
        ("<f4", (watched, width)),
        ("<u4", (watched, width)),
    ]
    needed = _HEADER.size + 4
    for dtype, shape in kinds:
        each = np.dtype(dtype).itemsize
        for length in shape:
            each *= length
        needed += each
    if needed != len(blob):
        raise impossible(
            f"{count:,} series and {num_waiting:,} readings that wait need {needed:,} "
            f"bytes, it has {len(blob):,}"
        )
    columns = _columns(blob, kinds)
    lengths, text, *clocks, values = (next(columns) for _ in range(7))
    time_us, late_us, is_primed, num_steps = clocks
    if is_primed.max(initial=0) > 1:
        raise impossible(f"a series is primed {is_primed.max()}, expected 0 or 1")
    series, *rest, last, runs = columns
    if ((runs > 0) != np.isfinite(last)).any():
        raise impossible("a run of unchanged readings has no reading, or the other way")
    if series.max(initial=0) >= max(count, 1):
        raise impossible(f"a reading of series {series.max()} waits, of {count}")
    return SavedStreams(
        sequence,
        _names(lengths, text.tobytes()),
        time_us,
        late_us,
        is_primed.astype(np.bool_),
        num_steps,
        values,
        WaitingReadings(series.astype(np.int32), *rest),
        *_runs(last, runs, count),
    )


def _runs(
    last: NDArray[np.float32], runs: NDArray[np.integer[Any]], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Both of N series: as new where the state holds none."""
    if len(last) == count:
        return last, runs.astype(np.int64)
    shape = (count, last.shape[1])
    return np.full(shape, np.nan, np.float32), np.zeros(shape, np.int64)


def _columns(
    blob: bytes, kinds: list[tuple[str, tuple[int, ...]]]
) -> Iterator[NDArray[Any]]:
    offset = _HEADER.size
    for dtype, shape in kinds:
        size = int(np.prod(shape, dtype=np.int64))
        column = np.frombuffer(blob, dtype, size, offset).reshape(shape)
        offset += column.nbytes
        yield column.astype(column.dtype.newbyteorder("="))


def _names(lengths: NDArray[np.uint32], text: bytes) -> list[str]:
    if int(lengths.sum(dtype=np.uint64)) != len(text):
        raise impossible(
            f"the names of its series have {lengths.sum(dtype=np.uint64)} bytes, "
            f"expected {len(text)}"
        )
    ends = np.cumsum(lengths, dtype=np.int64).tolist()
    try:
        names = [
            text[start:end].decode("utf-8", "surrogatepass")
            for start, end in itertools.pairwise([0, *ends])
        ]
    except UnicodeDecodeError:
        raise impossible("the name of a series is not UTF-8") from None
    if len(set(names)) < len(names):
        raise impossible("two series have the same name")
    return names


def _check_clocks(saved: SavedStreams, model: Model) -> None:
    has_time = saved.time_us != NO_TIME
    _check_years(saved.time_us[has_time])
    period_us = (model.spec.sample_period_s or 0.0) * 1e6
    late_us = saved.late_us
    most_us = np.where(has_time, period_us, 0.0)
    is_odd = ~(np.abs(late_us) <= most_us) | (np.signbit(late_us) & (late_us == 0))
    if is_odd.any():
        raise impossible(
            f"the last reading of a series came {late_us[is_odd][0]:g} us late, more "
            f"than a period of {period_us:g} us, or -0"
        )


def _check_waiting(waiting: WaitingReadings, num_series: int) -> None:
    _check_years(waiting.time_us)
    _check_years(waiting.received_us)
    if (np.diff(waiting.received_us) < 0).any():
        raise impossible("readings that wait are not in the order of their receipts")
    places = list(zip(waiting.series.tolist(), waiting.time_us.tolist(), strict=True))
    if len(set(places)) < len(places):
        raise impossible("two readings of a series wait for the same time")


def _check_years(time_us: NDArray[np.int64]) -> None:
    is_odd = (time_us < FIRST_TIME_US) | (time_us > LAST_TIME_US)
    if is_odd.any():
        raise impossible(f"a time, {time_us[is_odd][0]} us, is in no year")


def _from_rows(blob: bytes, model: Model) -> SavedStreams:
    """What `RowStream.snapshot` or `SeriesStreams.snapshot` gave."""
    parts = unpack_series(blob) if blob[:4] == SERIES_MAGIC else {"": blob}
    if not parts:
        raise FormatError("saved state: it holds no series. Start without it.")
    clocks, counts, values = [], [], []
    for part in parts.values():
        clock, _, snapshot = unpack_rows(part, model)
        num_steps, state = model.metadata.unpack(snapshot)
        clocks.append(clock)
        counts.append(num_steps)
        values.append(np.concatenate([np.ravel(tensor) for tensor in state]))
    none = none_waiting(model.spec.num_features)
    times = [NO_TIME if clock is None else clock.time_us for clock in clocks]
    late = [0.0 if clock is None else clock.late_us for clock in clocks]
    return SavedStreams(
        0,
        list(parts),
        np.array(times, dtype=np.int64),
        np.array(late, dtype=np.float64),
        np.zeros(len(parts), dtype=np.bool_),
        np.array(counts, dtype=np.uint64),
        np.stack(values),
        none,
        *_runs(none.values, none.values.astype(np.int64), len(parts)),
    )
