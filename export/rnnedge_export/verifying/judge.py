"""The float64 reference as judge of an artifact, where it can be had.

Torch-free. The weights are read out of an `.rnne`, `.c` or `.wasm` file, or out of an `.onnx`
file by the onnx package; a TorchScript file is judged by one of these of the same model.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import MissingDependencyError
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.engine import Engine
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tolerances import VERIFY_ROUNDING_FACTOR, parity_limit

from ..compare.exact_steps import ExactSteps
from ..compare.verification_stream import Inputs
from ..formats.registry import FORMATS, format_of

Outputs = NDArray[np.float64]

_HALF_ULP = 2.0**-24


class Judge(NamedTuple):
    """The reference of one model: what `export` judges by, too.

    Attributes:
        path: the artifact whose weights it has.
        exact: its steps.
    """

    path: Path
    exact: ExactSteps


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
    if model.metadata.is_integer:
        return "the model is in integers, of which there is no float64 reference"
    sources = [
        candidate.path
        for candidate in (model, *others)
        if candidate.path is not None
        and not format_of(candidate.path).is_trusted
        and candidate.digest == model.digest
    ]
    if not sources:
        readable = [f.suffix for f in FORMATS.values() if not f.is_trusted]
        return (
            "this format does not expose its weights; also pass the model's "
            f"{', '.join(readable[:-1])} or {readable[-1]}"
        )
    try:
        metadata, weights = format_of(sources[0]).read(sources[0])
    except MissingDependencyError:
        return "the onnx package is not installed (pip install 'rnnedge[train]')"
    assert not isinstance(weights, QuantisedModel)
    return Judge(sources[0], ExactSteps(metadata.spec, weights))


def shaken_limits(
    engine: Engine, spec: ModelSpec, x: Inputs, y: NDArray[np.floating]
) -> Outputs:
    """What float32 may be off by, for an artifact without a judge or recorded limits.

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
    # Twice, as both results are off by their own roundings.
    limit = parity_limit(y, 2 * VERIFY_ROUNDING_FACTOR * largest)
    return np.full(spec.output_size, limit)
