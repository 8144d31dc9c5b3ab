"""Nodes on flat vectors, and tensors that say of each element which node gave it.

An element is named by an int64: the number of its node in the upper half, its place in that
node's value in the lower one. A tensor of such names has the shape of the tensor it stands
for, so every operation that only moves numbers is PyTorch's own, applied to names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

INPUT = -1
"""The model input, as the number of a node."""

CONSTANT = -2
"""A number that the module holds, as the number of a node; it is in `Nodes.constants`."""

_HALF = 32
_LOWER = (1 << _HALF) - 1


@dataclass(frozen=True, slots=True)
class Named:
    """A tensor of names; its numbers are not known."""

    names: Tensor

    @property
    def shape(self) -> torch.Size:
        """That of the tensor it stands for."""
        return self.names.shape

    def __getitem__(self, key: Any) -> Named:
        return Named(self.names[key])

    def nodes(self) -> Tensor:
        """Number of the node of each element."""
        return self.names >> _HALF

    def places(self) -> Tensor:
        """Where in that node's value each element lies."""
        return self.names & _LOWER


@dataclass(frozen=True, slots=True)
class Node:
    """One computation.

    Attributes:
        kind: what it computes.
        size: values it gives.
        operands: what it takes, flat.
        fields: what else the kind needs: sizes, numbers, names.
        weights: its tensors by name.
        path: where in the user's module it is, "" when unknown.
    """

    kind: str
    size: int
    operands: tuple[Named, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    path: str = ""


class Nodes:
    """The nodes made so far, in the order in which they can be computed.

    Attributes:
        made: the nodes.
        constants: numbers of the module that elements name.
        path: given to nodes that are made.
    """

    def __init__(self) -> None:
        self.made: list[Node] = []
        self.constants: list[float] = []
        self.path = ""

    def input(self, shape: Sequence[int]) -> Named:
        """Names of the model input."""
        return Named(names_of(INPUT, shape))

    def make(
        self,
        kind: str,
        operands: Sequence[Named],
        shape: Sequence[int],
        *,
        fields: Mapping[str, Any] | None = None,
        weights: Mapping[str, Tensor] | None = None,
    ) -> Named:
        """A new node; names of its value in `shape`."""
        flat = tuple(Named(operand.names.reshape(-1).clone()) for operand in operands)
        self.made.append(
            Node(kind, math.prod(shape), flat, fields or {}, weights or {}, self.path)
        )
        return Named(names_of(len(self.made) - 1, shape))

    def constant(self, value: Tensor | float) -> Named:
        """Names of numbers."""
        tensor = torch.as_tensor(value).detach().to(torch.float64)
        start = len(self.constants)
        self.constants += tensor.reshape(-1).tolist()
        return Named(names_of(CONSTANT, tensor.shape) + start)

    def named(self, value: Any) -> Named:
        """`value`, which may be numbers, as names."""
        return value if isinstance(value, Named) else self.constant(value)

    def numbers(self, value: Named) -> Tensor | None:
        """What `value` is when all its elements are constants, else None."""
        if value.names.numel() and bool((value.nodes() != CONSTANT).any()):
            return None
        known = torch.tensor(self.constants, dtype=torch.float64)
        return known[value.places()]


def names_of(node: int, shape: Sequence[int]) -> Tensor:
    """Names of the value of a node, in a shape."""
    first = node << _HALF
    return torch.arange(first, first + math.prod(shape)).reshape(tuple(shape))
