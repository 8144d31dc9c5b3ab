"""One stream of a module's batch, and whether the streams of a batch keep apart."""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

import torch
from torch import Tensor

from ..module.user_module import UserModule

Step: TypeAlias = tuple[Tensor, list[Tensor]]
"""What one step gives: y and the new state."""

_AXES = (-2, 0)
"""The batch axis of a state tensor is the last but one, or else the first."""


def one_row(user: UserModule) -> UserModule | None:
    """The same with the first row of the example; None where it does not run so."""
    size = len(user.x)
    if size == 1:
        return user
    x, found = user.x[:1], []
    for axis in _AXES:
        if any(t.dim() < -axis or t.shape[axis] != size for t in user.state):
            continue
        state = tuple(t.narrow(axis, 0, 1).clone() for t in user.state)
        narrow = dataclasses.replace(user, x=x, state=state)
        step = _steps(narrow)
        if step is not None:
            found.append((_keeps_shapes(narrow, step), narrow))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def rows_keep_apart(user: UserModule) -> bool | None:
    """Whether no row's numbers depend on another row; None where it runs with one only.

    Args:
        user: with an example of one row.
    """
    generator = torch.Generator().manual_seed(0)
    x = user.x[:, :1]
    rows = []
    for _ in range(2):  # by less than one: a token stays the token that it is
        state = tuple(t + _noise(t, generator) for t in user.state)
        moved = x + 0.9 * _noise(x, generator)
        rows.append(dataclasses.replace(user, x=moved, state=state))
    alone = [_steps(row) for row in rows]
    again = [_steps(row) for row in rows]
    if None in alone or not all(map(_are_same, alone, again)):
        return None  # it draws random numbers, which is said elsewhere
    for axis in _AXES:
        if any(t.dim() < -axis for t in user.state):
            continue
        states = zip(*(row.state for row in rows), strict=True)
        wide = dataclasses.replace(
            user,
            x=torch.cat([row.x for row in rows]),
            state=tuple(torch.cat(parts, axis) for parts in states),
        )
        found = _steps(wide)
        if found is None or not _keeps_shapes(wide, found):
            continue
        y, new = found
        return all(
            all(
                map(
                    _are_near, [y[k : k + 1], *(t.narrow(axis, k, 1) for t in new)], one
                )
            )
            for k, one in enumerate(
                [of_y, *of_new] for of_y, of_new in filter(None, alone)
            )
        )
    return None


def _steps(user: UserModule) -> Step | None:
    """One step of a copy; None where it fails, or y has no row for each of x."""
    try:
        with torch.no_grad():
            y, new = user.to_probe().step(user.x[:, :1], user.state)
    except Exception:  # the module is the user's: any error may come
        return None
    return (y, new) if len(y) == len(user.x) else None


def _keeps_shapes(user: UserModule, step: Step) -> bool:
    return [part.shape for part in user.state] == [part.shape for part in step[1]]


def _noise(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(like.shape, generator=generator)


def _are_same(first: Step | None, second: Step | None) -> bool:
    assert first is not None
    return second is not None and all(
        torch.allclose(a, b, equal_nan=True)
        for a, b in zip([first[0], *first[1]], [second[0], *second[1]], strict=True)
    )


def _are_near(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-3, atol=1e-4, equal_nan=True)
