"""Nodes that scale and shift by constants, as few affines as their order allows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from .nodes import Named, Node, Nodes, names_of

Steps: TypeAlias = list[tuple[str, Tensor]]
"""`subtract` or `multiply`, each with a number for each element."""


def with_affines(nodes: Nodes) -> list[Node]:
    """The nodes, in which sums and products with constants are affines.

    An affine takes in the one it reads, where none else reads that one.
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
        if torch.equal(node.operands[0].names, names_of(before, (inner.size,))):
            steps = [*inner.fields["steps"], *node.fields["steps"]]
            made[k] = _affine(node, inner.operands[0], steps)
    return made


def in_pairs(
    steps: Sequence[tuple[str, Tensor]],
) -> Iterator[tuple[bool, Tensor, Tensor]]:
    """Each affine of some steps: whether it is inverse, its shift and its scale.

    `(z - shift) * scale` is one, `z * scale + shift` an inverse one; what finds no partner
    gets the neutral one.
    """
    waiting = list(steps)
    while waiting:
        operation, first = waiting.pop(0)
        is_inverse = operation == "multiply"
        second = 0.0 * first if is_inverse else torch.ones_like(first)
        if waiting and waiting[0][0] != operation:
            _, second = waiting.pop(0)
        yield (True, -second, first) if is_inverse else (False, first, second)


def _affine_of(nodes: Nodes, node: Node) -> Node:
    """`node` as an affine, if it is one."""
    if node.kind not in ("add", "subtract", "multiply", "divide"):
        return node
    left, right = (nodes.numbers(operand) for operand in node.operands)
    if (left is None) == (right is None):
        return node
    if left is None:
        assert right is not None
        steps = {
            "add": ("subtract", -right),
            "subtract": ("subtract", right),
            "multiply": ("multiply", right),
            "divide": ("multiply", 1.0 / right),
        }
        return _affine(node, node.operands[0], [steps[node.kind]])
    z = node.operands[1]
    if node.kind == "add":
        return _affine(node, z, [("subtract", -left)])
    if node.kind == "multiply":
        return _affine(node, z, [("multiply", left)])
    if node.kind == "subtract":
        negative = "multiply", -torch.ones_like(left)
        return _affine(node, z, [negative, ("subtract", -left)])
    return node


def _affine(node: Node, z: Named, steps: Steps) -> Node:
    return dataclasses.replace(
        node, kind="affine", operands=(z,), fields={"steps": steps}
    )
