"""The check on a board passes a right model everywhere, and sees each planted fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.board_tools import usable_board
from support.hand_model import FAULTS, hand_model

from rnnedge_export.boards.catalogue import BOARDS
from rnnedge_export.boards.equality import HostRun, check_on_board
from rnnedge_export.boards.image import run_image
from rnnedge_export.boards.job import Job
from rnnedge_export.boards.measuring import measure
from rnnedge_runtime.errors import BoardError, MissingDependencyError

NUM_STEPS = 500
SEEN_BY = {
    "WRONG_BIT": {"stream"},
    "RUN_FORGETS": {"N x 1 = 1 x N"},
    "SAVE_FORGETS": {"snapshot out"},
    "RESTORE_FORGETS": {"snapshot in"},
    "RESTORE_TRUSTS": {"bad snapshot"},
    "NOTHING_HELD": {
        "stream",
        "snapshot out",
        "snapshot in",
    },
    "SELFTEST_FAILS": {"self-test"},
}


@pytest.fixture(scope="module")
def run() -> HostRun:
    return hand_model(NUM_STEPS)


def flags(fault: str) -> tuple[str, ...]:
    return "-std=c99", "-O2", f"-DFAULT={FAULTS.index(fault)}"


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_gives_the_bytes_of_the_host(run: HostRun, name: str) -> None:
    (report,) = check_on_board(usable_board(name), [run])
    assert not report.has_failed, report
    assert report.num_steps == NUM_STEPS
    assert len(report.comparisons) == 7


@pytest.mark.parametrize("fault", SEEN_BY)
def test_each_planted_fault_is_seen(run: HostRun, fault: str) -> None:
    board = usable_board("cortex-m4f")
    (report,) = check_on_board(board, [run], model_flags=flags(fault))
    failed = {found.name for found in report.comparisons if found.detail}
    assert failed == SEEN_BY[fault]
    assert report.has_failed


@pytest.mark.parametrize("name", ["cortex-m4f", "rv32imafc", "aarch64", "wasm"])
def test_a_program_that_faults_ends_with_a_message(run: HostRun, name: str) -> None:
    board = usable_board(name)
    with pytest.raises(BoardError, match=f"{name}: the emulated program failed"):
        check_on_board(board, [run], model_flags=flags("DIES"), timeout_s=20)


def test_a_program_that_hangs_is_ended(run: HostRun) -> None:
    board = usable_board("cortex-m4f")
    with pytest.raises(BoardError, match=r"did not end within 0\.5 s"):
        check_on_board(board, [run], model_flags=flags("HANGS"), timeout_s=0.5)


def test_a_source_that_does_not_compile_shows_what_the_compiler_said(
    run: HostRun,
) -> None:
    board = usable_board("cortex-m4f")
    with pytest.raises(BoardError, match=r"compiling hand\.c(.|\n)*error:"):
        check_on_board(board, [run], model_flags=["-DHAND_H"])


def test_an_old_answer_is_not_taken_for_a_new_one(run: HostRun, tmp_path: Path) -> None:
    """An image that writes nothing, in a folder where an answer lies."""
    board = usable_board("aarch64")
    image = tmp_path / "image.elf"
    image.write_text("#!/bin/sh\n")
    (tmp_path / "answer.bin").write_bytes(bytes(run.y.nbytes))
    with pytest.raises(BoardError):
        run_image(board, image, Job((run.source,)).content())
    assert not (tmp_path / "answer.bin").exists()


def test_a_short_answer_is_refused(run: HostRun) -> None:
    job = Job((run.source,))
    job.step(run.x[:3])
    with pytest.raises(BoardError, match="20 bytes of answers came back, expected 24"):
        list(job.answers(bytes(20), "board"))


def test_a_missing_tool_names_its_package(
    run: HostRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        MissingDependencyError, match=r"apt-get install.* qemu-system-arm"
    ):
        check_on_board(BOARDS["cortex-m4f"], [run])


STATE_NBYTES = 40  # of hand_state, 4 of them padding


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_is_measured(run: HostRun, name: str) -> None:
    board = usable_board(name)
    found = measure(board, run.source, run.model.golden.x)
    assert 100 < found.flash_nbytes < 6000
    assert found.ram_nbytes == STATE_NBYTES
    if board.counter == "none":
        assert found.max_instructions is None
    else:
        assert 100 < found.min_instructions <= found.max_instructions < 20_000
    assert found.stack_nbytes is None or 8 <= found.stack_nbytes < 400


@pytest.mark.parametrize("name", ["cortex-m3", "cortex-m55", "rv32imac", "armv6"])
def test_a_measurement_repeats(run: HostRun, name: str) -> None:
    board = usable_board(name)
    first = measure(board, run.source, run.model.golden.x)
    assert measure(board, run.source, run.model.golden.x) == first


def test_counters_agree_on_what_an_instruction_more_costs(
    run: HostRun,
) -> None:
    """One hundred no-operations in front of each step are one hundred instructions."""
    for name in ("cortex-m4f", "cortex-m33", "cortex-m55", "rv32imafc", "aarch64"):
        board = usable_board(name)
        counts = [
            measure(
                board,
                run.source,
                run.model.golden.x,
                model_flags=[*flags("NONE"), more],
            )
            for more in ("-DNOPS=0", "-DNOPS=100")
        ]
        difference = counts[1].max_instructions - counts[0].max_instructions
        assert difference == 100, name
