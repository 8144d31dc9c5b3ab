"""State that a module keeps: buffers, parameters and attributes that a step changes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ...module.module_copy import same_again
from ...module.reasons import own_name
from ...module.structure import children, rebuild, tensors
from .found import Found, are_equal, some_steps, starts_like, starts_seen

Place = tuple[str, str]
"""Name of a submodule, and of the attribute in it."""


class Kept(nn.Module):
    """`forward(x, *state)` to `(y, *state)` of a module that keeps its state itself.

    Args:
        module: it; what it keeps is no buffer or parameter any more.
        places: where it keeps its state.
        start: what is there when a stream begins.
    """

    def __init__(
        self, module: nn.Module, places: list[Place], start: list[Any]
    ) -> None:
        super().__init__()
        self.user_module = module
        self.places = places
        self.idle = start
        for place, value in zip(places, start, strict=True):
            owner = module.get_submodule(place[0])
            for group in (owner._buffers, owner._parameters):
                group.pop(place[1], None)
            self._put(place, value)

    def forward(self, x: Tensor, *state: Any) -> tuple[Any, ...]:
        """One step from a given state."""
        for place, value in zip(self.places, state, strict=True):
            self._put(place, value)
        with _DataIsTheTensor():
            y = self.user_module(x)
        new = [
            vars(self.user_module.get_submodule(path))[name]
            for path, name in self.places
        ]
        for place, value in zip(self.places, self.idle, strict=True):
            self._put(place, value)
        return (y, *new)

    def _put(self, place: Place, value: Any) -> None:
        vars(self.user_module.get_submodule(place[0]))[place[1]] = value


class _DataIsTheTensor(TorchFunctionMode):
    """`t.data` is `t`, so that a tracer sees what is written through it."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__self__", None) is Tensor.data:
            return args[0].detach()
        return func(*args, **(kwargs or {}))


def kept(module: nn.Module, x: Tensor, others: dict[str, Any]) -> Found | None:
    """What a step changes in the module, if no more than that makes its next step."""
    steps = some_steps(x)
    used = same_again(module)
    before = _values(used)
    with starts_seen(used) as seen:
        used(steps[0])
    after = _values(used)
    places = [place for place in after if not _is_same(before.get(place), after[place])]
    expected, own = [], same_again(module)
    for step in steps:
        expected.append(rebuild(own(step), torch.clone))
    places = _that_matter(used, places, steps)
    if not places:
        return None
    held = [after[place] for place in places]
    first = [before.get(place) for place in places]
    are_known = all(tensors(value) for value in first)
    starts = [first] if are_known else starts_like(held, seen)
    for start in starts:
        idle = rebuild(start, lambda t: t.detach().clone())
        found = Kept(same_again(module), places, idle)
        if _is_right(found, steps, expected, idle):
            names = ", ".join(own_name(".".join(filter(None, p))) for p in places)
            note = f"State is what the module keeps in {names}."
            return Found(found, (x, *idle), note)
    return None


def _that_matter(
    module: nn.Module, places: list[Place], steps: list[Tensor]
) -> list[Place]:
    """The places whose numbers the next step depends on."""
    found = []
    y = same_again(module)(steps[1])
    for place in places:
        other = same_again(module)
        owner = other.get_submodule(place[0])
        for _, tensor in tensors(getattr(owner, place[1])):
            tensor.detach().add_(0.25)
        if not are_equal(y, other(steps[1])):
            found.append(place)
    return found


def _is_right(
    found: Kept, steps: list[Tensor], expected: list[Any], start: list[Any]
) -> bool:
    state = start
    for step, y in zip(steps, expected, strict=True):
        given = [rebuild(part, torch.clone) for part in state]
        mine, *state = found(step, *given)
        if not are_equal(mine, y):
            return False
    return True


def _values(module: nn.Module) -> dict[Place, Any]:
    """Copies of all tensors, or structures of them, in a module; None where it is None."""
    found: dict[Place, Any] = {}
    for path, part in module.named_modules():
        own = {**vars(part), **part._buffers, **part._parameters}
        for name, value in own.items():
            if name.startswith("_") and name in _OWN:
                continue
            if value is None or tensors(value):
                found[path, name] = rebuild(value, lambda t: t.detach().clone())
    return found


_OWN = frozenset(vars(nn.Module()))
"""What every module has."""


def _is_same(before: Any, after: Any) -> bool:
    is_one = (children(before) is None) == (children(after) is None)
    one, other = ([t for _, t in tensors(value)] for value in (before, after))
    shapes = [t.shape for t in one] == [t.shape for t in other]
    return is_one and shapes and all(map(torch.equal, one, other))
