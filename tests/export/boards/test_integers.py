"""Generated integer sources give the bytes of the NumPy reference on every board."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.artifacts import describe, inputs_of
from support.board_tools import each_usable, on_usable, usable_board
from support.predicting import predicting
from support.rnn_cells import forecaster, unclipped_forecaster
from support.strategies import random_readings, random_weights

from rnnedge_export.boards.catalogue import BOARDS
from rnnedge_export.boards.equality import STREAM_STEPS, HostRun, check_on_board
from rnnedge_export.formats.c.generating import generate_source
from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import measure_ranges
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.streams.model import Model

SPECS = {
    "plain": forecaster("rnn-tanh-L2", 9),
    "gated": forecaster("gru-L2", 9),
    "long": predicting(forecaster("lstm-L2", 9)),
    "price": predicting(unclipped_forecaster()),
}


@pytest.fixture(scope="module")
def runs() -> list[HostRun]:
    """The three cells, two layers each, and readings before the clip."""
    found = []
    for seed, (name, spec) in enumerate(SPECS.items()):
        rng = np.random.default_rng(seed)
        weights = random_weights(spec, rng)
        x = inputs_of(spec, random_readings(spec, rng, 400))
        model = quantise(spec, weights, measure_ranges(spec, weights, x), frozenset())
        engine = IntegerEngine(model)
        metadata = describe(spec, weights)
        metadata = replace(metadata, digest=model.digest, numerics=INTEGER_NUMERICS)
        source = generate_source(metadata, model, name)
        assert source.has_integers
        found.append(HostRun(source, Model(metadata, engine)))
    return found


@pytest.mark.parametrize("name", each_usable(BOARDS))
def test_every_byte_is_the_reference_s(runs: list[HostRun], name: str) -> None:
    reports = check_on_board(usable_board(name), runs)
    assert [report.model for report in reports] == list(SPECS)
    for report in reports:
        assert not report.has_failed, report
        assert report.num_steps == STREAM_STEPS
        assert "step_q" in [found.name for found in report.comparisons]


OTHER_COMPILERS = [
    ("cortex-m55", None, "-O3"),
    ("cortex-m55", "clang-14", "-O2"),
    ("cortex-m4f", "clang-14", "-O2"),
    ("cortex-m4f", None, "-O0"),
    ("cortex-m0plus", None, "-Os"),
    ("aarch64", "clang-14", "-O3"),
]


@pytest.mark.parametrize(("name", "compiler", "level"), on_usable(OTHER_COMPILERS))
def test_no_compiler_and_no_level_changes_a_byte(
    runs: list[HostRun], name: str, compiler: str | None, level: str
) -> None:
    """With -O3 for MVE gcc once read the int16 of a state before they were written."""
    reports = check_on_board(
        usable_board(name, compiler), runs, compiler=compiler, model_flags=[level]
    )
    for report in reports:
        assert not report.has_failed, report
