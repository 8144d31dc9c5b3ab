"""The C source of a model, of its weights or its integers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.parameters import Parameters
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

from ..variant import Variant
from .description import Figures
from .source import CSource, generate_c
from .w8a16.source import generate_integer_c


def write_c(variant: Variant, path: Path, *, figures: Sequence[Figures] = ()) -> None:
    """Write the source and its headers; `figures` go to the top of `NAME.h`."""
    source = generate_source(variant.metadata, variant.parameters, path.stem, figures)
    for file, text in source.files.items():
        path.with_name(file).write_text(text, encoding="utf-8", newline="\n")


def generate_source(
    metadata: Metadata,
    parameters: Parameters,
    name: str,
    figures: Sequence[Figures] = (),
) -> CSource:
    """The C source of a model, of its weights or its integers."""
    if isinstance(parameters, QuantisedModel):
        return generate_integer_c(metadata, parameters, name, figures=figures)
    return generate_c(metadata, parameters, name, figures=figures)
