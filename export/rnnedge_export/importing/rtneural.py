"""JSON of RTNeural: a stack of layers whose weights are laid out as Keras has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnedge_runtime.errors import FormatError, SpecError

from ..capture.graph.nodes import Named
from . import stacks
from .json_file import read_json
from .keras_cells import keras_cell, turned
from .limits import malformed
from .step import Imported, Step, check_finite


@dataclass(frozen=True)
class _Layer:
    """One entry of `layers`."""

    step: Step
    name: str
    content: dict[str, Any]
    weights: list[Tensor]

    def weight(self, position: int) -> Tensor:
        """One of its weights.

        Raises:
            FormatError: it has fewer.
        """
        if position < len(self.weights):
            return self.weights[position]
        raise FormatError(
            f"{self.step.where}: layer '{self.name}' has {len(self.weights)} weights, "
            f"expected {position + 1} or more. Write the file again."
        )


def import_rtneural(
    path: Path, *, features: Sequence[str] = (), targets: Sequence[str] = ()
) -> Imported:
    """Read a file.

    Raises:
        FormatError: it is no model of RTNeural.
        SpecError: a layer that is not known, or whose weights do not fit.
        NonFiniteError: a weight that is NaN.
    """
    content = read_json(path)
    where = str(path)
    shape, layers = content.get("in_shape"), content.get("layers")
    if not isinstance(layers, list) or not isinstance(shape, list) or not shape:
        raise FormatError(
            f"{where}: it has no 'in_shape' and 'layers', so it is no JSON of RTNeural. "
            "Write it with RTNeural's save_model."
        )
    inputs = shape[-1]
    if not isinstance(inputs, int) or inputs < 1:
        raise FormatError(f"{where}: its in_shape {shape} has no size. Write it again.")
    step = Step(where)
    x = z = step.input(inputs)
    for k, item in enumerate(layers):
        kind = item.get("type") if isinstance(item, dict) else None
        name = f"{k} ({kind})"
        rule = _LAYERS.get(str(kind))
        if rule is None:
            raise SpecError(
                f"{where}: layer '{name}' is not known, expected one of "
                f"{', '.join(_LAYERS)}. Train the model with these."
            )
        step.nodes.path = name
        layer = _Layer(step, name, item, _weights(where, name, item.get("weights")))
        try:
            z = rule(layer, z)
        except (
            TypeError,
            ValueError,
            IndexError,
            AttributeError,
            RuntimeError,
        ) as error:
            raise malformed(where, f"layer '{name}'", error) from None
        function = str(item.get("activation") or "")
        if kind not in _OWN_FUNCTION:
            z = stacks.activation(step, name, z, _NAMES.get(function, function))
    return step.finish(x.names.numel(), z, features=features, targets=targets)


def _weights(where: str, name: str, given: Any) -> list[Tensor]:
    found = []
    if not isinstance(given or [], list):
        raise FormatError(
            f"{where}: the weights of layer '{name}' are no list. Write it again."
        )
    for k, value in enumerate(given or []):
        try:
            array = np.array(value, dtype=np.float32)
        except (TypeError, ValueError):
            raise FormatError(
                f"{where}: weight {k} of layer '{name}' is no array of numbers. Write it "
                "again."
            ) from None
        check_finite(where, f"{name} {k}", array)
        found.append(torch.from_numpy(array))
    return found


def _dense(layer: _Layer, z: Named) -> Named:
    bias = layer.weights[1] if len(layer.weights) > 1 else None
    return stacks.dense(layer.step, layer.name, z, turned(layer.weight(0)), bias)


def _recurrent(kind: str) -> Callable[[_Layer, Named], Named]:
    def rule(layer: _Layer, z: Named) -> Named:
        layer.weight(1)
        return keras_cell(layer.step, kind, layer.name, z, layer.weights)

    return rule


def _conv1d(layer: _Layer, z: Named) -> Named:
    weight = layer.weight(0)
    dilation = layer.content.get("dilation", 1)
    dilation = dilation[0] if isinstance(dilation, list) else dilation
    if layer.content.get("groups", 1) != 1:
        raise SpecError(
            f"{layer.step.where}: layer '{layer.name}' has groups. Train it without."
        )
    bias = layer.weights[1] if len(layer.weights) > 1 else None
    taps = weight.permute(2, 1, 0)
    return stacks.convolution(layer.step, layer.name, z, taps, bias, dilation=dilation)


def _prelu(layer: _Layer, z: Named) -> Named:
    return stacks.parametric(layer.step, z, layer.weight(0))


def _batch_norm(layer: _Layer, z: Named) -> Named:
    eps = float(layer.content.get("epsilon", 1e-3))
    layer.weight(1)
    mean, variance = layer.weight(-2 % len(layer.weights)), layer.weights[-1]
    scale, shift = layer.weights[:2] if len(layer.weights) == 4 else (None, None)
    return stacks.batch_norm(layer.step, z, scale, shift, mean, variance, eps)


def _nothing(layer: _Layer, z: Named) -> Named:
    return z


_NAMES = {"ReLU": "relu"}
_OWN_FUNCTION = frozenset(["gru", "lstm", "prelu", "batchnorm"])
_LAYERS: dict[str, Callable[[_Layer, Named], Named]] = {
    "dense": _dense,
    "time-distributed-dense": _dense,
    "gru": _recurrent("gru"),
    "lstm": _recurrent("lstm"),
    "conv1d": _conv1d,
    "prelu": _prelu,
    "batchnorm": _batch_norm,
    "activation": _nothing,
}
"""By type."""
