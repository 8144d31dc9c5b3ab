"""Readings and times as the integers a model of `w8a16.v1` takes (docs/numerics.md)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..numerics.f32 import Float32, token_ids, without_denormals
from ..numerics.phase import phase
from ..numerics.w8a16 import (
    LARGEST_READING,
    LARGEST_VALUE,
    MISSING_READING,
    Integers,
    rounded_shift,
    saturate,
    sine_cosine_q,
    to_integers,
)
from ..spec.layers import Embedding
from ..spec.model_spec import LARGEST_FLOAT32
from ..spec.parameters import Parameters
from ..spec.w8a16_model import QuantisedModel
from .inputs import Inputs

Columns = slice | list[int]


def input_rule(parameters: Parameters) -> Inputs | None:
    """The inputs of a model that converts readings to integers; None for `f32.v1`."""
    if isinstance(parameters, QuantisedModel) and parameters.roles[0].is_first:
        return IntegerInputs(parameters)
    return None


class IntegerInputs(Inputs):
    """Inputs of a model whose first layer is integer.

    The float values that stand for the integers turn into the same integers again, so a
    held or restored reading changes no byte.
    """

    def __init__(self, model: QuantisedModel) -> None:
        super().__init__(model.spec)
        self._spec = model.spec
        self.holds_readings = model.holds_readings
        self._tensors: dict[str, NDArray[Any]] = {
            name.removeprefix("input.0."): np.asarray(tensor)
            for name, tensor in model.tensors.items()
            if name.startswith("input.0.")
        }

    def readings(self, readings: Float32) -> Float32:
        columns = slice(self._spec.num_features)
        is_known = np.isfinite(readings)
        with np.errstate(all="ignore"):
            values = self.held_integers(np.where(is_known, readings, 0), columns)
            known = self.to_float(values, columns)
        return np.where(is_known, known, readings)

    def derived(self, times: NDArray[np.int64]) -> Float32:
        return self.to_float(
            self.derived_integers(times), slice(self._spec.num_features, None)
        )

    def derived_integers(self, times: NDArray[np.int64]) -> Integers:
        """`[T, 2 D]` derived columns at Unix seconds `[T]`, as integers."""
        derived = self._spec.derived
        period_s = np.array([item.period_s for item in derived], dtype=np.int64)
        offset_s = np.array([item.offset_s for item in derived], dtype=np.int64)
        pairs = sine_cosine_q(phase(times[:, None], period_s, offset_s))
        values = np.stack(pairs, axis=-1).reshape(len(times), -1)
        gain = self._tensors["turn_gain"].astype(np.int64)
        offset = self._tensors["turn_offset"].astype(np.int64)
        return saturate(rounded_shift(values * gain + offset, 15))

    def to_integers(self, x: Float32, columns: Columns = slice(None)) -> Integers:
        """As `held_integers`, clipped to what the network takes."""
        return self.clipped(self.held_integers(x, columns), columns)

    def clipped(self, values: Integers, columns: Columns = slice(None)) -> Integers:
        """Integers as the network takes them."""
        if isinstance(self._spec.layers[0], Embedding):
            return values
        low, high = self._tensors["low"][columns], self._tensors["high"][columns]
        limited: Integers = np.clip(values, low.astype(np.int64), high.astype(np.int64))
        return limited

    def held_integers(self, x: Float32, columns: Columns = slice(None)) -> Integers:
        """Finite model inputs `[..., I]`, or these columns of them, as they are held."""
        x = without_denormals(x)
        first = self._spec.layers[0]
        if isinstance(first, Embedding):
            return token_ids(x, first.num_embeddings)
        low, high = "low", "high"
        largest = LARGEST_VALUE
        if self.holds_readings:
            low, high = "reading_low", "reading_high"
            largest = LARGEST_READING
        shift, rate = self._tensors["shift"][columns], self._tensors["rate"][columns]
        least, most = (
            self._tensors[end][columns].astype(np.int64) for end in (low, high)
        )
        return to_integers((x - shift) * rate, least, most, largest)

    def range_integers(self) -> tuple[Integers, Integers]:
        """`[F]` the smallest and the largest integer that is a plausible reading."""
        num, least = self._spec.num_features, MISSING_READING
        bounds = np.array([[least + 1] * num, [-least - 1] * num], dtype=np.int64)
        if isinstance(self._spec.layers[0], Embedding):
            for k, feature in enumerate(self._spec.features):
                low, high = feature.range or (-LARGEST_VALUE, LARGEST_VALUE)
                limits = np.array([np.ceil(low), np.floor(high)])
                most = LARGEST_VALUE + 1
                bounds[:, k] = np.clip(limits, -most, most)
            return bounds[0], bounds[1]
        largest = LARGEST_READING if self.holds_readings else LARGEST_VALUE
        limit = np.full(1, largest)
        for k, feature in enumerate(self._spec.features):
            if feature.range is None:
                continue
            ends = without_denormals(np.asarray(feature.range, dtype=np.float32))
            shift, rate = self._tensors["shift"][k], self._tensors["rate"][k]
            found = to_integers((ends - shift) * rate, -limit, limit, largest)
            bounds[:, k] = np.where(
                np.abs(ends) == LARGEST_FLOAT32, bounds[:, k], found
            )
        return bounds[0], bounds[1]

    def to_float(self, values: Integers, columns: Columns = slice(None)) -> Float32:
        """The float32 values `[..., I]` that stand for integers."""
        step, shift = self._tensors["step"][columns], self._tensors["shift"][columns]
        result: Float32 = values.astype(np.float32) * step + shift
        return result
