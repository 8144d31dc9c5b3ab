"""A ModelSpec and its weights as pieces of C in `f32.v1`."""

from __future__ import annotations

import numpy as np

from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.clip import CLIP_NONE
from rnnedge_runtime.spec.layers import AddLast, Difference
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights

from ..functions import public_functions
from ..kernel_headers import F32_HEADER, f32_header
from ..literals import float_array, integer_array
from ..pieces import Pieces
from ..ranges import range_arrays
from .packing import added_biases, biases_of, layer_tensors, pack_layer
from .step import StepCode, step_code


def float_pieces(name: str, metadata: Metadata, weights: Weights) -> Pieces:
    """What stands in the source of a model in float32.

    Args:
        name: its C identifier.
        metadata: it, golden steps included.
        weights: canonical weights of its spec.
    """
    spec = metadata.spec
    code = step_code(spec, name)
    return Pieces(
        fields=[("float", *item) for item in (*code.state, *code.work)],
        kernels={F32_HEADER: f32_header()},
        content={"biases": biases_of(spec, weights)},
        arrays=_constants(name, spec, weights),
        functions=public_functions(name, metadata, _tensors(spec, code), code.lines),
    )


def _tensors(spec: ModelSpec, code: StepCode) -> list[tuple[str, int, bool]]:
    """Name, number of values and whether it is `held`, in the order of snapshots."""
    names = [name for name, _ in code.state]
    return [
        (name, entry.size, name == "held")
        for name, entry in zip(names, spec.state, strict=True)
    ]


def _constants(name: str, spec: ModelSpec, weights: Weights) -> list[str]:
    arrays = []
    if any(feature.missing == "reject" for feature in spec.features):
        rejects = [int(feature.missing == "reject") for feature in spec.features]
        arrays.append(integer_array("uint8_t", f"{name}_rejects", rejects))
    arrays += range_arrays(name, spec)
    if any(feature.clip for feature in spec.features):
        clips = [f.clip or (-CLIP_NONE, CLIP_NONE) for f in spec.features]
        low, high = np.array(clips, dtype=np.float32).T
        arrays.append(float_array(f"{name}_low", low))
        arrays.append(float_array(f"{name}_high", high))
    for k, layer in enumerate(spec.layers):
        tensors = added_biases(layer, layer_tensors(spec, weights, k))
        for suffix, array in pack_layer(layer, tensors).items():
            arrays.append(float_array(f"{name}_{k}_{suffix}", array))
        if isinstance(layer, AddLast | Difference):
            sources = integer_array("uint32_t", f"{name}_{k}_sources", layer.sources)
            arrays.append(sources)
    return arrays
