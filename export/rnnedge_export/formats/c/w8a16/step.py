"""The C statements of one step in integers, and the memory they need."""

from __future__ import annotations

from dataclasses import dataclass

from rnnedge_runtime.numerics.w8a16 import GRU_BITS, LARGEST_VALUE
from rnnedge_runtime.spec.layers import (
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    RecurrentLayer,
    Rnn,
    Softmax,
)
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

from ..f32.step import ON_STACK
from ..interface import STATE_FIELD
from .accept import Carried, InputWriter, padded
from .packing import PANEL, groups

ON_STACK_Q = 2 * ON_STACK
"""Buffers of up to so many integers are on the stack, larger ones in the state."""
_FUNCTIONS = {
    "tanh": "RNNE_Q_TANH",
    "relu": "RNNE_Q_RELU",
    "sigmoid": "RNNE_Q_SIGMOID",
}


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
                self.layer(k, layer)
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
        sizes = (
            [
                ("int16_t", name, size, size <= ON_STACK_Q and name != last)
                for name, size in self.buffers.sizes.items()
            ]
            + [
                ("int32_t", name, size, size <= ON_STACK and name != last)
                for name, size in self.wide_buffers.sizes.items()
            ]
            + [
                ("float", name, size, size <= ON_STACK)
                for name, size in self.floats.buffers.sizes.items()
            ]
        )
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

    def float_layer(self, k: int, layer: Layer) -> None:
        rest = zip(self.spec.layers[k + 1 :], self.parts[k + 1 :], strict=True)
        is_tail = all(
            part.role == "float"
            and isinstance(item, Affine | Activation | Softmax | AddLast)
            for item, part in rest
        )
        before = len(self.floats.state)
        self.floats.layer(k, layer, is_tail)
        for name, size in self.floats.state[before:]:
            self.arrays.append(("float", name, size))
            values = self.spec.state[len(self.carried)].size
            self.carried.append(Carried(name, "float", values))

    def enter(self, k: int, layer: Layer) -> None:
        size = layer.input_size
        self.z = self.take(size)
        self.lines.append(
            f"rnne_q_enter({size}, {self.prefix}_in_{k}_rate, {self.floats.z}, {self.z});"
        )

    def leave(self, k: int, layer: Layer) -> None:
        size = layer.output_size
        out = "y" if k + 1 == len(self.spec.layers) else self.floats.take(size)
        arrays = f"{self.prefix}_out_{k}_step, {self.prefix}_out_{k}_offset"
        call = "leave_32" if self.is_wide else "leave"
        self.lines.append(f"rnne_q_{call}({size}, {arrays}, {self.z}, {out});")
        self.floats.move(out)
        self.move("")

    def layer(self, k: int, layer: Layer) -> None:
        array = f"{self.prefix}_{k}"
        match layer:
            case Embedding():
                out = self.take(layer.embedding_dim)
                self.lines.append(
                    f"rnne_q_embedding({array}_table, {array}_multipliers, "
                    f"{layer.embedding_dim}, {self.z}[0], {out});"
                )
                self.move(out)
            case Linear():
                out = self.take(layer.output_size)
                arrays = f"{array}_weights, {array}_rows"
                self.linear(arrays, layer.output_size, layer.input_size, out)
                self.move(out)
            case Activation():
                gain = int(self.model.tensors[f"layers.{k}.gain"][0])
                function = _FUNCTIONS[layer.function]
                bound = min(LARGEST_VALUE, 2**30 // max(abs(gain), 1) + 1)
                given = f"{function}, {gain}, {bound}, {layer.size}"
                self.elementwise(f"map({given}", layer)
            case Difference():
                self.difference(array, layer)
            case AddLast() if self.holds_readings and not layer.is_clipped:
                size, out = layer.output_size, self.take_wide(layer.output_size)
                arrays = f"{array}_gain, {array}_multiple, {array}_sources"
                self.lines.append(
                    f"rnne_q_add_reading({size}, {arrays}, {self.r}, {self.z}, {out});"
                )
                self.move(out)
                self.is_wide = True
            case AddLast():
                arrays = f"{array}_gain, {array}_source_gain, {array}_sources"
                size = layer.output_size
                self.elementwise(f"add_last({size}, {arrays}, {self.x}", layer)
            case RecurrentLayer():
                self.recurrent(k, array, layer)

    def difference(self, array: str, layer: Difference) -> None:
        """Only ever the first layer, so `z` is the model input."""
        n, size, out = (
            len(layer.sources),
            layer.input_size,
            self.take(layer.output_size),
        )
        d = f"d_{self.floats.num_recurrent}"
        self.floats.num_recurrent += 1
        sources = f"{array}_sources"
        self.carried.append(Carried(d, "int32_t", n + 1, sources=sources))
        self.arrays.append(("int32_t", d, n + 1))
        ends = f"{array}_change_low, {array}_change_high, {array}_drop"
        self.lines += [
            f"rnne_q_copy({size}, {self.z}, {out});",
            f"rnne_q_changes({n}, {ends}, {sources}, {self.r}, s->{d}, {out} + {size});",
        ]
        if layer.output_size % PANEL:
            self.lines.append(f"rnne_q_fill({layer.output_size}, {out});")
        self.move(out)

    def recurrent(self, k: int, array: str, layer: RecurrentLayer) -> None:
        blocks = groups(layer.hidden_size)
        index = self.floats.num_recurrent
        self.floats.num_recurrent += 1
        h = f"h_{index}"
        weights = f"{array}_weights, {array}_rows"
        given = f"{self.z}, {groups(layer.input_size)}"
        if isinstance(layer, Gru):
            self.carry(h, "int32_t", layer.hidden_size, GRU_BITS)
            self.arrays.append(("int16_t", f"out_{index}", 4 * blocks))
            output = f"rnne_q_gru_output({blocks}, s->{h}, s->out_{index});"
            self.lines += [
                f"rnne_q_gru({weights}, {given}, s->out_{index}, {blocks}, s->{h});",
                output,
            ]
            self.after_restore.append(output)
            self.move(f"s->out_{index}")
            return
        bits = self.model.tensors[f"layers.{k}.bits"]
        self.carry(h, "int16_t", layer.output_size, int(bits[0]))
        out = self.take(layer.hidden_size)
        if isinstance(layer, Rnn):
            function = _FUNCTIONS[layer.nonlinearity]
            self.lines.append(
                f"rnne_q_rnn({function}, {weights}, {given}, s->{h}, {blocks}, {out});"
            )
        else:
            c = f"c_{index}"
            self.carry(c, "int32_t", layer.hidden_size, int(bits[1]))
            self.lines.append(
                f"rnne_q_lstm({weights}, {given}, s->{h}, {groups(layer.output_size)}, "
                f"{blocks}, {int(bits[1])}, s->{c}, {out});"
            )
        self.move(out)
        if isinstance(layer, Lstm) and layer.proj_size:
            arrays = f"{array}_projection, {array}_projection_rows"
            self.linear(arrays, layer.proj_size, layer.hidden_size, f"s->{h}")
        else:
            self.lines.append(f"rnne_q_copy({4 * blocks}, {out}, s->{h});")
        self.move(f"s->{h}")

    def linear(self, arrays: str, rows: int, columns: int, out: str) -> None:
        self.lines.append(
            f"rnne_q_linear({arrays}, {groups(rows)}, {self.z}, {groups(columns)}, {out});"
        )

    def elementwise(self, call: str, layer: Layer) -> None:
        """A layer that may be in place, where `z` is neither a state nor still needed."""
        is_own = self.z.startswith("@") and self.z != self.x
        out = self.z if is_own else self.take(layer.output_size)
        self.lines.append(f"rnne_q_{call}, {self.z}, {out});")
        self.move(out)

    def carry(self, name: str, c_type: str, size: int, bits: int) -> None:
        self.carried.append(Carried(name, c_type, size, bits))
        self.arrays.append((c_type, name, padded(size)))

    def move(self, z: str) -> None:
        if self.z != self.x and self.z != z:
            self.buffers.give_back(self.z.strip("@"))
        self.z = z
