"""Which readings of the past a linear forecast sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

RECENT = 24  # lags of every feature, at least where the columns allow
RECENT_OWN = 48  # of the targets
DENSE_OWN = 192  # lags of the targets without a break, at most
SPARSE_OWN = 32  # lags from there to the end of the shortest season
SEASONS_BACK = (2, 8)  # of the longest season, of the shorter ones
WINDOW = 64  # lags around a season, at most
LONGEST_PART = 2  # a lag is at most this part of the longest training part


@dataclass(frozen=True, slots=True)
class Lags:
    """Lags in steps, ascending from 0, of the features that are targets and of the others.

    Attributes:
        own: of the features that are targets.
        others: of the other features.
    """

    own: tuple[int, ...]
    others: tuple[int, ...]

    @property
    def longest(self) -> int:
        """The longest lag in steps."""
        return max(*self.own, *self.others)


def choose_lags(
    seasons: Sequence[int],
    horizon: int,
    *,
    num_own: int,
    num_others: int,
    longest_part: int,
    num_columns: int,
) -> Lags:
    """Lags that cover two of the longest season within `num_columns` columns.

    The last readings come first, then what lies a whole number of seasons before a step
    that is forecast, for the targets; then, as columns are left, the same for the others.

    Args:
        seasons: in steps, ascending; [] or [1] for none.
        horizon: steps ahead.
        num_own: features that are targets.
        num_others: features that are not.
        longest_part: rows of the longest training part.
        num_columns: lags times features, at most.
    """
    limit = max(1, longest_part // LONGEST_PART)
    every = [lag for lag in range(RECENT) if lag < limit]
    num_features = num_own + num_others
    every = every[: max(1, num_columns // num_features)]
    left = num_columns - len(every) * num_features
    wanted = list(_wanted(seasons, horizon))
    own, left = _taken(wanted, every, num_own, limit, left)
    others, _ = _taken(wanted, every, num_others, limit, min(left, num_columns // 4))
    return Lags(own, others)


def _wanted(seasons: Sequence[int], horizon: int) -> Iterable[int]:
    """Lags in the order in which they are worth their columns."""
    yield from range(RECENT_OWN)
    cycles = [season for season in seasons if season > 1]
    for season in cycles:
        turns = SEASONS_BACK[0 if season == cycles[-1] else 1]
        for turn in range(1, turns + 1):
            window = np.arange(turn * season - horizon - 1, turn * season + 2)
            if len(window) > WINDOW:
                window = np.linspace(window[0], window[-1], WINDOW).astype(int)
            yield from (int(lag) for lag in window if lag > 0)
    if cycles:
        dense = min(2 * cycles[0], DENSE_OWN)
        yield from range(dense)
        yield from (
            np.geomspace(dense, max(dense, cycles[0]), SPARSE_OWN).astype(int).tolist()
        )


def _taken(
    wanted: Iterable[int], first: list[int], num_features: int, limit: int, left: int
) -> tuple[tuple[int, ...], int]:
    taken = dict.fromkeys(first)
    for lag in wanted:
        if left < num_features or not num_features:
            break
        if lag not in taken and lag < limit:
            taken[lag] = None
            left -= num_features
    return tuple(sorted(taken)), left
