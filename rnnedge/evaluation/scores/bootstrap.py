"""How far a difference of errors could come about by chance.

The test part is cut into blocks of time, all series together, and the blocks are drawn with
replacement (Kunsch 1989; here without overlap): errors of neighbouring rows and of
neighbouring devices go together, so single rows would promise too much.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnedge.tasks.scores import Interval

DRAWS = 1000
LEVEL = 0.95
MOST_BLOCKS = 24
SEED = 0
_STUDENT_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
_NORMAL = 1.96


def block_length(num_slots: int, horizon: int, season: int) -> int:
    """Slots of a block: a horizon, a season, and a part of all slots, at least.

    Few long blocks forget what lasts from one to the next; Student's t pays for their
    number (Ibragimov & Muller 2010).
    """
    return max(horizon, season, num_slots // MOST_BLOCKS, 1)


def number_blocks(
    slots: Sequence[NDArray[np.int64]], length: int, *, is_common: bool
) -> NDArray[np.int64]:
    """`[N]` block of every row, from 0 without a gap.

    Args:
        slots: of the rows of every series.
        length: slots of a block.
        is_common: whether the same slot of two series is the same time.
    """
    first = min((int(one[0]) for one in slots if len(one)), default=0)
    blocks = [(one - first) // length for one in slots]
    if not is_common:
        step = 1 + max((int(one[-1]) for one in blocks if len(one)), default=0)
        blocks = [one + k * step for k, one in enumerate(blocks)]
    joined = np.concatenate(blocks)
    return np.unique(joined, return_inverse=True)[1].astype(np.int64)


def mean_intervals(
    differences: NDArray[np.floating], blocks: NDArray[np.int64]
) -> list[Interval | None]:
    """Interval of the mean of every column; None for a column without a number.

    Args:
        differences: `[N, O]` of two errors of one forecast, NaN where unknown.
        blocks: `[N]` from `number_blocks`.
    """
    num_blocks = int(blocks.max(initial=-1)) + 1
    order = np.argsort(blocks, kind="stable")
    starts = np.searchsorted(blocks[order], np.arange(num_blocks))
    intervals: list[Interval | None] = []
    draw = np.random.default_rng(SEED)
    weights = draw.multinomial(
        num_blocks, np.full(num_blocks, 1 / max(1, num_blocks)), size=DRAWS
    ).astype(np.float64)
    for k in range(differences.shape[1]):
        column = differences[order, k].astype(np.float64)
        known = np.isfinite(column)
        if not known.any():
            intervals.append(None)
            continue
        total = np.add.reduceat(np.where(known, column, 0.0), starts)
        count = np.add.reduceat(known.astype(np.float64), starts)
        filled = int((count > 0).sum())
        if filled == 1:
            intervals.append(Interval(-np.inf, np.inf, 1))
            continue
        drawn = weights @ count
        means = (weights @ total)[drawn > 0] / drawn[drawn > 0]
        mean = float(total.sum() / count.sum())
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(means, (tail, 1 - tail))
        wider = _few_blocks(filled)
        intervals.append(
            Interval(
                mean + wider * (float(low) - mean),
                mean + wider * (float(high) - mean),
                filled,
            )
        )
    return intervals


def _few_blocks(number: int) -> float:
    """By how much an interval from so few blocks is too narrow (Student's t)."""
    if number - 1 <= len(_STUDENT_T):
        quantile = _STUDENT_T[number - 2]
    else:
        quantile = _NORMAL + 2.4 / (number - 1)
    return quantile / _NORMAL * float(np.sqrt(number / (number - 1)))
