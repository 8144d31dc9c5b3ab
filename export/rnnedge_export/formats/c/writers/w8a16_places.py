"""Where the values of a graph in integers lie: each as int16, or as floats."""

from __future__ import annotations

from dataclasses import dataclass

from rnnedge_runtime.spec import graph_layers as graph
from rnnedge_runtime.spec import layers as kinds
from rnnedge_runtime.spec.graph_check import INPUT
from rnnedge_runtime.spec.graph_roles import LayerRole

from .arrays import UNITS
from .places import Places

STATES = (kinds.RecurrentLayer, graph.Constant)
"""Layers whose integers lie in the state or among the constants."""


@dataclass(slots=True)
class IntegerPlaces(Places):
    """`Places` of a model whose layers are integer or float.

    A value that is read as numbers of the other type has a copy, which is none of these.

    Attributes:
        parts: the roles of the layers.
    """

    parts: tuple[LayerRole, ...] = ()

    def is_integer(self, k: int) -> bool:
        """Whether the value lies as int16."""
        return k != INPUT and self.parts[k].role == "integer"

    def takes_integers(self, k: int) -> bool:
        """Whether layer k reads int16."""
        return self.is_integer(k) and not isinstance(
            self.spec.layers[k], kinds.Embedding
        )

    def takes(self, k: int) -> tuple[int, ...]:
        wanted = self.takes_integers(k)
        reads = self.spec.reads[k]
        return tuple(s for s in reads if self.is_integer(s) == wanted)

    def kept(self) -> list[int]:
        last = self.end - 1
        found = [last] if self.is_output(last) else []
        for k, layer in enumerate(self.spec.layers):
            if isinstance(layer, graph.Memory) and self.is_alike(k, layer.next):
                found.append(layer.next)
        return found

    def is_alike(self, k: int, source: int) -> bool:
        return self.is_integer(k) == self.is_integer(source)

    def is_exact(self, k: int) -> bool:
        layer = self.spec.layers[k]
        if not self.is_integer(k) or not isinstance(
            layer, kinds.Linear | kinds.Embedding
        ):
            return True
        return layer.output_size // getattr(layer, "positions", 1) % UNITS == 0

    def is_output(self, k: int) -> bool:
        return k == self.end - 1 and not self.is_integer(k)

    def is_own(self, k: int) -> bool:
        layer = self.spec.layers[k]
        if not self.is_integer(k):
            return super(IntegerPlaces, self).is_own(k)
        if isinstance(layer, graph.Memory):
            return self.parts[k].is_wide or k in self.is_late
        if isinstance(layer, graph.Window):
            return layer.dilation > 1
        return not isinstance(layer, STATES) and not self.is_slice(k)
