"""An artifact under its temporary name, until it is proved and published."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.files import take_place

from ..boards.budget import Fit, check_fit, costs_on, figures_of
from ..boards.measuring import Measurement
from ..formats.c.generating import generate_source
from ..formats.registry import Format
from .request import ExportRequest
from .variant import Variant


@dataclass(frozen=True, slots=True)
class Candidate:
    """Its files are in a temporary folder, under their own names.

    Attributes:
        format: what it is.
        final: where it goes.
    """

    format: Format
    final: Path

    @property
    def temporary(self) -> Path:
        """The folder, beside the places that its files go to."""
        return self.final.with_name(f".{os.getpid()}.{self.final.name}")

    @property
    def artifact(self) -> Path:
        """The file that is loaded."""
        return self.temporary / self.final.name

    def write(self, variant: Variant, request: ExportRequest) -> Measurement | None:
        """Write all files; what a C source costs on the board that was asked for.

        Raises:
            SpecError: the model cannot be expressed in this format.
            BudgetError: it does not fit the board.
            MissingDependencyError: what writes the format is not installed.
            FormatError: a file it is to become is a folder.
        """
        self.discard()  # what an export that was killed left under the same process id
        self.temporary.mkdir()
        measurement = None
        if request.fit is not None and "figures" in self.format.options:
            measurement = self._write_for_board(variant, request.fit)
        elif "simd" in self.format.options:
            self.format.write(variant, self.artifact, simd=request.simd)
        else:
            self.format.write(variant, self.artifact)
        self._check_targets()
        return measurement

    def _write_for_board(self, variant: Variant, fit: Fit) -> Measurement:
        """Write a C source with its costs at the top."""
        metadata, name = variant.metadata, self.final.stem
        source = generate_source(metadata, variant.parameters, name)
        measurement = costs_on(fit.board, source, metadata)
        check_fit(fit, self.final.name, measurement, metadata.spec, metadata.numerics)
        figures = [figures_of(fit.board, measurement)]
        self.format.write(variant, self.artifact, figures=figures)
        return measurement

    def publish(self) -> None:
        """Give the files their names, replacing older ones.

        Raises:
            FormatError: one of the names is that of a folder; nothing is replaced then.
            OSError: with the name that could not be given.
        """
        self._check_targets()
        for path, target in self._moves():
            try:
                take_place(path, target)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(target)) from None

    def discard(self) -> None:
        """Remove what is left under temporary names."""
        shutil.rmtree(self.temporary, ignore_errors=True)

    def _moves(self) -> list[tuple[Path, Path]]:
        """Every temporary file and the name it is to get."""
        paths = sorted(self.temporary.iterdir())
        return [(path, self.final.with_name(path.name)) for path in paths]

    def _check_targets(self) -> None:
        for _, target in self._moves():
            if target.is_dir():
                raise FormatError(
                    f"export: '{target}' is a folder, expected a file or nothing. Move it "
                    "away, or name another place with out= (`--out`) or name= (`--name`)."
                )
