"""Nodes that scale and shift by constants, as one affine each."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from .nodes import Named, Node, Nodes, names_of


def with_affines(nodes: Nodes) -> list[Node]:
    """The nodes, in which sums and products with constants are affines.

    An affine of an affine that none else reads becomes one, where the order of its product
    and its sum stays.
    """
    made = [_affine_of(nodes, node) for node in nodes.made]
    readers = [0] * len(made)
    for node in made:
        for operand in node.operands:
            for k in operand.nodes().unique().tolist():
                if k >= 0:
                    readers[k] += 1
    for k, node in enumerate(made):
        if node.kind != "affine":
            continue
        before = int(node.operands[0].nodes()[0])
        inner = made[before] if before >= 0 else None
        if inner is None or inner.kind != "affine" or readers[before] != 1:
            continue
        if not torch.equal(node.operands[0].names, names_of(before, (inner.size,))):
            continue
        joined = _joined(inner, node)
        if joined is not None:
            made[k] = joined
    return made


def _affine_of(nodes: Nodes, node: Node) -> Node:
    """`node` as an affine, if it is one."""
    if node.kind not in ("add", "subtract", "multiply", "divide"):
        return node
    numbers = [nodes.numbers(operand) for operand in node.operands]
    left, right = numbers
    if (left is None) == (right is None):
        return node
    z = node.operands[0 if left is None else 1]
    value = right if left is None else left
    assert value is not None
    if node.kind == "multiply":
        return _affine(node, z, value, torch.zeros_like(value), is_inverse=True)
    if node.kind == "add":
        return _affine(node, z, torch.ones_like(value), value, is_inverse=True)
    if node.kind == "subtract" and left is None:
        return _affine(node, z, torch.ones_like(value), value, is_inverse=False)
    if node.kind == "subtract":
        return _affine(node, z, -torch.ones_like(value), value, is_inverse=True)
    if left is None:
        return _affine(node, z, 1 / value, torch.zeros_like(value), is_inverse=True)
    return node


def _affine(
    node: Node, z: Named, scale: Tensor, shift: Tensor, *, is_inverse: bool
) -> Node:
    return dataclasses.replace(
        node,
        kind="affine",
        operands=(z,),
        fields={"inverse": is_inverse},
        weights={"shift": shift, "scale": scale},
    )


def _joined(inner: Node, outer: Node) -> Node | None:
    """One affine for two: a product then a sum, or a difference then a product."""
    scale, shift = inner.weights["scale"], inner.weights["shift"]
    factor, term = outer.weights["scale"], outer.weights["shift"]
    z = inner.operands[0]
    scales = bool((factor != 1).any()) or not outer.fields["inverse"]
    if inner.fields["inverse"] and outer.fields["inverse"]:
        if not bool(shift.any()):
            return _affine(outer, z, scale * factor, term, is_inverse=True)
        if not scales:
            return _affine(outer, z, scale, shift + term, is_inverse=True)
    if not inner.fields["inverse"] and outer.fields["inverse"] and not bool(term.any()):
        return _affine(outer, z, scale * factor, shift, is_inverse=False)
    return None
