"""The extension `_native`, and the state of one of its streams as tensors."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from ..errors import NonFiniteError
from ..spec.model_spec import ModelSpec
from ..streams.engine_runs import Runner

if TYPE_CHECKING:
    from .._native import Model as CoreModel

IS_FREE_THREADED = "t" in getattr(sys, "abiflags", "")
"""3.13t and 3.14t would load an abi3 module, though its objects have another layout there."""


def extension() -> Any:
    """The module `_native`.

    Raises:
        ImportError: the C engine is not built, or this Python has no limited API.
    """
    if IS_FREE_THREADED:
        raise ImportError("free-threaded Python has no limited API")
    return importlib.import_module("rnnedge_runtime._native")


class NativeStepper(Runner):
    """One stream of bare model inputs; its held readings never come into play."""

    def __init__(self, spec: ModelSpec, model: CoreModel) -> None:
        self._spec = spec
        self._stream = extension().Stream(model)
        self._size = model.state_size
        self._held = spec.state[-1].initial_array()

    def step(self, x: NDArray[np.float32], y: Array) -> None:
        self.run(x, y)

    def run(self, x: NDArray[np.float32], y: Array) -> None:
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
