"""The device side: load an artifact, stream it one step at a time. Needs numpy only."""

from __future__ import annotations

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
from .fleet import Streams
from .loading import load
from .metadata import Golden, Metadata
from .model import Model
from .spec import ModelSpec
from .stream import Stream

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
