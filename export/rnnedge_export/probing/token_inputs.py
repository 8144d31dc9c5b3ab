"""Which inputs of a module are indices of a table, such as the category of a series.

The module is run with an input at 0 and at 1, and every look-up in a table is watched: the
index that moves with the input tells how far the input may go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ..capture.original import Original
from ..module.user_module import UserModule
from .watch import Watch


class _LookUp(NamedTuple):
    """The indices of one look-up, and the number of rows of its table."""

    index: Tensor
    num_rows: int


def token_inputs(original: Original) -> dict[int, tuple[int, int]]:
    """Lowest and highest value of every input that is an index, by its position.

    Empty for a chain of layers, whose spec tells, and where nothing is looked up.
    """
    user = original.user
    if user is None or not original.spec.is_opaque:
        return {}
    user = user.to_probe()
    found = {}
    for column in range(user.input_size):
        limits = _limits(user, column)
        if limits is not None:
            found[column] = limits
    return found


def _limits(user: UserModule, column: int) -> tuple[int, int] | None:
    at_zero, at_one = (_look_ups(user, column, value) for value in (0.0, 1.0))
    if at_zero is None:
        return None
    if at_one is None:  # a table of one row
        return (0, 0) if any(item.num_rows == 1 for item in at_zero) else None
    if len(at_zero) != len(at_one):
        return None
    high: int | None = None
    for zero, one in zip(at_zero, at_one, strict=True):
        if zero.index.shape != one.index.shape or zero.num_rows != one.num_rows:
            return None
        slope = int((one.index - zero.index).max()) if zero.index.numel() else 0
        if slope < 1:
            continue
        moved = zero.index[one.index != zero.index]
        room = (zero.num_rows - 1 - int(moved.max())) // slope
        high = room if high is None else min(high, room)
    return None if high is None or high < 0 else (0, high)


def _look_ups(user: UserModule, column: int, value: float) -> list[_LookUp] | None:
    """Those of one step with an input set to a value; None where the module fails."""
    x = user.x[:, :1].clone()
    x[..., column] = value
    found = []

    def see(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if func not in _LOOK_UPS:
            return
        index, num_rows = _LOOK_UPS[func](*args, **kwargs)
        is_index = isinstance(index, Tensor) and index.dtype != torch.bool
        if num_rows >= 1 and is_index and not index.is_floating_point():
            found.append(_LookUp(index.detach().clone(), num_rows))

    with Watch(see), torch.no_grad():
        try:
            user.step(x, [tensor.clone() for tensor in user.state])
        except Exception:  # the module is the user's: any error may come
            return None
    return found


def _embedding(input: Tensor, weight: Tensor, *_: Any, **__: Any) -> tuple[Any, int]:
    return input, len(weight)


def _table_first(weight: Tensor, indices: Tensor, *_: Any, **__: Any) -> Any:
    return indices, len(weight)


def _one_hot(tensor: Tensor, num_classes: int = -1) -> tuple[Any, int]:
    return tensor, num_classes


def _along(input: Tensor, dim: int, index: Tensor, **_: Any) -> tuple[Any, int]:
    return index, input.shape[dim]


def _item(tensor: Tensor, index: Any) -> tuple[Any, int]:
    first = index[0] if isinstance(index, tuple) and index else index
    return first, tensor.shape[0] if tensor.ndim else 0


_LOOK_UPS: dict[Any, Callable[..., tuple[Any, int]]] = {
    functional.embedding: _embedding,
    functional.embedding_bag: _embedding,
    torch.embedding: _table_first,
    functional.one_hot: _one_hot,
    torch.index_select: _along,
    Tensor.index_select: _along,
    torch.gather: _along,
    Tensor.gather: _along,
    Tensor.__getitem__: _item,
}
