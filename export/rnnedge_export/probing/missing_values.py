"""Modules that look at missing readings themselves: NaN goes to them as it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.model_spec import Feature
from rnnedge_runtime.spec.weights import model_digest

from ..capture.original import Original
from ..compare.verification_stream import with_missing
from ..module.user_module import UserModule
from .watch import Watch

_STEPS = 48
_AWARE = {"isnan", "isfinite", "nan_to_num", "nan_to_num_"}
_AWARE |= {"nanmean", "nanmedian", "nanquantile", "nansum"}


def with_missing_passed(
    original: Original, features: str | Feature | Sequence[str | Feature] | None
) -> tuple[Original, str]:
    """The original whose inputs that a module takes as NaN are passed, and a note on it.

    A `Feature` that the caller made keeps its policy.

    Args:
        original: what is exported; a chain of layers stays as it is.
        features: as the caller named them.

    Raises:
        SpecError: a Feature passes NaN that the module does not take.
    """
    user, spec = original.user, original.spec
    if user is None or not spec.is_opaque:
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
        k: dataclasses.replace(feature, missing="pass")
        for k, feature in aware.items()
        if k not in decided
    }
    if not passed:
        return original, ""
    names = ", ".join(feature.name for feature in passed.values())
    changed = tuple(passed.get(k, feature) for k, feature in enumerate(spec.features))
    spec = dataclasses.replace(spec, features=changed)
    digest = model_digest(spec, original.weights)
    note = (
        f"{user.name} looks at NaN itself, so a missing reading of {names} goes to "
        "it as NaN (missing='pass') and is not held. Pass features= with "
        "Feature(name, missing='hold') to hold it instead."
    )
    return dataclasses.replace(original, spec=spec, digest=digest), note


def _asks_for_nan(user: UserModule) -> bool:
    found = []

    def see(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        name = getattr(func, "__name__", "")
        is_itself = name in ("ne", "__ne__", "eq", "__eq__") and (
            isinstance(args[0], Tensor) and args[0] is args[-1]
        )
        found.append(name in _AWARE or is_itself)

    with Watch(see):
        _finite_outputs(user, user.x[:1, 0].numpy())
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
