"""An imported model to artifacts."""

from __future__ import annotations

from typing import Any

from rnnedge_runtime.errors import SpecError

from ..importing.step import Imported
from ..torch_model.modules import MODULES
from ..torch_model.sequence_model import SequenceModel
from .export import ExportReport, export


def export_imported(imported: Imported, **options: Any) -> ExportReport:
    """`export` of a model that `import_model` read; the options are those of `export`.

    Raises:
        SpecError: it is a graph of layers, of which no artifact is written yet.
    """
    spec = imported.spec
    kinds = dict.fromkeys(layer.kind for layer in spec.layers)
    if spec.wiring or any(type(layer) not in MODULES for layer in spec.layers):
        raise SpecError(
            f"import: the model is a graph of layers ({', '.join(kinds)}), of which no "
            "artifact is written yet. Import a chain of rnn, gru, lstm and linear layers."
        )
    model = SequenceModel(spec)
    model.load_weights(imported.weights)
    return export(model, **options)
