"""An exported module run by Node, as an Engine: the JavaScript of the export steps it.

Running it runs its instructions, which reach nothing but their own memory.
"""

from __future__ import annotations

import contextlib
import shutil
import struct
import subprocess
import tempfile
import threading
import weakref
from collections import deque
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.arrays import Array
from rnnedge_runtime.errors import BoardError, MissingDependencyError
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.parameters import Parameters

from ..snapshot_engine import SnapshotEngine, SnapshotStream
from .building import SUPPORT, javascript

BACKEND = "wasm"
NO_NODE = "node is not on this machine (Debian: nodejs)"
_ORDER, _ANSWER = struct.Struct("<III"), struct.Struct("<iI")
_NEW, _DROP, _STEP, _RUN, _SAVE, _RESTORE, _RESET, _SELFTEST, _TIME = range(9)


def has_node() -> bool:
    """Whether modules can be run here."""
    return shutil.which("node") is not None


def find_tool() -> tuple[str, str]:
    """What runs modules here, and why nothing does."""
    return ("node", "") if has_node() else ("", NO_NODE)


class NodeEngine(SnapshotEngine):
    """A module as an Engine.

    Args:
        path: `NAME.wasm`.
        metadata: its description.
        parameters: integers, where it has them.

    Raises:
        MissingDependencyError: node is not installed.
        BoardError: it does not run the module.
    """

    backend = BACKEND

    def __init__(
        self, path: Path, metadata: Metadata, *, parameters: Parameters | None = None
    ) -> None:
        if not has_node():
            raise MissingDependencyError(
                f"{path.name}: {NO_NODE}, and that runs the module. Install it with: "
                "apt-get install --no-install-recommends nodejs."
            )
        super().__init__(metadata, parameters)
        self._name = path.name
        self._lock = threading.Lock()
        self._ids = count()
        self._dropped: deque[int] = deque()
        self._process = _start(path)
        weakref.finalize(self, _end, self._process)
        self._answer()

    def stepper(self) -> WasmStream:
        return WasmStream(self)

    def new_stream(self, owner: object) -> int:
        """The number of a new stream, for `order`; forgotten some time after its owner."""
        stream = next(self._ids)
        weakref.finalize(owner, self._dropped.append, stream)
        while self._dropped:
            self.order(_DROP, self._dropped.popleft())
        self.order(_NEW, stream)
        return stream

    def order(self, code: int, stream: int, data: bytes = b"") -> tuple[int, bytes]:
        """Status and data that the host answers.

        Raises:
            BoardError: it fails or has ended.
        """
        to = self._process.stdin
        assert to is not None
        with self._lock:
            try:
                to.write(_ORDER.pack(code, stream, len(data)) + data)
                to.flush()
            except (OSError, ValueError):
                raise self._failure("it has ended") from None
            return self._answer()

    def _answer(self) -> tuple[int, bytes]:
        source = self._process.stdout
        assert source is not None
        header = source.read(_ANSWER.size)
        if len(header) < _ANSWER.size:
            raise self._failure(_last_line(self._process))
        status, nbytes = _ANSWER.unpack(header)
        data = source.read(nbytes)
        if status == -1:
            raise self._failure(data.decode(errors="replace"))
        return status, data

    def _failure(self, reason: str) -> BoardError:
        return BoardError(
            f"{self._name}: node does not run it: {reason}. Export it again; without SIMD "
            "(--no-simd) where node is older than 16.4."
        )


class WasmStream(SnapshotStream):
    """One stream: an instance of the module. Not thread-safe."""

    def __init__(self, engine: NodeEngine) -> None:
        self._engine = engine
        self.metadata = engine.metadata
        self._stream = engine.new_stream(self)

    def step(self, x: NDArray[np.float32], y: Array) -> None:
        y[:] = self._rows(_STEP, x)[0]

    def run_into(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        y[:] = self._rows(_RUN, x)

    def save(self) -> bytes:
        """A snapshot."""
        return self._engine.order(_SAVE, self._stream)[1]

    def restore(self, blob: bytes) -> int:
        """0, or why a snapshot was refused."""
        return self._engine.order(_RESTORE, self._stream, blob)[0]

    def reset(self) -> None:
        """Back to the initial state."""
        self._engine.order(_RESET, self._stream)

    def selftest(self) -> int:
        """0, or the first recorded step that differs, from 1."""
        return self._engine.order(_SELFTEST, self._stream)[0]

    def time(self, unix_time_s: int) -> NDArray[np.float32]:
        """The derived inputs of a time."""
        data = struct.pack("<q", unix_time_s)
        return np.frombuffer(self._engine.order(_TIME, self._stream, data)[1], "<f4")

    def _rows(self, code: int, x: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = np.ascontiguousarray(x, dtype="<f4")
        _, data = self._engine.order(code, self._stream, rows.tobytes())
        y = np.frombuffer(data, "<f4").astype(np.float32)
        return y.reshape(-1, self._engine.spec.output_size)


def _start(path: Path) -> subprocess.Popen[bytes]:
    """Node with the host; it has read its files when it gives its first answer."""
    folder = tempfile.TemporaryDirectory(prefix="rnnedge-")
    names = {"host.mjs": (SUPPORT / "host.mjs").read_text(encoding="utf-8")}
    names["model.mjs"] = javascript("model.wasm")
    for name, text in names.items():
        (Path(folder.name) / name).write_text(text, encoding="utf-8")
    host, model = (str(Path(folder.name) / name) for name in names)
    process = subprocess.Popen(
        ["node", host, model, str(path.resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    weakref.finalize(process, folder.cleanup)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None and not pipe.closed:
            with contextlib.suppress(OSError):
                pipe.close()
    process.kill()
    process.wait()


def _last_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    lines = process.stderr.read().decode(errors="replace").split("\n")
    errors = [line.strip() for line in lines if "Error" in line]
    return (errors or ["it gives no reason"])[0]
