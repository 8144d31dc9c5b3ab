"""The ways to step a model: each makes a Block that steps one stream with carried state.

The inputs repeat a short stream. ONNX Runtime and PyTorch are called as their users would,
without anything of ours around the call.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rnnedge_runtime
from rnnedge_runtime.arrays import State
from rnnedge_runtime.backends.native import has_native
from rnnedge_runtime.backends.onnx import open_onnx
from rnnedge_runtime.errors import MissingDependencyError, require
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.engine import initial_state

from .timing import Block

START_S = 1_700_000_000

Inputs = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to step an artifact.

    Attributes:
        name: as the table shows it.
        suffix: ending of the artifacts it reads.
        make: a Block from the file and `[T, I]` model inputs to repeat.
        is_there: raises MissingDependencyError where it cannot run.
        backend: of the runtime, that computes it; "" for none.
        statements: of `start`, where there is no backend.
        is_float: whether it needs float weights.
    """

    name: str
    suffix: str
    make: Callable[[Path, Inputs], Block]
    is_there: Callable[[], object]
    backend: str = ""
    statements: str = ""
    is_float: bool = False

    @property
    def start(self) -> str:
        """Python statements from nothing to one step, for a process of its own.

        They find the file in `path` and one reading in `x`, `[F]`, of which `time` is the
        time.
        """
        if self.statements:
            return self.statements
        load = f"rnnedge_runtime.load(path, backend={self.backend!r})"
        return f"import rnnedge_runtime\nmodel = {load}\nmodel.stream().step(x, time)"


def native(path: Path, inputs: Inputs) -> Block:
    """`step(x, out=y)` of the C engine."""
    stream, readings, times = _stream(path, "native", inputs)
    step, y = stream.step, np.empty(stream.model.spec.output_size, dtype=np.float32)

    def timeless(size: int) -> None:
        for x in itertools.islice(readings, size):
            step(x, out=y)

    def timed(size: int) -> None:
        for x, time in itertools.islice(zip(readings, times, strict=False), size):
            step(x, time, y)

    return timed if stream.model.spec.derived else timeless


def native_plain(path: Path, inputs: Inputs) -> Block:
    """`step(x)` of the C engine, which returns a new array."""
    stream, readings, times = _stream(path, "native", inputs)
    step = stream.step

    def timeless(size: int) -> None:
        for x in itertools.islice(readings, size):
            step(x)

    def timed(size: int) -> None:
        for x, time in itertools.islice(zip(readings, times, strict=False), size):
            step(x, time)

    return timed if stream.model.spec.derived else timeless


def numpy(path: Path, inputs: Inputs) -> Block:
    """The same arithmetic in NumPy."""
    stream, readings, times = _stream(path, "numpy", inputs)

    def block(size: int) -> None:
        for x, time in itertools.islice(zip(readings, times, strict=False), size):
            stream.step(x, time)

    return block


def onnx_run(path: Path, inputs: Inputs) -> Block:
    """`InferenceSession.run` with NumPy arrays."""
    metadata, engine = open_onnx(path)
    session = engine.session  # type: ignore[attr-defined]
    entries = metadata.spec.graph_state
    outputs = ["y", *(f"{entry.name}_out" for entry in entries)]
    names = [entry.name for entry in entries]
    feeds = dict(zip(names, _graph_state(metadata.spec), strict=True))
    rows = itertools.cycle([row[None, None] for row in inputs])

    def block(size: int) -> None:
        for x in itertools.islice(rows, size):
            feeds["x"] = x
            _, *state = session.run(outputs, feeds)
            for name, value in zip(names, state, strict=True):
                feeds[name] = value

    return block


def onnx_bind(path: Path, inputs: Inputs) -> Block:
    """`InferenceSession.run_with_iobinding` with arrays bound once."""
    metadata, engine = open_onnx(path)
    stepper = engine.stepper()
    y = np.empty(metadata.spec.output_size, dtype=np.float32)
    rows = itertools.cycle(list(inputs))

    def block(size: int) -> None:
        for x in itertools.islice(rows, size):
            stepper.step(x, y)

    return block


def torchscript(path: Path, inputs: Inputs) -> Block:
    """The scripted module, called with tensors."""
    import torch

    metadata = rnnedge_runtime.load(path, backend="torchscript").metadata
    module = torch.jit.load(str(path)).eval()
    return _torch_block(module, metadata, inputs)


def torch_eager(path: Path, inputs: Inputs) -> Block:
    """The module in PyTorch, called with tensors."""
    from rnnedge_export.torch_model.sequence_model import SequenceModel
    from rnnedge_runtime.formats.rnne_file import read_rnne

    metadata, weights = read_rnne(path)
    module = SequenceModel(metadata.spec).eval()
    module.load_weights(weights)
    return _torch_block(module, metadata, inputs)


def _torch_block(module: Any, metadata: Metadata, inputs: Inputs) -> Block:
    import torch

    torch.set_num_threads(1)
    state = [torch.from_numpy(tensor) for tensor in _graph_state(metadata.spec)]
    rows = itertools.cycle([torch.from_numpy(row[None, None].copy()) for row in inputs])

    def block(size: int) -> None:
        nonlocal state
        with torch.inference_mode():
            for x in itertools.islice(rows, size):
                _, state = module(x, state)

    return block


def _stream(
    path: Path, backend: str, inputs: Inputs
) -> tuple[Any, Iterator[Inputs], Iterator[int]]:
    """A stream, and endless readings and times for it."""
    stream = rnnedge_runtime.load(path, backend=backend).stream()
    spec = stream.model.spec
    period_s = round(spec.sample_period_s or 1) or 1
    readings = itertools.cycle([row[: spec.num_features].copy() for row in inputs])
    return stream, readings, itertools.count(START_S, period_s)


def _graph_state(spec: ModelSpec) -> State:
    """The state before the first step in the shapes that the graph takes."""
    state = initial_state(spec.graph_state, 1, np.float32)
    return [tensor[0] for tensor in state] if spec.is_opaque else state


def _needs(module: str, extra: str) -> Callable[[], object]:
    return lambda: require(module, extra=extra, purpose="rnnedge bench")


def _needs_native() -> None:
    if not has_native():
        raise MissingDependencyError("rnnedge bench: the C engine is not built here.")


_EAGER = """import torch
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.formats.rnne_file import read_rnne
from pathlib import Path
metadata, weights = read_rnne(Path(path))
module = SequenceModel(metadata.spec).eval()
module.load_weights(weights)
with torch.inference_mode():
    module(torch.zeros(1, 1, metadata.spec.input_size), module.initial_state(1))
"""
_ONNX = _needs("onnxruntime", "onnx")
_TORCH = _needs("torch", "train")

WAYS = (
    Way("native", ".rnne", native, _needs_native, "native"),
    Way("native, new array", ".rnne", native_plain, _needs_native, "native"),
    Way("ONNX Runtime run", ".onnx", onnx_run, _ONNX, "onnx"),
    Way("ONNX Runtime IOBinding", ".onnx", onnx_bind, _ONNX, "onnx"),
    Way("TorchScript", ".pt", torchscript, _TORCH, "torchscript"),
    Way("torch eager", ".rnne", torch_eager, _TORCH, statements=_EAGER, is_float=True),
    Way("NumPy", ".rnne", numpy, lambda: None, "numpy"),
)
