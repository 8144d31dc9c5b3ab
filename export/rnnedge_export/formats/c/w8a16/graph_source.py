"""A graph in integers as pieces of C in `w8a16.v1`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np

from rnnedge_runtime.backends.graph_w8a16 import from_state
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.numerics.f32 import flush
from rnnedge_runtime.numerics.w8a16 import LARGEST_STATE, LARGEST_VALUE
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

from ..f32.layers import write_layer
from ..f32.packing import biases_of
from ..f32.source import layer_arrays, source_arrays
from ..forecasts import forecast_lines
from ..functions import (
    float_rejection,
    held_at_first,
    reset_function,
    run_function,
    selftest_function,
    snapshot_functions,
    step_function,
    time_function,
)
from ..interface import STATE_FIELD, Pieces
from ..kernel_headers import F32_HEADER, W8A16_HEADER, f32_header, w8a16_header
from ..literals import comment, float_array, integer_array
from ..ranges import clip_arrays, range_arrays, reject_arrays
from ..writers.arena import Arena
from ..writers.graph_writer import ON_STACK
from ..writers.w8a16_graph_writer import IntegerGraphWriter
from ..writers.w8a16_writer import Carried
from .graph_layers import GRAPH_LAYERS_Q
from .graph_packing import conversion_arrays, pack_graph_layer, scalars_of

_ORDER = {"int32_t": 0, "float": 1, "int16_t": 2}
_ON_STACK = {"int32_t": 1, "float": 1, "int16_t": 2}
_COPY = {"int32_t": "q_copy_wide", "float": "f32_copy", "int16_t": "q_copy"}


@dataclass(frozen=True, slots=True)
class GraphCode:
    """One step of a graph in integers.

    Attributes:
        carried: tensors of the state, in the order of snapshots, `held` last.
        fields: all arrays of the state.
        declarations: of buffers on the stack, and where values lie.
        lines: statements from accepted readings `x` to `y`.
        after_restore: statements once `carried` are read.
    """

    carried: tuple[Carried, ...]
    fields: tuple[STATE_FIELD, ...]
    declarations: tuple[str, ...]
    lines: tuple[str, ...]
    after_restore: tuple[str, ...]


def graph_code(model: QuantisedModel, prefix: str) -> GraphCode:
    """One step of `model`, whose constant arrays are `<prefix>_<layer>_<suffix>`."""
    writer, spec = IntegerGraphWriter(model, prefix), model.spec
    floats, last = writer.floats, len(spec.layers) - 1
    writer.accept()
    for k, layer in enumerate(spec.layers):
        writer.enter(k, layer)
        if writer.places.is_integer(k):
            GRAPH_LAYERS_Q[type(layer)](writer, layer, f"{prefix}_{k}")
        else:
            write_layer(floats, k, layer, k == last)
        writer.leave(k, layer)
    if writer.places.is_output(last) and (y := floats.at(last)) != "y":
        writer.lines.append(f"rnne_f32_copy({spec.layers[last].output_size}, {y}, y);")
    writer.remember()
    fields, local, pointers = [*writer.arrays], [], []
    for c_type, name, arena in (
        ("int32_t", "wides", writer.wides),
        ("float", "arena", floats.arena),
        ("int16_t", "values", writer.arena),
    ):
        field, own, found = _memory_of(arena, c_type, name)
        fields += field
        local += own
        pointers += found
    num = spec.num_features
    fields.append(("float", "held", num))
    fields.sort(key=lambda item: _ORDER[item[0]])
    return GraphCode(
        carried=(*writer.carried, Carried("held", "float", num, is_held=True)),
        fields=tuple(fields),
        declarations=(*local, *pointers),
        lines=tuple(line.replace("@", "") for line in writer.lines),
        after_restore=tuple(writer.after_restore),
    )


def _memory_of(
    arena: Arena, c_type: str, name: str
) -> tuple[list[STATE_FIELD], list[str], list[str]]:
    """Field of the state or declaration for an arena, and where its buffers begin."""
    starts, size = arena.plan()
    if not size:
        return [], [], []
    is_small = size <= _ON_STACK[c_type] * ON_STACK
    base = name if is_small else f"s->{name}"
    pointers = [
        f"{c_type} *const {buffer} = {base}{f' + {at}' * bool(at)};"
        for buffer, at in starts.items()
    ]
    aligned = "RNNE_ALIGNED " if c_type == "int16_t" else ""
    own = [f"{aligned}{c_type} {name}[{size}];"]
    return ([], own, pointers) if is_small else ([(c_type, name, size)], [], pointers)


def graph_pieces(name: str, metadata: Metadata, model: QuantisedModel) -> Pieces:
    """What stands in the source of a graph in integers.

    Args:
        name: its C identifier.
        metadata: it, golden steps included.
        model: its integers.
    """
    spec, code = model.spec, graph_code(model, name)
    in_float = [k for k, part in enumerate(model.roles) if part.role == "float"]
    return Pieces(
        fields=code.fields,
        kernels={W8A16_HEADER: w8a16_header(), F32_HEADER: f32_header()},
        content={
            "kept": sorted(model.kept),
            "scalars": scalars_of(model),
            "biases": biases_of(spec, model.tensors, in_float),
        },
        arrays=[
            *reject_arrays(name, spec),
            *range_arrays(name, spec),
            *clip_arrays(name, spec),
            *(
                float_array(f"{name}_{suffix}", np.asarray(values, np.float32))
                for suffix, values in conversion_arrays(model).items()
            ),
            *chain.from_iterable(
                _arrays(name, model, k) for k in range(len(spec.layers))
            ),
        ],
        functions=_functions(name, metadata, code),
        declarations=_says(name, model),
    )


def _arrays(name: str, model: QuantisedModel, k: int) -> list[str]:
    layer, start = model.spec.layers[k], f"layers.{k}."
    own = {
        tensor.removeprefix(start): np.asarray(values)
        for tensor, values in model.tensors.items()
        if tensor.startswith(start)
    }
    if model.roles[k].role == "float":
        return layer_arrays(name, k, layer, own)
    return [
        integer_array(_type_of(suffix, values), f"{name}_{k}_{suffix}", values.tolist())
        for suffix, values in pack_graph_layer(layer, own).items()
    ] + source_arrays(name, k, layer)


def _type_of(suffix: str, values: np.ndarray) -> str:
    if suffix in ("weights", "projection") or values.dtype == np.int8:
        return "RNNE_ALIGNED int8_t"
    return "RNNE_ALIGNED int16_t" if suffix in ("value", "table") else "int32_t"


def _started(metadata: Metadata, code: GraphCode) -> list[tuple[Carried, np.ndarray]]:
    """The tensors that do not start at zero, and what they start with."""
    found = []
    entries = metadata.spec.graph_state
    for item, entry in zip(code.carried, entries, strict=False):
        values = entry.initial_array().ravel()
        first: np.ndarray
        if item.c_type == "float":
            first = np.asarray(flush(values))
        else:
            most = LARGEST_VALUE if item.c_type == "int16_t" else LARGEST_STATE
            first = np.asarray(from_state(values, item.bits, most))
        if first.any():
            found.append((item, first))
    return found


def _functions(name: str, metadata: Metadata, code: GraphCode) -> str:
    spec, started = metadata.spec, _started(metadata, code)
    arrays, starts = [], ""
    for item, values in started:
        array = f"{name}_{item.name}_start"
        if item.c_type == "float":
            arrays.append(float_array(array, np.asarray(values, np.float32)))
        else:
            arrays.append(integer_array(item.c_type, array, values.tolist()))
        copy = f"rnne_{_COPY[item.c_type]}({len(values)}, {array}, s->{item.name});"
        starts += f"    {copy}\n"
    after = "".join(f"    {line}\n" for line in code.after_restore)
    head = f"RNNE_PUBLIC int {name}_step({name}_state *s, const float *x, float *y)"
    carried = code.carried
    functions = [
        *arrays,
        reset_function(name, held_at_first(spec), starts + after * bool(starts)),
        step_function(
            head,
            spec,
            float_rejection(name, spec),
            code.declarations,
            [*code.lines, *forecast_lines(spec)],
        ),
        run_function(name, spec),
        *snapshot_functions(
            name,
            metadata,
            [item.size for item in carried],
            [_put(item) for item in carried],
            [_get(item) for item in carried],
            after,
        ),
        time_function(name, spec),
        *selftest_function(name, metadata),
    ]
    return "\n".join(functions)


def _put(item: Carried) -> str:
    values = f"at, s->{item.name}, {item.size}"
    if item.c_type == "float":
        return f"rnne_f32_put_tensor({values})"
    width = "16" if item.c_type == "int16_t" else "32"
    return f"rnne_q_put_{width}({values}, {item.bits})"


def _get(item: Carried) -> str:
    values = f"at, s->{item.name}, {item.size}"
    if item.c_type == "float":
        return f"rnne_f32_get_tensor({values}, {int(item.is_held)})"
    width = "16" if item.c_type == "int16_t" else "32"
    return f"rnne_q_get_{width}({values}, {item.bits})"


def _says(name: str, model: QuantisedModel) -> str:
    """What the header says of the arithmetic."""
    kept = [
        f"layer {k} ({layer.kind})"
        for k, (layer, part) in enumerate(
            zip(model.spec.layers, model.roles, strict=True)
        )
        if part.role == "float"
    ]
    lines = [
        "The layers are in integers; float are readings, their conversion and that of y."
    ]
    if kept:
        lines.append(f"So are {', '.join(kept)}.")
    return "\n" + comment(lines)
