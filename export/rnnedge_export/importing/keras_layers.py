"""Layers of Keras: a row a class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rnnedge_runtime.errors import FormatError, SpecError

from ..capture.graph.nodes import Named
from ..capture.graph.rules import binary, elementwise
from . import cells, stacks
from .cells import GateFunction
from .keras_cells import keras_cell, turned
from .step import Step


@dataclass(frozen=True)
class KerasLayer:
    """A layer of a model.

    Attributes:
        step: gets what it computes.
        name: its own.
        options: its config.
        weights: in Keras's order.
        version: of the Keras that wrote it.
    """

    step: Step
    name: str
    options: dict[str, Any]
    weights: list[Tensor]
    version: str

    def weight(self, position: int) -> Tensor:
        """One of its weights.

        Raises:
            FormatError: the file lacks it.
        """
        if position < len(self.weights):
            return self.weights[position]
        raise FormatError(
            f"{self.step.where}: layer '{self.name}' has {len(self.weights)} weights in the "
            f"file, expected {position + 1} or more. Save the model again."
        )

    def refused(self, what: str, advice: str) -> SpecError:
        """The error of a layer that cannot be read."""
        return SpecError(f"{self.step.where}: layer '{self.name}' {what}. {advice}")

    def function_name(self, option: str, default: str = "linear") -> str:
        """The name of one of its functions, as ours are called."""
        given = self.options.get(option, default)
        if isinstance(given, dict):
            given = given.get("class_name") or given.get("config")
        return _FUNCTIONS.get(str(given), str(given))

    def function(self, option: str, default: str) -> GateFunction:
        """One of its functions."""
        name = self.function_name(option, default)
        if name == "hardsigmoid" and not self.version.startswith("3"):
            return cells.hard_sigmoid(0.2, 0.5)
        if name == "leaky_relu":
            return cells.gate_function(name, 0.2)
        return stacks.named_function(self.step, self.name, name)


def _cell(kind: str) -> _Rule:
    def rule(layer: KerasLayer, z: Sequence[Named]) -> Named:
        if layer.options.get("go_backwards"):
            raise layer.refused("goes backwards", "Train it forward.")
        functions = [layer.function("activation", "tanh")]
        if kind != "rnn":
            functions.insert(0, layer.function("recurrent_activation", "sigmoid"))
        if kind == "lstm":
            functions.append(functions[1])
        layer.weight(1)
        return keras_cell(
            layer.step,
            kind,
            layer.name,
            z[0],
            layer.weights,
            functions,
            resets_product=bool(layer.options.get("reset_after", False)),
        )

    return rule


def _activated(layer: KerasLayer, z: Named) -> Named:
    if layer.function_name("activation") == "softmax":
        return stacks.activation(layer.step, layer.name, z, "softmax")
    return layer.function("activation", "linear")(layer.step.nodes, z)


def _dense(layer: KerasLayer, z: Sequence[Named]) -> Named:
    bias = layer.weights[1] if len(layer.weights) > 1 else None
    made = stacks.dense(layer.step, layer.name, z[0], turned(layer.weight(0)), bias)
    return _activated(layer, made)


def _wrapped(layer: KerasLayer, z: Sequence[Named]) -> Named:
    inner = layer.options["layer"]
    rule = LAYERS.get(inner["class_name"])
    if rule is None:
        raise layer.refused(
            f"wraps a {inner['class_name']}", "Write the model as ONNX."
        )
    options = inner["config"]
    return rule(
        KerasLayer(layer.step, layer.name, options, layer.weights, layer.version), z
    )


def _both_ways(layer: KerasLayer, z: Sequence[Named]) -> Named:
    raise layer.refused(
        "is bidirectional: it needs readings that are still to come",
        "Train with a forward layer; only such can stream.",
    )


def _activation(layer: KerasLayer, z: Sequence[Named]) -> Named:
    return _activated(layer, z[0])


def _plain(function: str, *defaults: tuple[tuple[str, ...], float]) -> _Rule:
    """A layer that is a function; of each parameter its names and its default."""

    def rule(layer: KerasLayer, z: Sequence[Named]) -> Named:
        values = []
        for names, default in defaults:
            given = [layer.options[name] for name in names if name in layer.options]
            values.append(given[0] if given else default)
        return elementwise(layer.step.nodes, z[0], function, *values)

    return rule


def _relu(layer: KerasLayer, z: Sequence[Named]) -> Named:
    options = layer.options
    slope, threshold = options.get("negative_slope") or 0, options.get("threshold") or 0
    if threshold or (slope and options.get("max_value") is not None):
        raise layer.refused("has a threshold", "Use a plain ReLU.")
    if slope:
        return elementwise(layer.step.nodes, z[0], "leaky_relu", slope)
    if options.get("max_value") is not None:
        high = options["max_value"]
        return elementwise(layer.step.nodes, z[0], "hardtanh", 0.0, high)
    return elementwise(layer.step.nodes, z[0], "relu")


def _softmax(layer: KerasLayer, z: Sequence[Named]) -> Named:
    return stacks.activation(layer.step, layer.name, z[0], "softmax")


def _prelu(layer: KerasLayer, z: Sequence[Named]) -> Named:
    return stacks.parametric(layer.step, z[0], layer.weight(0))


def _scale_and_shift(layer: KerasLayer) -> tuple[Tensor | None, Tensor | None]:
    weights = iter(layer.weights)
    scale = next(weights) if layer.options.get("scale", True) else None
    shift = next(weights) if layer.options.get("center", True) else None
    return scale, shift


def _layer_norm(layer: KerasLayer, z: Sequence[Named]) -> Named:
    scale, shift = _scale_and_shift(layer)
    eps = layer.options.get("epsilon", 1e-3)
    return stacks.layer_norm(layer.step, z[0], scale, shift, eps)


def _batch_norm(layer: KerasLayer, z: Sequence[Named]) -> Named:
    layer.weight(1)
    scale, shift = _scale_and_shift(layer)
    mean, variance = layer.weights[-2:]
    eps = layer.options.get("epsilon", 1e-3)
    return stacks.batch_norm(layer.step, z[0], scale, shift, mean, variance, eps)


def _conv1d(layer: KerasLayer, z: Sequence[Named]) -> Named:
    options, weight = layer.options, layer.weight(0)
    taps = weight.shape[0]
    if taps > 1 and options.get("padding") != "causal":
        raise layer.refused(
            f"has padding '{options.get('padding')}', so it looks ahead or leaves steps out",
            "Train it with padding='causal'.",
        )
    if options.get("groups", 1) != 1 or set(options.get("strides", [1])) != {1}:
        raise layer.refused("has groups or strides", "Train it without.")
    bias = layer.weights[1] if len(layer.weights) > 1 else None
    (dilation,) = options.get("dilation_rate", [1])
    made = stacks.convolution(
        layer.step,
        layer.name,
        z[0],
        weight.permute(2, 1, 0),
        bias,
        dilation=dilation,
    )
    return _activated(layer, made)


def _joined(operation: str) -> _Rule:
    def rule(layer: KerasLayer, z: Sequence[Named]) -> Named:
        found = z[0]
        for other in z[1:]:
            found = binary(layer.step.nodes, operation, found, other)
        return found

    return rule


def _concatenated(layer: KerasLayer, z: Sequence[Named]) -> Named:
    return Named(torch.cat([part.names for part in z]))


def _same(layer: KerasLayer, z: Sequence[Named]) -> Named:
    return z[0]


_Rule = Callable[[KerasLayer, Sequence[Named]], Named]

_FUNCTIONS = {
    "hard_sigmoid": "hardsigmoid",
    "hard_silu": "hardswish",
    "hard_swish": "hardswish",
    "swish": "silu",
    "exponential": "exp",
}

LAYERS: dict[str, _Rule] = {
    "GRU": _cell("gru"),
    "LSTM": _cell("lstm"),
    "SimpleRNN": _cell("rnn"),
    "Dense": _dense,
    "Conv1D": _conv1d,
    "TimeDistributed": _wrapped,
    "Bidirectional": _both_ways,
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _plain("leaky_relu", (("negative_slope", "alpha"), 0.3)),
    "ELU": _plain("elu", (("alpha",), 1.0)),
    "PReLU": _prelu,
    "Softmax": _softmax,
    "LayerNormalization": _layer_norm,
    "BatchNormalization": _batch_norm,
    "Add": _joined("add"),
    "Subtract": _joined("subtract"),
    "Multiply": _joined("multiply"),
    "Concatenate": _concatenated,
    **dict.fromkeys(
        ("InputLayer", "Dropout", "SpatialDropout1D", "GaussianNoise", "Masking"), _same
    ),
}
"""By class."""
