"""Values that may be no readings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnedge.data.tables.suspects import find_suspects, value_notes

HOURS = np.arange(1500.0)
TEMPERATURE = np.round(10 + 6 * np.sin(HOURS / 3.8) + 2 * np.cos(HOURS / 50), 2)


def codes(values: np.ndarray) -> list[tuple[float, int, int]]:
    """Value, count and first row of what looks like a code for missing."""
    return [(s.value, s.count, s.first_row) for s in find_suspects(values) if s.is_code]


@pytest.mark.parametrize("code", [-999.0, -9999.0, 9999.0, -99.9, 85.0, -200.0])
@pytest.mark.parametrize("share", [0.01, 0.03, 0.08])
def test_codes_for_missing_are_named(code: float, share: float) -> None:
    values = TEMPERATURE.copy()
    rows = np.arange(7, len(values), int(1 / share))
    values[rows] = code
    assert codes(values) == [(code, len(rows), 8)]
    (note,) = value_notes(values, "temp")
    assert f"give --missing-value temp={code:g}" in note
    assert f"{len(rows)} times, first in row 8" in note


def test_two_codes_do_not_hide_each_other() -> None:
    values = TEMPERATURE.copy()
    values[::50] = -9999
    values[3::70] = 9999
    assert {s[0] for s in codes(values)} == {-9999.0, 9999.0}
    values = TEMPERATURE.copy()
    values[::50] = -9999
    values[3::70] = -200
    assert {s[0] for s in codes(values)} == {-9999.0, -200.0}


def test_a_spike_is_an_outlier() -> None:
    values = TEMPERATURE.copy()
    values[100] = 1e9
    assert codes(values) == []
    (found,) = find_suspects(values)
    assert (found.value, found.first_row, found.is_code) == (1e9, 101, False)
    assert "1e+09 in row 101" in value_notes(values, "temp")[0].replace(
        "1000000000", "1e+09"
    )


@pytest.mark.parametrize(
    "values",
    [
        TEMPERATURE,
        np.where(HOURS % 24 < 2, 1.0, 0.0),
        np.where(HOURS % 100 == 0, 1.0, 0.0),
        np.maximum(0, np.sin(HOURS / 7)) * 900,
        np.where(HOURS % 300 == 5, 12.4, 0.0),
        np.full(1500, 7.0),
        np.full(1500, np.nan),
        np.exp(np.sin(HOURS) * 2),
        HOURS,
        np.repeat([3.0, 4.0, 5.0], 500),
        np.array([-999.0, 1, 2]),
    ],
)
def test_honest_columns_have_no_codes(values: np.ndarray) -> None:
    assert codes(values) == []


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 100), st.floats(-50, 50))
def test_noise_has_no_codes(seed: int, scale: float, centre: float) -> None:
    values = np.random.default_rng(seed).normal(centre, scale, 400).round(1)
    assert codes(values) == []
