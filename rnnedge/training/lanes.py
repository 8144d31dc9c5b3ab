"""Lanes: series, or slices of a series, trained side by side with carried state.

An epoch is a table of chunks. Chunk c of lane l starts at row `first[c, l]` of the joined
data, holds `count[c, l]` rows (the rest is padding, masked out of the loss), and starts from
the initial state where `is_start[c, l]`; otherwise from where the lane's last chunk ended.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LANES_OF_ONE_SERIES = 8
MOST_LANES = 256


@dataclass(frozen=True, slots=True)
class LanePlan:
    """One epoch, `[chunks, lanes]` each.

    Attributes:
        first: row of the joined data at which the chunk starts.
        count: rows of the chunk that are data.
        is_start: whether the lane's state is reset before the chunk.
    """

    first: NDArray[np.int64]
    count: NDArray[np.int64]
    is_start: NDArray[np.bool_]


def choose_num_lanes(num_series: int) -> int:
    """Lanes for `num_series` series: enough to fill the vector units, not more."""
    return min(max(num_series, LANES_OF_ONE_SERIES), MOST_LANES)


def cut_segments(ranges: Sequence[range], num_lanes: int) -> list[range]:
    """Cut the longest row ranges until there are about `num_lanes` segments.

    Args:
        ranges: rows of each series in the joined data.
        num_lanes: wanted number of segments; more series than that stay whole.

    Returns:
        Segments in order; each belongs to one series, none is empty.
    """
    total = sum(len(rows) for rows in ranges)
    segments = []
    for rows in ranges:
        if not rows:
            continue
        pieces = max(1, round(num_lanes * len(rows) / total))
        borders = np.linspace(rows.start, rows.stop, pieces + 1).astype(int)
        segments += [range(a, b) for a, b in itertools.pairwise(borders) if b > a]
    return segments


def plan_epoch(
    segments: Sequence[range], num_lanes: int, chunk_length: int, offset: int
) -> LanePlan:
    """Lay the segments out over the lanes, longest first onto the emptiest lane.

    Args:
        segments: rows of the joined data, each run from the initial state.
        num_lanes: lanes side by side, at most.
        chunk_length: rows per chunk.
        offset: rows by which the first chunk of all lanes is shorter, so that chunk
            borders fall elsewhere in every epoch; 0 up to below `chunk_length`. Only the
            last chunk of a segment is shorter than its neighbours in other lanes, so no
            lane's state runs past the rows it hands on.
    """
    num_lanes = min(num_lanes, len(segments))
    lanes: list[list[tuple[int, int, bool]]] = [[] for _ in range(num_lanes)]
    for segment in sorted(segments, key=len, reverse=True):
        lane = min(lanes, key=len)
        first_length = chunk_length if lane else chunk_length - offset
        borders = [segment.start]
        borders += range(segment.start + first_length, segment.stop, chunk_length)
        borders.append(segment.stop)
        for a, b in itertools.pairwise(borders):
            lane.append((a, b - a, a == segment.start))
    num_chunks = max(len(lane) for lane in lanes)
    first = np.zeros((num_chunks, num_lanes), dtype=np.int64)
    count = np.zeros((num_chunks, num_lanes), dtype=np.int64)
    is_start = np.zeros((num_chunks, num_lanes), dtype=np.bool_)
    for number, lane in enumerate(lanes):
        for chunk, entry in enumerate(lane):
            first[chunk, number], count[chunk, number], is_start[chunk, number] = entry
    return LanePlan(first, count, is_start)
