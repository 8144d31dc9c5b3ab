"""C source of a model: texts of files, and what a program around it must know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.parameters import Parameters
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

from .interface import snapshot_nbytes
from .reading import read_c_source, read_content


@dataclass(frozen=True, slots=True)
class CSource:
    """A generated model.

    Attributes:
        name: its C identifier, in front of every name; the macros have it in upper case.
        input_size: values of a row of x.
        output_size: values of a row of y.
        snapshot_nbytes: size of a snapshot.
        files: text by file name: `NAME.c`, `NAME.h` and the headers of kernels.
        suffix: of the macros that step it (boards/support/runner.h, gauge.h): "", or `_Q`
            and `_Q32` where it has NAME_step_q on int16 or int32, a step without any float
            operation.
    """

    name: str
    input_size: int
    output_size: int
    snapshot_nbytes: int
    files: Mapping[str, str]
    suffix: str = ""

    @property
    def has_integers(self) -> bool:
        """Whether it has NAME_step_q."""
        return bool(self.suffix)

    def write(self, folder: Path) -> Path:
        """Write its files into `folder`, made when absent; the path of `NAME.c`."""
        folder.mkdir(exist_ok=True)
        for file, text in self.files.items():
            (folder / file).write_text(text, encoding="utf-8", newline="\n")
        return folder / f"{self.name}.c"


def source_of(
    name: str, spec: ModelSpec, parameters: Parameters, files: Mapping[str, str]
) -> CSource:
    """The source of a model whose files are there."""
    suffix = ""
    is_integer = isinstance(parameters, QuantisedModel) and parameters.is_integer_only
    if is_integer and not parameters.is_graph:
        suffix = "_Q32" if parameters.holds_readings else "_Q"
    sizes = spec.input_size, spec.output_size, snapshot_nbytes(spec)
    return CSource(name, *sizes, files, suffix)


def read_source(path: Path) -> tuple[CSource, Metadata]:
    """A generated `NAME.c` with its headers, and what it says of itself.

    Raises:
        FormatError: as `read_c_source`.
    """
    metadata, parameters = read_c_source(path)
    text = path.read_text(encoding="utf-8")
    content = read_content(text, path.name)
    files = {f"{content['name']}.c": text}
    for file in content["files"]:
        files[file] = path.with_name(file).read_text(encoding="utf-8")
    return source_of(content["name"], metadata.spec, parameters, files), metadata
