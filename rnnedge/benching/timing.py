"""Times of short calls, several kinds side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Block = Callable[[int], None]
"""Does the thing to be timed so many times."""

BLOCK_S = 0.002
SINGLE_CALLS = 2000
WARM_UP_CALLS = 3


@dataclass(frozen=True, slots=True)
class Timing:
    """Time of one call in us.

    Attributes:
        p50: median over blocks of calls, the loop around them included.
        p99: of calls timed one by one, the timer's own time subtracted.
    """

    p50: float
    p99: float


def time_blocks(
    blocks: Mapping[str, Block], *, seconds: float, rounds: int = 5
) -> dict[str, Timing]:
    """Time blocks in turn, so that a disturbed moment disturbs all of them.

    Args:
        blocks: what to time, by name.
        seconds: to spend on each, about.
        rounds: of all blocks at least.
    """
    sizes = {name: _block_size(block) for name, block in blocks.items()}
    found: dict[str, list[float]] = {name: [] for name in blocks}
    for _ in range(max(rounds, round(seconds / BLOCK_S))):
        for name, block in blocks.items():
            found[name].append(_seconds(block, sizes[name]) / sizes[name])
    return {
        name: Timing(1e6 * float(np.median(found[name])), _percentile(block, seconds))
        for name, block in blocks.items()
    }


def _block_size(block: Block) -> int:
    """Calls that take about BLOCK_S, after a warm-up: a first call may set up much."""
    _seconds(block, WARM_UP_CALLS)
    size = 1
    while True:
        elapsed = min(_seconds(block, size) for _ in range(3))
        if elapsed >= BLOCK_S / 4:
            return max(1, round(size * BLOCK_S / elapsed))
        size *= 2


def _percentile(block: Block, seconds: float) -> float:
    count = min(SINGLE_CALLS, max(10, round(seconds / _seconds(block, 1))))

    def nothing(_: int) -> None:
        pass

    overhead = np.median([_seconds(nothing, 1) for _ in range(SINGLE_CALLS)])
    calls = [_seconds(block, 1) for _ in range(count)]
    return 1e6 * max(0.0, float(np.percentile(calls, 99) - overhead))


def _seconds(block: Block, size: int) -> float:
    started = time.perf_counter()
    block(size)
    return time.perf_counter() - started
