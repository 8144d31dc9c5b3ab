"""An imported model to artifacts, judged by the program that its file was written for."""

from __future__ import annotations

from typing import Any

from ..compare.program import Program
from ..importing.step import Imported
from ..torch_model.sequence_model import SequenceModel
from .export import ExportReport, export_model
from .request import ExportRequest


def export_imported(
    imported: Imported, *, program: Program | None = None, **options: Any
) -> ExportReport:
    """`export` of a model that `import_model` read.

    Args:
        imported: the model.
        program: runs the file (`OnnxFile`); its outputs are what every artifact carries and
            is compared with. None: those of PyTorch on the layers that were read.
        options: of `export`, but for those of a user's module.

    Raises:
        ParityError: as `export`, and where the model differs from `program`.
        SpecError, ShapeError, BudgetError, FormatError, MissingDependencyError: as `export`.
    """
    model = SequenceModel(imported.spec)
    model.load_weights(imported.weights)
    return export_model(model, ExportRequest(**options), program)
