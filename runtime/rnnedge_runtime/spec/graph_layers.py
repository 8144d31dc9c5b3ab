"""Layers of a graph that a chain has none of: joins, parts, norms, and what came before.

Their classes are those of `layers.py`, which says more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

from .layer_base import Elementwise, Form, LayerKind, Shape, Size, Start, start_fault

Operation: TypeAlias = Literal[
    "add", "subtract", "multiply", "divide", "minimum", "maximum"
]
Sizes: TypeAlias = tuple[int, ...]
Indices: TypeAlias = tuple[int, ...]
Epsilon: TypeAlias = float

SMALLEST_EPS = 1e-12
"""Below it a norm would depend on denormals."""

OPERATIONS: tuple[str, ...] = get_args(Operation)
"""Of two values, in the order of their numbers in `MODL`."""


@dataclass(frozen=True, slots=True)
class Combine(Elementwise):
    """Two values of one size, element by element."""

    kind: ClassVar[str] = "combine"
    since: ClassVar[int] = 3
    code: ClassVar[int] = 11
    form: ClassVar[Form] = ("operation", OPERATIONS)
    size: Size
    operation: Operation

    @property
    def input_sizes(self) -> tuple[int, ...]:
        return (self.size, self.size)


@dataclass(frozen=True, slots=True)
class Concat(LayerKind):
    """Several values, one behind the other."""

    kind: ClassVar[str] = "concat"
    since: ClassVar[int] = 3
    code: ClassVar[int] = 12
    sizes: Sizes

    @property
    def input_size(self) -> int:
        """Values of all together."""
        return sum(self.sizes)

    @property
    def output_size(self) -> int:
        """As many as it takes."""
        return sum(self.sizes)

    @property
    def input_sizes(self) -> tuple[int, ...]:
        return self.sizes


@dataclass(frozen=True, slots=True)
class Select(LayerKind):
    """z[indices]: elements of a value, in any order and any number of times."""

    kind: ClassVar[str] = "select"
    since: ClassVar[int] = 3
    code: ClassVar[int] = 13
    input_size: Size
    indices: Indices

    @property
    def output_size(self) -> int:
        """One value for each index."""
        return len(self.indices)

    def fault(self) -> str:
        if all(0 <= index < self.input_size for index in self.indices):
            return ""
        return f"names indices beyond its {self.input_size} values. Use those from 0."

    @property
    def words(self) -> tuple[int | float, ...]:
        return self.indices


@dataclass(frozen=True, slots=True)
class Memory(LayerKind):
    """What layer `next` gave in the step before, at first `start`; the state `m`."""

    kind: ClassVar[str] = "memory"
    since: ClassVar[int] = 3
    code: ClassVar[int] = 14
    input_size: ClassVar[int] = 0
    input_sizes: ClassVar[tuple[int, ...]] = ()
    output_size: Size
    next: int
    start: Start = ()

    @property
    def words(self) -> tuple[int | float, ...]:
        return (self.next, *self.start)

    def state_shapes(self) -> dict[str, Shape]:
        return {"m": (self.output_size,)}

    def fault(self) -> str:
        return start_fault(self.start, self.output_size)

    def start_of(self, name: str) -> tuple[float, ...]:
        return self.start


@dataclass(frozen=True, slots=True)
class Window(LayerKind):
    """The values of `taps` steps, `dilation` apart, the oldest first and this one last.

    The state `w` holds the values of the steps before, the oldest first: zeros at first.
    """

    kind: ClassVar[str] = "window"
    since: ClassVar[int] = 3
    code: ClassVar[int] = 15
    input_size: Size
    taps: Size
    dilation: Size = 1

    @property
    def output_size(self) -> int:
        """`taps` times as many values."""
        return self.taps * self.input_size

    @property
    def inner_size(self) -> int:
        """Steps that are kept."""
        return (self.taps - 1) * self.dilation

    @property
    def words(self) -> tuple[int | float, ...]:
        return (self.taps, self.dilation)

    def state_shapes(self) -> dict[str, Shape]:
        return {"w": (self.inner_size * self.input_size,)}

    def fault(self) -> str:
        if self.taps < 2:
            return "has one tap. Leave it out, or give it two or more."
        return ""


@dataclass(frozen=True, slots=True)
class Norm(Elementwise):
    """Each of `groups` parts less its mean, over its standard deviation.

    Attributes:
        eps: added to the variance.
        is_centred: without, nothing is subtracted: a root mean square in place of the
            standard deviation.
    """

    kind: ClassVar[str] = "norm"
    since: ClassVar[int] = 3
    code: ClassVar[int] = 16
    form: ClassVar[Form] = ("is_centred", (False, True))
    size: Size
    eps: Epsilon
    groups: Size = 1
    is_centred: bool = True

    @property
    def inner_size(self) -> int:
        """`groups`."""
        return self.groups

    @property
    def words(self) -> tuple[int | float, ...]:
        return (float(self.eps),)

    def fault(self) -> str:
        if self.size % self.groups:
            return f"has {self.groups} groups of {self.size} values. Make them equal."
        if not SMALLEST_EPS <= self.eps <= 1:
            return f"has eps {self.eps:g}, expected {SMALLEST_EPS:g} to 1. Train with such."
        return ""


@dataclass(frozen=True, slots=True)
class Sum(LayerKind):
    """The sum of each of `output_size` parts of one size."""

    kind: ClassVar[str] = "sum"
    since: ClassVar[int] = 3
    code: ClassVar[int] = 17
    input_size: Size
    output_size: Size

    def fault(self) -> str:
        if self.input_size % self.output_size:
            return f"sums {self.input_size} values to {self.output_size}. Make the parts equal."
        return ""


@dataclass(frozen=True, slots=True)
class Depthwise(LayerKind):
    """Each channel's `taps` values times weights of its own, and a bias: `[taps, size]` in."""

    kind: ClassVar[str] = "depthwise"
    since: ClassVar[int] = 3
    code: ClassVar[int] = 18
    size: Size
    taps: Size

    @property
    def input_size(self) -> int:
        """All values of the channels."""
        return math.prod((self.taps, self.size))

    @property
    def output_size(self) -> int:
        """One value for each channel."""
        return self.size

    @property
    def inner_size(self) -> int:
        """`taps`."""
        return self.taps

    def weight_shapes(self) -> dict[str, Shape]:
        """One row for each tap."""
        return {"weight": (self.taps, self.size), "bias": (self.size,)}


@dataclass(frozen=True, slots=True)
class Constant(LayerKind):
    """Numbers that are the same in every step."""

    kind: ClassVar[str] = "constant"
    since: ClassVar[int] = 3
    code: ClassVar[int] = 19
    input_size: ClassVar[int] = 0
    input_sizes: ClassVar[tuple[int, ...]] = ()
    output_size: Size

    def weight_shapes(self) -> dict[str, Shape]:
        """The numbers."""
        return {"value": (self.output_size,)}
