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
from .loading import load
from .metadata import Golden, Metadata
from .model import Model
from .spec import ModelSpec
from .stream import Stream

if TYPE_CHECKING:
    from .fleet import Streams

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
        from .fleet import Streams

        return Streams
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
