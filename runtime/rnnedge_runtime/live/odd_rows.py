"""What is found in the readings of many rows, as `RowStream` finds it row by row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..monitoring.stuck import most_unchanged
from ..spec.clip import Bounds, odd_readings
from ..spec.model_spec import Feature
from ..streams.inputs import is_missing
from .findings import MOVED_ROWS, Findings

STUCK = 3
"""Place in `fates` of what is said of a sensor that sticks."""

MOVED, READINGS, AFTER = range(3)
_FATES = {"pass": "passed on", "predict": "filled by the forecast"}


def fates(
    feature: Feature, k: int, clip: Bounds, plausible: Bounds
) -> tuple[str, str, str, str]:
    """What is said of readings that are missing, implausible or clipped, or stay the same."""
    name, fate = feature.name, _FATES.get(feature.missing, "held")
    return (
        f"missing readings of {name} {fate}",
        f"implausible readings of {name}, outside {_text(plausible, k)}, {fate}",
        f"readings of {name} outside {_text(clip, k)} clipped",
        f"readings of {name} unchanged for more than {most_unchanged(feature)} in a row, "
        f"in training at most {feature.longest_unchanged}",
    )


def _text(bounds: Bounds, k: int) -> str:
    low, high = (bound[k] for bound in bounds)
    return f"{low:g} to {high:g}"


class Found(NamedTuple):
    """Something found in a run of rows; of one row the smaller comes first.

    Attributes:
        first: the first row in which it was, from the start of the run.
        turn: `MOVED` of its time, `READINGS`, or `AFTER` these.
        feature: whose readings.
        kind: place in `fates`.
        number: of rows.
    """

    first: int
    turn: int
    feature: int
    kind: int
    number: int


@dataclass(frozen=True, slots=True)
class OddRows:
    """Rows of a block with readings that are missing, implausible or clipped.

    Attributes:
        are_odd: `[N]` which; None where there are none.
        are_refused: `[N]` in which a policy refuses a missing reading; None for none.
        known: `[N, F]` readings that are neither missing nor implausible.
        kinds: `[N, F]` readings that are missing, implausible and clipped.
    """

    are_odd: NDArray[np.bool_] | None
    are_refused: NDArray[np.bool_] | None
    known: NDArray[np.bool_] | None
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
            return cls(None, None, None, ())
        clipped, implausible = odd_readings(readings, clip, plausible)
        refuses = np.array([feature.missing == "reject" for feature in features])
        known = ~is_missing(features, readings)
        refused = np.any(~known & refuses, axis=1) if refuses.any() else None
        kinds = (~np.isfinite(readings), implausible, clipped)
        return cls(np.any(~is_plain, axis=1), refused, known, kinds)

    def next_refused(self, start: int, stop: int) -> int:
        """The first row from `start` on that is refused; `stop` where there is none."""
        if self.are_refused is None or not self.are_refused[start:stop].any():
            return stop
        return start + int(np.argmax(self.are_refused[start:stop]))

    def known_in(self, start: int, stop: int) -> NDArray[np.bool_] | None:
        """`known` of some rows; None where all of their readings are."""
        if self.known is None or self.are_odd is None:
            return None
        return self.known[start:stop] if self.are_odd[start:stop].any() else None

    def found_in(self, start: int, stop: int) -> list[Found]:
        """What is found in the readings of some rows."""
        if self.are_odd is None or not self.are_odd[start:stop].any():
            return []
        found = []
        for kind, are in enumerate(self.kinds):
            part = are[start:stop]
            for k in np.flatnonzero(part.any(axis=0)).tolist():
                first, count = int(np.argmax(part[:, k])), int(part[:, k].sum())
                found.append(Found(first, READINGS, k, kind, count))
        return found


def add_findings(
    findings: Findings,
    found: Iterable[Found],
    texts: Sequence[Sequence[str]],
    number: int,
) -> None:
    """Count what was found in a run of rows, what came first also first.

    Args:
        texts: `fates` of each feature.
        number: of the first row of the run.
    """
    for one in sorted(found):
        what = MOVED_ROWS if one.turn == MOVED else texts[one.feature][one.kind]
        findings.add(what, number + one.first, one.number)
