"""Which number goes where: tensors of labels in place of tensors of values.

Every number that a chain of layers knows (an input, a state, an output of a layer) has a
label. Operations that only move numbers (slices, transposes, stacks) act on the labels as
they are, so whatever way a module packs its state, the labels tell where it came from.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_aten = torch.ops.aten

MOVING_OPERATIONS = {
    _aten.alias.default,
    _aten.cat.default,
    _aten.chunk.default,
    _aten.clone.default,
    _aten.contiguous.default,
    _aten.detach.default,
    _aten.expand.default,
    _aten.expand_as.default,
    _aten.flatten.using_ints,
    _aten.narrow.default,
    _aten.permute.default,
    _aten.reshape.default,
    _aten.select.int,
    _aten.slice.Tensor,
    _aten.split.Tensor,
    _aten.split_with_sizes.default,
    _aten.squeeze.default,
    _aten.squeeze.dim,
    _aten.squeeze.dims,
    _aten.stack.default,
    _aten.t.default,
    _aten.transpose.int,
    _aten.unbind.int,
    _aten.unflatten.int,
    _aten.unsqueeze.default,
    _aten.view.default,
    _aten.view_as.default,
}


@dataclass(frozen=True, slots=True)
class Value:
    """A known tensor `[num_rows, size]`, one row per stream; its labels start at `base`."""

    base: int
    num_rows: int
    size: int

    def labels(self) -> Tensor:
        """`[num_rows, size]` int64."""
        count = self.num_rows * self.size
        return torch.arange(self.base, self.base + count).reshape(-1, self.size)

    def rows(self, labels: Tensor) -> Tensor | None:
        """Row number per leading position of `labels` `[..., size]`.

        None unless every last axis is one whole row of this value.
        """
        if labels.ndim == 0 or labels.shape[-1] != self.size:
            return None
        first = labels[..., :1] - self.base
        whole = labels - self.base == first + torch.arange(self.size)
        in_range = (first >= 0) & (first < self.num_rows * self.size)
        if not bool((whole & in_range & (first % self.size == 0)).all()):
            return None
        return first[..., 0] // self.size
