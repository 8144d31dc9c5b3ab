"""The C loops of loops.c, built with the core for this machine."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

from rnnedge_runtime.errors import MissingDependencyError

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "runtime/core"


class Loops:
    """Times of loops in C.

    Args:
        folder: where the library is built.
    """

    def __init__(self, folder: Path) -> None:
        library = ctypes.CDLL(str(_build(folder)))
        self._read = library.read_seconds
        self._read.restype = ctypes.c_double
        self._read.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
        self._step = library.step_seconds
        self._step.restype = ctypes.c_double
        self._step.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t]

    def read_s(self, nbytes: int, repeats: int) -> float:
        """Seconds to read `nbytes` once."""
        return float(self._read(nbytes, repeats)) / repeats

    def step_s(self, file: bytes, num_steps: int) -> float:
        """Seconds of one `rnne_step` of the model in `file`."""
        return float(self._step(file, len(file), num_steps)) / num_steps


def _build(folder: Path) -> Path:
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise MissingDependencyError(
            "benchmarks: no C compiler was found, and the study times loops in C. "
            "Install gcc or clang."
        )
    objects = []
    flags = ["-fPIC", "-I", str(CORE / "include")]
    sources = {path: ["-O2"] for path in sorted((CORE / "src").glob("*/*.c"))}
    sources[Path(__file__).with_name("loops.c")] = ["-O3", "-march=native"]
    for source, level in sources.items():
        objects.append(str(folder / f"{source.stem}.o"))
        command = [compiler, *level, *flags, "-c", str(source), "-o", objects[-1]]
        subprocess.run(command, check=True, capture_output=True)
    library = folder / "loops.so"
    command = [compiler, "-shared", *objects, "-o", str(library)]
    subprocess.run(command, check=True, capture_output=True)
    return library
