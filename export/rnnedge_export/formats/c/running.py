"""A generated source on this machine: compiled into a library, loaded, run as an Engine.

Compiling and loading runs what the file says: use it for files whose origin you trust.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.arrays import Array
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.parameters import Parameters

from ...tools.calling import first_there
from ..snapshot_engine import SnapshotEngine, SnapshotStream
from .interface import snapshot_nbytes
from .reading import read_name

BACKEND = "c"
_COMPILERS = ("cc", "gcc", "clang")
_FLAGS = ("-O2", "-shared", "-fPIC")
_SIZE = "rnnedge_size_of_"


def find_compiler() -> list[str]:
    """The command of the C compiler: $CC, or the first that is installed; [] for none."""
    named = shlex.split(os.environ.get("CC", ""))
    if named:
        return named if shutil.which(named[0]) else []
    found = first_there(_COMPILERS)
    return [found] if found else []


def no_compiler() -> str:
    """Why `find_compiler` found none."""
    named = shlex.split(os.environ.get("CC", ""))
    if named:
        return f"no C compiler was found: $CC is '{named[0]}', which is not on this machine"
    return "no C compiler was found on this machine (Debian: gcc; or name one in CC)"


def find_tool() -> tuple[str, str]:
    """What compiles sources here, and why nothing does."""
    compiler = " ".join(find_compiler())
    return compiler, "" if compiler else no_compiler()


def compile_library(
    sources: Sequence[Path], folder: Path, *, compiler: Sequence[str] = ()
) -> Path:
    """One shared library of generated sources, each with its headers beside it.

    Args:
        sources: `NAME.c`; names that differ.
        folder: where the library goes.
        compiler: command and flags instead of those of `find_compiler`.

    Raises:
        FormatError: the compiler is missing or refuses a source.
    """
    where = sources[0].name
    command = list(compiler) or find_compiler()
    if not command:
        raise FormatError(
            f"{where}: {no_compiler()}, and that runs it. "
            "Install one, or correct the variable CC."
        )
    names = [read_name(path) for path in sources]
    sizes = folder / "sizes.c"
    sizes.write_text(
        "".join(f'#include "{name}.h"\n' for name in names)
        + "".join(f"size_t {_SIZE}{name} = sizeof({name}_state);\n" for name in names)
    )
    library = folder / "models.so"
    includes = {f"-I{path.parent.resolve()}" for path in sources}
    files = [*map(str, sources), str(sizes), *sorted(includes), "-o", str(library)]
    result = subprocess.run(
        [*command, *_FLAGS, *files], capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise FormatError(
            f"{where}: {command[0]} cannot compile it: {_first_error(result.stderr)}. "
            "Export it again, or name another compiler in the variable CC."
        )
    return library


def _first_error(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line]
    return (errors or lines or ["it gives no reason"])[0].strip()


class CEngine(SnapshotEngine):
    """A generated source as an Engine.

    Args:
        path: `NAME.c`, the headers beside it.
        metadata: its description.
        library: it, compiled; None compiles it here.
        parameters: integers, where it has them.

    Raises:
        FormatError: there is no compiler, or it refuses the source.
    """

    backend = BACKEND

    def __init__(
        self,
        path: Path,
        metadata: Metadata,
        *,
        library: Path | None = None,
        parameters: Parameters | None = None,
    ) -> None:
        super().__init__(metadata, parameters)
        self._name = read_name(path)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            library = library or compile_library([path], Path(folder))
            self._library = ctypes.CDLL(str(library))
        size = ctypes.c_size_t.in_dll(self._library, f"{_SIZE}{self._name}")
        self.state_nbytes = size.value
        self._snapshot_nbytes = snapshot_nbytes(self.spec)

    def stepper(self) -> CStream:
        return CStream(self)

    def call(self, function: str, *arguments: Any) -> int:
        """`NAME_function(arguments)`; arrays go as their addresses."""
        called = getattr(self._library, f"{self._name}_{function}")
        return int(called(*(_argument(item) for item in arguments)))

    def check_golden(self) -> int:
        """`NAME_selftest()`: 0, or the first recorded step that differs, from 1."""
        return self.call("selftest")


class CStream(SnapshotStream):
    """One stream in the memory layout of the generated source. Not thread-safe."""

    def __init__(self, engine: CEngine) -> None:
        self._engine = engine
        self.metadata = engine.metadata
        self._memory = np.zeros(engine.state_nbytes + 64, dtype=np.uint8)
        start = -self._memory.ctypes.data % 64
        self._state = self._memory[start : start + engine.state_nbytes]
        engine.call("reset", self._state)

    def step(self, x: NDArray[np.float32], y: Array) -> None:
        row = np.ascontiguousarray(x, dtype=np.float32)
        out = np.empty(self._engine.spec.output_size, dtype=np.float32)
        self._engine.call("step", self._state, row, out)
        y[:] = out

    def run_into(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        self._engine.call("run", self._state, x, ctypes.c_size_t(len(x)), y)

    def save(self) -> bytes:
        """`NAME_save()`."""
        blob = np.zeros(self._engine._snapshot_nbytes, dtype=np.uint8)
        self._engine.call("save", self._state, blob)
        return blob.tobytes()

    def restore(self, blob: bytes) -> int:
        """`NAME_restore()`: 0, or why it was refused."""
        copy = np.frombuffer(blob, dtype=np.uint8).copy()
        size = ctypes.c_size_t(len(blob))
        return self._engine.call("restore", self._state, copy, size)

    def memory(self) -> bytes:
        """The bytes of the state."""
        return self._state.tobytes()


def _argument(item: Any) -> Any:
    return ctypes.c_void_p(item.ctypes.data) if isinstance(item, np.ndarray) else item
