"""Generated sources of graphs give the bytes of NumPy on boards, in float32 and integers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support import graph_strategies, integer_graphs
from support.artifacts import describe
from support.board_tools import each_usable, on_usable, usable_board

from benchmarks.mcu_graphs import GRAPH_SETTINGS, denoiser, denoiser_spec
from benchmarks.networks import drawn_weights
from rnnedge_export.boards.budget import Fit, check_fit
from rnnedge_export.boards.catalogue import BOARDS as ALL_BOARDS
from rnnedge_export.boards.catalogue import find_board
from rnnedge_export.boards.equality import HostRun, check_on_board
from rnnedge_export.boards.estimating import costs_of, estimate, work_of
from rnnedge_export.boards.measuring import measure
from rnnedge_export.formats.c.generating import generate_source
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.errors import BudgetError
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tolerances import ESTIMATE_ERROR, INSTRUCTION_GROWTH

RECORDED = json.loads(Path(__file__).with_name("instructions.json").read_text())
NUM_STEPS = 500
BOARDS = (
    "cortex-m0plus",
    "cortex-m4f",
    "cortex-m55",
    "rv32imac",
    "aarch64",
    "wasm-simd",
)
OTHER_COMPILERS = [("cortex-m55", "clang-14", "-O3"), ("cortex-m4f", None, "-Os")]
JOINS = ("multiply", "divide", "maximum", "softmax", "log_softmax", "rms_norm")
FUNCTIONS = ("gelu", "log", "rsqrt", "reciprocal", "mish", "positions", "sum")


def _float_run(name: str, spec: ModelSpec, weights: Weights) -> HostRun:
    metadata = describe(spec, weights)
    source = generate_source(metadata, weights, name)
    return HostRun(source, Model(metadata, Float32Engine(spec, weights)), NUM_STEPS)


def _integer_run(name: str, spec: ModelSpec, weights: Weights) -> HostRun:
    model = integer_graphs.in_integers(spec, weights)
    metadata = replace(
        describe(spec, weights), digest=model.digest, numerics=INTEGER_NUMERICS
    )
    source = generate_source(metadata, model, name)
    return HostRun(source, Model(metadata, IntegerEngine(model)), NUM_STEPS)


@pytest.fixture(scope="module")
def runs() -> list[HostRun]:
    """A net as users have them, and drawn layers with memories."""
    spec = denoiser_spec(8)
    own = spec, drawn_weights(spec)
    joins = graph_strategies.drawn_graph(3, num_memories=1, names=JOINS)
    functions = graph_strategies.drawn_graph(4, num_memories=1, names=FUNCTIONS)
    blends = integer_graphs.drawn_graph(1)
    return [
        _float_run("denoiser", *own),
        _float_run("joins", *joins),
        _integer_run("denoiser_q", *own),
        _integer_run("joins_q", *joins),
        _integer_run("functions_q", *functions),
        _integer_run("blends_q", *blends),
    ]


@pytest.mark.parametrize("name", each_usable(BOARDS))
def test_every_byte_is_the_reference_s(runs: list[HostRun], name: str) -> None:
    for report in check_on_board(usable_board(name), runs):
        assert not report.has_failed, report
        assert report.num_steps == NUM_STEPS


@pytest.mark.parametrize(("name", "compiler", "level"), on_usable(OTHER_COMPILERS))
def test_no_compiler_and_no_level_changes_a_byte(
    runs: list[HostRun], name: str, compiler: str | None, level: str
) -> None:
    board = usable_board(name, compiler)
    for report in check_on_board(board, runs, compiler=compiler, model_flags=[level]):
        assert not report.has_failed, report


@pytest.mark.parametrize("is_integer", [False, True])
@pytest.mark.parametrize("name", each_usable(["cortex-m4f"]))
def test_a_graph_costs_what_is_recorded_and_estimated(
    name: str, is_integer: bool
) -> None:
    board, subject = usable_board(name), denoiser(is_integer=is_integer)
    found = measure(board, subject.source, subject.x)
    (setting,) = (item for item in GRAPH_SETTINGS if item.board == name)
    recorded = RECORDED["instructions"][setting.name][subject.name]
    assert found.max_instructions is not None
    assert found.max_instructions <= recorded * INSTRUCTION_GROWTH
    guess = estimate(board, subject.spec, INTEGER_NUMERICS if is_integer else NUMERICS)
    assert guess.ram_nbytes == found.ram_nbytes
    for field in ("flash_nbytes", "max_instructions"):
        ratio = getattr(guess, field) / getattr(found, field)
        assert 1 - ESTIMATE_ERROR < ratio < 1 + ESTIMATE_ERROR, field


@pytest.mark.parametrize("numerics", [NUMERICS, INTEGER_NUMERICS])
@pytest.mark.parametrize("name", ALL_BOARDS)
def test_an_estimate_grows_with_the_graph(name: str, numerics: str) -> None:
    """Every kind of work of a graph has its cost, on every board."""
    board = find_board(name)
    small, large = (estimate(board, denoiser_spec(h), numerics) for h in (8, 32))
    assert small.flash_nbytes < large.flash_nbytes
    assert small.ram_nbytes < large.ram_nbytes
    assert small.max_instructions is None or (
        small.max_instructions < large.max_instructions
    )
    costs = costs_of(name, numerics)
    for seed in range(4):
        done = work_of(graph_strategies.drawn_graph(seed)[0]).done
        assert done.keys() <= costs.done.keys() & costs.done_nbytes.keys()


def test_a_graph_that_is_too_large_is_refused_with_what_would_help() -> None:
    spec = denoiser_spec(64)
    board = find_board("cortex-m4f")
    found = estimate(board, spec)
    small = estimate(board, spec, INTEGER_NUMERICS)
    with pytest.raises(BudgetError, match="--int8 takes"):
        check_fit(Fit(board, small.flash_nbytes, None), "d", found, spec)
    with pytest.raises(BudgetError, match="make its layers smaller"):
        check_fit(Fit(board, 1000, None), "d", found, spec)
