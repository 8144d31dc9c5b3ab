"""A model in integers: which layers are, and the tensors that stand for its weights.

A chain of layers falls into segments that are integer and layers kept in float. A segment
begins by turning float values into int16 and ends by turning them back; the scaler around
it is part of these two conversions. docs/numerics.md ("w8a16.v1") says what is computed.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .errors import FormatError, SpecError
from .integer_numerics import (
    CELL_BITS,
    INTEGER_NUMERICS,
    LARGEST_BIAS,
    LARGEST_FUNCTION_GAIN,
    LARGEST_GAIN,
    LARGEST_MULTIPLIER,
    LARGEST_ROW_SUM,
    LARGEST_TABLE_MULTIPLIER,
    LARGEST_TURN_GAIN,
    LARGEST_TURN_OFFSET,
    LARGEST_VALUE,
    LARGEST_WEIGHT,
    STATE_BITS,
)
from .layers import (
    NUM_GATES,
    Activation,
    AddLast,
    Affine,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    Opaque,
    Rnn,
    Shape,
    Softmax,
)
from .sha256 import new_sha256
from .spec import ModelSpec
from .spec_json import spec_to_json
from .weights import SMALLEST_MAGNITUDE

Role = Literal["float", "integer", "folded"]
Tensor = NDArray[np.float32] | NDArray[np.int8] | NDArray[np.int16] | NDArray[np.int32]
TensorType = tuple[str, Shape]

LARGEST_RATE = 2.0**100
"""Limit of a rate (integers per unit), so that no denormal difference matters."""


@dataclass(frozen=True, slots=True)
class Part:
    """How one layer is computed.

    Attributes:
        role: `integer`; `float`, in `f32.v1`; or `folded` into the conversion beside it.
        is_first: an integer segment begins with this layer, so its input is converted.
        is_last: an integer segment ends with this layer, so its output is converted back.
    """

    role: Role
    is_first: bool = False
    is_last: bool = False


def parts(spec: ModelSpec, kept: frozenset[int] = frozenset()) -> tuple[Part, ...]:
    """The part each layer of `spec` plays.

    Args:
        spec: a chain of layers.
        kept: positions of layers kept in float. An affine or add_last layer beside them
            that no integer segment can take in is kept as well.

    Raises:
        SpecError: a layer that is not kept has no integer form; the message names it.
    """
    if spec.takes_readings or any(item.range is not None for item in spec.features):
        raise SpecError(
            "int8: the model has ranges of readings, or layers that take them before the "
            "clip (difference, add_last without it), which have no integer form. "
            "Export it without --int8."
        )
    roles: list[Role] = []
    for k, layer in enumerate(spec.layers):
        if k in kept:
            roles.append("float")
        else:
            roles.append(_role(spec, kept, k, layer, roles))
    is_integer = [role != "float" for role in roles]
    before = [False, *is_integer[:-1]]
    after = [*is_integer[1:], False]
    return tuple(
        Part(role, is_integer[k] and not before[k], is_integer[k] and not after[k])
        for k, role in enumerate(roles)
    )


def tensor_types(spec: ModelSpec, kept: frozenset[int]) -> dict[str, TensorType]:
    """NumPy type and shape of every tensor, in canonical order.

    Raises:
        SpecError: as `parts`.
    """
    found: dict[str, TensorType] = {}
    for k, (layer, part) in enumerate(zip(spec.layers, parts(spec, kept), strict=True)):
        if part.is_first:
            found |= _conversion_in(spec, k)
        if part.role == "float":
            for name, shape in layer.weight_shapes().items():
                found[f"layers.{k}.{name}"] = ("<f4", shape)
        elif part.role == "integer":
            for name, kind in _layer_tensors(layer).items():
                found[f"layers.{k}.{name}"] = kind
        if part.is_last:
            size = (layer.output_size,)
            found[f"output.{k}.step"] = ("<f4", size)
            found[f"output.{k}.offset"] = ("<f4", size)
    return found


@dataclass(frozen=True, slots=True)
class QuantisedModel:
    """A ModelSpec with its integer tensors, checked.

    Attributes:
        spec: the model's description, the same as in float.
        kept: positions of the layers kept in float by name.
        tensors: arrays by canonical name, of the types and shapes of `tensor_types`.

    Raises:
        SpecError: as `parts`.
        FormatError: a tensor is missing, left over, of another type or shape, or a value
            is out of its range.
    """

    spec: ModelSpec
    kept: frozenset[int]
    tensors: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        types = tensor_types(self.spec, self.kept)
        if list(types) != list(self.tensors):
            odd = sorted(set(types) ^ set(self.tensors)) or ["their order"]
            raise FormatError(
                f"integer model: {', '.join(odd)} does not fit the model description. "
                "Export it again."
            )
        for name, (kind, shape) in types.items():
            tensor = self.tensors[name]
            is_typed = tensor.dtype == np.dtype(kind) and tensor.shape == shape
            reason = "type or shape"
            if is_typed:
                reason = _range_fault(name, tensor) or self._layer_fault(name)
            if reason:
                raise FormatError(
                    f"integer model: tensor '{name}' does not fit: {reason}. "
                    "The file was not written by rnnedge; export it again."
                )

    def _layer_fault(self, name: str) -> str:
        """What a tensor's layer forbids though other layers may have it; "" for nothing."""
        layer = self.spec.layers[int(name.split(".")[1])]
        if isinstance(layer, Embedding) and name.endswith(".multiplier"):
            is_large = (self.tensors[name] > LARGEST_TABLE_MULTIPLIER).any()
            return f"multipliers above {LARGEST_TABLE_MULTIPLIER}" if is_large else ""
        if isinstance(layer, AddLast) and name.endswith(".gain"):
            is_large = (np.abs(self.tensors[name]) > LARGEST_GAIN).any()
            return f"magnitudes above {LARGEST_GAIN}" if is_large else ""
        if not name.endswith(".bits"):
            return ""
        is_scaled = (isinstance(layer, Rnn) and layer.nonlinearity == "relu") or (
            isinstance(layer, Lstm) and layer.proj_size > 0
        )
        bits = int(self.tensors[name][0])
        return "" if is_scaled or bits == STATE_BITS else f"{bits} hidden bits"

    @property
    def is_integer_only(self) -> bool:
        """Whether nothing between input and output conversion is float."""
        return all(part.role != "float" for part in parts(self.spec, self.kept))

    @property
    def digest(self) -> str:
        """SHA-256 (hex) that identifies it (docs/format.md, "Digest")."""
        digest = new_sha256()
        pieces = [
            INTEGER_NUMERICS.encode(),
            spec_to_json(self.spec).encode(),
            " ".join(map(str, sorted(self.kept))).encode(),
        ]
        for name, (kind, _) in tensor_types(self.spec, self.kept).items():
            pieces += [name.encode(), self.tensors[name].astype(kind).tobytes()]
        for piece in pieces:
            digest.update(struct.pack("<Q", len(piece)))
            digest.update(piece)
        return str(digest.hexdigest())


def _role(
    spec: ModelSpec,
    kept: frozenset[int],
    k: int,
    layer: Layer,
    roles: list[Role],
) -> Role:
    follows = spec.layers[k + 1 :]
    is_after_integer = bool(roles) and roles[-1] != "float"
    match layer:
        case Embedding() | Rnn() | Gru() | Lstm() | Linear() | Activation():
            return "integer"
        case Affine() if k == 0:
            is_folded = not layer.inverse and bool(follows) and 1 not in kept
            if is_folded and isinstance(follows[0], Rnn | Gru | Lstm | Linear):
                return "folded"
            return "float"
        case Affine() if not is_after_integer:
            return "float"
        case Affine() if (
            not follows or k + 1 in kept or isinstance(follows[0], AddLast)
        ):
            return "folded"
        case AddLast() if not is_after_integer or "float" in roles:
            return "float"
        case AddLast() if not follows or k + 1 in kept:
            return "integer"
    if isinstance(layer, Opaque):
        raise SpecError(
            "int8: the model is a graph that is not a chain of layers, so it has no integer "
            "form. Build it of the layers rnnedge knows."
        )
    reason = (
        "needs exp and a division"
        if isinstance(layer, Softmax)
        else "stands between layers that cannot take it in"
    )
    raise SpecError(
        f"int8: layer {k} ({layer.kind}) has no integer form: it {reason}. "
        f"Keep it in float with --keep-float {k}, or export without --int8."
    )


def _conversion_in(spec: ModelSpec, k: int) -> dict[str, TensorType]:
    if k > 0:
        return {f"input.{k}.rate": ("<f4", (spec.layers[k].input_size,))}
    size = (spec.input_size,)
    found: dict[str, TensorType] = {
        "input.0.shift": ("<f4", size),
        "input.0.rate": ("<f4", size),
        "input.0.step": ("<f4", size),
        "input.0.low": ("<i2", size),
        "input.0.high": ("<i2", size),
    }
    if spec.derived:
        turns = (2 * len(spec.derived),)
        found["input.0.turn_gain"] = ("<i4", turns)
        found["input.0.turn_offset"] = ("<i4", turns)
    return found


def _layer_tensors(layer: Layer) -> dict[str, TensorType]:
    match layer:
        case Embedding():
            rows = layer.num_embeddings
            return {
                "weight": ("<i1", (rows, layer.embedding_dim)),
                "multiplier": ("<i4", (rows,)),
            }
        case Linear():
            rows = layer.output_size
            return {
                "weight": ("<i1", (rows, layer.input_size)),
                "multiplier": ("<i4", (rows,)),
                "bias": ("<i4", (rows,)),
            }
        case Activation():
            return {"gain": ("<i4", (1,))}
        case AddLast():
            return {
                "gain": ("<i4", (layer.output_size,)),
                "source_gain": ("<i4", (layer.output_size,)),
            }
        case Rnn() | Gru() | Lstm():
            return _recurrent_tensors(layer)
    return {}


def _recurrent_tensors(layer: Rnn | Gru | Lstm) -> dict[str, TensorType]:
    rows = NUM_GATES[layer.kind] * layer.hidden_size
    found: dict[str, TensorType] = {
        "weight_ih": ("<i1", (rows, layer.input_size)),
        "weight_hh": ("<i1", (rows, layer.output_size)),
        "multiplier_ih": ("<i4", (rows,)),
        "multiplier_hh": ("<i4", (rows,)),
        "bias": ("<i4", (rows,)),
    }
    if isinstance(layer, Gru):
        found["bias_hn"] = ("<i4", (layer.hidden_size,))
    else:
        found["bits"] = ("<i4", (1 if isinstance(layer, Rnn) else 2,))
    if isinstance(layer, Lstm) and layer.proj_size:
        found["weight_hr"] = ("<i1", (layer.proj_size, layer.hidden_size))
        found["multiplier_hr"] = ("<i4", (layer.proj_size,))
    return found


def _range_fault(name: str, tensor: Tensor) -> str:
    """What is out of range in a tensor of the right type and shape; "" for nothing."""
    values = tensor.astype(np.float64)
    magnitude = np.abs(values)
    kind = name.rsplit(".", 1)[1]
    if tensor.dtype == np.float32:
        if not np.isfinite(values).all() or (magnitude > LARGEST_RATE).any():
            return "values beyond 2^100 or not finite"
        is_tiny = (magnitude > 0) & (magnitude < SMALLEST_MAGNITUDE)
        return "values below 2^-50" if is_tiny.any() else ""
    if kind == "bits":
        lowest = np.array([0, CELL_BITS.start])[: len(values)]
        highest = np.array([STATE_BITS, CELL_BITS.stop - 1])[: len(values)]
        is_out = (values < lowest) | (values > highest)
        return f"fraction bits {values}" if is_out.any() else ""
    largest = _LARGEST.get(kind) or _LARGEST[kind.partition("_")[0]]
    if (magnitude > largest).any():
        return f"magnitudes above {largest}"
    if kind.startswith("multiplier") and (values < 0).any():
        return "negative multipliers"
    if tensor.dtype == np.int8 and (magnitude.sum(axis=1) > LARGEST_ROW_SUM).any():
        return f"a row's weights sum to more than {LARGEST_ROW_SUM}"
    return ""


_LARGEST = {
    "weight": LARGEST_WEIGHT,
    "multiplier": LARGEST_MULTIPLIER,
    "bias": LARGEST_BIAS,
    "gain": LARGEST_FUNCTION_GAIN,
    "source": LARGEST_GAIN,
    "low": LARGEST_VALUE,
    "high": LARGEST_VALUE,
    "turn_gain": LARGEST_TURN_GAIN,
    "turn_offset": LARGEST_TURN_OFFSET,
}
