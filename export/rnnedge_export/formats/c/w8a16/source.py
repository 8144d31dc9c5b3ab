"""A QuantisedModel as pieces of C in `w8a16.v1`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.numerics.w8a16 import LARGEST_TABLE
from rnnedge_runtime.spec.layers import Embedding, Layer
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.w8a16_inputs import IntegerInputs

from ..f32.packing import biases_of
from ..f32.source import layer_arrays, source_arrays
from ..interface import Pieces
from ..kernel_headers import F32_HEADER, W8A16_HEADER, f32_header, w8a16_header
from ..literals import float_array, integer_array
from ..ranges import clip_arrays, range_arrays, reject_arrays
from ..writers.w8a16_writer import limits
from .functions import initial_inputs, integer_functions, row_fields
from .graph_source import graph_pieces
from .interface import integer_interface
from .layers import integer_code
from .packing import pack_integer_layer


def integer_pieces(name: str, metadata: Metadata, model: QuantisedModel) -> Pieces:
    """What stands in the source of a model in integers.

    Args:
        name: its C identifier.
        metadata: it, golden steps included.
        model: its integers.

    Raises:
        SpecError: tokens do not fit int16.
    """
    for layer, part in zip(model.spec.layers, model.roles, strict=True):
        if part.role == "integer":
            _check_tokens(layer)
    if model.is_graph:
        return graph_pieces(name, metadata, model)
    code = integer_code(model, name)
    roles = [part.role for part in model.roles]
    in_float = [k for k, role in enumerate(roles) if role == "float"]
    return Pieces(
        fields=[*code.fields, *row_fields(model)],
        kernels={W8A16_HEADER: w8a16_header(), F32_HEADER: f32_header()},
        content={
            "kept": sorted(model.kept),
            "scalars": _scalars(model),
            "biases": biases_of(model.spec, model.tensors, in_float),
        },
        arrays=[*_input_arrays(name, model), *_layer_arrays(name, model)],
        functions=integer_functions(name, metadata, model, code),
        declarations=integer_interface(name, model),
    )


def _check_tokens(layer: Layer) -> None:
    if isinstance(layer, Embedding) and layer.num_embeddings > LARGEST_TABLE:
        raise SpecError(
            f"export to C: the table of {layer.num_embeddings} tokens is too large for "
            f"int8, expected at most {LARGEST_TABLE}. Keep it in float with --keep-float 0."
        )


def _scalars(model: QuantisedModel) -> dict[str, list[float]]:
    """Tensors that are numbers in the statements."""
    return {
        name: tensor.tolist()
        for name, tensor in model.tensors.items()
        if _is_scalar(model, name)
    }


def _is_scalar(model: QuantisedModel, name: str) -> bool:
    place, k, last = name.split(".")
    kind = model.spec.layers[int(k)].kind
    if place == "input":
        return kind == "embedding" and last in ("rate", "low", "high")
    return last == "bits" or (last == "gain" and kind == "activation")


def _input_arrays(name: str, model: QuantisedModel) -> list[str]:
    spec, tensors = model.spec, model.tensors
    arrays = reject_arrays(name, spec) + _range_arrays(name, model)
    if not model.roles[0].is_first:
        return arrays + clip_arrays(name, spec)
    for suffix in ("step", "shift", "rate"):
        is_public = suffix != "rate" and model.is_integer_only
        values = np.asarray(tensors[f"input.0.{suffix}"], np.float32)
        if suffix != "rate" or not isinstance(spec.layers[0], Embedding):
            arrays.append(
                float_array(f"{name}_input_{suffix}", values, is_public=is_public)
            )
    spans = [limits(model, name)]
    if spec.derived:
        spans.append(limits(model, name, spec.num_features))
        zero = initial_inputs(model)[spec.num_features :]
        arrays.append(integer_array("int16_t", f"{name}_zero", zero))
        for suffix in ("turn_gain", "turn_offset"):
            arrays.append(
                _integers("int32_t", f"{name}_{suffix}", tensors[f"input.0.{suffix}"])
            )
    if not isinstance(spec.layers[0], Embedding):
        for index, suffix in enumerate(("low", "high")):
            if model.holds_readings or any(span[index] != "NULL" for span in spans):
                values = tensors[f"input.0.{suffix}"].astype(np.float32)
                arrays.append(_integers("int16_t", f"{name}_{suffix}", values))
    if model.holds_readings:
        for suffix in ("reading_low", "reading_high"):
            ends = tensors[f"input.0.{suffix}"]
            arrays.append(_integers("int32_t", f"{name}_{suffix}", ends))
    return arrays


def _range_arrays(name: str, model: QuantisedModel) -> list[str]:
    """`NAME_range_least`, `NAME_range_most`; of integer inputs `NAME_least`, `NAME_most`."""
    arrays = range_arrays(name, model.spec)
    if not arrays:
        return []
    is_of_integers = model.is_integer_only and model.roles[0].is_first
    if not (is_of_integers or model.holds_readings):
        return arrays
    ends = IntegerInputs(model).range_integers()
    for end, values in zip(("least", "most"), ends, strict=True):
        numbers = [int(value) for value in values]
        arrays.append(integer_array("int32_t", f"{name}_{end}", numbers))
    return arrays


def _layer_arrays(name: str, model: QuantisedModel) -> list[str]:
    arrays: list[str] = []
    spec, tensors = model.spec, model.tensors
    layers = zip(spec.layers, model.roles, strict=True)
    for k, (layer, part) in enumerate(layers):
        own = {
            tensor.removeprefix(f"layers.{k}."): np.asarray(values)
            for tensor, values in tensors.items()
            if tensor.startswith(f"layers.{k}.")
        }
        if part.is_first and k > 0:
            rate = np.asarray(tensors[f"input.{k}.rate"], np.float32)
            arrays.append(float_array(f"{name}_in_{k}_rate", rate))
        if part.role == "float":
            arrays += layer_arrays(name, k, layer, own)
        elif part.role == "integer":
            arrays += [
                _integers(_type_of(suffix), f"{name}_{k}_{suffix}", integers)
                for suffix, integers in pack_integer_layer(layer, own).items()
            ]
            arrays += source_arrays(name, k, layer)
        if part.is_last:
            arrays += _outputs(name, model, k)
    return arrays


def _outputs(name: str, model: QuantisedModel, k: int) -> list[str]:
    step, offset = (
        np.asarray(model.tensors[f"output.{k}.{suffix}"], np.float32)
        for suffix in ("step", "offset")
    )
    if model.is_integer_only:
        return [
            float_array(f"{name}_output_step", step, is_public=True),
            float_array(f"{name}_output_shift", offset, is_public=True),
        ]
    return [
        float_array(f"{name}_out_{k}_step", step),
        float_array(f"{name}_out_{k}_offset", offset),
    ]


def _type_of(suffix: str) -> str:
    is_matrix = suffix in ("weights", "projection", "table")
    return "RNNE_ALIGNED int8_t" if is_matrix else "int32_t"


def _integers(c_type: str, name: str, values: NDArray[Any]) -> str:
    return integer_array(c_type, name, [int(value) for value in values.ravel()])
