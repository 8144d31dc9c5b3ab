"""The learning rate over a training run."""

from __future__ import annotations

import math

from rnnedge.tasks.config import TrainConfig

START = 0.04
"""Part of the peak at which the warmup starts."""


def learning_rate(config: TrainConfig, epochs_done: float) -> float:
    """Linear warmup, then half a cosine to zero (Loshchilov & Hutter 2017, eq. 5).

    Args:
        config: peak, warmup and epochs.
        epochs_done: so far, with the part of the current one.
    """
    progress = epochs_done / config.epochs
    warmup = config.warmup
    if progress < warmup:
        return config.learning_rate * (START + (1 - START) * progress / warmup)
    decay = (progress - warmup) / max(1e-9, 1 - warmup)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * decay))
