"""LSTM and GRU cells that a file writes out in plain operators, as one node each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..capture.graph.nodes import Named, Node, Nodes, names_of


@dataclass(frozen=True)
class _Sum:
    """`constant + W z + ...`, each `W` `[H, K]` with names of its `z` `[K]`."""

    constant: Tensor
    terms: tuple[tuple[Tensor, Tensor], ...]

    def __add__(self, other: _Sum) -> _Sum:
        return _Sum(self.constant + other.constant, self.terms + other.terms)


def with_cells(nodes: Nodes, nexts: dict[int, Named]) -> None:
    """Replace the last node of each cell of PyTorch's form by the cell.

    Its state must be memory whose next value it is; what led to it is left out later where
    nothing else reads it.
    """
    for k, node in enumerate(nodes.made):
        if node.kind not in ("add", "multiply", "subtract") or node.size < 1:
            continue
        new = names_of(k, (node.size,))
        h = _before(nodes, nexts, new)
        if h is None:
            continue
        cell = _Reader(nodes, nexts, h)
        if not (cell.lstm(k, node) or cell.gru(k, node)):
            continue


def _before(nodes: Nodes, nexts: dict[int, Named], new: Tensor) -> Tensor | None:
    """Names of the memory whose next value `new` is."""
    for k, named in nexts.items():
        flat = named.names.reshape(-1)
        at = (flat == new[0]).nonzero().reshape(-1).tolist()
        for start in at:
            if torch.equal(flat[start : start + len(new)], new):
                return names_of(k, (len(flat),))[start : start + len(new)]
    return None


@dataclass(frozen=True)
class _Reader:
    """What the operands of one node are, for a state `h`."""

    nodes: Nodes
    nexts: dict[int, Named]
    h: Tensor

    def lstm(self, k: int, node: Node) -> bool:
        """Make node k an LSTM where it is `sigmoid(o) tanh(c)`; whether it is."""
        for out, shown in self.pairs(node, "multiply"):
            o, c = self.inside(out, "sigmoid"), self.inside(shown, "tanh")
            made = None if c is None else self.node(c)
            if o is None or c is None or made is None:
                continue
            before = _before(self.nodes, self.nexts, c.names)
            if before is None or len(before) != len(self.h):
                continue
            for kept, added in self.pairs(made, "add"):
                f = self.other(kept, before)
                gates = self.product(added)
                if f is None or gates is None:
                    continue
                opened = self.inside(f, "sigmoid")
                parts = [gates[0], opened, gates[1], o]
                if self.place(k, "lstm", parts, [self.h, before]):
                    self.rename(c.names, names_of(k, (2 * node.size,))[node.size :])
                    return True
        return False

    def gru(self, k: int, node: Node) -> bool:
        """Make node k a GRU where it mixes `h` and `tanh(n)`; whether it is."""
        for left, right in self.pairs(node, "add"):
            found = self.mixed(left, right) or self.moved(left, right)
            if found is None:
                continue
            n, update, is_turned = found
            inner, z = self.inside(n, "tanh"), self.inside(update, "sigmoid")
            if inner is None or z is None:
                continue
            for given, product in self.sums_with_product(inner):
                for gate, old in (product, product[::-1]):
                    r, q = self.inside(gate, "sigmoid"), self.resolved(old)
                    if r is None or q is None or not self.is_of(q, self.h):
                        continue
                    if self.place_gru(k, r, z, given, q, is_turned):
                        return True
        return False

    def mixed(self, left: Named, right: Named) -> tuple[Named, Named, bool] | None:
        """`(1 - u) n + u h`, or `u n + (1 - u) h`: n, u, and whether it is the latter."""
        u = self.other(right, self.h)
        if u is None:
            return None
        for rest, n in self.pairs(self.node(left), "multiply"):
            if (inner := self.turned(rest)) is not None and _same(inner, u):
                return n, u, False
            if (inner := self.turned(u)) is not None and _same(inner, rest):
                return n, rest, True
        return None

    def moved(self, left: Named, right: Named) -> tuple[Named, Named, bool] | None:
        """`n + u (h - n)`."""
        for u, apart in self.pairs(self.node(right), "multiply"):
            made = self.node(apart)
            if made is None or made.kind != "subtract":
                continue
            h, n = made.operands
            if torch.equal(h.names, self.h) and _same(n, left):
                return left, u, False
        return None

    def pairs(self, node: Node | None, kind: str) -> Iterator[tuple[Named, Named]]:
        """The operands of a node of this kind, both ways round."""
        if node is not None and node.kind == kind:
            a, b = node.operands
            yield a, b
            yield b, a

    def node(self, named: Named) -> Node | None:
        """The node all of which `named` is."""
        k = int(named.nodes().reshape(-1)[0])
        if k < 0 or not torch.equal(
            named.names, names_of(k, (self.nodes.made[k].size,))
        ):
            return None
        return self.nodes.made[k]

    def inside(self, named: Named, function: str) -> Named | None:
        """What `named` is this function of, element by element."""
        chosen = named.nodes().unique().tolist()
        node = self.nodes.made[chosen[0]] if chosen[0] >= 0 else None
        if len(chosen) > 1 or node is None or node.kind != "activation":
            return None
        if node.fields["function"] != function:
            return None
        return Named(node.operands[0].names[named.places()])

    def other(self, named: Named, factor: Tensor) -> Named | None:
        """What `named` is the product of with `factor`."""
        for a, b in self.pairs(self.node(named), "multiply"):
            if torch.equal(a.names, factor):
                return b
        return None

    def turned(self, named: Named) -> Named | None:
        """u, where `named` is 1 - u."""
        node = self.node(named)
        if node is None or node.kind != "subtract":
            return None
        ones = self.nodes.numbers(node.operands[0])
        return (
            node.operands[1] if ones is not None and bool((ones == 1).all()) else None
        )

    def product(self, named: Named) -> tuple[Named, Named] | None:
        """The i and g, where `named` is `sigmoid(i) tanh(g)`."""
        for a, b in self.pairs(self.node(named), "multiply"):
            i, g = self.inside(a, "sigmoid"), self.inside(b, "tanh")
            if i is not None and g is not None:
                return i, g
        return None

    def sums_with_product(
        self, named: Named
    ) -> Iterator[tuple[_Sum, tuple[Named, Named]]]:
        """A sum and a product of two values, whose sum `named` is."""
        for a, b in self.pairs(self.node(named), "add"):
            product, given = self.node(b), self.resolved(a)
            if product is not None and product.kind == "multiply" and given is not None:
                yield given, (product.operands[0], product.operands[1])

    def resolved(self, named: Named | None) -> _Sum | None:
        """`named` as a sum of products of matrices, at most one matrix deep."""
        if named is None:
            return None
        known = self.nodes.numbers(named)
        if known is not None:
            return _Sum(known.float(), ())
        chosen = named.nodes().unique().tolist()
        if len(chosen) > 1 or chosen[0] < 0:
            return None
        node, at = self.nodes.made[chosen[0]], named.places()
        if node.kind == "add":
            a, b = (self.resolved(Named(o.names[at])) for o in node.operands)
            return None if a is None or b is None else a + b
        if node.kind != "linear" or node.fields["positions"] != 1:
            return None
        term = node.weights["weight"][at].float(), node.operands[0].names
        return _Sum(node.weights["bias"][at].float(), (term,))

    def is_of(self, total: _Sum, names: Tensor) -> bool:
        """Whether a sum is of these alone."""
        allowed = set(names.tolist())
        return all(allowed.issuperset(z.tolist()) for _, z in total.terms)

    def columns(self, total: _Sum, order: list[int]) -> Tensor:
        """The matrix `[H, K]` of a sum, its columns by name."""
        place = {name: k for k, name in enumerate(order)}
        matrix = torch.zeros(len(total.constant), len(order))
        for weight, z in total.terms:
            inside = [k for k, name in enumerate(z.tolist()) if name in place]
            at = torch.tensor([place[int(z[k])] for k in inside], dtype=torch.long)
            matrix.index_add_(1, at, weight[:, inside])
        return matrix

    def place(
        self, k: int, kind: str, parts: list[Named | None], state: list[Tensor]
    ) -> bool:
        """Make node k a cell of the gates' sums; False where one is no sum."""
        totals = [self.resolved(part) for part in parts]
        sums = [total for total in totals if total is not None]
        if len(sums) < len(totals):
            return False
        zeros = torch.zeros(sum(len(total.constant) for total in sums))
        bias = torch.cat([total.constant for total in sums])
        return self._cell(k, kind, sums, state, (bias, zeros))

    def place_gru(
        self, k: int, r: Named, z: Named, given: _Sum, old: _Sum, is_turned: bool
    ) -> bool:
        """Make node k a GRU; False where a gate is no sum."""
        reset, update = self.resolved(r), self.resolved(z)
        if reset is None or update is None or not self._is_without(given, self.h):
            return False
        if is_turned:  # 1 - sigmoid(u) is sigmoid(-u)
            terms = tuple((-weight, names) for weight, names in update.terms)
            update = _Sum(-update.constant, terms)
        zeros = torch.zeros(2 * len(self.h))
        biases = (
            torch.cat([reset.constant, update.constant, given.constant]),
            torch.cat([zeros, old.constant]),
        )
        new = _Sum(given.constant, given.terms + old.terms)
        return self._cell(k, "gru", [reset, update, new], [self.h], biases)

    def _is_without(self, total: _Sum, names: Tensor) -> bool:
        own = set(names.tolist())
        return all(own.isdisjoint(z.tolist()) for _, z in total.terms)

    def _cell(
        self,
        k: int,
        kind: str,
        sums: list[_Sum],
        state: list[Tensor],
        biases: tuple[Tensor, Tensor],
    ) -> bool:
        held = self.h.tolist()
        others = set(itertools.chain.from_iterable(s.tolist() for s in state[1:]))
        read = [int(n) for total in sums for _, z in total.terms for n in z]
        inputs = list(dict.fromkeys(name for name in read if name not in set(held)))
        if not inputs or others.intersection(inputs) or max(inputs) >> 32 >= k:
            return False
        weights = {
            "weight_ih": torch.cat([self.columns(total, inputs) for total in sums]),
            "weight_hh": torch.cat([self.columns(total, held) for total in sums]),
            "bias_ih": biases[0],
            "bias_hh": biases[1],
        }
        operands = (Named(torch.tensor(inputs)), *map(Named, state))
        size = sum(len(part) for part in state)
        path = self.nodes.made[k].path
        self.nodes.made[k] = Node(kind, size, operands, {}, weights, path)
        return True

    def rename(self, old: Tensor, new: Tensor) -> None:
        """Let all that reads `old` in this step or the next read `new`."""
        names = dict(zip(old.tolist(), new.tolist(), strict=True))
        for k, named in self.nexts.items():
            self.nexts[k] = Named(_renamed(named.names, names))


def _renamed(tensor: Tensor, names: dict[int, int]) -> Tensor:
    flat = [names.get(name, name) for name in tensor.reshape(-1).tolist()]
    return torch.tensor(flat, dtype=torch.int64).reshape(tensor.shape)


def _same(a: Named, b: Named) -> bool:
    return torch.equal(a.names, b.names)
