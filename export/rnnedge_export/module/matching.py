"""State that comes back, beside the state that went in: by name, by position, in order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .structure import Path, at, children, is_keyed, is_ordered, tensors

Arguments = Sequence[tuple[str, Any]]
"""The arguments of the state, each with its name."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Where outputs and state lie in what a module returns.

    Attributes:
        outputs: path of every output; they are put side by side.
        state: path of every state tensor, in the order in which the state goes in.
        wholes: per argument of the state the path of the part that is its next value, ()
            where it is spread over several.
        is_found_by_shape: neither a name nor the position told which is the state.
    """

    outputs: tuple[Path, ...]
    state: tuple[Path, ...]
    wholes: tuple[Path, ...] = ()
    is_found_by_shape: bool = False


def by_name(value: Any, arguments: Arguments, unset: Sequence[str]) -> Binding | None:
    """The parts of `value` that have the names of the arguments, or of their only one."""
    if not is_keyed(value) or not arguments:
        return None
    named = dict(children(value) or [])
    wanted = dict(arguments)
    is_inside = len(wanted) == 1 and not set(wanted) <= set(named)
    if is_inside:
        (only,) = wanted.values()
        if not is_keyed(only):
            return None
        wanted = dict(children(only) or [])
    if not set(wanted) <= set(named) or len(wanted) == len(named):
        return None
    if any(tensors(named.get(name)) for name in unset):
        return None
    state: list[Path] = []
    for name, template in wanted.items():
        found = _match(template, named[name], (name,))
        if found is None:
            return None
        state += found
    wholes = () if is_inside else tuple((name,) for name in wanted)
    return Binding((), tuple(state), wholes)


def by_position(value: Any, arguments: Arguments) -> Binding | None:
    """`(y, *state)`, `(y, state)` or `(y, (*state))`; None is left out."""
    if not is_ordered(value):
        return None
    (_, y), *others = children(value) or [(None, None)]
    if not tensors(y):
        return None
    rest = [((key,), part) for key, part in others if tensors(part)]
    state = pairwise(arguments, rest)
    if state is not None:
        return Binding((), state, tuple(path for path, _ in rest))
    state = spread(arguments, rest)
    return None if state is None else Binding((), state)


def pairwise(
    arguments: Arguments, parts: Sequence[tuple[Path, Any]]
) -> tuple[Path, ...] | None:
    """One part per argument."""
    if len(arguments) != len(parts):
        return None
    state: list[Path] = []
    for (_, template), (path, part) in zip(arguments, parts, strict=True):
        found = _match(template, part, path)
        if found is None:
            return None
        state += found
    return tuple(state)


def spread(
    arguments: Arguments, parts: Sequence[tuple[Path, Any]]
) -> tuple[Path, ...] | None:
    """Arguments and parts nested in other ways: by name, or all in one order."""
    names = [name for name, _ in arguments]
    if len(parts) == 1 and is_keyed(parts[0][1]):
        path, part = parts[0]
        keys = [key for key, _ in children(part) or []]
        if set(names) == set(keys):
            if is_ordered(part) and names != keys:
                return None
            found = _match(dict(arguments), part, path)
            return None if found is None else tuple(found)
    went_in = tensors([template for _, template in arguments])
    came_back = [
        ((*root, *path), leaf) for root, p in parts for path, leaf in tensors(p)
    ]
    if [leaf.shape for _, leaf in went_in] != [leaf.shape for _, leaf in came_back]:
        return None
    keys = [names[path[0]] if len(path) == 1 else path[-1] for path, _ in went_in]
    ends = [path[-1] if path else None for path, _ in came_back]
    if are_names(keys) and keys != ends and set(keys) == set(ends):
        return None
    sources = [template for _, template in arguments], [part for _, part in parts]
    if any(_has_loose_order(source) for source in sources):
        return None
    return tuple(path for path, _ in came_back)


def _match(template: Any, found: Any, path: Path) -> list[Path] | None:
    """Paths in `found` of the tensors of `template`, by name or position."""
    wanted, parts = children(template), children(found)
    if wanted is None and parts is None:
        if not isinstance(template, Tensor):
            return [] if found is None else None
        is_same = isinstance(found, Tensor) and found.shape == template.shape
        return [path] if is_same else None
    if wanted is None or parts is None:
        only, other = tensors(template), tensors(found)
        if len(only) != 1 or len(other) != 1 or only[0][1].shape != other[0][1].shape:
            return None
        return [(*path, *other[0][0])]
    keys = [key for key, _ in wanted]
    named = dict(parts)
    if is_keyed(template) and is_keyed(found) and set(keys) == set(named):
        pairs = [(part, named[key], key) for key, part in wanted]
    elif len(keys) == len(parts) and (
        len(keys) == 1 or (is_ordered(template) and is_ordered(found))
    ):
        pairs = [(a, b, key) for (_, a), (key, b) in zip(wanted, parts, strict=True)]
    else:
        return None
    state: list[Path] = []
    for part, other, key in pairs:
        below = _match(part, other, (*path, key))
        if below is None:
            return None
        state += below
    return state


def _has_loose_order(value: Any) -> bool:
    """Whether a mapping in it holds several tensors."""
    parts = children(value) or []
    if parts and not is_ordered(value) and len(tensors(value)) > 1:
        return True
    return any(_has_loose_order(part) for _, part in parts)


def in_order(value: Any, paths: Sequence[Path]) -> bool:
    """Whether the order of the paths is that of tuples and lists, not of a mapping."""
    for first, second in itertools.pairwise(paths):
        same = (a == b for a, b in zip(first, second, strict=False))
        depth = next(k for k, is_same in enumerate(same) if not is_same)
        if not is_ordered(at(value, first[:depth])):
            return False
    return True


def is_below(path: Path, roots: Sequence[Path]) -> bool:
    """Whether a path is one of the roots or leads to a part of one."""
    return any(path[: len(root)] == root for root in roots)


def are_names(keys: Sequence[Any]) -> bool:
    """Whether all are strings, no two of them the same."""
    return all(isinstance(key, str) for key in keys) and len(set(keys)) == len(keys)
