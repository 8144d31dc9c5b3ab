"""Streams a user gives: tokens that a module's own embedding has no row for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from user_modules import Tokens, zeros

from rnnedge_export.exporting import export
from rnnedge_export.verification_stream import check_tokens
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.layers import Embedding
from rnnedge_runtime.spec import Feature, ModelSpec, Target

OUTSIDE = st.integers(-500, -1) | st.integers(7, 500)


def tokens(**replaced: float) -> np.ndarray:
    """`[20, 1]` tokens of a table of seven, those at `row_K` replaced."""
    stream = (np.arange(20) % 7)[:, None].astype(np.float64)
    for name, token in replaced.items():
        stream[int(name.removeprefix("row_"))] = token
    return stream


@given(st.integers(0, 19), OUTSIDE, st.floats(-0.99, 6.99))
def test_a_token_is_refused_where_the_table_has_no_row(
    row: int, outside: int, inside: float
) -> None:
    spec = ModelSpec((Feature("token"),), (Target("y"),), (Embedding(7, 1),))
    check_tokens(spec, tokens(**{f"row_{row}": inside}))
    expected = rf"has token {outside} in row {row}, .* takes 0 to 6\. Pass stream="
    with pytest.raises(SpecError, match=expected):
        check_tokens(spec, tokens(**{f"row_{row}": outside}))


@pytest.mark.parametrize("int8", [False, True])
def test_an_export_names_a_token_out_of_range(tmp_path: Path, int8: bool) -> None:
    """Wrong: torch's IndexError `index out of range in self`. Right: which, and where."""
    with pytest.raises(SpecError, match=r"token 99 in row 3, .* takes 0 to 6"):
        export(
            Tokens(),
            formats="rnne",
            out=tmp_path / "dist",
            example=(zeros(1, 1, 1), zeros(1, 1, 5)),
            stream=tokens(row_3=99),
            int8=int8,
            keep_float="softmax" if int8 else (),
        )
    assert not (tmp_path / "dist").exists()
