"""The native engine: the C core (runtime/core) through the extension `_native`."""

from __future__ import annotations

import functools
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from ..errors import MissingDependencyError, NonFiniteError
from ..formats.files import read_file
from ..formats.metadata import Metadata
from ..formats.rnne_file import parse_rnne
from ..spec.model_spec import ModelSpec
from ..streams.engine import Engine, FleetStates
from ..streams.inputs import Inputs
from ..streams.state_rules import StateRules
from ..streams.w8a16_inputs import input_rule

if TYPE_CHECKING:
    from .. import _native
    from ..streams.model import Model
    from ..streams.stream import Stream

IS_FREE_THREADED = "t" in getattr(sys, "abiflags", "")
"""3.13t and 3.14t would load an abi3 module, though its objects have another layout there."""

_HOW_TO_BUILD = (
    "Use a Python with the global interpreter lock"
    if IS_FREE_THREADED
    else "Install a C compiler and Python's headers (Debian: gcc, python3-dev), then: "
    "pip install --force-reinstall --no-binary rnnedge rnnedge"
)


@functools.cache
def has_native() -> bool:
    """Whether the C engine is built; says so once where it is not."""
    try:
        _extension()
    except ImportError as error:
        import logging

        logging.getLogger("rnnedge_runtime").warning(
            "rnnedge_runtime: the C engine is not built here (%s), so .rnne files run on "
            "NumPy: the same bytes, some hundred times slower. %s.",
            error,
            _HOW_TO_BUILD,
        )
        return False
    return True


def open_native(path: Path) -> tuple[Metadata, Engine]:
    """Description and engine of an `.rnne` artifact.

    Raises:
        FormatError: the file is damaged, too new or not an artifact.
        MissingDependencyError: the C engine was not built when rnnedge was installed.
    """
    try:
        native = _extension()
    except ImportError as error:
        raise MissingDependencyError(
            f"Running {path.name} (backend 'native'): the C engine is not built here "
            f"({error}). {_HOW_TO_BUILD}; or name the backend 'numpy'."
        ) from None
    content = read_file(path)
    metadata, parameters = parse_rnne(content, where=path.name)
    core = native.Model(content, path.name)
    inputs, states = input_rule(parameters), StateRules(parameters)
    return metadata, NativeEngine(metadata.spec, core, inputs, states)


def native_engine(
    spec: ModelSpec, content: bytes, inputs: Inputs | None = None
) -> NativeEngine:
    """The engine of an `.rnne` file in memory, checked by the C core alone.

    Args:
        spec: its spec.
        content: the file.
        inputs: of a model in integers, how readings become its inputs.

    Raises:
        FormatError: the C core refuses the file.
        ImportError: the C engine is not built.
    """
    return NativeEngine(spec, _extension().Model(content, ".rnne"), inputs)


def _extension() -> Any:
    if IS_FREE_THREADED:
        raise ImportError("free-threaded Python has no limited API")
    return importlib.import_module("rnnedge_runtime._native")


class NativeEngine:
    """A model in the C core as an Engine (`engine.py`) with streams of its own."""

    backend = "native"
    dtype: np.dtype[np.floating] = np.dtype(np.float32)

    def __init__(
        self,
        spec: ModelSpec,
        model: _native.Model,
        inputs: Inputs | None = None,
        states: StateRules | None = None,
    ) -> None:
        self.spec = spec
        self.model = model
        self.inputs = inputs or Inputs(spec)
        self.states = states or StateRules({})

    @property
    def isa(self) -> str:
        """The instruction set it runs on; the results do not depend on it."""
        return self.model.isa

    def run(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        """Advance B streams by T steps (`engine.Engine.run`)."""
        x = np.ascontiguousarray(x, dtype=np.float32)
        y = np.empty((*x.shape[:2], self.spec.output_size), dtype=np.float32)
        new_state = [np.empty(tensor.shape, dtype=np.float32) for tensor in state]
        stepper = self.stepper()
        for b in range(len(x)):
            stepper.set_state([tensor[b] for tensor in state])
            stepper.step(x[b], y[b])
            for tensor, value in zip(new_state, stepper.get_state(), strict=True):
                tensor[b] = value
        return y, list(new_state)

    def stepper(self) -> NativeStepper:
        """A fresh stream in the initial state."""
        return NativeStepper(self.spec, self.model)

    def make_stream(self, model: Model) -> Stream:
        """A stream whose hot calls are C (`engine.OwnStreams`)."""
        from .native_stream import NativeStream

        return NativeStream(self.model, model)

    def make_fleet(self, count: int, *, is_fast: bool) -> FleetStates:
        """States of a fleet in the C core (`engine.OwnStreams`)."""
        from .native_fleet import NativeFleet

        return NativeFleet(self.spec, self.model, count, is_fast=is_fast)


class NativeStepper:
    """One stream of bare model inputs; its held readings never come into play."""

    def __init__(self, spec: ModelSpec, model: _native.Model) -> None:
        self._spec = spec
        self._stream = _extension().Stream(model)
        self._size = model.state_size
        self._held = spec.state[-1].initial_array()

    def step(self, x: NDArray[np.float32], y: Array) -> None:
        """Advance by one step, or by all steps of `x` `[T, I]` into `y` `[T, O]`."""
        x = np.ascontiguousarray(x, dtype=np.float32)
        out = np.empty(y.shape, dtype=np.float32)
        if not self._stream.advance(x, out):
            raise NonFiniteError(
                "native backend: a model input is missing or outside the range of its "
                "feature, whose policy is 'reject'. Pass held model inputs."
            )
        y[...] = out

    def get_state(self) -> State:
        values = np.empty(self._size, dtype=np.float32)
        self._stream.peek(np.empty(self._spec.output_size, np.float32), values)
        return split_state(self._spec, values)[:-1]

    def set_state(self, state: State) -> None:
        self._stream.set_values(join_state([*state, self._held]), 0)


def split_state(spec: ModelSpec, values: NDArray[np.float32]) -> State:
    """The tensors of `ModelSpec.state` as views of flat values `[S]`."""
    ends = np.cumsum([entry.size for entry in spec.state])[:-1]
    parts = np.split(values, ends)
    return [
        part.reshape(entry.shape) for part, entry in zip(parts, spec.state, strict=True)
    ]


def join_state(state: State) -> NDArray[np.float32]:
    """The inverse of `split_state`."""
    return np.concatenate([np.ravel(tensor) for tensor in state]).astype(np.float32)
