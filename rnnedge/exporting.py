"""`rnnedge.export`: a finished run, a SequenceModel or any module to artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnedge.run_folder import Run, load_run
from rnnedge_export.exporting import ExportReport
from rnnedge_export.exporting import export as export_module
from rnnedge_export.sequence_model import SequenceModel


def export(
    model: Any,
    *,
    formats: str | Sequence[str] = ("onnx",),
    out: str | Path = ".",
    name: str | None = None,
    **options: Any,
) -> ExportReport:
    """Write artifacts, each loaded by its own backend and proved before it is kept.

    Args:
        model: a Run, the path of a run folder, a SequenceModel, or a module with
            `forward(x, state: List[Tensor])` or `forward(x, *state)` returning
            `(y, state...)`.
        formats: some of `onnx`, `torchscript`, `rnne`, `c`, `wasm`.
        out: folder of the artifacts.
        name: name of the artifacts; None: that of the run.
        **options: as `rnnedge_export.exporting.export`; a module of one's own needs
            `example=(x, state...)`.

    Raises:
        ParityError: an artifact differs from PyTorch beyond the limit; it is not kept.
        SpecError: the model, or a format for it, cannot be exported; the reason is given.
    """
    if isinstance(model, str | Path):
        model = load_run(model)
    if isinstance(model, Run):
        run = model
        model = SequenceModel(run.spec)
        model.load_weights(run.weights)
        name = name or run.name
        options.setdefault("stream", run.stream)
    return export_module(
        model, formats=formats, out=out, name=name or "model", **options
    )
