"""State that is an argument, None in the first call: `forward(x, hidden=None)`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ...module.example_arguments import unset_arguments
from ...module.module_copy import same_again
from ...module.structure import children, tensors
from .found import Found, are_equal, some_steps, starts_like, starts_seen


def of_unset(module: nn.Module, x: Tensor, others: dict[str, Any]) -> Found | None:
    """The state that comes back for arguments that were None, if it goes in again."""
    unset = unset_arguments(module, tuple(others), tuple(others.values()))
    steps = some_steps(x)
    with starts_seen(module) as seen:
        first = module(steps[0])
    state = _returned(first, unset)
    if state is None:
        return None
    own = same_again(module)
    for start in starts_like(state, seen):
        carried, state_now, is_same = None, start, True
        for step in steps:
            expected = own(step) if carried is None else own(step, **carried)
            found = own(step, **state_now)
            is_same = is_same and are_equal(expected, found)
            carried, state_now = _returned(expected, unset), _returned(found, unset)
            if carried is None or state_now is None:
                return None
        if is_same:
            return Found(module, {_first_name(module): x, **start}, _note(start))
    return None


def _returned(value: Any, unset: tuple[str, ...]) -> dict[str, Any] | None:
    """By argument its next value, as `value` holds it behind the outputs."""
    if isinstance(value, Mapping):
        named = {name: value[name] for name in unset if name in value}
        return named if tensors(named) else None
    parts = [part for _, part in children(value) or []][1:]
    parts = [part for part in parts if tensors(part)]
    if not parts or not unset:
        return None
    if len(unset) == 1 and len(parts) > 1:
        return {unset[0]: tuple(parts)}
    if len(parts) > len(unset):
        return None
    return dict(zip(unset, parts, strict=False))


def _first_name(module: nn.Module) -> str:
    return next(iter(inspect.signature(module.forward).parameters))


def _note(start: dict[str, Any]) -> str:
    names = ", ".join(start)
    return (
        f"State {names} is None in the example; a stream starts from what the module makes "
        "of None."
    )
