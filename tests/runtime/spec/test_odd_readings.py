"""Readings outside the limits of their feature, counted by one rule."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rnnedge_runtime.spec.clip import CLIP_NONE, odd_readings

limits = st.none() | st.tuples(st.floats(-3, 0, width=32), st.floats(0, 3, width=32))
readings = st.lists(st.floats(-4, 4, width=32) | st.sampled_from((np.nan, np.inf)))


def bounds(limit):
    return [np.float32([end]) for end in limit or (-CLIP_NONE, CLIP_NONE)]


@given(readings, limits, limits)
def test_a_reading_is_clipped_or_implausible_and_never_both(values, clip, plausible):
    readings = np.array(values, np.float32)[:, None]
    found = odd_readings(readings, bounds(clip), bounds(plausible))
    expected = []
    for value in values:
        is_implausible = clipped = False
        if np.isfinite(value):
            if plausible is not None:
                is_implausible = not plausible[0] <= value <= plausible[1]
            if clip is not None and not is_implausible:
                clipped = not clip[0] <= value <= clip[1]
        expected.append((clipped, is_implausible))
    assert list(zip(*(mask[:, 0].tolist() for mask in found), strict=True)) == expected
