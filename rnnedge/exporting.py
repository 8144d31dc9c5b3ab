"""`rnnedge.export`: a finished run, a SequenceModel or any module to artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnedge.runs.data import int8_data, load_run_data
from rnnedge.runs.folder import Run, load_run
from rnnedge.tasks.task import Prepared
from rnnedge_export.exporting.export import ExportReport
from rnnedge_export.exporting.export import export as export_module
from rnnedge_export.quantise.request import check_formats
from rnnedge_export.torch_model.sequence_model import SequenceModel


def export(
    model: Any,
    *,
    formats: str | Sequence[str] = ("onnx",),
    out: str | Path = ".",
    name: str | None = None,
    source: Any = None,
    prepared: Prepared | None = None,
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
        source: with `int8=True`, the data of the run when it was a data frame, or its new
            place; None: where it was.
        prepared: with `int8=True`, the data of the run as it was prepared; None: read
            from its source.
        **options: as `rnnedge_export.exporting.export.export`, `int8=True` among them; a module
            of one's own needs `example=(x, state...)`.

    Raises:
        ParityError: an artifact differs from PyTorch beyond the limit, or the error of
            integers rises beyond theirs; it is not kept.
        DataError: the data of the run, which int8 needs, is gone.
        StateError: the data is not that of the run.
        SpecError: the model, or a format for it, cannot be exported; the reason is given.
    """
    if isinstance(model, str | Path):
        model = load_run(model)
    if isinstance(model, Run):
        run = model
        model = SequenceModel(run.spec)
        model.load_weights(run.weights)
        name = run.name if name is None else name
        options.setdefault("stream", run.stream)
        if options.get("int8"):
            check_formats(formats)
        if options.get("int8") and options.get("data") is None:
            prepared = prepared or load_run_data(run, source)
            options["data"] = int8_data(prepared)
    return export_module(
        model,
        formats=formats,
        out=out,
        name="model" if name is None else name,
        **options,
    )
