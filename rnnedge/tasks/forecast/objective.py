"""What is made small in training: errors in units of each output's standard deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.task import Objective, Prepared

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def forecast_objective(
    prepared: Prepared, config: TrainConfig, device: torch.device
) -> Objective:
    """The loss of forecasts, and lanes at other levels where the network takes them."""
    import torch

    from rnnedge.tasks.forecast import level_shifts

    scale = torch.from_numpy(prepared.output_scale).to(device)

    def loss(y_hat: Tensor, y: Tensor, known: Tensor) -> Tensor:
        error = torch.where(known, (y_hat - y) / scale, 0.0)
        if config.loss == "mse":
            return error.square()
        size = error.abs()
        if config.loss == "mae":
            return size
        return torch.where(size < 1.0, 0.5 * error.square(), size - 0.5)

    spec, shifter = prepared.spec, None
    if level_shifts.takes_shifts(spec):
        shifter = level_shifts.LevelShifter(spec, prepared.affine_weights, config.seed)
    extra_lanes = shifter.draw if shifter else lambda count, epoch: None
    return Objective(*_rows(prepared, device), loss, extra_lanes)


def _rows(
    prepared: Prepared, device: torch.device
) -> tuple[Tensor, Tensor, list[range]]:
    """The rows trained on, those they forecast, and the rows of every series.

    The truth is a view of the targets: 24 steps ahead take no more memory than one.
    """
    import torch

    horizon = prepared.spec.horizon
    ranges: list[range] = []
    inputs: list[NDArray[np.float32]] = []
    start = 0
    for one in prepared.series:
        train = len(one.parts.train)
        ranges.append(range(start, start + train))
        inputs.append(one.x[: train + horizon - 1 if train else 0])
        start += len(inputs[-1])
    num_targets = len(prepared.spec.targets)
    ahead = np.full((start + horizon - 1, num_targets), np.nan, np.float32)
    for one, x, rows in zip(prepared.series, inputs, ranges, strict=True):
        targets = one.targets[1 : len(x) + 1]
        ahead[rows.start : rows.start + len(targets)] = targets
    x = inputs[0] if len(inputs) == 1 else np.concatenate(inputs)
    y = torch.from_numpy(ahead).to(device).unfold(0, horizon, 1)
    return torch.from_numpy(x).to(device), y, ranges
