"""One operator of an ONNX graph, with what it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from rnnedge_runtime.errors import SpecError

from ...capture.graph.nodes import Named
from ..step import Step

Value: TypeAlias = Any
"""`Named`, a NumPy array of constants, or None for an input that is left out."""


@dataclass(frozen=True)
class OnnxCall:
    """An operator.

    Attributes:
        step: gets what it computes.
        operator: `GRU`, ...
        name: of the node, or of what it gives.
        opset: version of the operators of the file.
        inputs: in order.
        attributes: as Python values.
        num_outputs: how many are named.
        is_carried: of a recurrent operator, whether it goes on from step to step where
            the file gives it no state; else it starts anew in every step.
    """

    step: Step
    operator: str
    name: str
    opset: int
    inputs: tuple[Value, ...]
    attributes: dict[str, Any]
    num_outputs: int
    is_carried: bool = True

    def input(self, position: int) -> Value:
        """One input, None where it is left out."""
        return self.inputs[position] if position < len(self.inputs) else None

    def attribute(self, name: str, default: Any = None) -> Any:
        """One attribute."""
        return self.attributes.get(name, default)

    def named(self, position: int) -> Named:
        """An input as names."""
        value = self.input(position)
        return value if isinstance(value, Named) else self.step.nodes.constant(value)

    def tensor(self, position: int, what: str) -> Tensor | None:
        """An input that must be constant; None where it is left out."""
        value = self.input(position)
        if value is None:
            return None
        if isinstance(value, Named):
            known = self.step.nodes.numbers(value)
            if known is None:
                raise self.refused(
                    f"has a {what} that is computed", "Make it a constant of the file."
                )
            return known
        return torch.from_numpy(np.array(value))

    def axes(self, position: int, name: str = "axes") -> list[int] | None:
        """Axes, an attribute in older files and an input in later ones; None for none."""
        given = self.attribute(name)
        if given is None and self.input(position) is not None:
            found = self.tensor(position, name)
            given = None if found is None else found.reshape(-1).tolist()
        if given is None:
            return None
        return [given] if isinstance(given, int) else [int(axis) for axis in given]

    def refused(self, what: str, advice: str) -> SpecError:
        """The error of an operator that cannot be read: `what` it is or does."""
        return SpecError(
            f"{self.step.where}: {self.operator} '{self.name}' {what}. {advice}"
        )


Rule: TypeAlias = Callable[[OnnxCall], "Value | Sequence[Value]"]
