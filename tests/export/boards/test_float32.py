"""Generated float32 sources give the bytes of the NumPy reference on every board."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.artifacts import describe
from support.board_tools import each_usable, on_usable, usable_board
from support.c_models import following
from support.predicting import predicting
from support.programs import needs
from support.rnn_cells import forecaster
from support.strategies import random_weights

from rnnedge_export.boards.catalogue import BOARDS
from rnnedge_export.boards.equality import (
    SOFT_FLOAT_STEPS,
    STREAM_STEPS,
    BoardReport,
    HostRun,
    check_on_board,
)
from rnnedge_export.formats.c.generating import generate_source
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import Affine
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.model import Model

OTHER_COMPILERS = [
    ("cortex-m4f", None, "-O3"),
    ("cortex-m4f", "clang-14", "-O2"),
    ("cortex-m55", "clang-14", "-O2"),
    ("cortex-m0plus", None, "-Os"),
    ("aarch64", "clang-14", "-O3"),
]


def with_hour_of_day(spec: ModelSpec) -> ModelSpec:
    size = spec.num_features + 2
    first = replace(spec.layers[1], input_size=size)
    return replace(
        spec,
        layers=(Affine(size), first, *spec.layers[2:]),
        derived=(DerivedInput(86_400, -7200),),
        sample_period_s=600.0,
    )


@pytest.fixture(scope="module")
def runs() -> list[HostRun]:
    """The three cells, two layers each, one of them with derived inputs; and changes,
    with holes that forecasts fill.
    """
    specs = {
        "plain": forecaster("rnn-tanh-L2", 9),
        "gated": with_hour_of_day(forecaster("gru-L2", 9)),
        "long": forecaster("lstm-L2", 9),
        "following": predicting(following("gru-L1", "scaled", 9)),
    }
    found = []
    for seed, (name, spec) in enumerate(specs.items()):
        weights = random_weights(spec, np.random.default_rng(seed))
        metadata = describe(spec, weights)
        source = generate_source(metadata, weights, name)
        found.append(HostRun(source, Model(metadata, Float32Engine(spec, weights))))
    return found


def assert_equal(reports: list[BoardReport], num_steps: int) -> None:
    assert [report.model for report in reports] == [
        "plain",
        "gated",
        "long",
        "following",
    ]
    for report in reports:
        assert not report.has_failed, report
        assert report.num_steps == num_steps


@pytest.mark.parametrize("name", each_usable(BOARDS))
def test_every_byte_is_the_reference_s(runs: list[HostRun], name: str) -> None:
    board = usable_board(name)
    steps = STREAM_STEPS if board.has_float_unit else SOFT_FLOAT_STEPS
    assert_equal(check_on_board(board, runs), steps)


@pytest.mark.parametrize(("name", "compiler", "level"), on_usable(OTHER_COMPILERS))
def test_no_compiler_and_no_level_changes_a_byte(
    runs: list[HostRun], name: str, compiler: str | None, level: str
) -> None:
    """`-O3` without `-std`, where gcc would fuse multiplications with additions."""
    board = usable_board(name, compiler)
    reports = check_on_board(board, runs, compiler=compiler, model_flags=[level])
    steps = STREAM_STEPS if board.has_float_unit else SOFT_FLOAT_STEPS
    assert_equal(reports, steps)


@needs(*BOARDS["cortex-m4f"].commands)
def test_a_fused_multiply_add_would_be_seen(runs: list[HostRun]) -> None:
    """The guard against contraction taken out of a copy: other bytes on the board."""
    board = usable_board("cortex-m4f")
    run, fast = runs[1], "fp-contract=fast"
    files = {
        name: text.replace("fp-contract=off", fast)
        for name, text in run.source.files.items()
    }
    fused = replace(run.source, files=files)
    copy = HostRun.__new__(HostRun)
    copy.__dict__.update(run.__dict__, source=fused)
    (report,) = check_on_board(board, [copy], model_flags=["-O2", "-DRNNE_PLAIN_C"])
    failed = {found.name for found in report.comparisons if found.detail}
    assert {"golden", "stream", "self-test"} <= failed
