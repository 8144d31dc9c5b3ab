"""Streams of an export: where they lie, and tokens that an embedding has no row for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.artifacts import torch_model
from support.modules.user_modules import Tokens, zeros
from support.strategies import random_weights

from rnnedge_export.compare.verification_stream import (
    check_tokens,
    stream_like,
    verification_stream,
    with_implausible,
)
from rnnedge_export.exporting.export import export
from rnnedge_export.formats.rnne.writing import generate_inputs, input_ranges
from rnnedge_export.verifying.verify import verify
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats.metadata import Golden
from rnnedge_runtime.spec.layers import (
    AddLast,
    Affine,
    Difference,
    Embedding,
    Gru,
    Linear,
)
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.inputs import is_missing

OUTSIDE = st.integers(-500, -1) | st.integers(7, 500)

FEATURES = (
    Feature("a", clip=(-1.0, 1.0), range=(-2.0, 1.5)),
    Feature("b", missing="reject", clip=(-1.0, 1.0), range=(-2.0, 2.0)),
    Feature("c", clip=(-1.0, 1.0)),
)


def unclipped_spec(last: AddLast | None = None) -> ModelSpec:
    layers = (Affine(3), Difference(3, (0, 2)), Gru(5, 4), Linear(4, 2))
    last = last or AddLast((0, 1), is_clipped=False)
    return ModelSpec(FEATURES, (Target("a"), Target("b")), (*layers, last))


def streams_of(spec: ModelSpec) -> list[np.ndarray]:
    """From drawn, from given and from golden inputs, and that of the long run."""
    weights = random_weights(spec, np.random.default_rng(0))
    given_x = np.random.default_rng(1).normal(size=(500, 3)).astype(np.float32) * 3
    golden = Golden(given_x[:64], np.zeros((64, 2), np.float32))
    return [
        verification_stream(spec, weights),
        verification_stream(spec, weights, given_x),
        stream_like(spec, golden),
        generate_inputs(1, 1000, *input_ranges(spec)),
    ]


def test_streams_leave_the_clip_where_a_layer_takes_what_is_outside() -> None:
    spec = unclipped_spec()
    for x in streams_of(spec):
        assert not is_missing(spec.features, x).any(), "inputs are held already"
        for column in x.T:
            assert column.min() < -1
            assert column.max() > 1
    for x in streams_of(spec)[:3]:
        assert (np.abs(x[:64]) > 1).any(axis=0).all(), "the recorded steps do, too"


def test_streams_stay_within_the_clip_where_no_layer_does() -> None:
    layers = (Affine(3), Gru(3, 4), Linear(4, 2), AddLast((0, 1)))
    for x in streams_of(ModelSpec(FEATURES, (Target("a"), Target("b")), layers)):
        assert np.abs(x).max() <= 1


def test_implausible_readings_are_just_outside() -> None:
    spec = unclipped_spec()
    x = streams_of(spec)[0][:50]
    changed = with_implausible(spec, x)
    missing = is_missing(spec.features, changed)
    assert 10 < missing[:, 0].sum() < 20
    assert not missing[:, 1:].any()
    np.testing.assert_array_equal(changed[~missing], x[~missing])


def test_verify_finds_a_stream_that_takes_implausible_readings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = unclipped_spec()
    weights = random_weights(spec, np.random.default_rng(0))
    formats = ("onnx", "torchscript", "rnne")
    export(torch_model(spec, weights), formats=formats, out=tmp_path)
    paths = [tmp_path / f"model.{suffix}" for suffix in ("onnx", "pt", "rnne")]
    name = "implausible readings are held, bit for bit"
    report = verify(paths, backend="torchscript")
    assert not report.has_failed
    assert sum(check.name == name for check in report.checks) == 3
    hold = "rnnedge_runtime.streams.stream.hold_readings"
    monkeypatch.setattr(hold, lambda features, readings, held, where: readings)
    failed = [c.name for c in verify(paths[:1]).checks if c.outcome == "failed"]
    assert failed == [name]


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


@given(st.integers(0, 2**64), st.integers(0, 40), st.integers(1, 3))
def test_inputs_of_a_long_run_are_drawn_one_by_one(
    seed: int, num_steps: int, size: int
) -> None:
    state, draws = seed, []
    for _ in range(num_steps * size):
        state = (state * 1664525 + 1013904223) % 2**32
        draws.append(state // 2**8)
    base, span = np.zeros(size, np.float32), np.ones(size, np.float32)
    found = generate_inputs(seed, num_steps, base, span)
    assert found.shape == (num_steps, size)
    assert found.ravel().tolist() == draws
