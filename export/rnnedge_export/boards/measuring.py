"""What a model costs on a board: flash, RAM, stack, instructions of a step.

Flash is the image less the same image with the calls into the model left out, RAM the state
and what the model's own data adds, both with reset and step alone referenced. Instructions are
those of one call, less those of a call of nothing.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import BoardError

from ..formats.c.source import CSource
from ..tools.calling import call, version
from .board import Board, require_tools
from .image import MODEL_FLAGS, build, compile_plugin, run_image

_WRAPPED = 0xFFFF_FFFF
_NS = 1_000_000_000
_SHIFTS = (7, 4, 1)
"""Of virtual time: 2^shift nanoseconds an instruction. The first is exact and reaches 4
million instructions, the others are exact to a handful and reach further."""
_STACK_ROWS = 3


@dataclass(frozen=True, slots=True)
class Measurement:
    """Costs of one model on one board.

    Attributes:
        board: name of the board.
        flash_nbytes: code and constants, what the compiler's library adds included.
        ram_nbytes: state and other data; the caller's x and y are left out.
        stack_nbytes: deepest stack of a step; None where it cannot be seen.
        min_instructions: of a step over the rows; None where nothing counts.
        max_instructions: of a step over the rows.
        compiler: its version, "" when the figures are estimated.
        is_estimated: from the model alone, without compiler and emulator.
    """

    board: str
    flash_nbytes: int
    ram_nbytes: int
    stack_nbytes: int | None
    min_instructions: int | None
    max_instructions: int | None
    compiler: str = ""
    is_estimated: bool = False

    @property
    def ram_need(self) -> int:
        """Bytes of RAM while a step runs: state and stack."""
        return self.ram_nbytes + (self.stack_nbytes or 0)


def measure(
    board: Board,
    source: CSource,
    x: NDArray[np.float32],
    *,
    model_flags: Sequence[str] = MODEL_FLAGS,
    compiler: str | None = None,
) -> Measurement:
    """Compile the model for the board, run it there, and weigh it.

    Args:
        board: where.
        source: the model; one with integers is measured by its NAME_step_q, without the
            way from floats to integers and back.
        x: `[T, I]` rows to step from the initial state; the count of a board without a
            float unit depends on them.
        model_flags: flags of the model's file.
        compiler: another compiler for the model's file.

    Raises:
        MissingDependencyError: a tool is not installed; names its package.
        BoardError: the source does not compile, or its program fails.
    """
    require_tools(board)
    glue = (
        f'#include "gauge.h"\n#include "{source.name}.h"\n'
        f"GAUGE{source.suffix}({source.name}, {source.name.upper()})\n"
    )
    counter = ["-DGAUGE_SYSTICK"] if board.counter == "systick" else []
    with TemporaryDirectory(prefix="rnnedge-") as name:
        images = []
        for variant, defines in (("model", counter), ("stub", [*counter, "-DSTUB"])):
            folder = Path(name) / variant
            folder.mkdir()
            images.append(
                build(
                    board,
                    "gauge.c",
                    [source],
                    folder,
                    glue=glue,
                    model_flags=[*model_flags, "-fstack-usage"],
                    compiler=compiler,
                    defines=defines,
                )
            )
        image, stub = images
        full, empty = _sections(board, image), _sections(board, stub)
        state, counts, stack = _run(board, image, x)
        frame = _own_frame(image.with_name(f"{source.name}.su"), source.name)
    return Measurement(
        board.name,
        flash_nbytes=full[0] - empty[0],
        ram_nbytes=state + full[1] - empty[1],
        stack_nbytes=None if board.system == "wasm" else max(stack, frame),
        min_instructions=min(counts, default=None),
        max_instructions=max(counts, default=None),
        compiler=version(compiler or board.compiler),
    )


def _own_frame(path: Path, name: str) -> int:
    """Bytes of the step's own frame, as the compiler states it in a `.su` file.

    Raises:
        BoardError: a frame's size depends on the data.
    """
    if not path.exists():
        return 0
    frames = {}
    for line in path.read_text().splitlines():
        place, nbytes, kind = line.split("\t")
        function = place.rsplit(":", 1)[1]
        if kind != "static":
            raise BoardError(
                f"{path.stem}.c: the stack of {function} is {kind}, expected static. "
                "Export the model again."
            )
        frames[function] = int(nbytes)
    return max(frames.get(f"{name}_step", 0), frames.get(f"{name}_step_q", 0))


def _sections(board: Board, image: Path) -> tuple[int, int]:
    """Bytes that the image takes of flash and of RAM."""
    if board.system == "wasm":
        return image.stat().st_size, 0
    size = board.compiler.removesuffix("gcc") + "size"
    said = call([size, str(image)], board.name, image.parent)
    text, data, bss = map(int, said.splitlines()[1].split()[:3])
    return text + data, data + bss


def _run(
    board: Board, image: Path, x: NDArray[np.float32]
) -> tuple[int, list[int], int]:
    """Bytes of the state, instructions of each step, bytes of stack."""
    rows = np.ascontiguousarray(x, "<f4")
    parts = rows, rows[:_STACK_ROWS]
    job = b"".join(struct.pack("<I", len(part)) + part.tobytes() for part in parts)
    size = 4 * (3 + len(rows))

    def run(*extra: str) -> tuple[list[int], str]:
        answer, said = run_image(board, image, job, extra=extra)
        if len(answer) != size:
            raise BoardError(
                f"{board.name}: the gauge answered {len(answer)} bytes, expected {size}. "
                "The program ended early."
            )
        return list(struct.unpack(f"<{size // 4}I", answer)), said

    match board.counter:
        case "systick":
            for shift in _SHIFTS:
                words, _ = run("-icount", f"shift={shift}")
                if _WRAPPED not in words[1:-1]:
                    break
            else:
                raise BoardError(
                    f"{board.name}: a step takes more instructions than its timer counts. "
                    "Measure it on a board with a float unit."
                )
            ratio = _NS / board.systick_hz / 2**shift
            counts = [round(float(word - words[1]) * ratio) for word in words[2:-1]]
        case "minstret":
            words, _ = run("-icount", "shift=0")
            counts = [word - words[1] for word in words[2:-1]]
        case "plugin":
            plugin = compile_plugin(image.parent)
            start, stop = (
                _address(board, image, f"gauge_{p}") for p in ("start", "stop")
            )
            plugin_arguments = f"{plugin},start={start:#x},stop={stop:#x}"
            words, said = run("-plugin", plugin_arguments, "-d", "plugin")
            found = [int(number) for number in re.findall(r"icount (\d+)", said)]
            if len(found) != 1 + len(rows):
                raise BoardError(
                    f"{board.name}: {len(found)} counts came back for {len(rows)} steps. "
                    "Is this QEMU built with plugins?"
                )
            counts = [number - found[0] for number in found[1:]]
        case "none":
            words, counts = run()[0], []
    return words[0], counts, words[-1]


def _address(board: Board, image: Path, symbol: str) -> int:
    nm = board.compiler.removesuffix("gcc") + "nm"
    symbols = call([nm, str(image)], board.name, image.parent)
    if found := re.search(rf"^(\w+) \w {symbol}$", symbols, re.MULTILINE):
        return int(found[1], 16)
    raise BoardError(f"{board.name}: the image has no symbol {symbol}.")
