"""What a module does with an input itself: looks it up in a table, or looks for NaN.

It is run with the input changed, and every call of a PyTorch function is watched. The index
of a table that moves with an input tells how far the input may go: it is an index, such as
the category of a series. Where the module looks at missing readings, NaN goes to it as it
is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.layers import Embedding
from rnnedge_runtime.spec.model_spec import Feature
from rnnedge_runtime.spec.weights import model_digest

from ..capture.original import Original
from ..compare.verification_stream import with_missing
from ..module.user_module import UserModule

_STEPS = 48
_AWARE = {"isnan", "isfinite", "nan_to_num", "nan_to_num_"}
_AWARE |= {"nanmean", "nanmedian", "nanquantile", "nansum"}


def token_inputs(original: Original) -> dict[int, tuple[int, int]]:
    """Lowest and highest value of every input that is an index, by its position.

    Empty for a table that comes first, whose spec tells. Flags are 0 or 1.
    """
    user = original.user
    if user is None:
        return {}
    flags = dict.fromkeys(getattr(user.module, "rnnedge_flags", ()), (0, 1))
    if isinstance(original.spec.layers[0], Embedding):
        return flags
    user = user.to_probe()
    found = {column: _limits(user, column) for column in range(user.input_size)}
    return flags | {column: limits for column, limits in found.items() if limits}


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

    with _Watch(see), torch.no_grad():
        return found if user.tried(x, user.state) else None


def _item(tensor: Tensor, index: Any) -> tuple[Any, int]:
    first = index[0] if isinstance(index, tuple) and index else index
    return first, tensor.shape[0] if tensor.ndim else 0


def with_missing_passed(
    original: Original, features: str | Feature | Sequence[str | Feature] | None
) -> tuple[Original, str]:
    """The original whose inputs that a module takes as NaN are passed, and a note on it.

    A chain of layers stays as it is; a `Feature` that the caller made keeps its policy.

    Raises:
        SpecError: a Feature passes NaN that the module does not take.
    """
    user, spec = original.user, original.spec
    if user is None or not spec.is_opaque or spec.rows_per_step > 1:
        return original, ""
    given = [features] if isinstance(features, str | Feature) else features or []
    for k, feature in enumerate(spec.features):
        if feature.missing != "pass":
            continue
        if all(_finite_outputs(user, x) is None for x in _with_missing(user, k)):
            raise SpecError(
                f"export: feature '{feature.name}' has missing='pass', but {user.name} "
                "fails or is not finite after NaN in it. Use 'hold' or 'reject', or take "
                "care of NaN in forward."
            )
    if not _asks_for_nan(user):
        return original, ""
    decided = {k for k, feature in enumerate(given) if isinstance(feature, Feature)}
    aware = {k: f for k, f in enumerate(spec.features) if _takes_nan(user, k)}
    held = [f.name for k, f in aware.items() if k in decided and f.missing == "hold"]
    if held:
        return original, (
            f"{user.name} looks at NaN itself, but a missing reading of {', '.join(held)} "
            "is held before it sees it, as its Feature says. Pass "
            "Feature(name, missing='pass') to give it NaN."
        )
    passed = {
        k: replace(f, missing="pass") for k, f in aware.items() if k not in decided
    }
    if not passed:
        return original, ""
    names = ", ".join(feature.name for feature in passed.values())
    changed = tuple(passed.get(k, feature) for k, feature in enumerate(spec.features))
    spec = replace(spec, features=changed)
    digest = model_digest(spec, original.weights)
    note = (
        f"{user.name} looks at NaN itself, so a missing reading of {names} goes to "
        "it as NaN (missing='pass') and is not held. Pass features= with "
        "Feature(name, missing='hold') to hold it instead."
    )
    return replace(original, spec=spec, digest=digest), note


def _asks_for_nan(user: UserModule) -> bool:
    found = []

    def see(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        name = getattr(func, "__name__", "")
        is_itself = name in ("ne", "__ne__", "eq", "__eq__") and (
            isinstance(args[0], Tensor) and args[0] is args[-1]
        )
        found.append(name in _AWARE or is_itself)

    probe = user.to_probe()
    with torch.no_grad(), _Watch(see):
        probe.tried(probe.x[:, :1], probe.state)
    return any(found)


def _takes_nan(user: UserModule, column: int) -> bool:
    """Whether all stays finite with NaN in an input, and the input counts."""
    for x in _with_missing(user, column):
        passed, zero, one = (
            _finite_outputs(user, rows)
            for rows in (x, np.nan_to_num(x, nan=0.0), np.nan_to_num(x, nan=1.0))
        )
        if passed is not None and zero is not None and one is not None:
            return not np.array_equal(zero, one)
    return False


def _with_missing(user: UserModule, column: int) -> Iterator[NDArray[np.float32]]:
    """Rows with NaN in some of an input; the others are drawn, or as in the example."""
    x = np.repeat(user.x[:1, 0].numpy(), _STEPS, axis=0)
    noise = np.random.default_rng(0).standard_normal(x.shape)
    for scale in (1.0, 0.0):
        rows = (x + scale * noise).astype(np.float32)
        yield with_missing(rows, np.arange(user.input_size) == column)


def _finite_outputs(
    user: UserModule, rows: NDArray[np.float32]
) -> NDArray[np.float32] | None:
    """Outputs of some steps; None where the module fails or one is not finite."""
    user = user.to_probe()
    state: Sequence[Tensor] = user.state
    found = []
    with torch.no_grad():
        for row in torch.from_numpy(rows):
            called = user.tried(row.expand(len(user.x), 1, -1), state)
            if called is None:
                return None
            y, state = called
            if not all(bool(torch.isfinite(part).all()) for part in (y, *state)):
                return None
            found.append(y.numpy())
    return np.stack(found)


class _Watch(TorchFunctionMode):
    """Within it `see` gets function, arguments and keywords of every call."""

    def __init__(
        self, see: Callable[[Any, tuple[Any, ...], dict[str, Any]], None]
    ) -> None:
        super().__init__()
        self.see = see

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.see(func, args, kwargs or {})
        return func(*args, **(kwargs or {}))


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
