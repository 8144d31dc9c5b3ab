"""Where the values of a graph lie: which share memory, and how long each is needed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from rnnedge_runtime.spec import graph_layers as graph
from rnnedge_runtime.spec import layers as kinds
from rnnedge_runtime.spec.graph_check import INPUT
from rnnedge_runtime.spec.model_spec import ModelSpec

IN_PLACE = (
    *(kinds.Affine, kinds.Activation, kinds.Softmax, kinds.AddLast),
    *(graph.Norm, graph.Combine),
)
"""Layers that may write over what they read."""
ELSEWHERE = (kinds.RecurrentLayer, kinds.Embedding, graph.Constant)
"""Layers whose value lies in the state or among the constants."""
SHORTEST_RUN = 4
"""Indices of shorter runs than that, on the average, stand in a table."""


def runs_of(layer: graph.Select) -> list[tuple[int, int]]:
    """First index and length of the runs that are copied whole; [] where a table is better."""
    runs: list[tuple[int, int]] = []
    for index in layer.indices:
        if runs and index == sum(runs[-1]):
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((index, 1))
    is_long = len(runs) * SHORTEST_RUN <= len(layer.indices)
    return runs if len(runs) == 1 or is_long else []


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value begins.

    Attributes:
        root: the value whose memory it is in; INPUT for the model input.
        offset: of its first element in that memory.
    """

    root: int
    offset: int = 0


@dataclass(slots=True)
class Places:
    """The plan for the values of a spec.

    Attributes:
        spec: the model.
        of: by value, INPUT among them.
        last: by value the last layer that reads it; the number of layers where it is needed
            when all have been computed.
        is_late: memories whose value must outlive the state that it lies in.
    """

    spec: ModelSpec
    of: dict[int, Place] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    is_late: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        layers, reads = self.spec.layers, self.spec.reads
        self.last = {k: k for k in range(INPUT, self.end)}
        for k in range(self.end):
            self.last |= dict.fromkeys(self.takes(k), k)
        self.last |= dict.fromkeys(self.kept(), self.end)
        needed = [layer.next for layer in layers if isinstance(layer, graph.Memory)]
        for k in needed:
            while self.is_slice(k):
                k = reads[k][0]
            if k >= 0 and isinstance(layers[k], graph.Memory):
                self.is_late.add(k)
        parents = self._parents()
        self.of[INPUT] = Place(INPUT)
        for k in range(self.end):
            self.of[k] = self._place(k, parents)

    @property
    def end(self) -> int:
        """What comes behind all layers."""
        return len(self.spec.layers)

    def takes(self, k: int) -> tuple[int, ...]:
        """The values that layer k reads where they lie."""
        return self.spec.reads[k]

    def kept(self) -> list[int]:
        """The values that are needed behind all layers."""
        layers = self.spec.layers
        after = [layer.next for layer in layers if isinstance(layer, graph.Memory)]
        return [*after, self.end - 1]

    def is_alike(self, k: int, source: int) -> bool:
        """Whether both values are in numbers of one type."""
        return True

    def is_exact(self, k: int) -> bool:
        """Whether layer k writes no more than its value."""
        return True

    def is_output(self, k: int) -> bool:
        """Whether layer k writes the row that the caller gets."""
        return k == self.end - 1

    def is_slice(self, k: int) -> bool:
        """Whether value k is a part of what it reads, in one piece."""
        layer = self.spec.layers[k] if k >= 0 else None
        is_part = isinstance(layer, graph.Select) and len(runs_of(layer)) == 1
        return is_part and self.is_alike(k, self.spec.reads[k][0])

    def is_own(self, k: int) -> bool:
        """Whether layer k writes its value into memory of the step."""
        layer = self.spec.layers[k]
        if isinstance(layer, graph.Memory):
            return k in self.is_late
        if isinstance(layer, graph.Window):
            return layer.dilation > 1
        return not isinstance(layer, ELSEWHERE) and not self.is_slice(k)

    def lifetime(self, root: int) -> tuple[int, int]:
        """First and last layer at which the memory of `root` is in use."""
        members = [k for k, place in self.of.items() if place.root == root]
        return min(members), max(self.last[k] for k in members)

    def _parents(self) -> dict[int, Place]:
        """The parts that are written where their concat wants them."""
        reads = self.spec.reads
        readers = list(itertools.chain.from_iterable(reads))
        parents = {}
        for k, layer in enumerate(self.spec.layers):
            if not isinstance(layer, graph.Concat):
                continue
            starts = itertools.accumulate(layer.sizes, initial=0)
            for source, start in zip(reads[k], starts, strict=False):
                is_only = readers.count(source) == 1 and self.last[source] == k
                is_fit = source >= 0 and self.is_alike(k, source)
                if is_only and is_fit and self.is_own(source) and self.is_exact(source):
                    parents[source] = Place(k, start)
        return parents

    def _place(self, k: int, parents: dict[int, Place]) -> Place:
        if self.is_slice(k):
            before = self.of[self.spec.reads[k][0]]
            start = runs_of(self.spec.layers[k])[0][0]  # type: ignore[arg-type]
            return Place(before.root, before.offset + start)
        at, offset = k, 0
        while at in parents:
            offset += parents[at].offset
            at = parents[at].root
        if at != k or self.is_output(k) or not self.is_own(k):
            return Place(at, offset)
        return self._taken_over(k) or Place(k)

    def _taken_over(self, k: int) -> Place | None:
        """The place of a value of layer k that nothing needs behind it."""
        if not isinstance(self.spec.layers[k], IN_PLACE):
            return None
        read = [self.of[source] for source in self.takes(k)]
        for place in read:
            is_free = place.root >= 0 and self.is_own(place.root)
            others = {other for other in read if other.root == place.root}
            is_free = is_free and self.is_alike(k, place.root)
            if is_free and others == {place} and self.lifetime(place.root)[1] <= k:
                return place
        return None
