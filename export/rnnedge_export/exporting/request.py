"""What an export is asked for, checked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rnnedge_runtime.errors import FormatError, SpecError
from rnnedge_runtime.spec.model_spec import Feature, Target

from ..formats.registry import FORMATS, Format
from ..quantise.request import Int8, Int8Data, read_request

if TYPE_CHECKING:
    from ..boards.budget import Fit
    from ..module.returned import Choice


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportRequest:
    """The options of `export`, by their names there; without a `name` it is that of the run.

    Raises:
        SpecError: an unknown format, or options that do not belong together.
        FormatError: `out` is a file.
    """

    formats: str | Sequence[str] = ("onnx",)
    out: str | os.PathLike[str] = "."
    name: str | None = None
    example: Sequence[Any] | Mapping[str, Any] | None = None
    features: str | Feature | Sequence[str | Feature] | None = None
    targets: str | Target | Sequence[str | Target] | None = None
    stream: NDArray[Any] | None = None
    report: str | os.PathLike[str] | None = None
    int8: bool = False
    keep_float: str | int | Sequence[str | int] = ()
    max_loss: float | None = None
    data: Int8Data | None = None
    board: str | None = None
    flash: str | None = None
    ram: str | None = None
    simd: bool = True
    single_steps: bool = False
    outputs: Choice = None
    state: Choice = None
    rows_per_step: int | None = None

    def __post_init__(self) -> None:
        known = self.asked_formats
        name = "model" if self.name is None else self.name
        if not name.strip(".") or Path(name).name != name:
            raise SpecError(
                f"export: the name '{name}' is not a plain file name. "
                "Name the folder with out= and the file without ending with name=."
            )
        if self.folder.is_file():
            raise FormatError(
                f"export: '{self.folder}' is a file, expected a folder. Name the folder "
                "with out= (`--out`), and the file without ending with name= (`--name`)."
            )
        has_int8_options = self.max_loss is not None or self.data is not None
        if not self.int8 and (has_int8_options or self.keep_float != ()):
            raise SpecError(
                "export: keep_float, max_loss or data was given without int8, which they "
                "belong to. Add int8=True (`--int8`), or leave them out."
            )
        takes = {option for item in known for option in item.options}
        if not self.simd and "simd" not in takes:
            raise SpecError(
                "export: simd=False (`--no-simd`) was given without the format wasm, which "
                "alone has SIMD to leave out. Add the format wasm, or leave it out."
            )
        _, fit = self.integers, self.fit
        if fit is not None and "figures" not in takes:
            raise SpecError(
                f"export: the board {fit.board.name} was named, but no C source asked for, "
                "and only that runs there. Add the format c."
            )

    @property
    def folder(self) -> Path:
        return Path(self.out)

    @cached_property
    def asked_formats(self) -> tuple[Format, ...]:
        """The formats, each once."""
        names = (self.formats,) if isinstance(self.formats, str) else self.formats
        unknown = [name for name in names if name not in FORMATS]
        if unknown or not names:
            raise SpecError(
                f"export: format '{unknown[0] if unknown else ''}' is unknown, expected "
                f"{', '.join(FORMATS)}. Name one or more of them."
            )
        return tuple(FORMATS[name] for name in dict.fromkeys(names))

    @cached_property
    def integers(self) -> Int8 | None:
        """What `int8` asks for."""
        if not self.int8:
            return None
        kept = self.keep_float
        layers = (kept,) if isinstance(kept, str | int) else kept
        names = [item.name for item in self.asked_formats]
        return read_request(names, layers, self.max_loss, self.data, self.stream)

    @cached_property
    def fit(self) -> Fit | None:
        """What `board`, `flash` and `ram` ask for."""
        if self.board is self.flash is self.ram is None:
            return None
        from ..boards.budget import find_fit

        return find_fit(self.board, self.flash, self.ram)
