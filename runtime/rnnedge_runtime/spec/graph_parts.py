"""Which layers of a graph must go step by step, and which may take all steps at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from .graph_layers import Memory
from .model_spec import ModelSpec

BEFORE: Final = 0
LOOP: Final = 1
BEHIND: Final = 2


class GraphParts(NamedTuple):
    """The layers of a spec by when they can be computed.

    Attributes:
        part_of: BEFORE, LOOP or BEHIND for each layer. LOOP are those that a memory goes
            round: step by step. BEFORE and BEHIND take all steps at once.
        memories: layer of each memory, and the layer it takes its next value from.
    """

    part_of: tuple[int, ...]
    memories: dict[int, int]

    def entering(self, spec: ModelSpec) -> list[int]:
        """Layers before the loop that a layer in it reads, or a memory holds."""
        return self._crossing(spec, BEFORE, LOOP, self.memories.values())

    def leaving(self, spec: ModelSpec) -> list[int]:
        """Layers in the loop that one behind it reads, or that give the model output."""
        return self._crossing(spec, LOOP, BEHIND, [len(spec.layers) - 1])

    def _crossing(
        self, spec: ModelSpec, source: int, into: int, also: Iterable[int]
    ) -> list[int]:
        reads = zip(spec.reads, self.part_of, strict=True)
        read = {s for sources, part in reads if part == into for s in sources if s >= 0}
        return sorted(s for s in read.union(also) if self.part_of[s] == source)


def parts_of(spec: ModelSpec) -> GraphParts:
    """A chain, and a graph without memory, is all BEFORE."""
    memories = {k: v.next for k, v in enumerate(spec.layers) if isinstance(v, Memory)}
    follows = set(memories)
    for k, read in enumerate(spec.reads):
        if follows.intersection(read):
            follows.add(k)
    feeds = set(memories) | set(memories.values())
    for k in reversed(range(len(spec.layers))):
        if k in feeds:
            feeds.update(spec.reads[k])
    return GraphParts(
        tuple(
            BEFORE if k not in follows else LOOP if k in feeds else BEHIND
            for k in range(len(spec.layers))
        ),
        memories,
    )
