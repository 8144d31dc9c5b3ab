"""Layers that carry a state which no matrix acts on.

Their classes are those of `layers.py`, which says more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .layer_base import Form, LayerKind, Shape, Size, Start, start_fault


@dataclass(frozen=True, slots=True)
class Lru(LayerKind):
    """Gated leaky integrators, one a unit: `tau dh/dt = n - h`, where z opens and drives.

    `d`, `n`, `o` are the blocks of `weight z + bias`. Over a step of length dt, `h` comes
    nearer to `tanh(n)` by `1 - exp(-dt * softplus(d))`, which is `sigmoid(d)` for dt = 1;
    the output is `sigmoid(o) * h`. This is exact when z stays the same within a step, so two
    steps are one of their length. All of h lies between -1 and 1.

    Attributes:
        has_step: whether it reads a second value: dt, in units of the usual step; one below 0
            counts as 0.
        start: h before the first step; () for zeros.
    """

    kind: ClassVar[str] = "lru"
    since: ClassVar[int] = 3
    code: ClassVar[int] = 20
    gates: ClassVar[tuple[str, ...]] = ("sigmoid", "tanh", "sigmoid")
    blocks: ClassVar[tuple[str, ...]] = ("d", "n", "o")
    form: ClassVar[Form] = ("has_step", (False, True))
    input_size: Size
    hidden_size: Size
    has_step: bool = False
    start: Start = ()

    @property
    def input_sizes(self) -> tuple[int, ...]:
        """What drives it and, with `has_step`, dt."""
        return (self.input_size, 1) if self.has_step else (self.input_size,)

    @property
    def output_size(self) -> int:
        """One value a unit."""
        return self.hidden_size

    @property
    def inner_size(self) -> int:
        return self.hidden_size

    @property
    def words(self) -> tuple[int | float, ...]:
        """`start`."""
        return self.start

    def weight_shapes(self) -> dict[str, Shape]:
        """All blocks in one tensor, as in a cell of `torch.nn`."""
        rows = len(self.gates) * self.hidden_size
        return {"weight": (rows, self.input_size), "bias": (rows,)}

    def state_shapes(self) -> dict[str, Shape]:
        """`h`."""
        return {"h": (self.hidden_size,)}

    def start_of(self, name: str) -> tuple[float, ...]:
        """`start`."""
        return self.start

    def fault(self) -> str:
        """Whether `start` has a value for each unit."""
        return start_fault(self.start, self.hidden_size)
