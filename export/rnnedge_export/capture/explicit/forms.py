"""The forms in which modules take one input, and how it is columns of `x` `[B, T, I]`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ...module.structure import Path, path_text

Layout = Literal["sequence", "step", "single", "time_major", "unbatched", "lengths"]


@dataclass(frozen=True, slots=True)
class Part:
    """One tensor that a module takes anew in every step.

    Attributes:
        path: where it is in the arguments, by name.
        layout: `sequence` is [B, T, ...], `step` [B, ...], `single` [...] without a batch,
            `time_major` [T, B, ...], `unbatched` [T, ...]; `lengths` holds the number of
            steps and is no column.
        rest: its shape for one step of one stream; of `lengths`, of all.
        dtype: its element type.
    """

    path: Path
    layout: Layout
    rest: tuple[int, ...]
    dtype: torch.dtype

    @property
    def size(self) -> int:
        """Columns of `x`."""
        return 0 if self.layout == "lengths" else math.prod(self.rest)

    @property
    def names(self) -> list[str]:
        """One for each column."""
        inner = self.path[1:] if isinstance(self.path[-1], str) else ()
        name = path_text(inner or self.path).replace(".", "_")
        return [name] if self.rest in ((), (1,)) else self._numbered(name)

    def _numbered(self, name: str) -> list[str]:
        return [f"{name}_{k}" for k in range(self.size)]

    def num_steps(self, given: Tensor) -> int | None:
        """Steps of an example of it; None where it has no axis for them."""
        axis = {"sequence": 1, "time_major": 0, "unbatched": 0}.get(self.layout)
        return None if axis is None else given.shape[axis]

    def columns(self, given: Tensor, num_steps: int) -> Tensor:
        """An example of it as `[B, T, size]` in float32."""
        batch_size = {"sequence": 0, "step": 0, "time_major": 1}.get(self.layout)
        rows = 1 if batch_size is None else given.shape[batch_size]
        if self.layout == "time_major":
            given = given.transpose(0, 1)
        if self.layout in ("sequence", "time_major", "unbatched"):
            return given.reshape(rows, num_steps, -1).float()
        return given.reshape(rows, 1, -1).float().repeat(1, num_steps, 1)

    def taken(self, x: Tensor) -> Tensor:
        """It, of its columns `[B, T, size]`."""
        rows, num_steps = x.shape[:2]
        if self.layout == "lengths":
            return torch.full(self.rest, num_steps, dtype=self.dtype)
        if self.dtype == torch.bool:
            x = x > 0.5
        elif self.dtype != x.dtype and not self.dtype.is_floating_point:
            x = x.to(self.dtype)
        if self.layout in ("sequence", "time_major"):
            found = x.reshape(rows, num_steps, *self.rest)
            return found.transpose(0, 1) if self.layout == "time_major" else found
        if self.layout == "unbatched" and rows == 1:
            return x.reshape(num_steps, *self.rest)
        if num_steps != 1 or (rows != 1 and self.layout != "step"):
            raise ValueError(f"it takes one step at a time, and got {list(x.shape)}")
        return x.reshape(*([rows] if self.layout == "step" else []), *self.rest)

    def batched(self, y: Tensor, x: Tensor) -> Tensor:
        """An output that came for `x` `[B, T, I]`, batch first."""
        rows, num_steps = x.shape[:2]
        if self.layout == "time_major" and y.dim() > 1 and y.shape[1] == rows:
            return y.transpose(0, 1)
        if self.layout in ("single", "unbatched") or y.dim() == 0:
            has_steps = y.dim() > 0 and y.shape[0] == num_steps > 1
            return y[None] if has_steps else y.reshape(1, 1, -1)
        if rows == 1 and y.dim() == 1:
            return y.reshape(1, 1, -1)
        return y


def layout_of(given: Tensor, batch_size: int | None = None) -> tuple[Layout, int]:
    """How a tensor is most often meant by its axes and type, and how many of these lead.

    Args:
        given: an example of it.
        batch_size: that of another input; None for the first one.
    """
    if not given.is_floating_point():
        lead: dict[int, tuple[Layout, int]] = {0: ("single", 0), 1: ("step", 1)}
        return lead.get(given.dim(), ("sequence", 2))
    if given.dim() == 0 or (given.dim() == 1 and batch_size != len(given)):
        return "single", 0
    if given.dim() < 3:
        return "step", 1
    return "sequence", 2
