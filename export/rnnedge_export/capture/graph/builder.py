"""Layers and weights in the making; elements are named by layer and place."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnedge_runtime.spec.graph_check import chain_of
from rnnedge_runtime.spec.graph_layers import Concat, Constant, Memory, Select
from rnnedge_runtime.spec.layers import Layer

from .nodes import INPUT, Named, names_of


class GraphBuilder:
    """A graph of layers that grows.

    Args:
        input_size: values of the model input.

    Attributes:
        layers: so far.
        reads: what each reads.
        weights: by canonical name.
        paths: of each layer, where in the user's module it comes from.
        path: given to layers that are added.
    """

    def __init__(self, input_size: int) -> None:
        self.layers: list[Layer] = []
        self.reads: list[tuple[int, ...]] = []
        self.weights: dict[str, NDArray[np.float32]] = {}
        self.paths: list[str] = []
        self.path = ""
        self._input_size = input_size
        self._operands: dict[bytes, int] = {}

    def add(
        self,
        layer: Layer,
        reads: Sequence[int],
        weights: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Append a layer; names of its value."""
        k = len(self.layers)
        self.layers.append(layer)
        self.paths.append(self.path)
        self.reads.append(tuple(reads))
        for name, tensor in (weights or {}).items():
            self.weights[f"layers.{k}.{name}"] = _array(tensor)
        return names_of(k, (layer.output_size,))

    def size_of(self, source: int) -> int:
        """Values of a layer or the model input."""
        return self._input_size if source == INPUT else self.layers[source].output_size

    def operand(self, names: Tensor) -> int:
        """The layer whose value is just these elements; one is made where there is none."""
        names = names.reshape(-1)
        key = names.numpy().tobytes()
        found = self._operands.get(key)
        if found is None:
            found = self._operands[key] = self._gathered(Named(names))
        return found

    def constant(self, values: Tensor) -> Tensor:
        """Names of numbers that are the same in every step."""
        return self.add(Constant(values.numel()), (), {"value": values})

    def _gathered(self, named: Named) -> int:
        nodes, places = named.nodes(), named.places()
        starts = torch.ones(len(nodes), dtype=torch.bool)
        starts[1:] = (nodes[1:] != nodes[:-1]) | (places[1:] != places[:-1] + 1)
        runs = [int(k) for k in starts.nonzero()]
        sources = [int(nodes[k]) for k in runs]
        sizes = np.diff([*runs, len(nodes)]).tolist()
        are_whole = all(
            int(places[k]) == 0 and size == self.size_of(source)
            for k, source, size in zip(runs, sources, sizes, strict=True)
        )
        if are_whole:
            return self._joined(sources)
        sources = list(dict.fromkeys(sources))
        first = np.cumsum([0, *(self.size_of(source) for source in sources)])
        offset = {source: int(at) for source, at in zip(sources, first, strict=False)}
        indices = tuple(
            offset[node] + place
            for node, place in zip(nodes.tolist(), places.tolist(), strict=True)
        )
        joined = self._joined(sources)
        select = Select(self.size_of(joined), indices)
        return _number(self.add(select, (joined,)))

    def _joined(self, sources: Sequence[int]) -> int:
        if len(sources) == 1:
            return sources[0]
        sizes = tuple(self.size_of(source) for source in sources)
        return _number(self.add(Concat(sizes), sources))

    def end_with(self, names: Tensor) -> None:
        """Make the layer whose value is just these elements the last one."""
        last = self.operand(names)
        if last == INPUT or self._is_read(last) or last in self._nexts():
            size = self.size_of(last)
            self.add(Select(size, tuple(range(size))), (last,))
        elif last != len(self.layers) - 1:
            self._move_to_end(last)

    def wiring(self) -> tuple[tuple[int, ...], ...]:
        """What each layer reads; () for a chain."""
        reads = tuple(self.reads)
        return () if reads == chain_of(self.layers) else reads

    def _is_read(self, k: int) -> bool:
        return any(k in read for read in self.reads)

    def _nexts(self) -> set[int]:
        return {layer.next for layer in self.layers if isinstance(layer, Memory)}

    def _move_to_end(self, k: int) -> None:
        order = [*(j for j in range(len(self.layers)) if j != k), k]
        now = {old: new for new, old in enumerate(order)} | {INPUT: INPUT}
        weights: dict[str, NDArray[np.float32]] = {}
        for old in order:
            prefix = f"layers.{old}."
            for name, tensor in self.weights.items():
                if name.startswith(prefix):
                    weights[f"layers.{now[old]}.{name.removeprefix(prefix)}"] = tensor
        self.weights = weights
        self.paths = [self.paths[old] for old in order]
        self.reads = [tuple(now[s] for s in self.reads[old]) for old in order]
        layers = [self.layers[old] for old in order]
        self.layers = [
            dataclasses.replace(layer, next=now[layer.next])
            if isinstance(layer, Memory)
            else layer
            for layer in layers
        ]


def _number(names: Tensor) -> int:
    return int(Named(names[:1]).nodes()[0])


def _array(tensor: Any) -> NDArray[np.float32]:
    array: NDArray[np.float32] = torch.as_tensor(tensor).detach().float().cpu().numpy()
    return array
