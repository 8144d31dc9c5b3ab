"""The layers of a forecasting network, and the weights of its scalers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.scaling import Scaler
from rnnedge.data.series import Dataset
from rnnedge.tasks.config import TrainConfig
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.layers import AddLast, Affine, Gru, Layer, Linear, Lstm, Rnn
from rnnedge_runtime.spec import ModelSpec

Array = NDArray[np.float32]


def last_sources(dataset: Dataset, config: TrainConfig) -> list[int] | None:
    """Index of the input to add to each output, or None for no add_last."""
    absent = [name for name in dataset.targets if name not in dataset.features]
    if config.add_last is False or (config.add_last is None and absent):
        return None
    if absent:
        raise SpecError(
            f"train: add_last needs every target among the features, and "
            f"{', '.join(absent)} is not. Add it with --feature, or use --no-add-last."
        )
    return [
        dataset.features.index(name)
        for name in dataset.targets
        for _ in range(config.horizon)
    ]


def network_layers(
    config: TrainConfig, input_size: int, y: Array, sources: list[int] | None
) -> tuple[Layer, ...]:
    """The chain from raw readings to forecasts in the targets' units."""
    output_size = y.shape[1]
    layers: list[Layer] = [Affine(input_size)]
    size = input_size
    for _ in range(config.num_layers):
        if config.cell == "rnn":
            layers.append(Rnn(size, config.hidden_size, config.nonlinearity))
        elif config.cell == "gru":
            layers.append(Gru(size, config.hidden_size))
        else:
            layers.append(Lstm(size, config.hidden_size, config.proj_size))
        size = layers[-1].output_size
    layers += [Linear(size, output_size), Affine(output_size, inverse=True)]
    if sources is not None:
        layers.append(AddLast(tuple(sources)))
    return tuple(layers)


def affine_weights(
    spec: ModelSpec, input_scaler: Scaler, output_scaler: Scaler
) -> dict[str, Array]:
    """Derived inputs are sines and cosines already: shift 0, scale 1."""
    extra = spec.input_size - spec.num_features
    shift = np.concatenate([input_scaler.mean, np.zeros(extra, np.float32)])
    scale = np.concatenate([1 / input_scaler.scale, np.ones(extra, np.float32)])
    inverse = next(
        k
        for k, layer in enumerate(spec.layers)
        if isinstance(layer, Affine) and layer.inverse
    )
    return {
        "layers.0.shift": shift.astype(np.float32),
        "layers.0.scale": scale.astype(np.float32),
        f"layers.{inverse}.shift": output_scaler.mean,
        f"layers.{inverse}.scale": output_scaler.scale,
    }
