"""Nested tuples, lists, mappings, named tuples and dataclasses of tensors, by path.

A path is the keys and positions from the outside in, written with dots: `1.h` is
`value[1]["h"]`, or `value[1].h` of a named tuple or dataclass.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

Path = tuple[Any, ...]


def children(value: Any) -> list[tuple[Any, Any]] | None:
    """The parts of `value` with their keys or positions; None where it has none."""
    if isinstance(value, PackedSequence):
        return None
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return [(name, getattr(value, name)) for name in value._fields]
    if isinstance(value, tuple | list):
        return list(enumerate(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return [(name, getattr(value, name, None)) for name in names]
    return None


def is_ordered(value: Any) -> bool:
    """Whether the order of its parts means something: not that of a mapping."""
    return children(value) is not None and not isinstance(value, Mapping)


def is_keyed(value: Any) -> bool:
    """Whether its parts have names."""
    parts = children(value)
    return parts is not None and (
        isinstance(value, Mapping) or any(isinstance(key, str) for key, _ in parts)
    )


def at(value: Any, path: Path) -> Any:
    """What lies at `path` in `value`."""
    for key in path:
        is_field = isinstance(key, str) and not isinstance(value, Mapping)
        value = getattr(value, key) if is_field else value[key]
    return value


def nodes(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """`value` and everything in it, from the outside in, with the path that follows `path`."""
    yield path, value
    for key, part in children(value) or []:
        yield from nodes(part, (*path, key))


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The nodes that have no parts."""
    return (node for node in nodes(value, path) if children(node[1]) is None)


def tensors(value: Any, path: Path = ()) -> list[tuple[Path, Tensor]]:
    """The tensors among the leaves."""
    return [node for node in leaves(value, path) if isinstance(node[1], Tensor)]


def rebuild(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """`value` in new containers, each tensor replaced, in the order of `leaves`."""
    if isinstance(value, Tensor):
        return change(value)
    parts = children(value)
    if parts is None:
        return value
    changed = [(key, rebuild(part, change)) for key, part in parts]
    values = [part for _, part in changed]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*values)
    if isinstance(value, tuple):
        return type(value)(values)
    if isinstance(value, list):
        return values
    new = copy.copy(value)
    for key, part in changed:
        if isinstance(value, Mapping):
            new[key] = part
        else:
            object.__setattr__(new, key, part)
    return new


def path_text(path: Path) -> str:
    """`1.h`; the whole is `it`."""
    return ".".join(str(key) for key in path) or "it"


def describe(value: Any) -> str:
    """A tensor by its shape, anything else by its type."""
    if isinstance(value, Tensor):
        return str(list(value.shape))
    return "None" if value is None else type(value).__name__
