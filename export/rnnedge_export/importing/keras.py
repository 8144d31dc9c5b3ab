"""Keras models: `.keras` and `.h5`, read without Keras."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnedge_runtime.errors import FormatError, SpecError, first_line, require

from .keras_layers import LAYERS, KerasLayer
from .limits import check_archive, check_weight, malformed
from .step import Imported, Step, check_finite


def import_keras(
    path: Path, *, features: Sequence[str] = (), targets: Sequence[str] = ()
) -> Imported:
    """Read a Sequential or Functional model.

    Raises:
        FormatError: it is no Keras model, or one without its weights.
        SpecError: a layer that is not known or cannot stream.
        NonFiniteError: a weight that is NaN.
        MissingDependencyError: h5py is not installed.
    """
    require("h5py", extra="keras", purpose="Reading Keras models")
    where = str(path)
    try:
        read = _read_zip if zipfile.is_zipfile(path) else _read_h5
        config, version, weights = read(path)
    except (
        *(KeyError, OSError, ValueError, TypeError, AttributeError, IndexError),
        *(RuntimeError, NotImplementedError, zipfile.BadZipFile),
    ) as error:
        raise FormatError(
            f"{where}: it is no whole Keras model: {first_line(error)}. Save it with "
            "model.save, not its weights alone."
        ) from None
    if config.get("class_name") not in ("Sequential", "Functional", "Model"):
        raise SpecError(
            f"{where}: it is a {config.get('class_name')}, expected a Sequential or a "
            "Functional model. Build it as one of these."
        )
    step = Step(where)
    layers = config["config"]["layers"]
    if len(layers) != len(weights) or not layers:
        raise FormatError(f"{where}: it has no layers. Save it with model.save.")
    values: dict[str, Any] = {}
    previous = ""
    for item, own in zip(layers, weights, strict=True):
        kind, options = item["class_name"], item["config"]
        name = options.get("name", kind)
        sources = _sources(item) or ([previous] if previous else [])
        if not previous:
            values[""] = step.input(_input_size(where, options))
            sources = [""]
        rule = LAYERS.get(kind)
        if rule is None:
            raise SpecError(
                f"{where}: layer '{name}' is a {kind}, expected one of "
                f"{', '.join(LAYERS)}. Write the model as ONNX."
            )
        for k, tensor in enumerate(own):
            check_finite(where, f"{name} {k}", tensor.numpy())
        step.nodes.path = previous = name
        layer = KerasLayer(step, name, options, own, version)
        try:
            values[name] = rule(layer, [values[source] for source in sources])
        except (
            *(TypeError, ValueError, IndexError, KeyError, AttributeError),
            RuntimeError,
        ) as error:
            raise malformed(where, f"layer '{name}'", error) from None
    outputs = config["config"].get("output_layers")
    last = _names_in(outputs)[-1] if outputs else previous
    size = values[""].names.numel()
    return step.finish(size, values[last], features=features, targets=targets)


def _input_size(where: str, options: dict[str, Any]) -> int:
    shape = options.get("batch_shape") or options.get("batch_input_shape")
    if not shape or not isinstance(shape[-1], int):
        raise SpecError(
            f"{where}: its input has the shape {shape}, expected a number of values. Build "
            "the model with an Input layer, and save it again."
        )
    return shape[-1]


def _sources(item: dict[str, Any]) -> list[str]:
    return _names_in(item.get("inbound_nodes") or [])


def _names_in(value: Any) -> list[str]:
    """Names of layers in what a config says of tensors, of any version."""
    if isinstance(value, dict):
        if "keras_history" in value.get("config", {}):
            return [value["config"]["keras_history"][0]]
        return [name for inner in value.values() for name in _names_in(inner)]
    if isinstance(value, list | tuple):
        if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int):
            return [value[0]]
        return [name for inner in value for name in _names_in(inner)]
    return []


_Read = tuple[dict[str, Any], str, list[list[Tensor]]]


def _read_zip(path: Path) -> _Read:
    import h5py

    check_archive(path)
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        version = json.loads(archive.read("metadata.json"))["keras_version"]
        content = io.BytesIO(archive.read("model.weights.h5"))
    uses: dict[str, int] = {}
    weights = []
    with h5py.File(content, "r") as file:
        for item in config["config"]["layers"]:
            base = _snake(item["class_name"])
            count = uses.get(base, 0)
            uses[base] = count + 1
            group = file.get(f"layers/{base}_{count}" if count else f"layers/{base}")
            weights.append([] if group is None else list(_arrays(group)))
    return config, version, weights


def _arrays(group: Any) -> Iterator[Tensor]:
    """Its own, then those of what it holds; the numbers of a random generator left out."""
    import h5py

    _check_links(group)
    own = group.get("vars")
    if own is not None:
        _check_links(own)
    for key in sorted(own or (), key=int):
        yield _tensor(own[key])
    for key, item in group.items():
        if key != "vars" and "seed" not in key and isinstance(item, h5py.Group):
            yield from _arrays(item)


def _read_h5(path: Path) -> _Read:
    import h5py

    with h5py.File(path, "r") as file:
        config = json.loads(_text(file.attrs["model_config"]))
        version = _text(file.attrs.get("keras_version", "2"))
        _check_links(file)
        root = file["model_weights"]
        _check_links(root)
        weights = []
        for item in config["config"]["layers"]:
            group = root.get(item["config"].get("name", ""))
            names = [] if group is None else group.attrs["weight_names"]
            weights.append([_tensor(_inside(group, _text(name))) for name in names])
    return config, version, weights


def _inside(group: Any, path: str) -> Any:
    """What lies in a group at `a/b/c`, no step of which may lead to another file."""
    for part in path.split("/"):
        _check_links(group)
        group = group[part]
    return group


def _check_links(group: Any) -> None:
    """Raise FormatError where something in a group lies in another file."""
    import h5py

    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
            raise FormatError(
                f"{Path(group.file.filename).name}: '{group.name}/{name}' is a link to "
                "another file. Save the model again with model.save."
            )


def _tensor(dataset: Any) -> Tensor:
    where, name = Path(dataset.file.filename).name, dataset.name
    if dataset.external or dataset.is_virtual:
        raise FormatError(
            f"{where}: weight '{name}' lies in another file. Save the model again with "
            "model.save."
        )
    check_weight(where, name, dataset.shape)
    return torch.from_numpy(np.array(dataset, dtype=np.float32))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _snake(name: str) -> str:
    """A class's name as Keras's files have it."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
