"""An imported model to artifacts, judged by the program that its file was written for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.spec.graph_layers import Select
from rnnedge_runtime.spec.layers import Embedding

from ..compare.program import Program
from ..compare.verification_stream import verification_stream
from ..importing.step import Imported
from ..torch_model.sequence_model import SequenceModel
from .export import ExportReport, export_model
from .request import ExportRequest


def _stream_of_tokens(imported: Imported) -> NDArray[np.float32] | None:
    """A drawn stream where some inputs are rows of tables, None where none is."""
    spec, tokens = imported.spec, {}
    for layer, read in zip(spec.layers, spec.reads, strict=True):
        if isinstance(layer, Embedding):
            (source,) = read
            at = spec.layers[source]
            index = at.indices[0] if isinstance(at, Select) and source >= 0 else 0
            tokens[index] = 0, layer.num_embeddings - 1
    if not tokens or isinstance(spec.layers[0], Embedding):
        return None
    return verification_stream(spec, imported.weights, None, tokens)


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
    if options.get("stream") is None:
        options["stream"] = _stream_of_tokens(imported)
    model = SequenceModel(imported.spec)
    model.load_weights(imported.weights)
    return export_model(model, ExportRequest(**options), program)
