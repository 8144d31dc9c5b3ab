"""The C statements that turn readings into the integers of a step."""

from __future__ import annotations

from dataclasses import dataclass

from rnnedge_runtime.spec.layers import AddLast, Difference, Embedding, Layer
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

from ..interface import STATE_FIELD
from ..ranges import has_ranges
from .arrays import UNITS, groups, padded
from .f32_writer import ACTIVATIONS, Buffers, ChainWriter

FUNCTIONS_Q = {name: f"RNNE_Q_{name.upper()}" for name in ACTIVATIONS}


@dataclass(frozen=True, slots=True)
class Carried:
    """A tensor of the state, as snapshots have it.

    Attributes:
        name: of the array in the state.
        c_type: of its elements.
        size: elements in a snapshot.
        bits: fraction bits of integers.
        is_held: whether it holds readings.
        sources: of what it holds the readings of the step before: where its inputs are
            listed.
    """

    name: str
    c_type: str
    size: int
    bits: int = 0
    is_held: bool = False
    sources: str = ""


def limits(model: QuantisedModel, prefix: str, start: int = 0) -> tuple[str, str]:
    """The arrays of limits from an input on; NULL where none is nearer than int16's own."""
    num = model.spec.num_features
    span = slice(0, num) if start == 0 else slice(start, None)
    names = []
    for name, least in (("low", -32767), ("high", 32767)):
        is_open = (model.tensors[f"input.0.{name}"][span] == least).all()
        at = f" + {start}" if start else ""
        names.append("NULL" if is_open else f"{prefix}_{name}{at}")
    return names[0], names[1]


def quantise_lines(model: QuantisedModel, prefix: str, out: str) -> list[str]:
    """Statements that make integers `out` of readings `x`; implausible ones are missing."""
    spec, width = model.spec, "_32" if model.holds_readings else ""
    arrays = f"{prefix}_input_shift, {prefix}_input_rate"
    lines = [f"rnne_q_quantise{width}({spec.input_size}, {arrays}, x, {out});"]
    if isinstance(first := spec.layers[0], Embedding):
        lines = [f"rnne_q_quantise_token({first.num_embeddings}.0f, x, {out});"]
    if has_ranges(spec):
        keys = f"{prefix}_range_least, {prefix}_range_most"
        lines.append(f"rnne_q_rule_out{width}({spec.num_features}, x, {keys}, {out});")
    return lines


class InputWriter:
    """Writes how readings become integers; `floats` writes the layers kept in float."""

    def __init__(self, model: QuantisedModel, prefix: str) -> None:
        self.model = model
        self.spec = model.spec
        self.prefix = prefix
        self.parts = model.roles
        self.floats = ChainWriter(model.spec, prefix)
        self.buffers = Buffers("q")
        self.wide_buffers = Buffers("r")
        self.holds_readings = model.holds_readings
        self.lines = self.floats.lines
        self.carried: list[Carried] = []
        self.arrays: list[STATE_FIELD] = []
        self.after_restore: list[str] = []
        self.x = ""
        self.z = ""
        self.r = ""
        self.is_wide = False
        self.is_only = model.is_integer_only

    def accept(self) -> None:
        """Readings as integers: `x` is what `add_last` sees, `z` goes through the layers."""
        spec, prefix = self.spec, self.prefix
        size, num = spec.input_size, spec.num_features
        self.x = self.z = self.take(size)
        if self.holds_readings:
            self.accept_readings()
            return
        first = spec.layers[0]
        given = "x"
        if not self.is_only:
            given = self.x
            self.lines += quantise_lines(self.model, prefix, given)
        elif self.has_ranges:
            bounds = f"{prefix}_least, {prefix}_most"
            self.lines.append(f"rnne_q_drop({num}, x, {bounds}, {self.x});")
            if spec.derived:
                rest = f"x + {num}, {self.x} + {num}"
                self.lines.append(f"rnne_q_copy({size - num}, {rest});")
            given = self.x
        if isinstance(first, Embedding):
            rows = str(first.num_embeddings)
            self.lines.append(
                f"rnne_q_accept_token({given}, {rows}, s->held, {self.x});"
            )
        else:
            low, high = limits(self.model, prefix)
            self.lines.append(
                f"rnne_q_accept({num}, {given}, {low}, {high}, s->held, {self.x});"
            )
        if spec.derived:
            low, high = limits(self.model, prefix, num)
            self.lines.append(
                f"rnne_q_accept_derived({size - num}, {given} + {num}, {low}, {high}, "
                f"{prefix}_zero, {self.x} + {num});"
            )
        self.finish_inputs()

    def accept_readings(self) -> None:
        """The same where readings are held before the clip: `r` is these."""
        spec, prefix = self.spec, self.prefix
        size, num = spec.input_size, spec.num_features
        given = "x"
        if not self.is_only:
            given = self.take_wide(size)
            self.lines += quantise_lines(self.model, prefix, given)
        bounds = f"{prefix}_least, {prefix}_most" if self.has_ranges else "NULL, NULL"
        ends = f"{prefix}_reading_low, {prefix}_reading_high"
        self.lines += [
            f"rnne_q_hold({num}, {given}, {bounds}, {ends}, s->held);",
            f"rnne_q_clip({num}, s->held, {prefix}_low, {prefix}_high, {self.x});",
        ]
        if spec.derived:
            ends = f"{prefix}_low + {num}, {prefix}_high + {num}, {prefix}_zero"
            self.lines.append(
                f"rnne_q_clip_derived({size - num}, {given} + {num}, {ends}, "
                f"{self.x} + {num});"
            )
        self.r = "s->held"
        sources = [
            source
            for layer in spec.layers
            if isinstance(layer, Difference | AddLast)
            for source in layer.sources
        ]
        if max(sources) >= num:
            self.r = self.take_wide(size)
            self.lines += [
                f"rnne_q_copy_32({num}, s->held, {self.r});",
                f"rnne_q_widen({size - num}, {self.x} + {num}, {self.r} + {num});",
            ]
        self.finish_inputs()

    @property
    def has_ranges(self) -> bool:
        return has_ranges(self.spec)

    def finish_inputs(self) -> None:
        spec, prefix, size = self.spec, self.prefix, self.spec.input_size
        if size % UNITS:
            self.lines.append(f"rnne_q_fill({size}, {self.x});")
        in_float = [
            layer
            for layer, part in zip(spec.layers, self.parts, strict=True)
            if isinstance(layer, AddLast | Difference) and part.role == "float"
        ]
        arrays = f"{prefix}_input_step, {prefix}_input_shift"
        if any(not layer.takes_readings for layer in in_float):
            self.floats.x = self.floats.take(size)
            self.lines.append(
                f"rnne_q_values({size}, {arrays}, {self.x}, {self.floats.x});"
            )
        if any(layer.takes_readings for layer in in_float):
            self.floats.r = self.floats.take(size)
            self.values_of_readings(arrays)

    def values_of_readings(self, arrays: str) -> None:
        """What layers in float take of the readings before the clip."""
        num, size, r = self.spec.num_features, self.spec.input_size, self.floats.r
        if not self.holds_readings:
            self.lines.append(f"rnne_q_values({size}, {arrays}, {self.x}, {r});")
            return
        self.lines.append(f"rnne_q_values_32({num}, {arrays}, s->held, {r});")
        if size > num:
            rest = ", ".join(f"{name} + {num}" for name in arrays.split(", "))
            self.lines.append(
                f"rnne_q_values({size - num}, {rest}, {self.x} + {num}, {r} + {num});"
            )

    def take(self, size: int) -> str:
        return f"@{self.buffers.take(padded(size))}@"

    def take_wide(self, size: int) -> str:
        return f"@{self.wide_buffers.take(size)}@"

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

    def carry(self, name: str, c_type: str, size: int, bits: int) -> str:
        """A tensor of the state that is in snapshots."""
        self.carried.append(Carried(name, c_type, size, bits))
        return self.keep(name, c_type, padded(size))

    def carry_h(self, k: int, index: int, size: int) -> str:
        """The `h` of a cell whose layer says its fraction bits."""
        bits = int(self.model.tensors[f"layers.{k}.bits"][0])
        return self.carry(f"h_{index}", "int16_t", size, bits)

    def keep(self, name: str, c_type: str, size: int) -> str:
        """An array of the state."""
        self.arrays.append((c_type, name, size))
        return f"s->{name}"

    def move(self, z: str) -> None:
        if self.z != self.x and self.z != z:
            self.buffers.give_back(self.z.strip("@"))
        self.z = z
