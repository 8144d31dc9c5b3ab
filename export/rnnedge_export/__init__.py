"""PyTorch models to artifacts, each with the proof that it is the same model.

Importing the package loads neither torch nor onnx; its names do, when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rnnedge_runtime.errors import require

if TYPE_CHECKING:
    from .exporting.export import ArtifactReport, ExportReport, export
    from .exporting.imported import export_imported
    from .importing.importing import import_model
    from .torch_model.sequence_model import SequenceModel
    from .verifying.check import Check, VerifyReport
    from .verifying.verify import verify

_HOMES = {
    "ArtifactReport": "exporting.export",
    "Check": "verifying.check",
    "ExportReport": "exporting.export",
    "SequenceModel": "torch_model.sequence_model",
    "VerifyReport": "verifying.check",
    "export": "exporting.export",
    "export_imported": "exporting.imported",
    "import_model": "importing.importing",
    "verify": "verifying.verify",
}

_NEEDS = {
    "exporting.export": ("torch", "onnx"),
    "exporting.imported": ("torch", "onnx"),
    "importing.importing": ("torch", "onnx"),
    "torch_model.sequence_model": ("torch",),
}

__all__ = [
    "ArtifactReport",
    "Check",
    "ExportReport",
    "SequenceModel",
    "VerifyReport",
    "export",
    "export_imported",
    "import_model",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    for module in _NEEDS.get(_HOMES[name], ()):
        require(module, extra="train", purpose=f"{__name__}.{name}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
