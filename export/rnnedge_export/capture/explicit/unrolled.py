"""State of a loop in forward that begins from the same numbers in every call.

A call of one step and one of two are watched, function by function. Where the second time
round the loop takes a tensor that comes of the input, and the first time one that does not,
that tensor is state: it begins with what the first took, and its next value is made by the
call that made what the second took.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from ...module.module_copy import same_again
from .found import Found, are_equal, some_steps

Place = tuple[int, int]
"""Number of a call, and of a tensor among its arguments or results."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor of the state.

    Attributes:
        readers: the arguments that are it.
        writer: the result that is its next value.
    """

    readers: tuple[Place, ...]
    writer: Place


class Unrolled(nn.Module):
    """`forward(x, *state)` to `(y, *state)` of a module that loops over its steps."""

    def __init__(self, module: nn.Module, slots: list[Slot]) -> None:
        super().__init__()
        self.user_module = module
        self.slots = slots

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Any, ...]:
        """One call from a given state."""
        given = {
            place: value
            for slot, value in zip(self.slots, state, strict=True)
            for place in slot.readers
        }
        mode = _Replacing(given, {slot.writer for slot in self.slots})
        with mode:
            y = self.user_module(x)
        return (y, *(mode.found[slot.writer] for slot in self.slots))


class _Replacing(TorchFunctionMode):
    """Gives some arguments other values, and keeps some results."""

    def __init__(self, given: dict[Place, Tensor], wanted: set[Place]) -> None:
        super().__init__()
        self.given, self.wanted = given, wanted
        self.found: dict[Place, Tensor] = {}
        self.num_calls = 0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        leaves, structure = pytree.tree_flatten((args, kwargs or {}))
        if not _counts(leaves):
            return func(*args, **(kwargs or {}))
        number = self.num_calls
        self.num_calls += 1
        at = [k for k, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
        for k, place in enumerate(at):
            leaves[place] = self.given.get((number, k), leaves[place])
        own_args, own_kwargs = pytree.tree_unflatten(leaves, structure)
        out = func(*own_args, **own_kwargs)
        for k, tensor in enumerate(_tensors_of(out)):
            if (number, k) in self.wanted:
                self.found[number, k] = tensor
        return out


class _Watching(TorchFunctionMode):
    """Every call: its function, the tensors it takes and gives, and which come of x."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.names: list[str] = []
        self.taken: list[list[Tensor]] = []
        self.results: list[list[Tensor]] = []
        self.made: dict[int, Place] = {}
        self.of_x = {id(x)}
        self._x = x

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        leaves = pytree.tree_leaves((args, kwargs or {}))
        out = func(*args, **(kwargs or {}))
        if not _counts(leaves):
            return out
        taken = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        made = _tensors_of(out)
        name = str(getattr(func, "__name__", func))
        is_of_shape = name.startswith("new_") or name.endswith("_like")
        if any(id(tensor) in self.of_x for tensor in taken) and not is_of_shape:
            written = taken[:1] if name == "__setitem__" or name.endswith("_") else []
            self.of_x |= {id(tensor) for tensor in (*made, *written)}
        for k, tensor in enumerate(made):
            self.made[id(tensor)] = len(self.names), k
        self.names.append(name)
        self.results.append(made)
        self.taken.append(taken)
        return out


def _counts(leaves: list[Any]) -> bool:
    return any(isinstance(leaf, Tensor) for leaf in leaves)


def _tensors_of(out: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(out) if isinstance(leaf, Tensor)]


def unrolled(module: nn.Module, x: Tensor, others: dict[str, Any]) -> Found | None:
    """The state of a loop, if a window shows that it carries it."""
    steps = some_steps(x)
    one, two = (_watched(module, torch.cat(steps[:num], 1)) for num in (1, 2))
    slots, start = _slots(one, two)
    if not slots:
        return None
    found = Unrolled(same_again(module), slots)
    state: list[Tensor] = [part.clone() for part in start]
    for num, step in enumerate(steps, start=1):
        y, *state = found(step, *state)
        window = module(torch.cat(steps[:num], dim=1))
        if not _ends_with(window, y):
            return None
    note = (
        "State that forward makes anew in every call is carried from step to step, as "
        "within a window."
    )
    return Found(found, (x, *start), note)


def _watched(module: nn.Module, x: Tensor) -> _Watching:
    own = same_again(module)
    mode = _Watching(x)
    with mode:
        own(x)
    return mode


def _slots(one: _Watching, two: _Watching) -> tuple[list[Slot], list[Tensor]]:
    once = len(two.names) - len(one.names)
    found: dict[tuple[int, Place], list[Place]] = {}
    start: dict[int, Tensor] = {}
    if once <= 0:
        return [], []
    for number in range(len(one.names)):
        later = number + once
        if one.names[number] != two.names[later]:
            continue
        pairs = zip(one.taken[number], two.taken[later], strict=False)
        for k, (first, second) in enumerate(pairs):
            writer = two.made.get(id(second))
            is_state = id(first) not in one.of_x and id(second) in two.of_x
            if not is_state or writer is None or first.shape != second.shape:
                continue
            if first.is_floating_point() and writer[0] < len(one.names):
                found.setdefault((id(first), writer), []).append((number, k))
                start[id(first)] = first.detach()
        known = {*one.of_x, *start}
        if any(id(tensor) in known for tensor in one.taken[number]):
            one.of_x |= {id(tensor) for tensor in one.results[number]}
    slots = [Slot(tuple(readers), writer) for (_, writer), readers in found.items()]
    return slots, [start[first].clone() for first, _ in found]


def _ends_with(window: Any, y: Any) -> bool:
    whole, last = (_tensors_of(value)[0] for value in (window, y))
    size = last.numel() // len(last)
    end = whole.reshape(len(last), -1)[:, -size:]
    return are_equal(end, last.reshape(len(last), -1))
