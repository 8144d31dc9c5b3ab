"""The ONNX Runtime engine: one thread, no spinning, buffers bound once per stream."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from ..errors import FormatError, first_line, require, unfit_file
from ..formats.metadata import Metadata, metadata_from_text
from ..formats.onnx_tensors import check_tensors
from ..formats.seal import read_sealed
from ..spec.model_spec import ModelSpec
from ..streams.engine import Engine, Stepper
from ..streams.engine_runs import GraphEngine


def open_onnx(path: Path) -> tuple[Metadata, Engine]:
    """Description and engine of an `.onnx` artifact.

    Raises:
        FormatError: the file is damaged, too new, not an artifact, or its graph does not
            have the inputs and outputs that its description names.
        MissingDependencyError: onnxruntime is not installed.
    """
    content = read_sealed(path)
    runtime = require(
        "onnxruntime", extra="onnx", purpose=f"Running {path.name} (backend 'onnx')"
    )
    check_tensors(content, where=path.name)
    try:
        session = runtime.InferenceSession(
            content,
            _options(runtime),
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # which prints what the file says
        )
    except Exception as error:  # onnxruntime's errors share no base but this one
        raise FormatError(
            f"{path.name}: ONNX Runtime {runtime.__version__} cannot load the graph: "
            f"{first_line(error)}. Upgrade onnxruntime, or export the model again."
        ) from None
    try:
        text = session.get_modelmeta().custom_metadata_map
        metadata = metadata_from_text(text, where=path.name)
        _check_wiring(session, metadata.spec, where=path.name)
    except UnicodeDecodeError as error:
        found = f"a name in the graph is not UTF-8 ({error.reason})"
        raise unfit_file(path.name, found) from None
    return metadata, OnnxEngine(session, metadata.spec)


class OnnxEngine(GraphEngine):
    """A graph in ONNX Runtime as an Engine (`engine.py`)."""

    backend = "onnx"

    def __init__(self, session: Any, spec: ModelSpec) -> None:
        super().__init__(spec)
        self._session = session
        self._input_names, self._output_names = _names(spec)

    @property
    def session(self) -> Any:
        """The InferenceSession, for measurements."""
        return self._session

    def stepper(self) -> OnnxStepper:
        return OnnxStepper(self._session, self.spec)

    def _call(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        feeds = dict(zip(self._input_names, [x, *state], strict=True))
        try:
            y, *new_state = self._session.run(self._output_names, feeds)
        except Exception as error:  # onnxruntime's errors share no base but this one
            raise _failed(error) from None
        return y, new_state


class OnnxStepper(Stepper):
    """One stream whose input, output and state live in buffers bound to the session.

    The state alternates between two sets of buffers: a step reads one and writes the
    other, so nothing is allocated and a step that fails leaves the state it read.
    """

    def __init__(self, session: Any, spec: ModelSpec) -> None:
        self._run = session.run_with_iobinding
        self._shapes = [entry.shape for entry in spec.graph_state]
        self._x = np.zeros((1, 1, spec.input_size), dtype=np.float32)
        self._y = np.zeros((1, 1, spec.output_size), dtype=np.float32)
        # [1, ...] each; an opaque graph's state has the shapes of the module alone.
        batch = () if spec.is_opaque else (1,)
        state: State = [
            entry.initial_array().reshape((*batch, *entry.shape))
            for entry in spec.graph_state
        ]
        self._states = (state, [tensor.copy() for tensor in state])
        self._bindings = (
            self._bind(session, spec, *self._states),
            self._bind(session, spec, *self._states[::-1]),
        )
        self._current = 0

    def step(self, x: NDArray[np.float32], y: Array) -> None:
        self._x[0, 0] = x
        try:
            self._run(self._bindings[self._current])
        except Exception as error:  # as above
            raise _failed(error) from None
        self._current ^= 1
        y[:] = self._y[0, 0]

    def get_state(self) -> State:
        current = zip(self._states[self._current], self._shapes, strict=True)
        return [tensor.reshape(shape).copy() for tensor, shape in current]

    def set_state(self, state: State) -> None:
        for buffer, tensor in zip(self._states[self._current], state, strict=True):
            buffer[...] = tensor.reshape(buffer.shape)

    def _bind(self, session: Any, spec: ModelSpec, before: State, after: State) -> Any:
        inputs, outputs = _names(spec)
        binding = session.io_binding()
        for bind, names, arrays in (
            (binding.bind_input, inputs, [self._x, *before]),
            (binding.bind_output, outputs, [self._y, *after]),
        ):
            for name, array in zip(names, arrays, strict=True):
                bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        return binding


def _names(spec: ModelSpec) -> tuple[list[str], list[str]]:
    """Of the graph's inputs and outputs, in order."""
    names = [entry.name for entry in spec.graph_state]
    return ["x", *names], ["y", *(f"{name}_out" for name in names)]


def _options(runtime: ModuleType) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 4  # errors are raised; their log is not escaped
    return options


def _check_wiring(session: Any, spec: ModelSpec, *, where: str) -> None:
    """Raise FormatError unless the graph has the inputs and outputs of the spec."""
    batch = () if spec.is_opaque else (None,)
    free = 1 if spec.is_opaque else None
    states = [(*batch, *entry.shape) for entry in spec.graph_state]
    inputs, outputs = _names(spec)
    for what, names, size, found in (
        ("inputs", inputs, spec.input_size, session.get_inputs()),
        ("outputs", outputs, spec.output_size, session.get_outputs()),
    ):
        shapes = {item.name: item.shape for item in found}
        if set(shapes) != set(names):
            raise unfit_file(
                where,
                f"the graph has {what} {', '.join(shapes)}, but its description "
                f"asks for {', '.join(names)}",
            )
        for name, shape in zip(names, [(free, free, size), *states], strict=True):
            if not _fits(shapes[name], shape):
                raise unfit_file(
                    where,
                    f"'{name}' of the graph has shape {shapes[name]}, but its "
                    f"description asks for {list(shape)} (None is any length)",
                )


def _fits(found: list[Any], expected: tuple[int | None, ...]) -> bool:
    """Whether every axis has its length; a named axis of the graph may have any."""
    return len(found) == len(expected) and all(
        not isinstance(size, int) or wanted == size
        for size, wanted in zip(found, expected, strict=True)
    )


def _failed(error: Exception) -> FormatError:
    found = f"ONNX Runtime cannot run the graph: {first_line(error)}"
    cause = "changed or not written by rnnedge"
    return unfit_file("onnx backend", found, cause=cause)
