"""Which readings are plausible, and how far the network looks beyond its training range.

The *range* of a feature is where its readings are believed; one outside counts as missing.
Its *clip* is where the network sees them; one outside counts as the nearest bound there,
and as itself where it is added to a forecast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.model_spec import LARGEST_FLOAT32
from rnnedge_runtime.tables.text.cell_text import check_columns

CLIP_WIDTH = 0.5
"""Part of the training range's width by which the clip is wider, on either side."""

RANGE_WIDTHS = 20.0
"""Widths of the training range by which the plausible range is wider, on either side."""

OUTLIER_WIDTHS = 10.0
"""Widths of the core beyond which a training reading is an outlier."""

CORE_SHARE = 0.01
"""Share of the readings left out of the core on either side, two at least."""

Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Limits:
    """What was asked of clips and ranges, by feature name; "" for every feature.

    Attributes:
        clip: bounds, or the part of the training range's width; None for no clip.
        range: bounds of plausible readings; None for all.
    """

    clip: dict[str, Bounds | float | None]
    range: dict[str, Bounds | None]

    def check_names(self, names: Sequence[str], *, where: str) -> None:
        """Raise DataError where a limit names no feature."""
        asked = [name for name in (*self.clip, *self.range) if name]
        check_columns(asked, names, where=where, role="limit")

    def bounds(self, name: str, clean: Bounds) -> tuple[Bounds | None, Bounds | None]:
        """Clip and range of a feature whose training readings lie within `clean`."""
        low, high = clean
        asked = self.clip.get(name, self.clip.get("", CLIP_WIDTH))
        clip = _widened(clean, asked) if isinstance(asked, float) else asked
        default = _widened(clean, RANGE_WIDTHS) if high > low else None
        return clip, self.range.get(name, self.range.get("", default))


def clean_range(values: NDArray[np.float32]) -> Bounds:
    """Smallest and largest of `values` `[N]`, finite, at least one, without outliers.

    An outlier lies more than `OUTLIER_WIDTHS` widths of the core beyond it, the core being
    the readings without the `CORE_SHARE` smallest and largest. Where the core is a single
    value, as of a rain gauge, nothing is an outlier.
    """
    ordered = np.sort(values.astype(np.float64))
    cut = max(2, int(CORE_SHARE * len(ordered)))
    if len(ordered) > 4 * cut:
        core_low, core_high = ordered[cut], ordered[-1 - cut]
        far = OUTLIER_WIDTHS * (core_high - core_low)
        if far > 0:
            is_clean = (ordered >= core_low - far) & (ordered <= core_high + far)
            ordered = ordered[is_clean]
    return float(ordered[0]), float(ordered[-1])


def read_limits(clip: Sequence[str], ranges: Sequence[str]) -> Limits:
    """The limits that the options `--clip` and `--range` ask for.

    Args:
        clip: `off`, a width such as `2`, or `LO:HI`; `NAME=` in front for one feature.
        ranges: `off` or `LO:HI`, `NAME=` in front for one feature.

    Raises:
        SpecError: none of these.
    """
    clips: dict[str, Bounds | float | None] = {}
    for name, text in map(_name_and_text, clip):
        if text != "off" and ":" not in text:
            clips[name] = _number(text, "clip", least=0.0)
        else:
            clips[name] = _bounds(text, "clip")
    found = {name: _bounds(text, "range") for name, text in map(_name_and_text, ranges)}
    return Limits(clips, found)


def _widened(bounds: Bounds, widths: float) -> Bounds:
    margin = widths * (bounds[1] - bounds[0])
    low, high = bounds[0] - margin, bounds[1] + margin
    return max(low, -LARGEST_FLOAT32), min(high, LARGEST_FLOAT32)


def _name_and_text(option: str) -> tuple[str, str]:
    name, _, text = option.rpartition("=")
    return name, text.strip()


def _bounds(text: str, option: str) -> Bounds | None:
    if text == "off":
        return None
    low, separator, high = text.partition(":")
    if not separator:
        raise _unreadable(text, option)
    bounds = _number(low, option), _number(high, option)
    if bounds[0] >= bounds[1]:
        raise SpecError(
            f"train: --{option} is '{text}', but {low} is not below {high}. "
            "Give the lower bound first."
        )
    return bounds


def _number(text: str, option: str, *, least: float = -LARGEST_FLOAT32) -> float:
    try:
        value = float(text)
    except ValueError:
        raise _unreadable(text, option) from None
    if not math.isfinite(value) or not least <= value <= LARGEST_FLOAT32:
        raise _unreadable(text, option)
    return value


def _unreadable(text: str, option: str) -> SpecError:
    expected = "off, a WIDTH or LO:HI" if option == "clip" else "off or LO:HI"
    return SpecError(
        f"train: --{option} is '{text}', expected {expected}, with NAME= in front for one "
        f"feature. Write for example --{option} temp_c=-40:60."
    )
