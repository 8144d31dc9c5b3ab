"""Which inputs of a module are indices of a table, such as the category of a series.

The module is run with an input at 0 and at 1, and every look-up in a table is watched: the
index that moves with the input tells how far the input may go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..capture.original import Original
from ..module.user_module import UserModule
from .watch import Watch


def token_inputs(original: Original) -> dict[int, tuple[int, int]]:
    """Lowest and highest value of every input that is an index, by its position.

    Empty for a chain of layers, whose spec tells, and where nothing is looked up.
    """
    user = original.user
    if user is None or not original.spec.is_opaque:
        return {}
    user = user.to_probe()
    found = {column: _limits(user, column) for column in range(user.input_size)}
    return {column: limits for column, limits in found.items() if limits}


def _limits(user: UserModule, column: int) -> tuple[int, int] | None:
    at_zero, at_one = (_look_ups(user, column, value) for value in (0.0, 1.0))
    if at_zero is None:
        return None
    if at_one is None:  # a table of one row
        return (0, 0) if any(num_rows == 1 for _, num_rows in at_zero) else None
    if len(at_zero) != len(at_one):
        return None
    rooms = []
    for (zero, num_rows), (one, same) in zip(at_zero, at_one, strict=True):
        if zero.shape != one.shape or num_rows != same:
            return None
        slope = int((one - zero).max()) if zero.numel() else 0
        if slope >= 1:
            rooms.append((num_rows - 1 - int(zero[one != zero].max())) // slope)
    return (0, min(rooms)) if rooms and min(rooms) >= 0 else None


def _look_ups(
    user: UserModule, column: int, value: float
) -> list[tuple[Tensor, int]] | None:
    """Indices and number of rows of each table, in one step with an input set to a value.

    None where the module fails.
    """
    x = user.x[:, :1].clone()
    x[..., column] = value
    found = []

    def see(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if func not in _LOOK_UPS:
            return
        index, num_rows = _LOOK_UPS[func](*args, **kwargs)
        is_index = isinstance(index, Tensor) and index.dtype != torch.bool
        if num_rows >= 1 and is_index and not index.is_floating_point():
            found.append((index.detach().clone(), num_rows))

    with Watch(see), torch.no_grad():
        return found if user.tried(x, user.state) else None


def _item(tensor: Tensor, index: Any) -> tuple[Any, int]:
    first = index[0] if isinstance(index, tuple) and index else index
    return first, tensor.shape[0] if tensor.ndim else 0


_LOOK_UPS: dict[Any, Callable[..., tuple[Any, int]]] = {
    **dict.fromkeys(
        (functional.embedding, functional.embedding_bag),
        lambda input, weight, *_, **__: (input, len(weight)),
    ),
    torch.embedding: lambda weight, indices, *_, **__: (indices, len(weight)),
    functional.one_hot: lambda tensor, num_classes=-1: (tensor, num_classes),
    **dict.fromkeys(
        (torch.index_select, Tensor.index_select, torch.gather, Tensor.gather),
        lambda input, dim, index, **_: (index, input.shape[dim]),
    ),
    Tensor.__getitem__: _item,
}
