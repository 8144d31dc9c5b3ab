"""A series that leaves its training range, and networks trained on its first part."""

from __future__ import annotations

import functools

import numpy as np
import torch

from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.spec.layers import AddLast, Affine, Difference, Gru, Layer, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import Weights

TRAINING_ROWS = 500
HORIZON = 2


@functools.cache
def series() -> np.ndarray:
    """`[T, 1]`: a trend and a wave; its end is three widths of the training part away."""
    t = np.arange(4 * TRAINING_ROWS + 200)
    noise = np.random.default_rng(0).normal(size=len(t))
    values = 100 + 0.02 * t + np.sin(2 * np.pi * t / 40) + 0.05 * noise
    return values.astype(np.float32)[:, None]


def spec_of(*, has_changes: bool) -> ModelSpec:
    """GRU 16 that forecasts the change from the last reading, wherever that is."""
    known = series()[:TRAINING_ROWS]
    low, high = float(known.min()), float(known.max())
    size = 1 + int(has_changes)
    layers: list[Layer] = [Difference(1, (0,))] if has_changes else []
    layers += [Affine(size), Gru(size, 16), Linear(16, HORIZON)]
    layers += [Affine(HORIZON, inverse=True), AddLast((0,) * HORIZON, is_clipped=False)]
    width = high - low
    feature = Feature(
        "price",
        clip=(low, high),
        initial=float(known.mean()),
        range=(low - 10 * width, high + 10 * width),
    )
    return ModelSpec((feature,), (Target("price"),), tuple(layers), horizon=HORIZON)


def true_outputs(x: np.ndarray) -> np.ndarray:
    """`[T - HORIZON, HORIZON]` what came after each row."""
    return np.stack(
        [x[k : len(x) - HORIZON + k, 0] for k in range(1, HORIZON + 1)], axis=1
    )


@functools.cache
def trained(*, has_changes: bool) -> tuple[ModelSpec, Weights]:
    """The network after a few seconds on the training part."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    spec = spec_of(has_changes=has_changes)
    module = SequenceModel(spec)
    x = series()[:TRAINING_ROWS]
    y = true_outputs(x)
    weights = dict(module.weights())
    scaler = int(has_changes)
    weights[f"layers.{scaler}.shift"][0] = x.mean()
    weights[f"layers.{scaler}.scale"][0] = 1 / x.std()
    change = np.diff(x[:, 0])
    if has_changes:
        weights["layers.0.low"][:] = change.min()
        weights["layers.0.high"][:] = change.max()
        weights["layers.1.scale"][1] = 1 / change.std()
    weights[f"layers.{scaler + 3}.scale"][:] = (y - x[:-HORIZON]).std()
    module.load_weights(weights)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.01)
    inputs, targets = torch.from_numpy(x[None]), torch.from_numpy(y[None].copy())
    for _ in range(40):
        optimiser.zero_grad()
        found, _ = module(inputs, module.initial_state(1))
        loss = (found[:, 40:-HORIZON] - targets[:, 40:]).abs().mean()
        loss.backward()
        optimiser.step()
    return spec, module.weights()
