"""The C statements of one step in integers, and the memory they need."""

from __future__ import annotations

from dataclasses import dataclass

from rnnedge_runtime.spec.layers import Layer
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

from ..f32.layers import write_layer
from ..f32.step import ON_STACK, TAIL
from ..interface import STATE_FIELD
from .accept import Carried, InputWriter
from .layers import write_integer_layer

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
                write_integer_layer(self, k, layer)
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
            part.role == "float" and isinstance(item, TAIL) for item, part in rest
        )
        before = len(self.floats.state)
        write_layer(self.floats, k, layer, is_tail)
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
