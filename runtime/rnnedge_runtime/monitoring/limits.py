"""The physical limits of a sensor, given where a model runs: narrower than its own ranges."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from ..errors import SpecError
from ..spec.model_spec import LARGEST_FLOAT32, ModelSpec

Limits = Mapping[str, tuple[float, float]]
"""Lowest and highest reading by name of the feature; "" for those not named."""


def read_limits(texts: Sequence[str], *, option: str = "--range") -> Limits:
    """Limits written as `LO:HI` or `NAME=LO:HI`.

    Raises:
        SpecError: a text is something else, or names a feature for the second time.
    """
    limits: dict[str, tuple[float, float]] = {}
    for text in texts:
        name, _, ends = text.rpartition("=")
        low, separator, high = ends.partition(":")
        try:
            bounds = float(low), float(high)
        except ValueError:
            bounds = math.nan, math.nan
        if not separator or not -LARGEST_FLOAT32 <= bounds[0] < bounds[1] <= (
            LARGEST_FLOAT32
        ):
            raise SpecError(
                f"{option}: '{text}', expected LO:HI with LO below HI, NAME= in front for "
                f"one feature. Write for example {option} temp_c=-40:60."
            )
        if name in limits:
            raise SpecError(
                f"{option}: '{text}' is the second one for {name or 'every feature'}, "
                "expected one. Leave one of them out."
            )
        limits[name] = bounds
    return limits


def narrowed(spec: ModelSpec, limits: Limits, *, option: str = "--range") -> ModelSpec:
    """`spec` with `limits` for the ranges of its features.

    What it says is for those who look at readings before a stream does: a stream of the
    model knows the model's own ranges only, so give it NaN for what lies outside.

    Raises:
        SpecError: a name is none of the features, or a limit is wider than the range there.
    """
    if not limits:
        return spec
    unknown = [name for name in limits if name and name not in spec.feature_names]
    if unknown:
        raise SpecError(
            f"{option}: '{unknown[0]}' is no feature of the model, which has "
            f"{', '.join(spec.feature_names)}. Name one of these."
        )
    features = []
    for feature in spec.features:
        bounds = limits.get(feature.name, limits.get(""))
        if bounds is None:
            features.append(feature)
            continue
        low, high = bounds
        if feature.range is not None:
            least, most = feature.range
            if low < least or high > most:
                raise SpecError(
                    f"{option}: {low:g} to {high:g} for '{feature.name}' is wider than the "
                    f"range in the model, {least:g} to {most:g}, outside of which it "
                    "believes no reading. Give a narrower one, or train with another "
                    "--range."
                )
        features.append(dataclasses.replace(feature, range=bounds))
    return dataclasses.replace(spec, features=tuple(features))
