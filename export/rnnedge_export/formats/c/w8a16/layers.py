"""The C statements of one step in integers, kind by kind, and the memory they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rnnedge_runtime.numerics.w8a16 import LARGEST_VALUE
from rnnedge_runtime.spec import layers as kinds
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

from ..cells import CELLS
from ..f32.layers import ON_STACK, TAIL, write_layer
from ..interface import STATE_FIELD
from ..writers.arrays import UNITS
from ..writers.w8a16_writer import FUNCTIONS_Q, Carried, InputWriter


def _embedding(writer: InputWriter, layer: kinds.Embedding, k: int, array: str) -> None:
    out = writer.take(layer.embedding_dim)
    writer.lines.append(
        f"rnne_q_embedding({array}_table, {array}_multipliers, "
        f"{layer.embedding_dim}, {writer.z}[0], {out});"
    )
    writer.move(out)


def _linear(writer: InputWriter, layer: kinds.Linear, k: int, array: str) -> None:
    out = writer.take(layer.output_size)
    arrays = f"{array}_weights, {array}_rows"
    writer.linear(arrays, layer.output_size, layer.input_size, out)
    writer.move(out)


def _activation(
    writer: InputWriter, layer: kinds.Activation, k: int, array: str
) -> None:
    gain = int(writer.model.tensors[f"layers.{k}.gain"][0])
    bound = min(LARGEST_VALUE, 2**30 // max(abs(gain), 1) + 1)
    given = f"{FUNCTIONS_Q[layer.function]}, {gain}, {bound}, {layer.size}"
    writer.elementwise(f"map({given}", layer)


def _add_last(writer: InputWriter, layer: kinds.AddLast, k: int, array: str) -> None:
    size = layer.output_size
    if not writer.holds_readings or layer.is_clipped:
        arrays = f"{array}_gain, {array}_source_gain, {array}_sources"
        writer.elementwise(f"add_last({size}, {arrays}, {writer.x}", layer)
        return
    out = writer.take_wide(size)
    arrays = f"{array}_gain, {array}_multiple, {array}_sources"
    writer.lines.append(
        f"rnne_q_add_reading({size}, {arrays}, {writer.r}, {writer.z}, {out});"
    )
    writer.move(out)
    writer.is_wide = True


def _difference(
    writer: InputWriter, layer: kinds.Difference, k: int, array: str
) -> None:
    """Only ever the first layer, so `z` is the model input."""
    n, size = len(layer.sources), layer.input_size
    out = writer.take(layer.output_size)
    d, sources = f"d_{writer.floats.num_recurrent}", f"{array}_sources"
    writer.floats.num_recurrent += 1
    writer.carried.append(Carried(d, "int32_t", n + 1, sources=sources))
    writer.keep(d, "int32_t", n + 1)
    ends = f"{array}_change_low, {array}_change_high, {array}_drop"
    writer.lines += [
        f"rnne_q_copy({size}, {writer.z}, {out});",
        f"rnne_q_changes({n}, {ends}, {sources}, {writer.r}, s->{d}, {out} + {size});",
    ]
    if layer.output_size % UNITS:
        writer.lines.append(f"rnne_q_fill({layer.output_size}, {out});")
    writer.move(out)


def _recurrent(
    writer: InputWriter, layer: kinds.RecurrentLayer, k: int, array: str
) -> None:
    index = writer.floats.num_recurrent
    writer.floats.num_recurrent += 1
    CELLS[type(layer)].step_q(writer, layer, k, array, index)


LAYERS: dict[type[kinds.Layer], Callable[[InputWriter, Any, int, str], None]] = {
    kinds.Embedding: _embedding,
    kinds.Linear: _linear,
    kinds.Activation: _activation,
    kinds.Difference: _difference,
    kinds.AddLast: _add_last,
    **dict.fromkeys(CELLS, _recurrent),
}
"""All that `layer_roles` leaves in integers: scalers become part of the conversions."""

ON_STACK_Q = 2 * ON_STACK
"""Buffers of up to so many integers are on the stack, larger ones in the state."""


@dataclass(frozen=True, slots=True)
class IntegerCode:
    """One step of a model in integers.

    Attributes:
        carried: tensors of the state, in the order of snapshots.
        fields: all arrays of the state.
        declarations: of the buffers on the stack.
        lines: statements from `x` to the outputs.
        result: where the integers of the outputs are then, in the state; "" where the
            statements write `y`.
        is_wide: whether these are int32.
        after_restore: statements that follow once `carried` are read.
    """

    carried: tuple[Carried, ...]
    fields: tuple[STATE_FIELD, ...]
    declarations: tuple[str, ...]
    lines: tuple[str, ...]
    result: str
    is_wide: bool
    after_restore: tuple[str, ...]


def integer_code(model: QuantisedModel, prefix: str) -> IntegerCode:
    """One step of `model`: from integers where all is integer, else from readings.

    Args:
        model: it.
        prefix: of the constant arrays.
    """
    writer = _IntegerWriter(model, prefix)
    writer.write()
    return writer.code()


class _IntegerWriter(InputWriter):
    """Goes through the chain; `floats` writes the layers kept in float."""

    def write(self) -> None:
        spec = self.spec
        if self.parts[0].is_first:
            self.accept()
        else:
            self.floats.accept()
        for k, (layer, part) in enumerate(zip(spec.layers, self.parts, strict=True)):
            if part.role == "float":
                self.float_layer(k, layer)
                continue
            if part.is_first and k > 0:
                self.enter(k, layer)
            if part.role == "integer":
                LAYERS[type(layer)](self, layer, k, f"{self.prefix}_{k}")
            if part.is_last and not self.is_only:
                self.leave(k, layer)
        if not self.is_only and self.floats.z != "y":
            size = spec.layers[-1].output_size
            self.lines.append(f"rnne_f32_copy({size}, {self.floats.z}, y);")

    def code(self) -> IntegerCode:
        carried = list(self.carried)
        c_type = "int16_t" if self.parts[0].is_first else "float"
        c_type = "int32_t" if self.holds_readings else c_type
        num = self.spec.num_features
        carried.append(Carried("held", c_type, num, is_held=True))
        last = self.z.strip("@")
        kinds_of_buffers = (
            ("int16_t", self.buffers, ON_STACK_Q),
            ("int32_t", self.wide_buffers, ON_STACK),
            ("float", self.floats.buffers, ON_STACK),
        )
        sizes = [
            (kind, name, size, size <= most and name != last)
            for kind, buffers, most in kinds_of_buffers
            for name, size in buffers.sizes.items()
        ]
        lines = self.lines
        for _, name, _, is_local in sizes:
            place = name if is_local else f"s->{name}"
            lines = [line.replace(f"@{name}@", place) for line in lines]
        fields = [*self.arrays, (c_type, "held", num)]
        fields += [(kind, name, n) for kind, name, n, is_local in sizes if not is_local]
        order = {"int32_t": 0, "float": 1, "int16_t": 2}
        fields.sort(key=lambda item: (item[1] == "held", order[item[0]]))
        return IntegerCode(
            carried=tuple(carried),
            fields=tuple(fields),
            declarations=tuple(
                f"{'RNNE_ALIGNED ' if kind == 'int16_t' else ''}{kind} {name}[{n}];"
                for kind, name, n, is_local in sizes
                if is_local
            ),
            lines=tuple(lines),
            result=f"s->{last.removeprefix('s->')}" if self.is_only else "",
            is_wide=self.is_wide,
            after_restore=tuple(self.after_restore),
        )

    def float_layer(self, k: int, layer: kinds.Layer) -> None:
        rest = zip(self.spec.layers[k + 1 :], self.parts[k + 1 :], strict=True)
        is_tail = all(
            part.role == "float" and isinstance(item, TAIL) for item, part in rest
        )
        before = len(self.floats.state)
        write_layer(self.floats, k, layer, is_tail)
        for name, size in self.floats.state[before:]:
            self.arrays.append(("float", name, size))
            values = self.spec.state[len(self.carried)].size
            self.carried.append(Carried(name, "float", values))

    def enter(self, k: int, layer: kinds.Layer) -> None:
        size = layer.input_size
        self.z = self.take(size)
        self.lines.append(
            f"rnne_q_enter({size}, {self.prefix}_in_{k}_rate, {self.floats.z}, {self.z});"
        )

    def leave(self, k: int, layer: kinds.Layer) -> None:
        size = layer.output_size
        out = "y" if k + 1 == len(self.spec.layers) else self.floats.take(size)
        arrays = f"{self.prefix}_out_{k}_step, {self.prefix}_out_{k}_offset"
        call = "leave_32" if self.is_wide else "leave"
        self.lines.append(f"rnne_q_{call}({size}, {arrays}, {self.z}, {out});")
        self.floats.move(out)
        self.move("")
