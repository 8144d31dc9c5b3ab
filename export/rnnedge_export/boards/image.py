"""What a board runs: models, a program around them and start-up code, built and run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import as_file, files
from pathlib import Path

from rnnedge_runtime.errors import BoardError

from ..formats.c.source import CSource
from ..tools.calling import call
from .board import Board
from .job import RUN_ROWS

SUPPORT = files("rnnedge_export.boards") / "support"
MODEL_FLAGS = ("-std=c99", "-O2")
"""How a model is compiled unless the caller says otherwise."""

_STARTS = {"arm-none-eabi-gcc": "start_cortex_m.c"}

RUN_TIMEOUT_S = 120
_CODES = {
    2: "it could not open its files",
    3: "its orders ended early",
    4: "it could not write its answers",
    5: "it did not understand an order",
    99: "it faulted",
}
_SHOWN_LINES = 6


def build(
    board: Board,
    program: str,
    sources: Sequence[CSource],
    folder: Path,
    *,
    glue: str,
    model_flags: Sequence[str] = MODEL_FLAGS,
    defines: Sequence[str] = (),
    compiler: str | None = None,
) -> Path:
    """An image in `folder`: a program of `support/`, `glue` and the models.

    Args:
        board: what to compile for.
        program: `runner.c` or `gauge.c`.
        sources: models, compiled with `model_flags`.
        folder: a fresh one; objects are left in it.
        glue: content of the C file that joins the program and the models.
        model_flags: flags of the models alone.
        defines: preprocessor definitions of program and glue.
        compiler: another one for the models, `clang-14`; it must understand the flags.

    Raises:
        BoardError: the compiler or the linker refuses; its first lines are in the message.
    """
    (folder / "glue.c").write_text(glue, encoding="utf-8")
    with as_file(SUPPORT) as support:
        common = [*_target_flags(board), f"-I{support}"]
        models = [source.write(folder / f"{source.name}.model") for source in sources]
        includes = [f"-I{path.parent}" for path in models]
        objects = []
        own = [support / name for name in (program, *_platform_files(board))]
        for path in [*own, folder / "glue.c"]:
            flags = ["-std=c99", "-O2", *includes, *defines]
            objects.append(_compile(board, path, folder, [*common, *flags]))
        target = _target_of(board, compiler)
        for path in models:
            flags = [*target, *common, *model_flags]
            objects.append(_compile(board, path, folder, flags, compiler))
        return _link(board, objects, folder, support)


def runner_glue(sources: Sequence[CSource]) -> str:
    """The table of models that `runner.c` works on."""
    values = RUN_ROWS * max(max(s.input_size, s.output_size) for s in sources)
    nbytes = max(source.snapshot_nbytes for source in sources)
    lines = ['#include "runner.h"']
    lines += [f'#include "{source.name}.h"' for source in sources]
    names = [f"({source.name}, {source.name.upper()})" for source in sources]
    kinds = [f"MODEL{source.suffix}" for source in sources]
    pairs = list(zip(kinds, names, strict=True))
    lines += [f"{kind}{name}" for kind, name in pairs]
    entries = ", ".join(f"{kind}_ENTRY{name}" for kind, name in pairs)
    lines += [
        f"const struct model models[] = {{{entries}}};",
        f"const uint32_t num_models = {len(sources)};",
        f"float rows_in[{values}], rows_out[{values}];",
        f"unsigned char snapshot[{nbytes}];",
    ]
    return "\n".join(lines) + "\n"


def compile_plugin(folder: Path) -> Path:
    """The emulator's plugin that counts instructions, built for this machine.

    Raises:
        BoardError: the compiler refuses.
    """
    to = folder / "icount_plugin.so"
    with as_file(SUPPORT) as support:
        source = str(support / "icount_plugin.c")
        flags = ["-O2", "-shared", "-fPIC", source, "-o", str(to)]
        call(["cc", *flags], "compiling icount_plugin.c", folder)
    return to


def run_image(
    board: Board,
    image: Path,
    job: bytes,
    *,
    extra: tuple[str, ...] = (),
    timeout_s: float = RUN_TIMEOUT_S,
) -> tuple[bytes, str]:
    """What the program answered to `job`, and what the emulator said.

    Raises:
        BoardError: the program faulted, failed, or did not end in time.
    """
    folder = image.parent
    (folder / "job.bin").write_bytes(job)
    answer = folder / "answer.bin"
    answer.unlink(missing_ok=True)
    try:
        done = subprocess.run(
            _command(board, image, extra),
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BoardError(
            f"{board.name}: the emulated program did not end within {timeout_s:g} s. "
            "Give it fewer steps, or look for an endless loop."
        ) from None
    said = (done.stdout + done.stderr).strip()
    if done.returncode:
        reason = _CODES.get(done.returncode, f"exit code {done.returncode}")
        lines = said.splitlines()[-_SHOWN_LINES:]
        raise BoardError(
            f"{board.name}: the emulated program failed: {reason}. "
            + (f"{board.emulator[0]} said:\n  " + "\n  ".join(lines) if lines else "")
        )
    if not answer.exists():
        raise BoardError(f"{board.name}: the emulated program wrote no answers.")
    return answer.read_bytes(), said


def _platform_files(board: Board) -> list[str]:
    match board.system:
        case "linux":
            return ["io_files.c"]
        case "wasm":
            return ["io_wasm.c", "memory.c"]
    start = _STARTS.get(board.compiler, "start_rv32.c")
    return ["io_semihosting.c", "memory.c", start]


def _target_flags(board: Board) -> list[str]:
    flags = [*board.flags, "-ffunction-sections", "-fdata-sections"]
    if board.system == "linux":
        return [*flags, "-fno-pie"]
    # Without a C library the compiler's own headers serve; its builtins stay.
    no_libc = Path(str(SUPPORT)) / "no_libc"
    return [*flags, "-ffreestanding", "-fbuiltin", f"-idirafter{no_libc}"]


def _target_of(board: Board, compiler: str | None) -> list[str]:
    """What tells another compiler than the board's own what to compile for."""
    if compiler is None or not compiler.startswith("clang"):
        return []
    triple = board.compiler.removesuffix("-gcc").replace("riscv64", "riscv32")
    return [f"--target={triple}", "-ffreestanding", "-fbuiltin"]


def _compile(
    board: Board,
    path: Path,
    folder: Path,
    flags: Sequence[str],
    compiler: str | None = None,
) -> Path:
    to = folder / f"{path.stem}.o"
    if path.name == "memory.c":
        flags = [*flags, "-fno-builtin"]
        if "clang" not in board.compiler:
            flags.append("-fno-tree-loop-distribute-patterns")
    command = [compiler or board.compiler, *flags, "-c", str(path), "-o", str(to)]
    call(command, f"{board.name}: compiling {path.name}", folder)
    return to


def _link(board: Board, objects: Sequence[Path], folder: Path, support: Path) -> Path:
    to = folder / ("image.wasm" if board.system == "wasm" else "image.elf")
    flags, libraries = [*board.flags, "-Wl,--gc-sections"], []
    match board.system:
        case "linux":
            flags += ["-static", "-no-pie"]
        case "wasm":
            flags += ["-nostdlib", "-Wl,--no-entry", "-Wl,--export=main"]
        case "bare metal":
            assert board.memory is not None
            flags += ["-nostdlib", "-static"]
            for symbol, value in asdict(board.memory).items():
                flags.append(f"-Wl,--defsym={symbol}={value:#x}")
            flags += [
                f"-Wl,-T,{support / 'bare_metal.ld'}",
                "-Wl,--no-warn-rwx-segments",
            ]
            libraries = ["-lgcc"]
    command = [board.compiler, *flags, *map(str, objects), *libraries]
    call([*command, "-o", str(to)], f"{board.name}: linking", folder)
    return to


def _command(board: Board, image: Path, extra: tuple[str, ...]) -> list[str]:
    match board.system:
        case "linux":
            return [*board.emulator, *extra, str(image)]
        case "wasm":
            script = image.parent / "wasm_host.cjs"
            shutil.copyfile(str(SUPPORT / "wasm_host.cjs"), script)
            return [*board.emulator, str(script)]
    return [
        *board.emulator,
        *("-nographic", "-monitor", "none", "-serial", "none"),
        *("-semihosting-config", "enable=on,target=native"),
        *extra,
        "-kernel",
        str(image),
    ]
