"""PyTorch weights with a description: a TOML file with the layers in their order.

features = ["temp", "humidity"]      # optional

[[layers]]
kind = "gru"                         # all layers of an nn.GRU
prefix = "rnn"                       # rnn.weight_ih_l0, ...

[[layers]]
kind = "linear"
prefix = "head"
"""

from __future__ import annotations

import os
import tomllib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnnedge_runtime.errors import (
    DataError,
    FormatError,
    RnnEdgeError,
    SpecError,
    first_line,
    require,
)

from ..capture.graph.nodes import Named
from . import stacks
from .cells import CellWeights
from .limits import check_archive, check_weight, malformed
from .step import Imported, Step, check_finite


@dataclass(frozen=True)
class _Layer:
    """One entry of the description, with the weights of the file."""

    step: Step
    name: str
    options: Mapping[str, Any]
    held: Mapping[str, Tensor]
    used: set[str] = field(default_factory=set)

    def optional(self, name: str) -> Tensor | None:
        """A weight by its name behind the prefix, None where the file has none."""
        prefix = self.options.get("prefix", "")
        full = f"{prefix}.{name}" if prefix else name
        tensor = self.held.get(full)
        if tensor is None:
            return None
        self.used.add(full)
        tensor = tensor.detach().float()
        check_finite(self.step.where, full, tensor.numpy())
        return tensor

    def weight(self, name: str) -> Tensor:
        """A weight that must be there.

        Raises:
            SpecError: the file has none of that name.
        """
        found = self.optional(name)
        if found is None:
            raise SpecError(
                f"{self.step.where}: layer '{self.name}' needs the weight "
                f"'{self.options.get('prefix', '')}.{name}', which the file has not; it has "
                f"{', '.join(list(self.held)[:6])}, .... Correct its prefix."
            )
        return found


def import_described(
    path: Path,
    *,
    description: str | os.PathLike[str] | None = None,
    features: Sequence[str] = (),
    targets: Sequence[str] = (),
) -> Imported:
    """Read a state_dict or a safetensors file.

    Raises:
        FormatError: the file holds no tensors by name.
        DataError: the description cannot be read.
        SpecError: no description; a layer that is not known, or whose weights are not there
            or of another shape.
        NonFiniteError: a weight that is NaN.
    """
    if description is None:
        raise SpecError(
            f"{path}: a state_dict says nothing of the layers. Give description= "
            "(`--layers layers.toml`) with one [[layers]] for each: kind and prefix."
        )
    content = _description(Path(description))
    held = _tensors(path)
    step = Step(str(path))
    used: set[str] = set()
    x = z = None
    for k, options in enumerate(content["layers"]):
        kind = options.get("kind")
        rule = _LAYERS.get(kind)
        if rule is None:
            raise SpecError(
                f"{description}: layer {k} has kind = {kind!r}, expected one of "
                f"{', '.join(_LAYERS)}. Correct it."
            )
        name = f"{k} ({kind})"
        step.nodes.path = str(options.get("prefix", name))
        layer = _Layer(step, name, options, held, used)
        if z is None:
            x = z = step.input(_input_size(layer, content))
        try:
            z = rule(layer, z)
        except (
            TypeError,
            ValueError,
            IndexError,
            AttributeError,
            RuntimeError,
        ) as error:
            what = f"layer '{name}' of {description}, or its weights,"
            raise malformed(step.where, what, error) from None
    if x is None or z is None:
        raise DataError(
            f"{description}: it has no [[layers]]. Write one for each layer."
        )
    left = [name for name in held if name not in used]
    if left:
        step.notes.append(
            f"Weights left out, which no layer of the description takes: {', '.join(left)}."
        )
    return step.finish(
        x.names.numel(),
        z,
        features=features or content.get("features", ()),
        targets=targets or content.get("targets", ()),
    )


def _description(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file. Check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: it is no TOML: {error}. Correct it.") from None
    layers = content.get("layers", [])
    if not isinstance(layers, list) or not all(
        isinstance(item, dict) for item in layers
    ):
        raise DataError(f"{path}: 'layers' is no list of tables. Write [[layers]].")
    return {**content, "layers": layers}


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            purpose = "Reading safetensors"
            module = require("safetensors.torch", extra="train", purpose=purpose)
            held: Any = module.load_file(path)
        else:
            if zipfile.is_zipfile(path):
                check_archive(path)
            held = torch.load(path, map_location="cpu", weights_only=True)
    except RnnEdgeError:
        raise
    except Exception as error:  # readers of damaged files raise all sorts
        raise FormatError(
            f"{path}: it cannot be read as weights: {first_line(error)[:200]}. Save "
            "model.state_dict() alone, with torch.save or safetensors."
        ) from None
    if isinstance(held, dict) and isinstance(held.get("state_dict"), dict):
        held = held["state_dict"]
    if not isinstance(held, dict) or not all(
        isinstance(t, Tensor) for t in held.values()
    ):
        raise FormatError(
            f"{path}: it holds no tensors by name. Save model.state_dict() alone."
        )
    for name, tensor in held.items():
        check_weight(str(path), str(name), tensor.shape)
        if tensor.layout != torch.strided or tensor.is_quantized:
            raise FormatError(
                f"{path}: weight '{name}' is sparse or in integers. Save float weights."
            )
    return {str(name): tensor for name, tensor in held.items()}


def _input_size(layer: _Layer, content: Mapping[str, Any]) -> int:
    if content.get("features"):
        return len(content["features"])
    if layer.options["kind"] == "embedding":
        return 1
    for name in ("weight_ih_l0", "weight_ih", "weight", "scale", "running_mean"):
        found = layer.optional(name)
        if found is not None:
            return found.shape[1] if found.dim() > 1 else found.shape[0]
    raise SpecError(
        f"{layer.step.where}: the number of inputs is not known from layer '{layer.name}'. "
        'Name them in the description: features = ["..."].'
    )


def _recurrent(kind: str) -> _Rule:
    def rule(layer: _Layer, z: Named) -> Named:
        if layer.optional("weight_ih_l0_reverse") is not None:
            raise SpecError(
                f"{layer.step.where}: layer '{layer.name}' is bidirectional: it needs "
                "readings that are still to come. Train with a forward layer; only such "
                "can stream."
            )
        if layer.optional("weight_hr_l0") is not None:
            raise SpecError(
                f"{layer.step.where}: layer '{layer.name}' has a projection. Export the "
                "module itself with rnnedge_export.export."
            )
        function = layer.options.get("nonlinearity", "tanh")
        functions = [stacks.named_function(layer.step, layer.name, function)]
        is_cell = layer.optional("weight_ih") is not None
        k = 0
        while is_cell or layer.optional(f"weight_ih_l{k}") is not None or k == 0:
            end = "" if is_cell else f"_l{k}"
            weight_ih, weight_hh = (
                layer.weight(f"weight_{w}{end}") for w in ("ih", "hh")
            )
            biases = [
                torch.zeros(len(weight_ih)) if bias is None else bias
                for bias in (layer.optional(f"bias_{b}{end}") for b in ("ih", "hh"))
            ]
            w = CellWeights(weight_ih, weight_hh, *biases)
            z = stacks.recurrent(
                layer.step,
                kind,
                f"{layer.name} {k}",
                z,
                w,
                functions=functions if kind == "rnn" else (),
            )
            k += 1
            if is_cell:
                break
        return z

    return rule


def _linear(layer: _Layer, z: Named) -> Named:
    weight, bias = layer.weight("weight"), layer.optional("bias")
    return stacks.dense(layer.step, layer.name, z, weight, bias)


def _activation(layer: _Layer, z: Named) -> Named:
    function = str(layer.options.get("function", ""))
    if not function:
        raise SpecError(
            f"{layer.step.where}: layer '{layer.name}' names no function. Add function = "
            '"relu" to it.'
        )
    return stacks.activation(layer.step, layer.name, z, function)


def _layer_norm(layer: _Layer, z: Named) -> Named:
    scale, shift = layer.optional("weight"), layer.optional("bias")
    eps = float(layer.options.get("eps", 1e-5))
    return stacks.layer_norm(layer.step, z, scale, shift, eps)


def _batch_norm(layer: _Layer, z: Named) -> Named:
    layer.optional("num_batches_tracked")
    return stacks.batch_norm(
        layer.step,
        z,
        layer.optional("weight"),
        layer.optional("bias"),
        layer.weight("running_mean"),
        layer.weight("running_var"),
        float(layer.options.get("eps", 1e-5)),
    )


def _conv1d(layer: _Layer, z: Named) -> Named:
    return stacks.convolution(
        layer.step,
        layer.name,
        z,
        layer.weight("weight"),
        layer.optional("bias"),
        dilation=int(layer.options.get("dilation", 1)),
    )


def _prelu(layer: _Layer, z: Named) -> Named:
    return stacks.parametric(layer.step, z, layer.weight("weight"))


def _embedding(layer: _Layer, z: Named) -> Named:
    table = layer.weight("weight")
    return layer.step.nodes.make(
        "embedding",
        (z,),
        (table.shape[1],),
        fields={"num_embeddings": table.shape[0]},
        weights={"weight": table},
    )


_Rule = Callable[[_Layer, Named], Named]
_LAYERS: dict[Any, _Rule] = {
    "gru": _recurrent("gru"),
    "lstm": _recurrent("lstm"),
    "rnn": _recurrent("rnn"),
    "linear": _linear,
    "activation": _activation,
    "layer_norm": _layer_norm,
    "batch_norm": _batch_norm,
    "conv1d": _conv1d,
    "prelu": _prelu,
    "embedding": _embedding,
}
"""By kind."""
