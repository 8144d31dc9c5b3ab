"""Tracing, refused where forward turns values of its arguments into Python numbers.

A traced graph would hold the numbers of one call, and one way through each branch on them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from rnnedge_runtime.errors import SpecError

from .user_module import FlatStep, UserModule

_aten = torch.ops.aten
_READS = {_aten._local_scalar_dense.default, _aten.equal.default}
_GIVE_LENGTHS = {  # beside the numbers: these come from the lengths that went in
    _aten._pack_padded_sequence.default,
    _aten._pad_packed_sequence.default,
}


class BranchError(SpecError):
    """A traced graph would hold one way through forward, which has several."""

    def __init__(self, format_name: str, name: str) -> None:
        super().__init__(
            f"export to {format_name}: forward of {name} reads values of x or of its state "
            "(`if`, `.item()`, `float()`), so it may go another way with other values, and "
            "a graph holds one way only. Write the choice with torch.where."
        )


def traced_step(user: UserModule, format_name: str) -> Any:
    """One step of a copy in `torch.jit.trace`, flat.

    Raises:
        BranchError: it reads values.
    """
    if _reads_values(user):
        raise BranchError(format_name, user.name)
    flat = FlatStep(user.to_probe())
    return torch.jit.trace(flat, user.first_step, check_trace=False)


def _reads_values(user: UserModule) -> bool:
    """Whether one step of the example reads a value of `x` or of the state."""
    x = user.x[:, :1]
    arguments = user.in_structure(user.state)
    mode = _Follow(pytree.tree_leaves((x, arguments)))
    try:
        with torch.no_grad(), mode:
            user.invoke(x, arguments)
    except Exception:  # the module is the user's: any error may come
        return True
    return mode.has_read


class _Follow(TorchDispatchMode):
    """Marks every tensor that is computed from the given ones."""

    def __init__(self, sources: list[Any]) -> None:
        super().__init__()
        self.marked = {id(item): item for item in sources if isinstance(item, Tensor)}
        self.has_read = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if any(id(item) in self.marked for item in pytree.tree_leaves((args, kwargs))):
            self.has_read |= func in _READS
            computed = out[0] if func in _GIVE_LENGTHS else out
            for item in pytree.tree_leaves(computed):
                if isinstance(item, Tensor):
                    self.marked[id(item)] = item
        return out
