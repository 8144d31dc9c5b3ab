"""Memory and statements of a step through a graph in integers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from rnnedge_runtime.spec.graph_check import INPUT
from rnnedge_runtime.spec.graph_layers import Memory
from rnnedge_runtime.spec.graph_roles import converted_in, converted_out
from rnnedge_runtime.spec.layers import Layer
from rnnedge_runtime.spec.w8a16_graph import WIDE_BITS
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

from ..interface import STATE_FIELD
from .arena import Arena
from .arrays import UNITS, groups, padded
from .graph_writer import GraphWriter
from .w8a16_places import STATES, IntegerPlaces
from .w8a16_writer import Carried


def is_uniform(values: np.ndarray) -> bool:
    """Whether one number stands for all of an array."""
    return bool((values == values.flat[0]).all())


class FloatPart(GraphWriter):
    """The layers of a graph in integers that are float."""

    def __init__(self, whole: IntegerGraphWriter) -> None:
        self.whole = whole
        super().__init__(whole.spec, whole.prefix, whole.places)

    def readers(self) -> Iterator[tuple[int, Layer, tuple[int, ...]]]:
        places = self.whole.places
        return (
            item for item in super().readers() if not places.takes_integers(item[0])
        )

    def at(self, value: int) -> str:
        if self.whole.places.is_integer(value):
            return self.whole.reals[value]
        return super().at(value)

    def carry(self, kind: str, size: int, *, is_padded: bool = False) -> str:
        name = super().carry(kind, size, is_padded=is_padded)
        self.whole.put_state(name.removeprefix("s->"), "float", size, self.state[-1][1])
        return name


class IntegerGraphWriter:
    """What the layers of a graph in integers write to; `floats` writes those in float.

    Attributes:
        k: the layer being written.
        z: the int16 that it reads, or the first of them.
        zs: all of them.
        reals: of integer values that float layers read, where they lie as floats.
        wide: of values that are carried wide, where their 32 bits lie.
        carried: tensors of the state, in the order of snapshots.
        arrays: all arrays of the state, without buffers.
        after: statements behind all others.
        after_restore: statements once the state was read.
        starts: first values of arrays of the state that do not begin as zeros.
    """

    def __init__(self, model: QuantisedModel, prefix: str) -> None:
        self.model = model
        self.spec = model.spec
        self.prefix = prefix
        self.parts = model.roles
        self.places = IntegerPlaces(model.spec, parts=model.roles)
        self.arena = Arena("q")
        self.wides = Arena("w")
        self.bases: dict[int, str] = {}
        self.copies: dict[int, str] = {}
        self.reals: dict[int, str] = {}
        self.wide: dict[int, str] = {}
        self.carried: list[Carried] = []
        self.arrays: list[STATE_FIELD] = []
        self.memories: list[tuple[int, Memory, str]] = []
        self.after: list[str] = []
        self.after_restore: list[str] = []
        self.k = INPUT
        self.z = ""
        self.zs: tuple[str, ...] = ()
        self.floats = FloatPart(self)
        self.lines = self.floats.lines
        self.incoming = converted_in(model.spec, model.roles)
        self.outgoing = converted_out(model.spec, model.roles)

    def accept(self) -> None:
        """Readings as the model input, and as integers where layers read these."""
        self.floats.accept()
        if INPUT in self.incoming:
            self.convert_in(INPUT, self.floats.x, self.spec.input_size)

    def enter(self, k: int, layer: Layer) -> None:
        """Layer `k` is written next."""
        self.k = self.arena.now = self.wides.now = k
        self.zs, self.floats.arena.now = (), k
        if self.places.takes_integers(k):
            self.zs = tuple(self.at(source) for source in self.spec.reads[k])
        else:
            self.floats.enter(k, layer)
        self.z = self.zs[0] if self.zs else ""

    def leave(self, k: int, layer: Layer) -> None:
        """What other layers read of `k` as numbers of the other type."""
        if k in self.incoming:
            self.convert_in(k, self.floats.at(k), layer.output_size)
        if k in self.outgoing:
            size, is_last = layer.output_size, k == self.places.end - 1
            out = "y" if is_last else self.floats.take(size)
            if not is_last:
                self.floats._extend(out, self.last_use(k, is_integer=False))
            array = f"{self.prefix}_out_{k}_step"
            each = self.each(f"value.{k}.step")
            given = f"{size}, {array}, {each}, {self.at(k)}, {out}"
            self.lines.append(f"rnne_q_reals({given});")
            self.reals[k] = out

    def convert_in(self, k: int, z: str, size: int) -> None:
        """A float value as integers."""
        out = self.take(size)
        self.extend(out, self.last_use(k, is_integer=True))
        start = f"{self.prefix}_in_{'x' if k == INPUT else k}"
        has_shift = self.model.tensors[f"value.{k}.shift"].tobytes().strip(b"\0")
        shift = f"{start}_shift" if has_shift else "NULL"
        each = self.each(f"value.{k}.rate")
        self.lines.append(
            f"rnne_q_convert({size}, {shift}, {start}_rate, {each}, {z}, {out});"
        )
        self.copies[k] = out

    def last_use(self, value: int, *, is_integer: bool) -> int:
        """The last layer that reads a value as numbers of one type."""
        places, last = self.places, self.k
        for k, layer in enumerate(self.spec.layers):
            is_reader = places.takes_integers(k) == is_integer
            if is_reader and value in self.spec.reads[k]:
                last = max(last, k)
            if isinstance(layer, Memory) and layer.next == value:
                last = places.end if is_reader else last
        return last

    def at(self, value: int) -> str:
        """Where the int16 of a value begin."""
        if not self.places.is_integer(value):
            return self.copies[value]
        place = self.places.of[value]
        base = self.bases.get(place.root) or self._base(place.root)
        return self.part(base, place.offset)

    def part(self, z: str, offset: int) -> str:
        """`z` from an element on."""
        return f"({z} + {offset})" if offset else z

    @property
    def out(self) -> str:
        """Where the layer writes."""
        return self.at(self.k)

    def _base(self, root: int) -> str:
        self.bases[root] = base = self.take(self._room(root))
        begin, end = self.places.lifetime(root)
        self.arena.buffers[base].begin = begin
        self.extend(base, end)
        return base

    def _room(self, root: int) -> int:
        """Elements for a value, what is written behind it included."""
        layer = self.spec.layers[root]
        positions = getattr(layer, "positions", 1)
        rest = padded(layer.output_size // positions) - layer.output_size // positions
        return layer.output_size + rest

    def aligned(self, value: int) -> str:
        """An operand of a product: whole groups of numbers from a word on."""
        layer = self.spec.layers[value] if value != INPUT else None
        size = self.spec.input_size if layer is None else layer.output_size
        z = self.at(value)
        if not self.places.is_integer(value):
            return self.filled(z, size)
        place = self.places.of[value]
        root = self.spec.layers[place.root]
        is_at_end = place.offset + size == root.output_size
        if place.offset % 2 == 0 and (size % UNITS == 0 or is_at_end):
            return z if isinstance(root, STATES) else self.filled(z, size)
        out = self.take(size)
        self.lines.append(f"rnne_q_copy({size}, {z}, {out});")
        return self.filled(out, size)

    def filled(self, z: str, size: int) -> str:
        """With zeros up to a whole group."""
        if size % UNITS:
            self.lines.append(f"rnne_q_fill({size}, {z});")
        return z

    def call(self, name: str, *given: object) -> None:
        """A statement: a kernel and what it is given."""
        self.lines.append(f"rnne_q_{name}({', '.join(map(str, given))});")

    def scalar(self, name: str) -> int:
        """A number of the layer."""
        return int(self.model.tensors[f"layers.{self.k}.{name}"][0])

    def each(self, *names: str) -> int:
        """Whether arrays have a number of each value: 1, or one of all: 0."""
        return int(not all(is_uniform(self.model.tensors[name]) for name in names))

    def gains(self, *names: str) -> str:
        """The arrays of gains of the layer, whether each value has one, and the places."""
        full = [f"layers.{self.k}.{name}" for name in names or ("gain",)]
        arrays = [f"{self.prefix}_{self.k}_{name}" for name in names or ("gain",)]
        return f"{', '.join(arrays)}, {self.each(*full)}, {self.scalar('places')}"

    def keeps_unit(self) -> bool:
        """Whether the gains of the layer change nothing."""
        gain = self.model.tensors[f"layers.{self.k}.gain"]
        return bool((gain == 2 ** self.scalar("places")).all())

    def rescale(self, size: int, z: str, out: str) -> None:
        """Into the unit that the gains of the layer lead to."""
        if self.keeps_unit():
            self.copy(size, z, out)
        else:
            self.call("rescale", size, self.gains(), z, out)

    def copy(self, size: int, z: str, out: str) -> None:
        """Of `size` values, unless they lie there."""
        if z != out:
            self.call("copy", size, z, out)

    def linear(self, arrays: str, rows: int, columns: int, out: str) -> None:
        """A product."""
        self.call("linear", arrays, groups(rows), self.z, groups(columns), out)

    def put_state(self, name: str, c_type: str, size: int, room: int) -> None:
        """The next tensor of the state."""
        self.carried.append(Carried(name, c_type, size))
        self.arrays.append((c_type, name, room))

    def carry(self, name: str, c_type: str, size: int, bits: int) -> str:
        """A tensor of the state that is in snapshots."""
        self.carried.append(Carried(name, c_type, size, bits))
        return self.keep(name, c_type, padded(size))

    def carry_h(self, k: int, index: int, size: int) -> str:
        """The `h` of a cell whose layer says its fraction bits."""
        return self.carry(f"h_{index}", "int16_t", size, self.scalar("bits"))

    def carry_value(self, kind: str, size: int, kept: int) -> str:
        """A tensor of `kept` integers of the layer, in an array of `size`."""
        name, bits = f"{kind}_{self.index()}", self.scalar("state_bits")
        if self.parts[self.k].is_wide:
            return self.carry(name, "int32_t", size, bits + WIDE_BITS)
        self.carried.append(Carried(name, "int16_t", kept, bits))
        return self.keep(name, "int16_t", padded(size))

    def index(self) -> int:
        """The number of the next layer that has a state."""
        self.floats.num_recurrent += 1
        return self.floats.num_recurrent - 1

    def keep(self, name: str, c_type: str, size: int) -> str:
        """An array of the state."""
        self.arrays.append((c_type, name, size))
        return f"s->{name}"

    def move(self, z: str) -> None:
        """The value of the layer is at `z`."""
        self.z = z
        if not self.places.is_own(self.k):
            self.bases[self.k] = z

    def take(self, size: int) -> str:
        """Memory for int16 while the layer is written."""
        return self.arena.take(padded(size))

    def extend(self, base: str, end: int) -> None:
        """Keep it until a later layer."""
        buffer = self.arena.buffers[base]
        buffer.end = max(buffer.end, end)

    def put_wide(self, size: int) -> str:
        """Memory for the wide value of the layer: that of a memory it is for, if free."""
        later = itertools.chain.from_iterable(self.spec.reads[self.k + 1 :])
        read = {s for s in later if s in self.wide}
        homes = [
            m
            for k, item, m in self.memories
            if item.next == self.k and self.parts[k].is_wide and k not in read
        ]
        if homes:
            self.wide[self.k] = homes[0]
            return homes[0]
        base = self.wides.take(size)
        self.wides.buffers[base].end = self.last_use(self.k, is_integer=True)
        self.wide[self.k] = base
        return base

    def remember(self) -> None:
        """What memories give in the next step."""
        self.floats.remember()
        for k, memory, m in self.memories:
            self.k, size = k, memory.output_size
            if self.parts[k].is_wide:
                if self.wide[memory.next] != m:
                    self.call("copy_wide", size, self.wide[memory.next], m)
            else:
                self.rescale(size, self.at(memory.next), m)
        self.lines += [*self.floats.after, *self.after]
