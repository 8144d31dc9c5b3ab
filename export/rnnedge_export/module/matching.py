"""State that comes back, beside the state that went in: by name, by position, in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .structure import Path, at, children, is_keyed, is_ordered, nodes, tensors

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
    state = _joined(
        _match(template, named[name], (name,)) for name, template in wanted.items()
    )
    if state is None:
        return None
    return Binding((), state, () if is_inside else tuple((name,) for name in wanted))


def by_position(value: Any, arguments: Arguments) -> Binding | None:
    """`(y, *state)`, `(y, state)` or `(y, (*state))`; None is left out."""
    if not is_ordered(value):
        return None
    (_, y), *others = children(value) or [(None, None)]
    if not tensors(y):
        return None
    return by_parts(
        [((key,), part) for key, part in others if tensors(part)], arguments
    )


def by_parts(parts: Sequence[tuple[Path, Any]], arguments: Arguments) -> Binding | None:
    """One part per argument; or nested in other ways: by name, or all in one order."""
    if len(arguments) == len(parts):
        state = _joined(
            _match(template, part, path)
            for (_, template), (path, part) in zip(arguments, parts, strict=True)
        )
        if state is not None:
            return Binding((), state, tuple(path for path, _ in parts))
    state = _spread(parts, arguments)
    return None if state is None else Binding((), state)


def _spread(
    parts: Sequence[tuple[Path, Any]], arguments: Arguments
) -> tuple[Path, ...] | None:
    if len(parts) == 1 and is_keyed(parts[0][1]):
        path, part = parts[0]
        names = [name for name, _ in arguments]
        keys = [key for key, _ in children(part) or []]
        if set(names) == set(keys):
            is_moved = is_ordered(part) and names != keys
            return None if is_moved else _match(dict(arguments), part, path)
    went_in = tensors(dict(arguments))
    came_back = [pair for path, part in parts for pair in tensors(part, path)]
    if [leaf.shape for _, leaf in went_in] != [leaf.shape for _, leaf in came_back]:
        return None
    keys = [path[-1] for path, _ in went_in]
    ends = [path[-1] if path else None for path, _ in came_back]
    if are_names(keys) and keys != ends and set(keys) == set(ends):
        return None
    held = [node for _, part in (*arguments, *parts) for _, node in nodes(part)]
    if any(isinstance(node, Mapping) and len(tensors(node)) > 1 for node in held):
        return None  # the order of a mapping means nothing
    return tuple(path for path, _ in came_back)


def _match(template: Any, found: Any, path: Path) -> tuple[Path, ...] | None:
    """Paths in `found` of the tensors of `template`, by name or position."""
    wanted, parts = children(template), children(found)
    if wanted is None and not isinstance(template, Tensor):
        return () if found is None else None
    if wanted is None or parts is None:
        only, other = tensors(template), tensors(found, path)
        if len(only) != 1 or len(other) != 1 or only[0][1].shape != other[0][1].shape:
            return None
        return (other[0][0],)
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
    return _joined(_match(part, other, (*path, key)) for part, other, key in pairs)


def _joined(found: Iterable[tuple[Path, ...] | None]) -> tuple[Path, ...] | None:
    """One after the other; None where one is None."""
    joined: tuple[Path, ...] = ()
    for paths in found:
        if paths is None:
            return None
        joined += paths
    return joined


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
