"""A product and the constants added to it, as one linear layer."""

from __future__ import annotations

import dataclasses

import torch

from ..capture.graph.nodes import Named, Node, Nodes, names_of


def with_biases(nodes: Nodes) -> None:
    """Make every sum of a product without a bias and constants one linear node.

    The product alone stays where others read it, and is left out later where none do.
    """
    for k, node in enumerate(nodes.made):
        if node.kind == "add":
            nodes.made[k] = _linear_of(nodes, node) or node


def _linear_of(nodes: Nodes, node: Node) -> Node | None:
    for product, term in (node.operands, node.operands[::-1]):
        numbers = nodes.numbers(term)
        source = int(product.nodes()[0])
        inner = nodes.made[source] if source >= 0 else None
        if numbers is None or inner is None or inner.kind != "linear":
            continue
        if not _is_whole(product, source, inner) or bool(inner.weights["bias"].any()):
            continue
        rows = numbers.reshape(inner.fields["positions"], -1)
        if bool((rows != rows[0]).any()):
            continue
        weights = {**inner.weights, "bias": rows[0].float()}
        return dataclasses.replace(inner, weights=weights, path=node.path)
    return None


def _is_whole(named: Named, source: int, node: Node) -> bool:
    return torch.equal(named.names, names_of(source, (node.size,)))
