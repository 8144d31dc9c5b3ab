"""The `numpy` backend: the engine that computes with a model's parameters."""

from __future__ import annotations

from pathlib import Path

from ..formats.metadata import Metadata
from ..formats.rnne_file import read_rnne
from ..spec.model_spec import ModelSpec
from ..spec.parameters import Parameters
from ..spec.w8a16_model import QuantisedModel
from ..streams.engine import Engine


def open_numpy(path: Path) -> tuple[Metadata, Engine]:
    """Description and engine of an `.rnne` artifact.

    Raises:
        FormatError: the file is damaged, too new or not an artifact.
    """
    metadata, parameters = read_rnne(path)
    return metadata, numpy_engine(metadata.spec, parameters)


def numpy_engine(spec: ModelSpec, parameters: Parameters) -> Engine:
    """The NumPy engine of the arithmetic that `parameters` are in.

    Raises:
        SpecError: the spec holds an opaque graph.
    """
    if isinstance(parameters, QuantisedModel):
        from .numpy_w8a16 import IntegerEngine

        return IntegerEngine(parameters)
    from .numpy_f32 import Float32Engine

    return Float32Engine(spec, parameters)
