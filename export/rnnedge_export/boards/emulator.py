"""Runs an image on its board's emulator, in the folder where it was built."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from rnnedge_runtime.errors import BoardError

from .board import Board
from .image import SUPPORT

RUN_TIMEOUT_S = 120
FAULT_CODE = 99
_CODES = {
    2: "it could not open its files",
    3: "its orders ended early",
    4: "it could not write its answers",
    5: "it did not understand an order",
    FAULT_CODE: "it faulted",
}
_SHOWN_LINES = 6


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
