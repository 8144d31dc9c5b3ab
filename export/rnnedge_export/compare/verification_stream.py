"""The streams that exports and artifacts are tried on: real inputs, or drawn like them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import NonFiniteError, ShapeError, SpecError
from rnnedge_runtime.formats.metadata import Golden
from rnnedge_runtime.spec.clip import clip_bounds, range_bounds
from rnnedge_runtime.spec.layers import Affine, Embedding
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.tolerances import VERIFY_STEPS

_CORRELATION = 0.95
_SEED = 20130101
_EXCURSION_PERIOD = 256
_EXCURSIONS = ((24, 32), (40, 48))

Inputs = NDArray[np.float32]


def verification_stream(
    spec: ModelSpec,
    weights: Weights,
    given: NDArray[np.floating] | None = None,
    tokens: Mapping[int, tuple[int, int]] | None = None,
) -> Inputs:
    """`[VERIFY_STEPS, I]` model inputs to prove an export on.

    Args:
        spec: the model.
        weights: its weights: the scaler tells the level of each input.
        given: `[T, I]` real model inputs; the last steps are taken, or all of them
            repeated. None draws an AR(1) stream at the scaler's mean and deviation, or
            token ids.
        tokens: lowest and highest token of each input that is an index, by its position.

    Where a layer takes readings as they are before the clip, some steps leave it. Readings
    that are to go to the model as NaN where they are missing are missing in some steps.

    Raises:
        ShapeError: `given` is not `[T, I]` with at least one step.
        NonFiniteError: `given` holds infinity, or NaN where a missing reading is not passed.
    """
    passes = np.zeros(spec.input_size, dtype=bool)
    passes[: spec.num_features] = [f.missing == "pass" for f in spec.features]
    if given is None:
        stream = _stream_at_scale(spec, weights)
        rng = np.random.default_rng(_SEED)
        for k, (low, high) in sorted((tokens or {}).items()):
            stream[:, k] = rng.integers(low, high + 1, len(stream))
    else:
        array = np.asarray(given, dtype=np.float32)
        if array.ndim != 2 or array.shape[1] != spec.input_size or not len(array):
            raise ShapeError(
                f"export: the verification stream has shape {list(array.shape)}, expected "
                f"[T, I={spec.input_size}] with at least one step. Pass model inputs, "
                "derived columns included."
            )
        is_finite = np.isfinite(array) | (np.isnan(array) & passes)
        if not is_finite.all():
            row = int(np.argmin(is_finite.all(axis=1)))
            raise NonFiniteError(
                f"export: the verification stream is not finite in row {row}. "
                "Pass held model inputs."
            )
        stream = np.resize(array[-VERIFY_STEPS:], (VERIFY_STEPS, spec.input_size))
    return with_missing(_plausible(spec, stream), passes)


def check_tokens(spec: ModelSpec, given: NDArray[np.floating]) -> None:
    """Refuse a stream `[T, I]` with a token that a user's own embedding has no row for.

    Artifacts take row 0 for it, which the module to compare them with does not.

    Raises:
        SpecError: a token is out of range; names its row.
    """
    first = spec.layers[0]
    if not isinstance(first, Embedding):
        return
    tokens = np.trunc(_clipped(spec, np.asarray(given, dtype=np.float32))[:, 0])
    wrong = (tokens < 0) | (tokens >= first.num_embeddings)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise SpecError(
            f"export: the verification stream has token {tokens[row]:.0f} in row {row}, and "
            f"the embedding takes 0 to {first.num_embeddings - 1}. Pass stream= with tokens "
            "of its vocabulary."
        )


def stream_like(spec: ModelSpec, golden: Golden) -> Inputs:
    """`[VERIFY_STEPS, I]` model inputs at the level and deviation of the golden steps.

    An opaque model gets the golden steps themselves, again and again: nothing is known of
    what it takes, such as tokens or masks.
    """
    if spec.is_opaque and len(golden.x):
        return np.resize(golden.x, (VERIFY_STEPS, spec.input_size))
    if isinstance(spec.layers[0], Embedding) or not len(golden.x):
        return _stream_at_scale(spec, {})
    mean, deviation = golden.x.mean(axis=0), golden.x.std(axis=0)
    return _plausible(spec, _autoregressive(mean, deviation))


def with_missing(stream: Inputs, passes: NDArray[np.bool_]) -> Inputs:
    """`stream` `[T, I]` with NaN in the inputs `[I]` that pass it, where it has none yet.

    Single readings are missing, and all of an input for some steps in a row.
    """
    changed = stream.copy()
    for k in np.flatnonzero(passes & ~np.isnan(stream).any(axis=0)):
        changed[k % 5 :: 7, k] = np.nan
        phase = (np.arange(len(stream)) + 16 * k) % _EXCURSION_PERIOD
        first, last = _EXCURSIONS[0]
        changed[(first <= phase) & (phase < last), k] = np.nan
    return changed


def with_implausible(spec: ModelSpec, readings: Inputs) -> Inputs:
    """Readings `[T, F]`, some of them just outside the range of their feature.

    Those of a feature whose policy is not `hold` stay as they are.
    """
    changed = readings.copy()
    for k, feature in enumerate(spec.features):
        if feature.range is None or feature.missing != "hold":
            continue
        low, high = np.asarray(feature.range, dtype=np.float32)
        changed[k % 3 :: 7, k] = np.nextafter(high, np.float32(np.inf))
        changed[k % 3 + 3 :: 7, k] = np.nextafter(low, np.float32(-np.inf))
    return changed


def _stream_at_scale(spec: ModelSpec, weights: Weights) -> Inputs:
    first = spec.layers[0]
    if isinstance(first, Embedding):
        rng = np.random.default_rng(_SEED)
        ids = rng.integers(0, first.num_embeddings, (VERIFY_STEPS, 1))
        return ids.astype(np.float32)
    mean, deviation = np.zeros(spec.input_size), np.ones(spec.input_size)
    if isinstance(first, Affine) and not first.inverse:
        scale = weights["layers.0.scale"].astype(np.float64)
        mean = weights["layers.0.shift"].astype(np.float64)
        deviation = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale != 0)
    return _autoregressive(mean, deviation)


def _autoregressive(
    mean: NDArray[np.floating], deviation: NDArray[np.floating]
) -> Inputs:
    """A stationary AR(1) process per input."""
    rng = np.random.default_rng(_SEED)
    noise = rng.standard_normal((VERIFY_STEPS, len(mean)))
    noise[1:] *= np.sqrt(1 - _CORRELATION**2)
    for t in range(1, VERIFY_STEPS):
        noise[t] += _CORRELATION * noise[t - 1]
    return (mean + deviation * noise).astype(np.float32)


def _plausible(spec: ModelSpec, stream: Inputs) -> Inputs:
    """The stream within every range and, where all layers take it clipped, the clip.

    Within the clip a module that does not clip can be compared, too. Else short stretches
    lie one width of the clip higher or lower.
    """
    if spec.takes_readings:
        stream = stream.copy()
        phase = np.arange(len(stream)) % _EXCURSION_PERIOD
        for k, feature in enumerate(spec.features):
            low, high = feature.clip or (0.0, 0.0)
            for sign, (first, last) in zip((1, -1), _EXCURSIONS, strict=True):
                stream[(first <= phase) & (phase < last), k] += sign * (high - low)
    else:
        stream = _clipped(spec, stream)
    return np.ascontiguousarray(np.clip(stream, *range_bounds(spec)), dtype=np.float32)


def _clipped(spec: ModelSpec, stream: Inputs) -> Inputs:
    """The stream within the clip; derived columns are sines and cosines."""
    low, high = (bound.copy() for bound in clip_bounds(spec))
    low[spec.num_features :], high[spec.num_features :] = -1, 1
    return np.ascontiguousarray(np.clip(stream, low, high), dtype=np.float32)
