"""Which layers of a graph in integers are, and which of them carry more bits.

docs/numerics.md ("w8a16.v1", "Graphs") says the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .graph_check import INPUT
from .graph_layers import Combine, Concat, Memory, Norm, Select, Sum
from .layers import AddLast, Affine, Difference, Embedding, Layer
from .model_spec import ModelSpec
from .spec_json import network_version

LARGEST_NORM = 2**16
LARGEST_SUM = 2**22
"""Values of a group and of a part; longer ones are float."""

Role = Literal["float", "integer", "folded"]


@dataclass(frozen=True, slots=True)
class LayerRole:
    """How one layer is computed.

    Attributes:
        role: `integer`; `float`, in `f32.v1`; or `folded` into the conversion beside it.
        is_first: an integer segment begins with this layer, so its input is converted.
        is_last: an integer segment ends with this layer, so its output is converted back.
        is_wide: of a graph, its value is carried with 9 more bits.
    """

    role: Role
    is_first: bool = False
    is_last: bool = False
    is_wide: bool = False


def is_graph(spec: ModelSpec) -> bool:
    """Whether the rules of graphs hold for `spec`, not those of segments of a chain."""
    return network_version(spec) >= 3


def graph_roles(spec: ModelSpec, kept: frozenset[int]) -> tuple[LayerRole, ...]:
    """How each layer of a graph is computed."""
    floats = set(kept) | {
        k
        for k, layer in enumerate(spec.layers)
        if isinstance(layer, AddLast | Difference) or _is_too_long(layer)
    }
    _spread(spec, floats)
    floats |= {
        k
        for k, layer in enumerate(spec.layers)
        if isinstance(layer, Embedding)
        and not (floats | {INPUT}).issuperset(spec.reads[k])
    }
    _spread(spec, floats)
    wide = _wide_layers(spec, floats)
    return tuple(
        LayerRole("float" if k in floats else "integer", is_wide=k in wide)
        for k in range(len(spec.layers))
    )


def _spread(spec: ModelSpec, floats: set[int]) -> None:
    """Add the layers that are float because of those that are."""
    readers = _readers(spec)
    num_known = -1
    while num_known != len(floats):
        num_known = len(floats)
        floats |= {
            k
            for k, layer in enumerate(spec.layers)
            if k not in floats and _follows(spec, k, layer, floats, readers[k])
        }


def converted_in(spec: ModelSpec, roles: tuple[LayerRole, ...]) -> tuple[int, ...]:
    """Float values, the model input among them, that integer layers read."""
    found = {
        source
        for k, read in enumerate(spec.reads)
        for source in read
        if roles[k].role == "integer" and not isinstance(spec.layers[k], Embedding)
    }
    return tuple(sorted(s for s in found if s == INPUT or roles[s].role == "float"))


def converted_out(spec: ModelSpec, roles: tuple[LayerRole, ...]) -> tuple[int, ...]:
    """Integer values that float layers read, or that are the model output."""
    found = {len(spec.layers) - 1}
    for k, layer in enumerate(spec.layers):
        if roles[k].role == "float":
            found |= {layer.next} if isinstance(layer, Memory) else set(spec.reads[k])
    return tuple(sorted(s for s in found if s != INPUT and roles[s].role != "float"))


def _is_too_long(layer: Layer) -> bool:
    """Whether the sums of a layer would not fit 64 bits."""
    if isinstance(layer, Norm):
        return layer.size // layer.groups > LARGEST_NORM
    is_sum = isinstance(layer, Sum)
    return is_sum and layer.input_size // layer.output_size > LARGEST_SUM


def _readers(spec: ModelSpec) -> list[set[int]]:
    """Per layer, the layers that take what it gives; -1 for the model output."""
    found: list[set[int]] = [set() for _ in spec.layers]
    for k, (layer, read) in enumerate(zip(spec.layers, spec.reads, strict=True)):
        for source in read:
            if source != INPUT:
                found[source].add(k)
        if isinstance(layer, Memory):
            found[layer.next].add(k)
    found[-1].add(-1)
    return found


def _follows(
    spec: ModelSpec, k: int, layer: Layer, floats: set[int], readers: set[int]
) -> bool:
    """Whether a layer is float because what it stands between is."""
    known = floats | {INPUT}
    if isinstance(layer, Memory):
        return layer.next in floats
    if isinstance(layer, Select | Concat):
        return known.issuperset(spec.reads[k])
    if isinstance(layer, Affine):
        return known.issuperset(spec.reads[k]) or known.issuperset(readers)
    return False


def _wide_layers(spec: ModelSpec, floats: set[int]) -> set[int]:
    """Memories of a sum that they are part of, that sum, and what scales them in between."""
    wide: set[int] = set()
    for k, layer in enumerate(spec.layers):
        if not isinstance(layer, Memory) or k in floats:
            continue
        after = layer.next
        total = spec.layers[after]
        if not isinstance(total, Combine) or total.operation not in ("add", "subtract"):
            continue
        scaling = {
            s for s in spec.reads[after] if s > k and _scales(spec, s, k, floats)
        }
        if scaling or k in spec.reads[after]:
            wide |= {k, after} | scaling
    return wide


def _scales(spec: ModelSpec, k: int, memory: int, floats: set[int]) -> bool:
    """Whether layer k is a memory times something."""
    layer = spec.layers[k]
    is_product = isinstance(layer, Combine) and layer.operation == "multiply"
    is_scaling = is_product or isinstance(layer, Affine)
    return is_scaling and k not in floats and memory in spec.reads[k]
