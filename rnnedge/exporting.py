"""`rnnedge.export`: a finished run, a SequenceModel or any module to artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rnnedge.runs.data import int8_data, load_run_data
from rnnedge.runs.folder import Run, load_run
from rnnedge.tasks.task import Prepared
from rnnedge_export.exporting.export import ExportReport, export_model
from rnnedge_export.exporting.request import ExportRequest
from rnnedge_export.module.returned import Choice
from rnnedge_export.quantise.request import Int8Data
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.spec.model_spec import Feature, Target


def export(
    model: Any,
    *,
    formats: str | Sequence[str] = ("onnx",),
    out: str | Path = ".",
    name: str | None = None,
    source: Any = None,
    prepared: Prepared | None = None,
    example: Sequence[Any] | Mapping[str, Any] | None = None,
    features: str | Feature | Sequence[str | Feature] | None = None,
    targets: str | Target | Sequence[str | Target] | None = None,
    stream: NDArray[Any] | None = None,
    report: str | Path | None = None,
    int8: bool = False,
    keep_float: str | int | Sequence[str | int] = (),
    max_loss: float | None = None,
    data: Int8Data | None = None,
    board: str | None = None,
    flash: str | None = None,
    ram: str | None = None,
    simd: bool = True,
    single_steps: bool = False,
    outputs: Choice = None,
    state: Choice = None,
    rows_per_step: int | None = None,
) -> ExportReport:
    """Write artifacts, each loaded by its own backend and proved before it is kept.

    The options that are not listed here are those of `rnnedge_export.export`; a module of
    one's own needs `example=(x, state...)`.

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
        stream: `[T, I]` model inputs to prove the export on; None: that of the run, or a
            drawn one.

    Raises:
        ParityError: an artifact differs from PyTorch beyond the limit, or the error of
            integers rises beyond theirs; it is not kept.
        DataError: the data of the run, which int8 needs, is gone.
        StateError: the data is not that of the run.
        SpecError: the model, or a format for it, cannot be exported; the reason is given.
        ShapeError, BudgetError, FormatError, MissingDependencyError: as
            `rnnedge_export.export`.
    """
    options = locals()
    own = {"model", "source", "prepared"}
    request = ExportRequest(**{k: v for k, v in options.items() if k not in own})
    if isinstance(model, str | Path):
        model = load_run(model)
    if isinstance(model, Run):
        return export_run(model, request, source=source, prepared=prepared)
    return export_model(model, request)


def export_run(
    run: Run,
    request: ExportRequest,
    *,
    source: Any = None,
    prepared: Prepared | None = None,
) -> ExportReport:
    """`export` of a run with its options as one value; raises as that."""
    model = SequenceModel(run.spec)
    model.load_weights(run.weights)
    data = request.data
    if request.int8 and data is None:
        data = int8_data(prepared or load_run_data(run, source))
    return export_model(
        model,
        replace(
            request,
            name=run.name if request.name is None else request.name,
            stream=run.stream if request.stream is None else request.stream,
            data=data,
        ),
    )
