"""The example of a user's module: `x`, and the other arguments of its forward."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rnnedge_runtime.errors import ShapeError, SpecError

from .structure import leaves, path_text, tensors

_ADVICE = "Pass example=(x, state...) with x [B, T, I] and the state of a new stream."
_KINDS = (
    (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD),
    (inspect.Parameter.KEYWORD_ONLY,),
    (inspect.Parameter.VAR_POSITIONAL,),
)


def read_arguments(
    module: nn.Module, example: Any
) -> tuple[Tensor, tuple[str, ...], tuple[Any, ...], int]:
    """`x`, then names and values of the other arguments, and how many go by position."""
    x, names, rest, num_positional = named_arguments(module, example)
    if isinstance(x, Tensor) and x.dtype in (torch.int64, torch.int32):
        raise SpecError(
            f"export: {type(module).__name__} fails on the example's x, which is "
            f"{x.dtype}. Pass torch.float32, or tokens that forward looks up."
        )
    if not isinstance(x, Tensor) or x.ndim != 3 or 0 in x.shape:
        shape = list(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ShapeError(
            f"export: the example's x is {shape}, expected a tensor [B, T, I] or what "
            f"{type(module).__name__} takes in one call. Pass a batch of sequences, batch "
            "first."
        )
    return x, names, rest, num_positional


def named_arguments(
    module: nn.Module, example: Any
) -> tuple[Any, tuple[str, ...], tuple[Any, ...], int]:
    """The first argument as it is, then as `read_arguments`."""
    if example is None or (isinstance(example, tuple | list | Mapping) and not example):
        raise SpecError(
            f"export: {type(module).__name__} is not a SequenceModel and no example was "
            f"given. {_ADVICE}"
        )
    if not isinstance(example, tuple | list | Mapping):
        raise SpecError(
            f"export: the example is {type(example).__name__}, expected a tuple. {_ADVICE}"
        )
    parameters = parameters_of(module)
    positional, by_keyword, has_star = (
        [item.name for item in parameters if item.kind in kinds] for kinds in _KINDS
    )
    if isinstance(example, Mapping):
        first = positional[0] if positional else "x"
        if first not in example or not all(isinstance(key, str) for key in example):
            raise SpecError(
                f"export: the example names {', '.join(map(str, example))}, but the first "
                f"argument of forward is '{first}'. Name the arguments as forward does, or "
                "pass example=(x, state...)."
            )
        names = tuple(key for key in example if key != first)
        return example[first], names, tuple(example[key] for key in names), 0
    x, *values = example
    rest = tuple(values)
    known = positional[1:]
    num_positional = len(rest)
    if len(known) < len(rest) and not has_star and by_keyword:
        num_positional = len(known)
        known += by_keyword
    stem = "state" if has_star else "argument"
    known += [f"{stem}_{k}" for k in range(len(known), len(rest))]
    return x, tuple(known[: len(rest)]), rest, num_positional


def unset_arguments(
    module: nn.Module, names: Sequence[str], template: Sequence[Any]
) -> tuple[str, ...]:
    """Arguments that are None: in the example, or because forward says so."""
    given = dict(zip(names, template, strict=True))
    unset = [name for name, part in given.items() if not tensors(part)]
    others = [item for item in parameters_of(module)[1:] if item.name not in given]
    return (*unset, *(item.name for item in others if item.default is None))


def parameters_of(module: nn.Module) -> list[inspect.Parameter]:
    """Those of forward; one star where it does not tell."""
    try:
        return list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        return [inspect.Parameter("state", inspect.Parameter.VAR_POSITIONAL)]


def check_float32(
    module: nn.Module, x: Tensor, names: Sequence[str], rest: Sequence[Any]
) -> None:
    """Refuse another element type than float32 in the example or the weights."""
    for path, leaf in leaves(dict(zip(names, rest, strict=True))):
        if leaf is None or (isinstance(leaf, Tensor) and leaf.dtype == torch.float32):
            continue
        advice = "Give what is no state a default in forward and leave it out."
        if isinstance(leaf, Tensor) and leaf.is_floating_point():
            advice = "Convert example and module with .float()."
        kind = str(leaf.dtype) if isinstance(leaf, Tensor) else type(leaf).__name__
        raise SpecError(
            f"export: '{path_text(path)}' in the example is {kind}, expected a "
            f"torch.float32 tensor of the state. {advice}"
        )
    odd = [t.dtype for t in (x, *module.parameters()) if t.dtype != torch.float32]
    if odd:
        raise SpecError(
            f"export: the example or the weights of {type(module).__name__} hold {odd[0]}, "
            "expected torch.float32 tensors. Convert both with .float()."
        )
