"""A module whose example holds no state, with the state that it has nevertheless.

It may take None and begin by itself, keep its state in buffers, parameters or attributes,
or begin every call from zeros. Two steps show which; what is found must give the numbers
that the module gives, else it is not used.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rnnedge_runtime.errors import RnnEdgeError

from ...module.module_copy import own_copy, same_again, unwrapped
from ...module.structure import tensors
from .inside import made_inside
from .kept import kept
from .unrolled import unrolled
from .unset import of_unset

_WAYS = (of_unset, kept, made_inside, unrolled)


def with_explicit_state(module: nn.Module, example: Any) -> tuple[nn.Module, Any, str]:
    """`module` and its example with state, and a sentence on where it was; or as given."""
    as_given = module, example, ""
    x, others = _parts(module, example)
    if x is None or tensors(others) or x.ndim != 3 or x.dtype != torch.float32:
        return as_given
    try:
        inner = own_copy(unwrapped(module))
    except RnnEdgeError:  # said where the module is read
        return as_given
    own = type(unwrapped(module)).__name__
    for way in _WAYS:
        try:
            with torch.no_grad():
                found = way(same_again(inner), x.detach().cpu(), others)
        except Exception:  # the module is the user's: any error may come
            found = None
        if found is not None:
            found.module.original_name = getattr(inner, "original_name", own)
            for name in ("rnnedge_feature_names", "rnnedge_flags"):
                setattr(found.module, name, getattr(inner, name, ()))
            return found.module, found.example, found.note
    return as_given


def _parts(module: nn.Module, example: Any) -> tuple[Tensor | None, dict[str, Any]]:
    """`x`, and the other arguments by name."""
    try:
        known = [*inspect.signature(module.forward).parameters]
    except (TypeError, ValueError):
        known = ["x"]
    if isinstance(example, Mapping):
        given = dict(example)
    elif isinstance(example, tuple | list) and len(example) <= len(known):
        given = dict(zip(known, example, strict=False))
    else:
        return None, {}
    x = given.pop(known[0], None) if known else None
    return (x if isinstance(x, Tensor) else None), given
