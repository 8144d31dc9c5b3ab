"""PyTorch models to artifacts, each with the proof that it is the same model.

Importing the package loads neither torch nor onnx; its names do, when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .exporting import ArtifactReport, ExportReport, export
    from .sequence_model import SequenceModel
    from .verifying import Check, VerifyReport, verify

_HOMES = {
    "ArtifactReport": "exporting",
    "Check": "verifying",
    "ExportReport": "exporting",
    "SequenceModel": "sequence_model",
    "VerifyReport": "verifying",
    "export": "exporting",
    "verify": "verifying",
}

__all__ = [
    "ArtifactReport",
    "Check",
    "ExportReport",
    "SequenceModel",
    "VerifyReport",
    "export",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
