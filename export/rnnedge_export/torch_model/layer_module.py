"""What all modules of layers have."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

State = list[Tensor]


class LayerModule(nn.Module):
    """A layer; `held_by` and `ending` say where its canonical tensors are."""

    held_by: ClassVar[str] = ""
    ending: ClassVar[str] = ""

    @torch.jit.ignore
    def tensor(self, name: str) -> Tensor:
        """A canonical tensor by its name within the layer."""
        holder = getattr(self, self.held_by) if self.held_by else self
        return getattr(holder, f"{name}{self.ending}")
