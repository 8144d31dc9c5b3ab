"""The device side: load an artifact, stream it one step at a time. Needs numpy only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import (
    DataError,
    FormatError,
    MissingDependencyError,
    NonFiniteError,
    ParityError,
    RnnEdgeError,
    ShapeError,
    SpecError,
    StateError,
)
from .formats.metadata import Golden, Metadata
from .loading import load
from .spec.model_spec import ModelSpec
from .streams.model import Model
from .streams.stream import Stream

if TYPE_CHECKING:
    from .streams.fleet import Streams

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "FormatError",
    "Golden",
    "Metadata",
    "MissingDependencyError",
    "Model",
    "ModelSpec",
    "NonFiniteError",
    "ParityError",
    "RnnEdgeError",
    "ShapeError",
    "SpecError",
    "StateError",
    "Stream",
    "Streams",
    "__version__",
    "load",
]


def __getattr__(name: str) -> type[Streams]:
    """`Streams` on first use: many a device never makes a fleet."""
    if name == "Streams":
        from .streams.fleet import Streams

        return Streams
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
