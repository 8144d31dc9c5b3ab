"""Memory and statements of a step through a graph in float32."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rnnedge_runtime.spec.graph_check import INPUT
from rnnedge_runtime.spec.graph_layers import Memory
from rnnedge_runtime.spec.layers import AddLast, Layer
from rnnedge_runtime.spec.model_spec import ModelSpec

from .arena import Arena
from .f32_writer import ChainWriter
from .places import Places

ON_STACK = 32
"""An arena of up to so many floats is on the stack, a larger one in the state."""


class GraphWriter(ChainWriter):
    """A `ChainWriter` whose layers read where their sources lie.

    Attributes:
        k: the layer being written.
        zs: what it reads; `z` is the first of them.
        memories: with the tensors that take their next values at the end.
        after: statements behind these, on states that nothing reads any more.
    """

    def __init__(
        self, spec: ModelSpec, prefix: str, places: Places | None = None
    ) -> None:
        super().__init__(spec, prefix)
        self.arena = Arena()
        self.buffers: Any = self.arena
        self.places = places or Places(spec)
        self.bases: dict[int, str] = {}
        self.k = INPUT
        self.zs: tuple[str, ...] = ()
        self.memories: list[tuple[Memory, str]] = []
        self.after: list[str] = []
        self.has_flushed = any(
            INPUT in read and not layer.takes_raw for _, layer, read in self.readers()
        )

    def readers(self) -> Iterator[tuple[int, Layer, tuple[int, ...]]]:
        """Number, layer and reads of those that take floats."""
        for k, layer in enumerate(self.spec.layers):
            yield k, layer, self.spec.reads[k]

    def begin(self) -> None:
        """Model inputs as they are, and flushed where a layer reads them so."""
        raw, readings = (self._last_use(is_raw) for is_raw in (True, False))
        if self.r:
            self._extend(self.r, readings)
        self._extend(self.x, raw)
        if not self.has_flushed:
            return
        if raw > INPUT or self.r == self.x:
            self.z = self.take(self.spec.input_size)
        self._extend(self.z, self.places.lifetime(INPUT)[1])
        self.map("RNNE_F32_IDENTITY", self.spec.input_size, self.x, self.z)
        self.bases[INPUT] = self.z

    def _last_use(self, is_raw: bool) -> int:
        """The last layer that takes inputs before they are flushed, or before the clip."""
        uses = [INPUT]
        for k, layer, read in self.readers():
            reads_x = INPUT in read and layer.takes_raw
            adds_x = isinstance(layer, AddLast) and layer.is_clipped
            if reads_x or adds_x if is_raw else layer.takes_readings:
                uses.append(k)
        return max(uses)

    def enter(self, k: int, layer: Layer) -> None:
        """Layer `k` is written next."""
        self.k = self.arena.now = k
        self.zs = tuple(
            self.x if source == INPUT and layer.takes_raw else self.at(source)
            for source in self.spec.reads[k]
        )
        self.z = self.zs[0] if self.zs else ""

    def at(self, value: int) -> str:
        """Where a value begins that has been written, or is being so."""
        place = self.places.of[value]
        base = self.bases.get(place.root) or self._base(place.root)
        return self.part(base, place.offset)

    def part(self, z: str, offset: int) -> str:
        """`z` from an element on."""
        return f"({z} + {offset})" if offset else z

    def out(self, size: int, *, is_tail: bool = False) -> str:
        """Where the layer writes."""
        return self.at(self.k)

    def elementwise(self, call: str, layer: Layer, is_tail: bool) -> None:
        """A layer that may be in place."""
        self.lines.append(f"rnne_f32_{call}, {', '.join(self.zs)}, {self.at(self.k)});")

    def local(self, name: str) -> str:
        """A name that no other layer has."""
        return f"{name}_{self.k}"

    def first(self) -> str:
        """The first value of `z`."""
        return f"*{self.z}"

    def is_own(self, z: str) -> bool:
        """Never: `places` says what may be written over."""
        return False

    def move(self, z: str) -> None:
        """The value of the layer is at `z`."""
        if not self.places.is_own(self.k):
            self.bases[self.k] = z

    def finish(self) -> tuple[dict[str, int], int]:
        """The last statements; where the buffers begin, and how large the arena is."""
        last = self.places.end - 1
        y = self.at(last)
        if y != "y":
            size = self.spec.layers[last].output_size
            self.lines.append(f"rnne_f32_copy({size}, {y}, y);")
        self.remember()
        self.lines += self.after
        return self.arena.plan()

    def remember(self) -> None:
        """What memories give in the next step."""
        for memory, m in self.memories:
            z = self.at(memory.next)
            if z != m:
                self.lines.append(f"rnne_f32_copy({memory.output_size}, {z}, {m});")

    def _base(self, root: int) -> str:
        """Memory for the values of `root`."""
        layers = self.spec.layers
        if self.places.is_output(root):
            self.bases[root] = "y"
            return "y"
        self.bases[root] = base = self.take(layers[root].output_size)
        begin, end = self.places.lifetime(root)
        self.arena.buffers[base.strip("@")].begin = begin
        self._extend(base, end)
        return base

    def _extend(self, base: str, end: int) -> None:
        buffer = self.arena.buffers[base.strip("@")]
        buffer.end = max(buffer.end, end)
