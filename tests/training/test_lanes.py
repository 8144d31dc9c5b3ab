import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnedge.training.lanes import cut_segments, plan_epoch

lengths = st.lists(st.integers(0, 60), min_size=1, max_size=8).filter(any)


def ranges_of(sizes):
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return [range(a, a + size) for a, size in zip(starts[:-1], sizes, strict=True)]


@given(lengths, st.integers(1, 20))
def test_segments_hold_every_row_once_and_never_span_two_series(sizes, num_lanes):
    ranges = ranges_of(sizes)
    segments = cut_segments(ranges, num_lanes)
    assert sorted(row for s in segments for row in s) == list(range(sum(sizes)))
    for segment in segments:
        assert any(r.start <= segment.start and segment.stop <= r.stop for r in ranges)


@given(lengths, st.integers(1, 20), st.integers(1, 13), st.data())
def test_plan_reads_every_row_once_in_order(sizes, num_lanes, chunk_length, data):
    offset = data.draw(st.integers(0, chunk_length - 1))
    segments = cut_segments(ranges_of(sizes), num_lanes)
    plan = plan_epoch(segments, num_lanes, chunk_length, offset)
    starts = {segment.start for segment in segments}
    rows = []
    for lane in range(plan.first.shape[1]):
        expected_next = None
        for chunk in range(plan.first.shape[0]):
            count = plan.count[chunk, lane]
            if count == 0:
                continue
            assert count <= chunk_length
            first = plan.first[chunk, lane]
            assert plan.is_start[chunk, lane] == (first in starts)
            assert plan.is_start[chunk, lane] or first == expected_next
            expected_next = first + count
            rows += range(first, first + count)
    assert sorted(rows) == list(range(sum(sizes)))


@pytest.mark.parametrize("offset", [0, 3])
def test_first_chunk_is_shorter_by_the_offset(offset):
    plan = plan_epoch([range(20)], 1, 8, offset)
    assert plan.count[0, 0] == 8 - offset


@given(lengths, st.integers(1, 6), st.integers(1, 13), st.data())
def test_a_state_that_is_handed_on_has_seen_its_own_rows_only(
    sizes, num_lanes, chunk_length, data
):
    """A lane is stepped as far as its longest neighbour. A shorter chunk in the middle of a
    segment ran ahead into rows that the next chunk read again: its state knew the targets.
    """
    offset = data.draw(st.integers(0, chunk_length - 1))
    segments = cut_segments(ranges_of(sizes), num_lanes)
    plan = plan_epoch(segments, num_lanes, chunk_length, offset)
    for chunk in range(len(plan.first) - 1):
        goes_on = (plan.count[chunk + 1] > 0) & ~plan.is_start[chunk + 1]
        assert (plan.count[chunk][goes_on] == plan.count[chunk].max()).all()
