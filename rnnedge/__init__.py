"""Train, export and stream recurrent networks: the verbs and the command line.

    run = rnnedge.fit("readings.csv", target="temp_c", horizon=6).run
    rnnedge.export(run, formats=("onnx",), out="dist")
    stream = rnnedge.load("dist/readings.onnx").stream()

Importing this package imports none of torch, onnx or onnxruntime; the verbs do when called.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rnnedge_runtime import ModelSpec, errors, load

if TYPE_CHECKING:
    from rnnedge.exporting import export
    from rnnedge.fitting import fit, resume
    from rnnedge.runs.folder import Run, load_run
    from rnnedge_export.torch_model.sequence_model import SequenceModel

__all__ = [
    "ModelSpec",
    "Run",
    "SequenceModel",
    "datasets",
    "errors",
    "export",
    "fit",
    "load",
    "load_run",
    "resume",
]

_LAZY = {
    "Run": "rnnedge.runs.folder",
    "SequenceModel": "rnnedge_export.torch_model.sequence_model",
    "export": "rnnedge.exporting",
    "fit": "rnnedge.fitting",
    "load_run": "rnnedge.runs.folder",
    "resume": "rnnedge.fitting",
}


def __getattr__(name: str) -> Any:
    if name == "datasets":
        return importlib.import_module("rnnedge.datasets")
    if name not in _LAZY:
        raise AttributeError(f"module 'rnnedge' has no attribute '{name}'")
    try:
        module = importlib.import_module(_LAZY[name])
    except ModuleNotFoundError as error:
        errors.require(error.name or "torch", extra="train", purpose=f"rnnedge.{name}")
        raise
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY, "datasets"])
