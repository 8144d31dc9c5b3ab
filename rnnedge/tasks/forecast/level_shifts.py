"""Lanes at other levels: how a network learns to forecast beyond its training range.

Some lanes of every chunk are seen once more with the targets' readings moved out of the
clip range, and rising or falling; the true outputs move with them. There the levels that
the network sees stand at their bounds, so it learns to go by the changes.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnedge.tasks.task import ExtraLanes
from rnnedge_runtime.spec.layers import AddLast, Affine, Difference
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights

LANES_PER_SHIFTED = 4
SHORTEST_SPELL, LONGEST_SPELL = 3, 8  # chunks at one level and slope
NEAREST, FURTHEST = 1.0, 4.0  # widths of the clip range
STEEPEST = 1.0  # in standard deviations of the change from step to step
LOSS_WEIGHT = 0.15
"""Weight of the shifted lanes in the loss: they are there to learn from, but rare."""


class LevelShifter:
    """Draws the shifted lanes of every epoch, by the weights fitted before the training."""

    def __init__(self, spec: ModelSpec, weights: Weights, seed: int) -> None:
        self._spec = spec
        self._seed = seed
        self._columns = [spec.feature_names.index(name) for name in spec.target_names]
        clips = [spec.features[k].clip or (0.0, 0.0) for k in self._columns]
        self._widths = np.array([high - low for low, high in clips])
        first = next(k for k, la in enumerate(spec.layers) if isinstance(la, Affine))
        scale = weights[f"layers.{first}.scale"].astype(np.float64)
        self._steepest = STEEPEST / scale[spec.input_size :]

    def draw(self, count: NDArray[np.int64], epoch: int) -> ExtraLanes:
        """The shifted lanes of an epoch, each moved spell by spell.

        Args:
            count: `[chunks, lanes]` rows of the epoch.
            epoch: from 0.
        """
        rng = np.random.default_rng((self._seed, epoch))
        num_chunks, num_lanes = count.shape
        lanes = rng.permutation(num_lanes)[: -(-num_lanes // LANES_PER_SHIFTED)]
        start = np.zeros((num_chunks, len(lanes), len(self._columns)))
        slope = np.zeros_like(start)
        for k, lane in enumerate(lanes):
            rows = np.cumsum(count[:, lane]) - count[:, lane]
            chunk = 0
            while chunk < num_chunks:
                spell = int(rng.integers(SHORTEST_SPELL, LONGEST_SPELL + 1))
                within = slice(chunk, chunk + spell)
                away = self._signed(rng, NEAREST, FURTHEST) * self._widths
                rise = self._signed(rng, 0.0, 1.0) ** 3 * self._steepest
                slope[within, k] = rise
                start[within, k] = away + rise * (rows[within] - rows[chunk])[:, None]
                chunk += spell
        starts, slopes = (
            torch.from_numpy(a.astype(np.float32)) for a in (start, slope)
        )
        horizon = self._spec.output_size // len(self._columns)

        def move(x: Tensor, y: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
            steps = torch.arange(x.shape[1], device=x.device)[:, None]
            start, slope = (t[chunk, :, None].to(x.device) for t in (starts, slopes))
            x = x.clone()
            x[..., self._columns] += start + slope * steps
            ahead = torch.arange(1, horizon + 1, device=x.device)
            moved = start[..., None] + slope[..., None] * (steps[..., None] + ahead)
            return x, y + moved.flatten(-2)

        return ExtraLanes(torch.from_numpy(lanes), LOSS_WEIGHT, move)

    def _signed(
        self, rng: np.random.Generator, least: float, most: float
    ) -> NDArray[np.float64]:
        num = len(self._columns)
        return rng.uniform(least, most, num) * rng.choice((-1.0, 1.0), num)


def takes_shifts(spec: ModelSpec) -> bool:
    """Whether a network has what it needs to learn from shifted levels."""
    kinds = {type(layer) for layer in spec.layers}
    return {AddLast, Difference} <= kinds and all(
        spec.features[spec.feature_names.index(name)].clip is not None
        for name in spec.target_names
    )
