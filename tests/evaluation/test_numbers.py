"""Digits of errors: none that is not zero is shown as zero."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnedge.evaluation.scores.numbers import number_texts, with_unit
from rnnedge_runtime.tables.durations import steps_in_words

ERRORS = st.floats(1e-300, 1e300) | st.just(0.0)


@given(st.lists(st.none() | ERRORS, min_size=1, max_size=5))
def test_no_error_is_shown_as_zero_and_digits_tell(values: list[float | None]) -> None:
    texts = number_texts(values)
    known = [value for value in values if value]
    for value, text in zip(values, texts, strict=True):
        if value is None:
            assert text == "-"
        else:
            assert (float(text) == 0) == (value == 0)
            assert abs(float(text) - value) <= 0.0051 * value
            assert len(text) <= 14
    if known:
        smallest = texts[values.index(min(known))]
        digits = smallest.partition("e")[0].replace(".", "").lstrip("0")
        assert len(digits) >= 3


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.526, 1.49, 2.51], ["0.526", "1.490", "2.510"]),
        ([2.36e-5, 5.48e-5], ["2.36e-05", "5.48e-05"]),
        ([123.4, 8000.0], ["123", "8000"]),
        ([0.0, None], ["0", "-"]),
        ([0.09999, 3.0], ["0.1000", "3.0000"]),
        ([0.9999, math.inf], ["1.000", "inf"]),
    ],
)
def test_numbers_of_one_column(values: list[float | None], texts: list[str]) -> None:
    assert number_texts(values) == texts


@pytest.mark.parametrize(
    ("step", "period_s", "words"),
    [
        (1, 0.08, "80 ms"),
        (5, 0.08, "400 ms"),
        (1, 1e-5, "10 us"),
        (3, 900.0, "45 min"),
        (1, 1 / 3, "1 step"),
        (6, None, "6 steps"),
        (2, 86_400.0, "2 d"),
        (3, 0.1, "300 ms"),
    ],
)
def test_steps_in_words(step: int, period_s: float | None, words: str) -> None:
    assert steps_in_words(step, period_s) == words


def test_a_unit_is_not_said_twice() -> None:
    assert with_unit("temp", "C") == "temp (C)"
    assert with_unit("temp (C)", "C") == "temp (C)"
    assert with_unit("temp [C]", "C") == "temp [C]"
    assert with_unit("temp", "") == "temp"
