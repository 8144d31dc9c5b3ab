"""The float64 reference as judge of an artifact, where it can be had.

Torch-free. The weights are read out of an `.rnne` file, or out of an `.onnx` file by the
onnx package; a TorchScript file is judged by one of these of the same model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.engine import Engine, State, initial_state
from rnnedge_runtime.errors import MissingDependencyError
from rnnedge_runtime.loading import load
from rnnedge_runtime.model import Model
from rnnedge_runtime.spec import ModelSpec
from rnnedge_runtime.tolerances import VERIFY_ROUNDING_FACTOR

from .verification_stream import Inputs

_HALF_ULP = 2.0**-24
_READABLE = (".rnne", ".onnx")

Outputs = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the reference computes on a stream.

    Attributes:
        y: `[T, O]` float64 outputs.
        float32_errors: `[O]` what float32 arithmetic may be off by on this stream. It comes
            from the reference itself, its state rounded to float32 after every step, so a
            graph that is wrong cannot widen its own limit.
        has_changed: per state tensor, whether it ever left its initial value.
    """

    y: Outputs
    float32_errors: Outputs
    has_changed: list[bool]


class Judge:
    """The reference engine of one model.

    Attributes:
        path: the file its weights were read from.
    """

    def __init__(self, model: Model) -> None:
        assert isinstance(model.engine, ReferenceEngine)
        assert model.path is not None
        self.path = model.path
        self._engine = model.engine
        self._spec = model.spec

    def judge(self, x: Inputs) -> Judgement:
        """Step the reference through `x` `[T, I]`, exactly and with a rounded state."""
        initial = initial_state(self._spec.graph_state, 1, np.float64)
        y, rounded = (np.empty((len(x), self._spec.output_size)) for _ in range(2))
        exact_state, rounded_state = initial, initial
        has_changed = [False] * len(initial)
        for t in range(len(x)):
            row = x[None, t : t + 1]
            out, exact_state = self._engine.run(row, exact_state)
            y[t] = out[0, 0]
            out, rounded_state = self._engine.run(row, rounded_state)
            rounded[t] = out[0, 0]
            rounded_state = [tensor.astype(np.float32) for tensor in rounded_state]
            for k, (now, before) in enumerate(zip(exact_state, initial, strict=True)):
                has_changed[k] |= not np.array_equal(now, before)
        errors = np.abs(rounded.astype(np.float32) - y).max(axis=0, initial=0.0)
        return Judgement(y, VERIFY_ROUNDING_FACTOR * errors, has_changed)


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
    sources = [
        candidate
        for candidate in (model, *others)
        if candidate.path is not None
        and candidate.path.suffix in _READABLE
        and candidate.digest == model.digest
    ]
    if not sources:
        return (
            "the weights are readable from .rnne and .onnx only; name one of these of the "
            "model as well"
        )
    assert sources[0].path is not None
    try:
        return Judge(load(sources[0].path, backend="reference"))
    except MissingDependencyError:
        return "the onnx package is not installed (pip install 'rnnedge[train]')"


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
        `[O]` largest differences, as `Judgement.float32_errors`.
    """
    rng = np.random.default_rng(0)
    stepper = engine.stepper()
    out = np.empty(spec.output_size, dtype=engine.dtype)
    errors = np.zeros(spec.output_size)
    for row, expected in zip(x, y, strict=True):
        stepper.step(row, out)
        np.maximum(errors, np.abs(out.astype(np.float64) - expected), out=errors)
        state: State = [
            tensor * (1 + _HALF_ULP * rng.choice((-1.0, 1.0), tensor.shape))
            for tensor in stepper.get_state()
        ]
        stepper.set_state(state)
    return VERIFY_ROUNDING_FACTOR * errors
