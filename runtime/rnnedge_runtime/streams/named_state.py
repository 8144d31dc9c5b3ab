"""The state of one stream by name: what `state` gives and `set_state` takes.

The names, shapes and order are those of `ModelSpec.state`. A model in integers gives the
float32 values that stand for its integers exactly, as snapshots do (docs/format.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, State
from ..errors import ShapeError, StateError
from ..spec.model_spec import ModelSpec, StateEntry
from .engine import Engine

NamedState = Mapping[str, ArrayLike]


def named_state(spec: ModelSpec, state: State) -> dict[str, Array]:
    """The tensors of `ModelSpec.state` by name, which become the caller's."""
    return {entry.name: tensor for entry, tensor in zip(spec.state, state, strict=True)}


def check_state(engine: Engine, state: NamedState, *, where: str) -> dict[int, Array]:
    """The tensors of `state` as the engine keeps them, checked before any of them is set.

    By their position in `ModelSpec.state`.

    Args:
        engine: what will carry them.
        state: array by name, some or all of those of `spec.state`.
        where: the call, for example "Stream.set_state".

    Raises:
        StateError: not a mapping, a name the model lacks, a value that is not finite or
            that no integer of the state stands for.
        ShapeError: another shape than the spec's, or not real numbers.
    """
    spec = engine.spec
    if not isinstance(state, Mapping):
        raise StateError(
            f"{where}: the state is {type(state).__name__}, expected a mapping of names "
            f"to arrays ({_listed(spec.state)}). Pass what state() gave, or a part of it."
        )
    positions = {entry.name: k for k, entry in enumerate(spec.state)}
    unknown = [name for name in state if name not in positions]
    if unknown:
        raise StateError(
            f"{where}: the model has no state {unknown[0]!r}; its states are "
            f"{_listed(spec.state)}. Pass these names."
        )
    tensors: dict[int, Array] = {}
    for name, values in state.items():
        k = positions[name]
        is_held = k == len(spec.state) - 1
        dtype = np.dtype(np.float32) if is_held else engine.dtype
        tensor = _checked(spec.state[k], values, dtype, where=where)
        if name.startswith("d_") and not spec.is_opaque:
            is_wrong = (tensor != 0) & (tensor != 1)
            is_wrong[:-1] = False
            _refuse(
                name, tensor, is_wrong, "0 before the first step, else 1", where=where
            )
        if engine.states is not None and not is_held:
            limit = engine.states.limit(name)
            if limit is not None:
                expected = f"at most {limit:g} in size, as its integers hold no more"
                _refuse(name, tensor, np.abs(tensor) > limit, expected, where=where)
            tensor = engine.states.kept(name, tensor.astype(np.float32))
        tensors[k] = tensor
    return tensors


def _checked(
    entry: StateEntry, values: ArrayLike, dtype: np.dtype[np.floating], *, where: str
) -> Array:
    try:
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError):
        array = np.asarray(None)
    hint = f"Pass {list(entry.shape)} numbers for '{entry.name}', without a batch axis."
    if array.dtype.kind not in "fiu":
        found = str(array.dtype) if array.dtype.kind != "O" else type(values).__name__
        raise ShapeError(
            f"{where}: '{entry.name}' is {found}, expected an array of real numbers of "
            f"shape {list(entry.shape)}. {hint}"
        )
    if array.shape != entry.shape:
        raise ShapeError(
            f"{where}: '{entry.name}' has shape {list(array.shape)}, expected "
            f"{list(entry.shape)}. {hint}"
        )
    with np.errstate(over="ignore"):
        tensor: Array = array.astype(dtype)
    _refuse(entry.name, array, ~np.isfinite(tensor), f"finite {dtype}", where=where)
    return tensor


def _refuse(
    name: str,
    values: NDArray[np.generic],
    is_wrong: NDArray[np.bool_],
    expected: str,
    *,
    where: str,
) -> None:
    if not is_wrong.any():
        return
    place = np.argwhere(is_wrong)[0].tolist()
    shown = "".join(f"[{i}]" for i in place)
    raise StateError(
        f"{where}: '{name}{shown}' is {values[tuple(place)]}, expected {expected}. "
        "Pass a state that a stream gave; the state is unchanged."
    )


def _listed(entries: Sequence[StateEntry]) -> str:
    return ", ".join(f"{entry.name} {list(entry.shape)}" for entry in entries)
