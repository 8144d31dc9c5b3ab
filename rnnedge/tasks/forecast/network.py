"""The layers of a forecasting network, and the weights of its scalers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.scaling import ChangeScaler, Scaler
from rnnedge.data.series import Dataset
from rnnedge.tasks.blocks import Block, Cell, fused_cell
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.task import first_affine, last_affine
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.graph_check import Wiring
from rnnedge_runtime.spec.layers import AddLast, Affine, Difference, Layer, Linear
from rnnedge_runtime.spec.model_spec import ModelSpec

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


def change_sources(dataset: Dataset, config: TrainConfig) -> tuple[int, ...]:
    """Indices of the features whose change is an input as well: those of the targets.

    Raises:
        SpecError: `drift` was asked for, and the last reading is not added.
    """
    is_added = last_sources(dataset, config) is not None
    if config.drift and not is_added:
        raise SpecError(
            "train: drift=True needs the last reading to be added to the forecast, and it "
            "is not. Leave --drift out, or add every target to the features."
        )
    if config.drift is False or not is_added:
        return ()
    return tuple(dataset.features.index(name) for name in dataset.targets)


@dataclass(frozen=True, eq=False, slots=True)
class Network:
    """The layers of a network.

    Attributes:
        layers: from raw readings to forecasts in the targets' units.
        wiring: what each reads; () for a chain.
        starts: weights that begin elsewhere than PyTorch begins them, such as the gains of
            norms.
    """

    layers: tuple[Layer, ...]
    wiring: Wiring = ()
    starts: Mapping[str, Array] = field(default_factory=dict)


def network_layers(
    config: TrainConfig,
    input_size: int,
    output_size: int,
    *,
    last: list[int] | None,
    changes: tuple[int, ...],
) -> Network:
    """The blocks of the config between the scalers.

    Args:
        config: says the blocks.
        input_size: I.
        output_size: O.
        last: index of the input added to each output; None for no add_last.
        changes: indices of the inputs whose change is an input as well.
    """
    front: list[Layer] = [Difference(input_size, changes)] if changes else []
    size = input_size + len(changes)
    front.append(Affine(size))
    back: list[Layer] = [Affine(output_size, inverse=True)]
    if last is not None:
        back.append(AddLast(tuple(last), is_clipped=False))
    return _between(front, config.blocks, output_size, back)


def _between(
    front: Sequence[Layer],
    blocks: Sequence[Block],
    output_size: int,
    back: Sequence[Layer],
) -> Network:
    size = front[-1].output_size
    if all(isinstance(block, Cell) and block.is_fused for block in blocks):
        layers = list(front)
        for block in blocks:
            assert isinstance(block, Cell)
            layers.append(fused_cell(block, size))
            size = layers[-1].output_size
        return Network((*layers, Linear(size, output_size), *back))
    from rnnedge.tasks.stacking import stack
    from rnnedge_export.capture.graph.builder import GraphBuilder
    from rnnedge_export.capture.graph.nodes import INPUT, names_of

    b = GraphBuilder(front[0].input_size)
    z = names_of(INPUT, (front[0].input_size,))
    for layer in front:
        z = b.add(layer, (b.operand(z),))
    z = stack(b, blocks, z)
    for layer in (Linear(z.numel(), output_size), *back):
        z = b.add(layer, (b.operand(z),))
    return Network(tuple(b.layers), b.wiring(), b.weights)


def fixed_weights(
    spec: ModelSpec, inputs: Scaler, outputs: Scaler, changes: ChangeScaler | None
) -> dict[str, Array]:
    """The weights that are fitted, not trained: scalers and the limits of changes.

    Derived inputs are sines and cosines already: shift 0, scale 1.
    """
    derived = spec.input_size - spec.num_features
    shift: list[Array] = [inputs.mean, np.zeros(derived, np.float32)]
    scale: list[Array] = [np.reciprocal(inputs.scale), np.ones(derived, np.float32)]
    weights: dict[str, Array] = {}
    if changes is not None:
        weights |= {"layers.0.low": changes.low, "layers.0.high": changes.high}
        shift.append(changes.scaler.mean)
        scale.append(np.reciprocal(changes.scaler.scale))
    first, last = first_affine(spec), last_affine(spec)
    return weights | {
        f"layers.{first}.shift": np.concatenate(shift).astype(np.float32),
        f"layers.{first}.scale": np.concatenate(scale).astype(np.float32),
        f"layers.{last}.shift": outputs.mean,
        f"layers.{last}.scale": outputs.scale,
    }


def input_scaler(spec: ModelSpec, weights: Mapping[str, Array]) -> tuple[Array, Array]:
    """Shift and scale `[I]` of the model inputs among `fixed_weights`."""
    first = first_affine(spec)
    shift, scale = (weights[f"layers.{first}.{name}"] for name in ("shift", "scale"))
    return shift[: spec.input_size], scale[: spec.input_size]
