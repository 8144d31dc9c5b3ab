"""The tools of the boards: their versions, and what they make of images."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import programs
from support.board_tools import usable_board
from support.hand_model import hand_model

from rnnedge_export.boards.budget import version_number
from rnnedge_export.boards.image import MODEL_FLAGS, SUPPORT, build, runner_glue
from rnnedge_export.formats.c.source import read_source
from rnnedge_runtime.errors import BoardError, FormatError

KEPT = '__attribute__((section(".start"), used)) const int large[70000] = {1};\n'


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("arm-none-eabi-gcc (15:12.2.rel1-1) 12.2.1 20221205", "12.2.1"),
        ("Debian clang version 14.0.6", "14.0.6"),
        ("aarch64-linux-gnu-gcc (Debian 12.2.0-14) 12.2.0", "12.2.0"),
    ],
)
def test_the_number_of_a_version(line: str, number: str) -> None:
    assert version_number(line) == number


def test_a_source_that_is_not_generated_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.c"
    path.write_text("int main(void) { return 0; }\n")
    with pytest.raises(FormatError, match=r"^other\.c: "):
        read_source(path)


@pytest.mark.parametrize("name", ["cortex-m33", "rv32imac", "aarch64", "wasm-simd"])
def test_the_programs_for_boards_compile_without_a_warning(
    name: str, tmp_path: Path
) -> None:
    board = usable_board(name)
    flags = ("-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Werror")
    run = hand_model(1000)
    glue = runner_glue([run.source])
    for program in ("runner.c", "gauge.c"):
        folder = tmp_path / program
        folder.mkdir()
        text = '#include "gauge.h"\n#include "hand.h"\nGAUGE(hand, HAND)\n'
        build(
            board,
            program,
            [run.source],
            folder,
            glue=glue if program == "runner.c" else text,
            defines=flags,
        )


def test_an_image_that_is_larger_than_the_memory_is_refused(tmp_path: Path) -> None:
    """256 KB of constants on a board with 256 KB of flash."""
    board = usable_board("microbit")
    run = hand_model(1000)
    glue = runner_glue([run.source]) + KEPT
    with pytest.raises(BoardError, match=r"linking(.|\n)*(overflow|will not fit)"):
        build(
            board,
            "runner.c",
            [run.source],
            tmp_path,
            glue=glue,
            model_flags=MODEL_FLAGS,
        )


def test_the_plugin_builds_without_a_warning(tmp_path: Path) -> None:
    usable_board("aarch64")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    source = str(SUPPORT / "icount_plugin.c")
    to = str(tmp_path / "plugin.so")
    programs.run(["cc", *flags, source, "-o", to], check=True)
