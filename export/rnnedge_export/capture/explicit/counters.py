"""A module that carries whole numbers, such as a count of steps, as one that carries float32.

A float32 holds every whole number up to 2^24, so a count is exact that far.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rnnedge_runtime.errors import RnnEdgeError, SpecError

from ...module.example_arguments import named_arguments, parameters_of
from ...module.module_copy import own_copy, same_again, unwrapped
from ...module.structure import Path, rebuild, tensors
from .formed import Call, with_signature

LARGEST_COUNT = 2**24
"""Whole numbers up to it are float32."""

_WHOLE = (torch.int64, torch.int32)


class Counting(nn.Module):
    """Takes and gives the counts of a module as float32.

    Args:
        module: it.
        call: how it is called.
        kinds: the element type of each argument that is a count.
        paths: where their next values are in what comes back.
    """

    def __init__(
        self,
        module: nn.Module,
        call: Call,
        kinds: dict[str, torch.dtype],
        paths: tuple[Path, ...],
    ) -> None:
        super().__init__()
        self.user_module = module
        self.call = call
        self.kinds = kinds
        self.paths = paths
        self.original_name = getattr(module, "original_name", type(module).__name__)

    def take(self, first: Any, *args: Any, **kwargs: Any) -> Any:
        """One call."""
        others = {**dict(zip(self.call.others, args, strict=False)), **kwargs}
        for name, kind in self.kinds.items():
            others[name] = others[name].to(kind)
        value = self.call.invoke(self.user_module, first, others)
        waiting = iter([path for path, _ in tensors(value)])

        def as_float(tensor: Tensor) -> Tensor:
            return tensor.float() if next(waiting) in self.paths else tensor

        return rebuild(value, as_float)


def with_float_counts(module: nn.Module, example: Any) -> tuple[nn.Module, Any, str]:
    """`module` and its example with counts in float32, and a sentence; or as given.

    An argument of whole numbers is a count where it comes back changed, in its shape.

    Raises:
        SpecError: a count starts beyond what float32 holds exactly.
    """
    as_given = module, example, ""
    try:
        first, names, rest, num_positional = named_arguments(module, example)
        given = dict(zip(names, rest, strict=True))
        whole = {
            name: part
            for name, part in given.items()
            if isinstance(part, Tensor) and part.dtype in _WHOLE
        }
        if not whole:
            return as_given
        inner = own_copy(unwrapped(module))
    except RnnEdgeError:  # said where the module is read
        return as_given
    parameters = parameters_of(inner)
    call = Call(parameters[0].name if parameters else "x", given, num_positional)
    try:
        with torch.no_grad():
            others = rebuild(given, torch.clone)
            value = call.invoke(same_again(inner), rebuild(first, torch.clone), others)
    except Exception:  # the module is the user's: any error may come
        return as_given
    counts = _counts(whole, tensors(value))
    if not counts:
        return as_given
    for name in counts:
        if int(whole[name].abs().max()) > LARGEST_COUNT:
            raise SpecError(
                f"export: '{name}' in the example is {int(whole[name].abs().max()):,}, and "
                f"a state holds whole numbers up to {LARGEST_COUNT:,} exactly. Start it "
                "lower, or let it turn round with %."
            )
    kinds = {name: whole[name].dtype for name in counts}
    head = inspect.Parameter(call.first, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    signature = inspect.Signature([head, *parameters[1:]])
    own = type("Counting", (Counting,), {"forward": with_signature(signature)})
    made = own(inner, call, kinds, tuple(counts.values()))
    left = {k: v.float() if k in counts else v for k, v in given.items()}
    is_named = isinstance(example, Mapping)
    example = {call.first: first, **left} if is_named else (first, *left.values())
    return made, example, _note(list(counts))


def _counts(
    whole: dict[str, Tensor], returned: list[tuple[Path, Tensor]]
) -> dict[str, Path]:
    """Where the next value of each argument is; {} where one has none."""
    found: dict[str, Path] = {}
    for name, tensor in whole.items():
        fitting = [
            (path, back)
            for path, back in returned
            if back.dtype == tensor.dtype
            and back.shape == tensor.shape
            and path not in found.values()
        ]
        named = [pair for pair in fitting if pair[0] and pair[0][-1] == name]
        path, back = next(iter(named or fitting), ((), tensor))
        if torch.equal(back, tensor):
            return {}
        found[name] = path
    return found


def _note(names: list[str]) -> str:
    are = "is a count" if len(names) == 1 else "are counts"
    return (
        f"State {', '.join(names)} {are} and carried in float32, which is exact up to "
        f"{LARGEST_COUNT:,}."
    )
