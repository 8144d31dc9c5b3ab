"""Will it fit: sizes, estimates and what is said of a model that is too large."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rnn_cells import CELLS, IDS, forecaster
from support.strategies import model_specs

from rnnedge_export.boards.budget import (
    Fit,
    check_fit,
    find_fit,
    largest_hidden_size,
    parse_size,
)
from rnnedge_export.boards.catalogue import BOARDS, find_board
from rnnedge_export.boards.estimating import estimate, resized, work_of
from rnnedge_runtime.errors import BudgetError, SpecError
from rnnedge_runtime.spec.layers import Gru, Linear, Lstm, RecurrentLayer
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

BOARD = BOARDS["cortex-m4f"]


@pytest.mark.parametrize(
    ("text", "nbytes"),
    [
        ("64k", 65_536),
        ("64 KB", 65_536),
        ("1M", 1_048_576),
        ("8192", 8192),
        ("0.5m", 524_288),
    ],
)
def test_sizes_are_read(text: str, nbytes: int) -> None:
    assert parse_size(text) == nbytes


@pytest.mark.parametrize("text", ["", "k", "-1k", "64q", "1e3", "6 4"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="expected for example 64k"):
        parse_size(text)


def test_an_unknown_board_is_named_with_the_known_ones() -> None:
    with pytest.raises(SpecError, match=r"'cortex-m5'.*cortex-m4f.*rnnedge devices"):
        find_board("cortex-m5")


def test_the_budget_is_the_part_s_unless_given() -> None:
    assert find_fit("cortex-m4f", None, None) == Fit(BOARD, 512 * 1024, 96 * 1024)
    assert find_fit("cortex-m4f", "64k", None) == Fit(BOARD, 65_536, 96 * 1024)
    assert find_fit("wasm", None, "8k") == Fit(BOARDS["wasm"], None, 8192)


@given(st.integers(0, 300), st.integers(1, 300))
def test_the_largest_size_is_the_last_that_fits(limit: int, most: int) -> None:
    assert largest_hidden_size(lambda size: size <= limit, most) == min(limit, most)


@settings(max_examples=50)
@given(model_specs(), st.integers(1, 100))
def test_a_resized_model_is_one_of_the_same_layers(spec: ModelSpec, size: int) -> None:
    other = resized(spec, size)
    assert [layer.kind for layer in other.layers] == [
        layer.kind for layer in spec.layers
    ]
    cells = [x for x in other.layers if isinstance(x, RecurrentLayer)]
    assert {cell.hidden_size for cell in cells} <= {size}
    assert other.output_size == spec.output_size
    assert resized(other, size) == other


@pytest.mark.parametrize("name", IDS)
def test_the_same_size_gives_the_same_model(name: str) -> None:
    spec = forecaster(name, 12)
    assert resized(spec, 12) == spec


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("cell", CELLS)
def test_an_estimate_grows_with_the_model(board: str, cell: str) -> None:
    found = [
        estimate(BOARDS[board], forecaster(f"{cell}-L1", size)) for size in (4, 16, 64)
    ]
    assert all(item.is_estimated for item in found)
    for field in ("flash_nbytes", "ram_nbytes", "max_instructions"):
        values = [getattr(item, field) for item in found]
        assert values[0] is None or values[0] < values[1] < values[2]


def test_the_multiply_adds_are_those_of_the_matrices() -> None:
    spec = ModelSpec(
        (Feature("a"), Feature("b")),
        (Target("y"),),
        (Lstm(2, 8, proj_size=3), Gru(3, 5), Linear(5, 1)),
    )
    work = work_of(spec)
    assert work.multiply_adds == 32 * (2 + 3) + 3 * 8 + 15 * (3 + 5) + 5
    assert work.units == {"lstm": 8, "gru": 5}
    assert work.state_values == (3 + 8) + 5 + 2


@pytest.mark.parametrize("cell", CELLS)
def test_what_would_fit_does(cell: str) -> None:
    spec = forecaster(f"{cell}-L1", 64)
    large = estimate(BOARD, spec)
    budget = Fit(BOARD, large.flash_nbytes // 2, large.ram_nbytes)
    with pytest.raises(BudgetError, match=r"bytes of flash.*\(estimated\)") as caught:
        check_fit(budget, "big.c", large, spec)
    size = int(str(caught.value).split("hidden size of ")[1].split()[0])
    assert 0 < size < 64
    fitting = estimate(BOARD, resized(spec, size))
    check_fit(budget, "big.c", fitting, resized(spec, size))
    larger = estimate(BOARD, resized(spec, size + 1))
    assert not budget.holds(larger)


def test_ram_is_state_and_stack() -> None:
    spec = forecaster("gru-L1", 16)
    found = replace(estimate(BOARD, spec), stack_nbytes=100)
    exact = Fit(BOARD, None, found.ram_nbytes + 100)
    assert found.ram_need == exact.ram_nbytes
    check_fit(exact, "small.c", found, spec)
    with pytest.raises(BudgetError, match="100 stack"):
        check_fit(Fit(BOARD, None, found.ram_nbytes + 99), "small.c", found, spec)


def test_nothing_fits_where_the_code_alone_is_too_large() -> None:
    spec = forecaster("gru-L1", 16)
    with pytest.raises(BudgetError, match="No hidden size of this cell would fit"):
        check_fit(Fit(BOARD, 100, None), "a.c", estimate(BOARD, spec), spec)
