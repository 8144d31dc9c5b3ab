"""Which operations of a graph its output depends on: the others are dropped."""

from __future__ import annotations

from torch import fx

from .labels import MOVING_OPERATIONS


def needed_nodes(graph: fx.Graph) -> set[fx.Node]:
    """What leads to the output, with every write to a tensor that does, or to an input."""
    writes = [node for node in graph.nodes if _writes(node)]
    needed: set[fx.Node] = set()
    waiting = [node for node in graph.nodes if node.op == "output"]
    while waiting:
        while waiting:
            node = waiting.pop()
            if node not in needed:
                needed.add(node)
                waiting += node.all_input_nodes
        for node in writes:
            root = _root(node)
            if node not in needed and (root in needed or root.op != "call_function"):
                waiting.append(node)
    return needed


def _writes(node: fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return bool(schema is not None and schema.is_mutable and node.all_input_nodes)


def _root(node: fx.Node) -> fx.Node:
    """The operation that made the tensor that `node` is or writes to."""
    while node.all_input_nodes and (_writes(node) or node.target in MOVING_OPERATIONS):
        node = node.all_input_nodes[0]
    return node
