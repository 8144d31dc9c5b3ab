"""A module in float64 as one in float32, in which every artifact computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rnnedge_runtime.errors import RnnEdgeError

from ...module.module_copy import own_copy, unwrapped
from ...module.structure import rebuild

NOTE = "The module is in float64; what is exported and proved is its float32 copy."


def in_float32(module: nn.Module, example: Any) -> tuple[nn.Module, Any, str]:
    """A copy of a module all of whose weights are float64, and its example; or as given."""
    tensors = [*module.parameters(), *module.buffers()]
    kinds = {t.dtype for t in tensors if t.is_floating_point()}
    if kinds != {torch.float64}:
        return module, example, ""
    try:
        copied = own_copy(unwrapped(module)).float()
    except RnnEdgeError:  # said where the module is read
        return module, example, ""
    if isinstance(example, Mapping):
        return copied, {k: rebuild(v, _single) for k, v in example.items()}, NOTE
    return copied, rebuild(example, _single), NOTE


def _single(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype == torch.float64 else tensor
