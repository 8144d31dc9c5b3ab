"""The float64 reference as judge of an artifact, where it can be had.

Torch-free. The weights are read out of an `.rnne`, `.c` or `.wasm` file, or out of an `.onnx`
file by the onnx package; a TorchScript file is judged by one of these of the same model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.backends.reference import ReferenceEngine, read_weights
from rnnedge_runtime.engine import Engine, initial_state
from rnnedge_runtime.errors import MissingDependencyError, SpecError
from rnnedge_runtime.integer_numerics import INTEGER_NUMERICS
from rnnedge_runtime.metadata import Metadata
from rnnedge_runtime.model import Model
from rnnedge_runtime.quantised import QuantisedModel
from rnnedge_runtime.rnne_file import Parameters
from rnnedge_runtime.spec import ModelSpec
from rnnedge_runtime.tolerances import (
    PARITY_FLOAT32_FACTOR,
    VERIFY_ROUNDING_FACTOR,
    parity_limit,
)
from rnnedge_runtime.weights import Weights

from .c_source.loading import is_c_source
from .c_source.reading import read_c_source
from .parity import step_through
from .verification_stream import Inputs
from .wasm.reading import is_wasm, read_wasm

Outputs = NDArray[np.float64]

_HALF_ULP = 2.0**-24
_READABLE = (".rnne", ".onnx", ".c", ".wasm")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the reference computes on a stream.

    Attributes:
        y: `[T, O]` float64 outputs.
        float32_errors: `[O]` largest error of the reference's equations in float32. The
            artifact's own graph plays no part in it, so a graph that is wrong cannot widen
            its own limit.
        has_changed: per state tensor, whether it ever left its initial value.
    """

    y: Outputs
    float32_errors: Outputs
    has_changed: list[bool]


class Judge:
    """The reference of one model.

    Args:
        path: an `.rnne`, `.onnx`, `.c` or `.wasm` artifact.

    Raises:
        FormatError: its weights do not have the digest it states.
        MissingDependencyError: the onnx package, which an `.onnx` needs, is not installed.
    """

    def __init__(self, path: Path) -> None:
        metadata, weights = _read(path)
        self.path = path
        self._spec = metadata.spec
        self._exact = ReferenceEngine(metadata.spec, weights)
        self._rounded = ReferenceEngine(metadata.spec, weights, np.float32)

    def judge(self, x: Inputs) -> Judgement:
        """Step the reference through `x` `[T, I]` in float64 and in float32."""
        initial = initial_state(self._spec.graph_state, 1, np.float64)
        state = initial
        has_changed = [False] * len(initial)
        y = np.empty((len(x), self._spec.output_size))
        for t in range(len(x)):
            out, state = self._exact.run(x[None, t : t + 1], state)
            y[t] = out[0, 0]
            for k, (now, before) in enumerate(zip(state, initial, strict=True)):
                has_changed[k] |= not np.array_equal(now, before)
        rounded = step_through(self._rounded, self._spec, x)
        return Judgement(y, np.abs(rounded - y).max(axis=0, initial=0.0), has_changed)


def find_judge(model: Model, others: list[Model]) -> Judge | str:
    """The judge of `model`, or the reason why there is none.

    Args:
        model: a loaded artifact.
        others: the artifacts verified beside it.

    Raises:
        FormatError: the weights in the file do not have the digest it states.
    """
    if model.spec.is_opaque:
        return "the model is a graph of its own, which the reference cannot compute"
    if model.metadata.numerics == INTEGER_NUMERICS:
        return "the model is in integers, of which there is no float64 reference"
    sources = [
        candidate.path
        for candidate in (model, *others)
        if candidate.path is not None
        and candidate.path.suffix in _READABLE
        and candidate.digest == model.digest
    ]
    if not sources:
        return (
            "the weights are readable from .rnne, .onnx, .c and .wasm only; name one of "
            "these of the model as well"
        )
    try:
        return Judge(sources[0])
    except MissingDependencyError:
        return "the onnx package is not installed (pip install 'rnnedge[train]')"


def _read(path: Path) -> tuple[Metadata, Weights]:
    metadata, parameters = _reader_of(path)(path)
    if isinstance(parameters, QuantisedModel):
        raise SpecError(
            f"{path.name}: the weights are integers ({metadata.numerics}), so there is no "
            "float64 reference of them. Name the float artifact of the same run."
        )
    return metadata, parameters


def _reader_of(path: Path) -> Callable[[Path], tuple[Metadata, Parameters]]:
    if is_wasm(path):
        return read_wasm
    return read_c_source if is_c_source(path) else read_weights


def rounding_errors(
    engine: Engine, spec: ModelSpec, x: Inputs, y: NDArray[np.floating]
) -> Outputs:
    """What float32 arithmetic may be off by, for an artifact without a judge.

    Args:
        engine: the artifact's own engine; it is stepped once more through `x` with its
            state moved by half a unit in the last place, at random, after every step.
        spec: its spec.
        x: `[T, I]` stream.
        y: `[T, O]` what it gave undisturbed.

    Returns:
        `[O]`, the same for every output: what happens inside the graph at the level of one
        output may round in another.
    """
    rng = np.random.default_rng(0)
    stepper = engine.stepper()
    out = np.empty(spec.output_size, dtype=engine.dtype)
    largest = 0.0
    for row, expected in zip(x, y, strict=True):
        stepper.step(row, out)
        largest = max(largest, float(np.abs(out.astype(np.float64) - expected).max()))
        stepper.set_state(
            [
                tensor * (1 + _HALF_ULP * rng.choice((-1.0, 1.0), tensor.shape))
                for tensor in stepper.get_state()
            ]
        )
    floor = parity_limit(y) / PARITY_FLOAT32_FACTOR
    return np.full(spec.output_size, max(VERIFY_ROUNDING_FACTOR * largest, floor))
