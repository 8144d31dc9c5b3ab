"""From traced nodes to the layers of a ModelSpec."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from rnnedge_runtime.spec import graph_layers as joins
from rnnedge_runtime.spec import layers as kinds

from .affines import in_pairs, with_affines
from .builder import GraphBuilder
from .compositions import COMPOSITIONS
from .nodes import CONSTANT, INPUT, Named, Node, Nodes, names_of


class Lowering:
    """Nodes to layers.

    Args:
        nodes: what was traced.
        input_size: values of the model input.
        nexts: of each memory node, names of its next value.
        y: names of the output.
        adds_last: whether a sum with the model input becomes an AddLast, as in a chain.
    """

    def __init__(
        self,
        nodes: Nodes,
        input_size: int,
        nexts: Mapping[int, Named],
        y: Named,
        *,
        adds_last: bool = False,
    ) -> None:
        self.nodes = nodes
        self.adds_last = adds_last
        self.nexts = {k: named.names.reshape(-1) for k, named in nexts.items()}
        self.y = y.names.reshape(-1)
        self.builder = GraphBuilder(input_size)
        self.made = with_affines(nodes)
        self.needed = self._needed()
        self.fused = self._fused()
        kept = {k for cell in self.fused.values() for k in cell}
        self.memories = [
            k
            for k in sorted(self.needed)
            if self.made[k].kind == "memory" and k not in kept
        ]
        self.placed: dict[int, Tensor] = {}

    def lower(self) -> GraphBuilder:
        """The layers, the last of which gives the output."""
        numbers = {}
        for k in self.memories:
            node = self.made[k]
            self.builder.path = node.path
            start = node.fields["start"].reshape(-1)
            if torch.equal(self.nexts[k], names_of(k, (node.size,))):
                self.placed[k] = self.builder.constant(start)
                continue
            values = tuple(start.tolist()) if bool(start.any()) else ()
            numbers[k] = len(self.builder.layers)
            self.placed[k] = self.builder.add(joins.Memory(node.size, 0, values), ())
        for k in sorted(self.needed):
            node = self.made[k]
            if node.kind == "memory":
                continue
            self.builder.path = node.path
            if node.kind in COMPOSITIONS:
                self.placed[k] = self._cell(k, node)
            else:
                self.placed[k] = LOWERINGS[node.kind](self, node)
        for k, number in numbers.items():
            source = self.builder.operand(self.at(self.nexts[k]))
            if source == INPUT:
                size = self.builder.size_of(INPUT)
                select = joins.Select(size, tuple(range(size)))
                source = int(Named(self.builder.add(select, (INPUT,))[:1]).nodes()[0])
            memory = self.builder.layers[number]
            assert isinstance(memory, joins.Memory)
            self.builder.layers[number] = dataclasses.replace(memory, next=source)
        self.builder.end_with(self.at(self.y))
        return self.builder

    def at(self, names: Tensor) -> Tensor:
        """Names of elements of nodes as names of elements of layers."""
        names = names.reshape(-1)
        named = Named(names)
        nodes, places = named.nodes(), named.places()
        found = names.clone()
        for node in nodes.unique().tolist():
            chosen = nodes == node
            if node == CONSTANT:
                known = torch.tensor(self.nodes.constants, dtype=torch.float64)
                found[chosen] = self.builder.constant(known[places[chosen]])
            elif node != INPUT:
                found[chosen] = self.placed[node][places[chosen]]
        return found

    def is_tail(self, z: Named) -> bool:
        """Whether `z` is all that the layer before gives, or the model input as it is."""
        last = len(self.builder.layers) - 1
        size = self.builder.size_of(last) if last >= 0 else self.builder.size_of(INPUT)
        return torch.equal(self.at(z.names), names_of(last, (size,)))

    def reads(self, node: Node) -> tuple[int, ...]:
        """The layers whose values are the operands of a node."""
        return tuple(self.builder.operand(self.at(o.names)) for o in node.operands)

    def add(self, node: Node, layer: kinds.Layer) -> Tensor:
        """The one layer that a node is."""
        return self.builder.add(layer, self.reads(node), node.weights)

    def _needed(self) -> set[int]:
        """Nodes that the output depends on, in this step or a later one."""
        found: set[int] = set()
        waiting = [self.y]
        while waiting:
            for k in Named(waiting.pop()).nodes().unique().tolist():
                if k < 0 or k in found:
                    continue
                found.add(k)
                waiting += [operand.names for operand in self.made[k].operands]
                if self.made[k].kind == "memory":
                    waiting.append(self.nexts[k])
        return found

    def _fused(self) -> dict[int, tuple[int, ...]]:
        """Cells that keep their state themselves, and the memory nodes that were it."""
        nexts: dict[int, int] = {}
        for k, names in self.nexts.items():
            if k in self.needed:
                mine = names_of(k, (len(names),))
                nexts |= dict(zip(mine.tolist(), names.tolist(), strict=True))
        readers: dict[int, set[int]] = {}
        for k in self.needed:
            for name in self._names_read(k):
                readers.setdefault(name, set()).add(k)
        cells: dict[int, list[int]] = {}
        for k in sorted(self.needed):
            node = self.made[k]
            if node.kind not in COMPOSITIONS:
                continue
            state = torch.cat([operand.names for operand in node.operands[1:]])
            new = names_of(k, (node.size,)).tolist()
            took = state.tolist()
            hidden = node.operands[1].names.numel()
            goes_round = [nexts.get(name) for name in took] == new
            is_own = all(readers[name] == {k} for name in took)
            is_hidden = all(not readers.get(name) for name in new[hidden:])
            if (
                goes_round
                and is_own
                and is_hidden
                and not self._is_output(new[hidden:])
            ):
                cells[k] = took
        while True:
            used = {name for took in cells.values() for name in took}
            memories = {k: self._memories_of(took) for k, took in cells.items()}
            whole = {
                k: found
                for k, found in memories.items()
                if all(used.issuperset(self._all_of(memory)) for memory in found)
            }
            if len(whole) == len(cells):
                return whole
            cells = {k: cells[k] for k in whole}

    def _memories_of(self, names: list[int]) -> tuple[int, ...]:
        return tuple(sorted(set(Named(torch.tensor(names)).nodes().tolist())))

    def _all_of(self, k: int) -> list[int]:
        return names_of(k, (self.made[k].size,)).tolist()

    def _names_read(self, k: int) -> list[int]:
        node = self.made[k]
        return [name for operand in node.operands for name in operand.names.tolist()]

    def _is_output(self, names: list[int]) -> bool:
        return bool(set(names) & set(self.y.tolist()))

    def _cell(self, k: int, node: Node) -> Tensor:
        b = self.builder
        if k not in self.fused:
            z, *state = (self.at(operand.names) for operand in node.operands)
            function = node.fields.get("nonlinearity", "")
            new = COMPOSITIONS[node.kind](b, node.weights, z, state, function)
            return torch.cat(new)
        z = b.operand(self.at(node.operands[0].names))
        start = torch.cat([self._start(operand) for operand in node.operands[1:]])
        values = tuple(start.tolist()) if bool(start.any()) else ()
        layer = _cell_layer(node, values)
        made = b.add(layer, (z,), node.weights)
        hidden = torch.full((node.size - len(made),), CONSTANT << 32)
        return torch.cat([made, hidden])  # the rest of its state, which none reads

    def _start(self, named: Named) -> Tensor:
        found = torch.empty(len(named.names))
        for k in named.nodes().unique().tolist():
            chosen = named.nodes() == k
            start = self.made[k].fields["start"].reshape(-1).float()
            found[chosen] = start[named.places()[chosen]]
        return found


def _cell_layer(node: Node, start: tuple[float, ...]) -> kinds.Layer:
    inputs = len(node.operands[0].names)
    if node.kind == "gru":
        return kinds.Gru(inputs, node.size, start)
    if node.kind == "rnn":
        return kinds.Rnn(inputs, node.size, node.fields["nonlinearity"], start)
    size = len(node.operands[2].names)
    projected = len(node.operands[1].names) if "weight_hr" in node.weights else 0
    return kinds.Lstm(inputs, size, projected, start)


def _affine(low: Lowering, node: Node) -> Tensor:
    z = low.at(node.operands[0].names)
    for is_inverse, shift, scale in in_pairs(node.fields["steps"]):
        layer = kinds.Affine(node.size, is_inverse)
        weights = {"shift": shift, "scale": scale}
        z = low.builder.add(layer, (low.builder.operand(z),), weights)
    return z


def _linear(low: Lowering, node: Node) -> Tensor:
    f = node.fields
    positions = f["positions"]
    sizes = f["input_size"] * positions, f["output_size"] * positions
    return low.add(node, kinds.Linear(*sizes, positions))


def _add(low: Lowering, node: Node) -> Tensor:
    """A sum; with numbers of the model input, as a chain has it where it may."""
    for z, last in (node.operands, node.operands[::-1]):
        is_input = bool((last.nodes() == INPUT).all())
        if not is_input or not low.adds_last or not low.is_tail(z):
            continue
        added = kinds.AddLast(tuple(last.places().tolist()))
        return low.builder.add(added, (low.builder.operand(low.at(z.names)),))
    return _combine(low, node)


def _combine(low: Lowering, node: Node) -> Tensor:
    return low.add(node, joins.Combine(node.size, node.kind))  # type: ignore[arg-type]


def _softmax(low: Lowering, node: Node) -> Tensor:
    is_log = node.kind == "log_softmax"
    return low.add(node, kinds.Softmax(node.size, node.fields["groups"], is_log))


def _norm(low: Lowering, node: Node) -> Tensor:
    f = node.fields
    return low.add(node, joins.Norm(node.size, f["eps"], f["groups"], f["centred"]))


def _activation(low: Lowering, node: Node) -> Tensor:
    f = node.fields
    return low.add(node, kinds.Activation(node.size, f["function"], f["parameters"]))


def _embedding(low: Lowering, node: Node) -> Tensor:
    return low.add(node, kinds.Embedding(node.fields["num_embeddings"], node.size))


def _sum(low: Lowering, node: Node) -> Tensor:
    return low.add(node, joins.Sum(len(node.operands[0].names), node.size))


LOWERINGS: dict[str, Callable[[Lowering, Node], Tensor]] = {
    "affine": _affine,
    "linear": _linear,
    **dict.fromkeys(("subtract", "multiply", "divide", "minimum", "maximum"), _combine),
    "add": _add,
    "softmax": _softmax,
    "log_softmax": _softmax,
    "norm": _norm,
    "activation": _activation,
    "embedding": _embedding,
    "sum": _sum,
}
"""Each kind of node but cells and memories."""
