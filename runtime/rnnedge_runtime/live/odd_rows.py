"""What is found in the readings of many rows, as `RowStream` finds it row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..spec.clip import Bounds, odd_readings
from ..spec.model_spec import Feature
from ..streams.inputs import is_missing
from .findings import Findings


def fates(
    feature: Feature, k: int, clip: Bounds, plausible: Bounds
) -> tuple[str, str, str]:
    """What is said of readings of a feature that are missing, implausible or clipped."""
    name, fate = feature.name, "passed on" if feature.missing == "pass" else "held"
    return (
        f"missing readings of {name} {fate}",
        f"implausible readings of {name}, outside {_text(plausible, k)}, {fate}",
        f"readings of {name} outside {_text(clip, k)} clipped",
    )


def _text(bounds: Bounds, k: int) -> str:
    low, high = (bound[k] for bound in bounds)
    return f"{low:g} to {high:g}"


@dataclass(frozen=True, slots=True)
class OddRows:
    """Rows of a block with readings that are missing, implausible or clipped.

    Attributes:
        are_odd: `[N]` which; None where there are none.
        are_refused: `[N]` in which a policy refuses a missing reading; None for none.
        absent, implausible, clipped: `[N, F]` readings, empty where no row is odd.
    """

    are_odd: NDArray[np.bool_] | None
    are_refused: NDArray[np.bool_] | None
    kinds: tuple[NDArray[np.bool_], ...]

    @classmethod
    def of(
        cls,
        readings: NDArray[np.float32],
        features: Sequence[Feature],
        clip: Bounds,
        plausible: Bounds,
    ) -> OddRows:
        """Of the readings `[N, F]` of a block."""
        number = len(features)
        low = np.maximum(clip[0], plausible[0])[:number]
        high = np.minimum(clip[1], plausible[1])[:number]
        is_plain = (low <= readings) & (readings <= high)
        if is_plain.all():
            return cls(None, None, ())
        clipped, implausible = odd_readings(readings, clip, plausible)
        refuses = np.array([feature.missing == "reject" for feature in features])
        refused = None
        if refuses.any():
            refused = np.any(is_missing(features, readings) & refuses, axis=1)
        kinds = (~np.isfinite(readings), implausible, clipped)
        return cls(np.any(~is_plain, axis=1), refused, kinds)

    def next_refused(self, start: int, stop: int) -> int:
        """The first row from `start` on that is refused; `stop` where there is none."""
        if self.are_refused is None or not self.are_refused[start:stop].any():
            return stop
        return start + int(np.argmax(self.are_refused[start:stop]))

    def first_findings(self, start: int, stop: int) -> list[tuple[int, int, int, int]]:
        """First row, feature, kind and number of all that is found in some of the rows."""
        if self.are_odd is None or not self.are_odd[start:stop].any():
            return []
        found = []
        for kind, are in enumerate(self.kinds):
            part = are[start:stop]
            for k in np.flatnonzero(part.any(axis=0)).tolist():
                first = start + int(np.argmax(part[:, k]))
                found.append((first, k, kind, int(part[:, k].sum())))
        return found


def add_findings(
    findings: Findings,
    found: list[tuple[int, int, int, int]],
    texts: Sequence[Sequence[str]],
    number: int,
) -> None:
    """Count what `OddRows.first_findings` gave, what came first also first.

    Args:
        texts: `fates` of each feature.
        number: of the first row of the block.
    """
    for first, k, kind, count in sorted(found):
        findings.add(texts[k][kind], number + first, count)
