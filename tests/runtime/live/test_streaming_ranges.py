"""Rows whose readings are not plausible."""

from __future__ import annotations

import numpy as np
import pytest
from support.artifacts import reference_model
from support.strategies import random_weights

from rnnedge_runtime.errors import NonFiniteError
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tables.rows.row import Row


def stream_of(missing: str, period_s: float | None = 60.0) -> RowStream:
    spec = ModelSpec(
        features=(Feature("temp", "C", missing, (-30.0, 60.0), 10.0, (-100.0, 200.0)),),
        targets=(Target("temp", "C"),),
        layers=(Gru(1, 3), Linear(3, 1)),
        sample_period_s=period_s,
    )
    weights = random_weights(spec, np.random.default_rng(0))
    return RowStream(reference_model(spec, weights), where="pipe")


def row(number: int, temp: float, minute: float | None = None) -> Row:
    time_us = round((number if minute is None else minute) * 60e6)
    return Row(number, None, time_us, np.array([temp], dtype=np.float32))


def test_an_implausible_reading_is_counted_as_held_and_not_as_clipped() -> None:
    stream = stream_of("hold")
    for number, temp in enumerate((20.0, 999.0, 70.0, np.nan, np.inf), start=1):
        stream.advance(row(number, temp))
    assert stream.findings.lines() == [
        "implausible readings of temp, outside -100 to 200, held: 1, first at row 2.",
        "readings of temp outside -30 to 60 clipped: 1, first at row 3.",
        "missing readings of temp held: 2, first at row 4.",
    ]


@pytest.mark.parametrize("period_s", [60.0, None])
def test_an_implausible_reading_is_refused_before_anything_is_stepped(
    period_s: float | None,
) -> None:
    """The missing slots were stepped, and the saved state was not that of any row."""
    stream = stream_of("reject", period_s)
    stream.advance(row(1, 20.0))
    before = stream.snapshot()
    with pytest.raises(
        NonFiniteError,
        match="pipe: feature 'temp' is 999, outside its range of -100 to 200, in row 2,",
    ):
        stream.advance(row(2, 999.0))
    assert stream.snapshot() == before
    stream.advance(row(2, 20.0))
    assert stream.findings.num_rows == 2
