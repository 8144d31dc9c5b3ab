"""Cost of a step on boards: no more instructions than recorded, and the goals kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.board_tools import usable_board

from benchmarks.mcu_models import CELL_SETTINGS, Setting, Subject, bare_cell
from benchmarks.mcu_page import RECOUNTED
from rnnedge_export.boards.estimating import estimate
from rnnedge_export.boards.measuring import measure
from rnnedge_export.tools.calling import version
from rnnedge_runtime.tolerances import ESTIMATE_ERROR, INSTRUCTION_GROWTH

RECORDED = json.loads(Path(__file__).with_name("instructions.json").read_text())
SETTINGS = [item for item in CELL_SETTINGS if item.level == "-O2"]
CELLS = ("LSTM", "GRU", "RNN")
HIDDEN_SIZE = 32


@pytest.fixture(scope="module")
def cells() -> dict[str, Subject]:
    found = {cell: bare_cell(cell, HIDDEN_SIZE) for cell in CELLS}
    found["int8"] = bare_cell("LSTM", HIDDEN_SIZE, is_integer=True)
    return found


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda item: item.name)
def test_a_step_takes_no_more_instructions_than_recorded(
    cells: dict[str, Subject], setting: Setting
) -> None:
    """`python -m benchmarks.mcu` records them anew."""
    board = usable_board(setting.board, setting.compiler)
    print(version(setting.compiler or board.compiler), version(board.emulator[0]))
    print("recorded with", *RECORDED["tools"], sep="\n")
    for cell in cells.values():
        found = measure(
            board,
            cell.source,
            cell.x,
            model_flags=setting.flags,
            compiler=setting.compiler,
        )
        recorded = RECORDED["instructions"][setting.name][cell.name]
        assert found.max_instructions is not None
        assert found.max_instructions <= recorded * INSTRUCTION_GROWTH, cell.name


def test_the_page_says_what_is_counted_again() -> None:
    page = Path(__file__).parents[3] / "docs/mcu.md"
    assert RECOUNTED in " ".join(page.read_text(encoding="utf-8").split())
    assert f"hidden size {HIDDEN_SIZE} at `-O2`" in RECOUNTED
    assert f"{', '.join(CELLS[:-1])} and {CELLS[-1]} in float32" in RECOUNTED


GOALS = {
    Setting("cortex-m4f"): {16: 7_500, 32: 20_000, 64: 64_000},
    Setting("cortex-m55", "clang-14"): {32: 6_000},
}


INTEGER_GOALS = {
    Setting("cortex-m4f"): {16: 7_000, 32: 17_000, 64: 48_000},
    Setting("cortex-m55", "clang-14"): {32: 6_000},
    Setting("cortex-m0plus"): {32: 75_000},
}


@pytest.mark.parametrize("setting", GOALS, ids=lambda item: item.name)
def test_the_recorded_counts_reach_the_goals(setting: Setting) -> None:
    for size, goal in GOALS[setting].items():
        assert RECORDED["instructions"][setting.name][f"LSTM {size}"] <= goal


@pytest.mark.parametrize("setting", INTEGER_GOALS, ids=lambda item: item.name)
def test_the_recorded_counts_of_integers_reach_the_goals(setting: Setting) -> None:
    for size, goal in INTEGER_GOALS[setting].items():
        assert RECORDED["instructions"][setting.name][f"LSTM int8 {size}"] <= goal


def test_a_bare_lstm_reaches_the_goals_of_memory(cells: dict[str, Subject]) -> None:
    board = usable_board("cortex-m4f")
    found = measure(board, cells["LSTM"].source, cells["LSTM"].x)
    assert found.flash_nbytes <= 21_000
    assert found.ram_nbytes <= 420
    assert found.stack_nbytes is not None
    assert found.stack_nbytes <= 200
    found = measure(board, cells["int8"].source, cells["int8"].x)
    assert found.flash_nbytes <= 9_500
    assert found.ram_nbytes <= 320
    assert found.stack_nbytes is not None
    assert found.stack_nbytes <= 250


@pytest.mark.parametrize(
    ("name", "cell"),
    [("cortex-m4f", "LSTM"), ("cortex-m3", "GRU"), ("aarch64", "RNN")],
)
def test_an_estimate_is_near_what_is_measured(name: str, cell: str) -> None:
    """At a size that no cost was fitted to."""
    board = usable_board(name)
    subject = bare_cell(cell, 24)
    found = measure(board, subject.source, subject.x)
    guess = estimate(board, subject.spec)
    for field in ("flash_nbytes", "ram_nbytes", "max_instructions"):
        ratio = getattr(guess, field) / getattr(found, field)
        assert 1 - ESTIMATE_ERROR < ratio < 1 + ESTIMATE_ERROR, field
