"""A module as it can be exported: unwrapped, copied, in evaluation mode."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from rnnedge_runtime.errors import SpecError

from .reasons import error_text

_WRAPPERS = {
    "OptimizedModule": "_orig_mod",  # torch.compile
    "DataParallel": "module",
    "DistributedDataParallel": "module",
}


def unwrapped(module: nn.Module) -> nn.Module:
    """The module inside `torch.compile`, `DataParallel` and the like."""
    while True:
        name = _WRAPPERS.get(type(module).__name__)
        inner = getattr(module, name, None) if name else None
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def own_copy(module: nn.Module) -> nn.Module:
    """A copy on the CPU in evaluation mode; the module itself stays as it is.

    Raises:
        SpecError: it is quantised, was never run, or holds what cannot be copied.
    """
    _check_layers(module)
    try:
        own = copy.deepcopy(module, dict(_computed(module))).eval().cpu()
    except Exception as error:  # the module is the user's: any error may come
        raise SpecError(
            f"export: {type(module).__name__} cannot be copied{_culprit(module)}: "
            f"{error_text(error)}. Remove it from the module before the export."
        ) from None
    for name, part in list(own.named_modules()):
        inner = unwrapped(part)
        if inner is not part:
            parent, _, last = name.rpartition(".")
            setattr(own.get_submodule(parent), last, inner)
    return own


def same_again(module: nn.Module) -> nn.Module:
    """A copy for a tracer, which may leave its own tensors in attributes."""
    return copy.deepcopy(module, dict(_computed(module)))


def _check_layers(module: nn.Module) -> None:
    name = type(module).__name__
    for path, part in module.named_modules():
        where = f"layer '{path or type(part).__name__}' ({type(part).__name__})"
        if ".quantized" in type(part).__module__:
            raise SpecError(
                f"export: {where} of {name} is quantised by PyTorch already, and its "
                "integers have no artifact. Export the module as it was before "
                "quantize_dynamic or convert, with int8=True for integers."
            )
        own = [*part._parameters.values(), *part._buffers.values()]
        if any(
            isinstance(t, UninitializedParameter | UninitializedBuffer) for t in own
        ):
            raise SpecError(
                f"export: {where} of {name} has no weights yet: it makes them in its first "
                "call. Run and train the module before the export."
            )


def _computed(module: nn.Module) -> Iterator[tuple[int, Any]]:
    """Tensors in attributes that belong to a graph of gradients, which no copy can keep."""
    for part in module.modules():
        if isinstance(part, torch.jit.ScriptModule):
            continue
        for value in vars(part).values():
            for tensor in _tensors_in(value):
                if not tensor.is_leaf:
                    yield id(tensor), tensor.detach().clone()


def _tensors_in(value: Any, depth: int = 3) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif depth and isinstance(value, list | tuple | dict):
        parts = value.values() if isinstance(value, dict) else value
        for part in list(parts):
            yield from _tensors_in(part, depth - 1)


def _culprit(module: nn.Module) -> str:
    """The first attribute that cannot be copied by itself."""
    for path, part in module.named_modules():
        for name, value in vars(part).items():
            if name.startswith("_") and name in vars(nn.Module()):
                continue
            try:
                copy.deepcopy(value)
            except Exception:  # any error of any attribute
                where = f"{path}.{name}" if path else name
                return f" because of its attribute '{where}' ({type(value).__name__})"
    return ""
