"""A ModelSpec and its weights as pieces of C in `f32.v1`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.graph_layers import Select
from rnnedge_runtime.spec.layers import AddLast, Difference, Layer
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights

from ..functions import public_functions
from ..interface import Pieces
from ..kernel_headers import F32_HEADER, f32_header
from ..literals import float_array, integer_array
from ..ranges import clip_arrays, range_arrays, reject_arrays
from ..writers.arrays import Tensors
from ..writers.places import runs_of
from .layers import StepCode, step_code
from .packing import added_biases, biases_of, layer_tensors, pack_layer


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
        arrays=[
            *reject_arrays(name, spec),
            *range_arrays(name, spec),
            *clip_arrays(name, spec),
            *chain.from_iterable(
                layer_arrays(name, k, layer, layer_tensors(spec, weights, k))
                for k, layer in enumerate(spec.layers)
            ),
        ],
        functions=public_functions(
            name, metadata, _tensors(spec, code), code.declarations, code.lines
        ),
    )


def _tensors(spec: ModelSpec, code: StepCode) -> list[tuple[str, int, bool]]:
    """Name, number of values and whether it is `held`, in the order of snapshots."""
    names = [name for name, _ in code.state]
    return [
        (name, entry.size, name == "held")
        for name, entry in zip(names, spec.state, strict=True)
    ]


def layer_arrays(name: str, k: int, layer: Layer, tensors: Tensors) -> list[str]:
    """The constants of layer `k` in float32, of its tensors by their names within it."""
    packed = pack_layer(layer, added_biases(layer, tensors))
    arrays = [float_array(f"{name}_{k}_{key}", array) for key, array in packed.items()]
    return arrays + source_arrays(name, k, layer)


def source_arrays(name: str, k: int, layer: Layer) -> list[str]:
    """Which inputs layer `k` reads beside what goes through it, or elements of it."""
    field, indices = _INDICES.get(type(layer), _no_indices)(layer)
    return [integer_array("uint32_t", f"{name}_{k}_{field}", indices)] if field else []


def _no_indices(layer: Layer) -> tuple[str, tuple[int, ...]]:
    return "", ()


_INDICES: dict[type[Layer], Callable[[Any], tuple[str, tuple[int, ...]]]] = {
    AddLast: lambda layer: ("sources", layer.sources),
    Difference: lambda layer: ("sources", layer.sources),
    Select: lambda layer: ("" if runs_of(layer) else "indices", layer.indices),
}
