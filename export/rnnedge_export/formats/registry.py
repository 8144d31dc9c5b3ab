"""The formats of artifacts: what each is called, and what writes, reads and loads it.

Nothing else compares endings or names of formats. What a row names as `module:function` is
imported when it is first used.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rnnedge_runtime
from rnnedge_runtime.backends import BACKENDS
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.files import check_is_file
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.parameters import Parameters
from rnnedge_runtime.streams.model import Model

from .c.literals import c_identifier
from .variant import Variant

if TYPE_CHECKING:
    from .c.source import CSource
    from .rnne.long_run import LongRun


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        name: as in `--format`.
        suffix: ending of its files.
        title: what messages call it.
        checksum: what finds damage.
        writer: of `write`.
        reader: of `read`; its first part alone is had by `describer` with less.
        describer: of `read_metadata`; "" for that of `read`.
        loader: of `load`; "" for a backend of the runtime.
        backend: the one that a proof loads it by; None for that of the runtime's choice.
        tools: gives the command that runs it, and why there is none; "" for neither.
        long_run: of `read_long_run`.
        beside: of `missing_beside`.
        source: of `read_source`.
        options: those of `export` that it alone takes.
        packages: that its writer needs beside torch and onnx.
        no_integers: why it holds none; "" where it does.
        part: ending of a file that is only part of an artifact.
        stem: the file's name without ending, of the name that was asked for.
        is_bitwise: whether its arithmetic is defined to the bit.
        is_compiled: whether it is a program of its own, compared with NumPy byte for byte.
        takes_all: whether it must express every model that streams.
        is_trusted: whether reading it runs what it holds, so only where it is known.
    """

    name: str
    suffix: str
    title: str
    writer: str
    reader: str
    checksum: str = "SHA-256"
    describer: str = ""
    loader: str = ""
    backend: str | None = None
    tools: str = ""
    long_run: str = ""
    beside: str = ""
    source: str = ""
    options: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    no_integers: str = ""
    part: str = ""
    stem: Callable[[str], str] = str
    is_bitwise: bool = False
    is_compiled: bool = False
    takes_all: bool = False
    is_trusted: bool = False

    def write(self, variant: Variant, path: Path, **options: Any) -> None:
        """Write the artifact and what belongs beside it.

        Args:
            variant: the model.
            path: of the artifact, `stem(name) + suffix`, in a folder that is there.
            options: `options` of the format.

        Raises:
            SpecError: the model cannot be expressed in this format.
            MissingDependencyError: what writes it is not installed.
        """
        _call(self.writer, variant, path, **options)

    def read(self, path: Path) -> tuple[Metadata, Parameters]:
        """What an artifact says of itself and computes with, checked in full.

        Raises:
            FormatError: the file is damaged, too new or not an artifact.
            SpecError: it holds a graph, or integers that its reader does not give.
            MissingDependencyError: a package that reads it is not installed.
        """
        read: tuple[Metadata, Parameters] = _call(self.reader, path)
        return read

    def read_metadata(self, path: Path) -> Metadata:
        """What an artifact says of itself, without torch, onnx or onnxruntime."""
        if not self.describer:
            return self.read(path)[0]
        metadata: Metadata = _call(self.describer, path)
        return metadata

    def load(self, path: Path, backend: str | None = None) -> Model:
        """An artifact as a Model, by `backend` where that reads its files.

        Raises:
            FormatError: it is not a whole artifact.
            MissingDependencyError: what runs it is not installed.
        """
        if self.loader:
            model: Model = _call(self.loader, path)
            return model
        known = BACKENDS.get(backend or "")
        if known is not None and path.suffix.lower() not in known.suffixes:
            backend = None
        return rnnedge_runtime.load(path, backend)

    def compute(self, path: Path) -> Model:
        """What an artifact holds, computed in NumPy; the same bytes where `is_bitwise`."""
        from rnnedge_runtime.backends.numpy_engine import numpy_engine

        metadata, parameters = self.read(path)
        return Model(metadata, numpy_engine(metadata.spec, parameters), path)

    def tool(self) -> str:
        """The command that runs it here, "" for none."""
        return str(_call(self.tools)[0]) if self.tools else ""

    def missing_tool(self) -> str:
        """Why nothing here runs it, "" where something does or nothing need."""
        return str(_call(self.tools)[1]) if self.tools else ""

    def read_long_run(self, path: Path, spec: ModelSpec) -> LongRun | None:
        """The proof of a long run that the artifact of `spec` carries, if any."""
        found: LongRun | None = None
        if self.long_run:
            found = _call(self.long_run, path, spec)
        return found

    def read_source(self, path: Path) -> tuple[CSource, Metadata] | None:
        """The C source that it is or that is made of it; None for a model without one."""
        found: tuple[CSource, Metadata] | None = None
        if self.source:
            found = _call(self.source, path)
        return found

    def missing_beside(self, path: Path) -> list[str] | None:
        """Files that were exported with it and are not beside it; None: there are none."""
        names: list[str] | None = _call(self.beside, path) if self.beside else None
        return names


def format_of(path: str | os.PathLike[str]) -> Format:
    """The format of a file by its ending; one of no format is refused when it is read.

    Raises:
        FormatError: it is only part of an artifact.
    """
    suffix = Path(path).suffix.lower()
    for item in FORMATS.values():
        if suffix == item.suffix:
            return item
        if suffix and suffix == item.part:
            raise FormatError(
                f"{Path(path).name}: a header is only part of a model. "
                f"Name the source beside it, {Path(path).stem}{item.suffix}."
            )
    return FORMATS["onnx"]


def open_artifact(path: str | os.PathLike[str], backend: str | None = None) -> Model:
    """Any artifact in the backend that `verify` runs it in; raises as `Format.load`."""
    return format_of(path).load(Path(path), backend)


def read_metadata(path: Path) -> Metadata:
    """What any whole artifact says of itself, read without onnxruntime, onnx or torch.

    Raises:
        FormatError: no such file, cut short, changed, too new or not an artifact.
    """
    check_is_file(path)
    return format_of(path).read_metadata(path)


def read_parameters(path: Path) -> Parameters:
    """The weights, or the integers, of a whole artifact; raises as `Format.read`."""
    return format_of(path).read(path)[1]


def _call(target: str, *arguments: Any, **options: Any) -> Any:
    module, _, function = target.partition(":")
    called = getattr(importlib.import_module(module, __package__), function)
    return called(*arguments, **options)


_ALL = (
    Format(
        "onnx",
        ".onnx",
        "ONNX",
        writer=".onnx.writing:write_onnx",
        reader="rnnedge_runtime.formats.onnx_weights:read_onnx_weights",
        describer=".onnx.reading:read_onnx_metadata",
        backend="onnx",
        packages=("onnxruntime",),
        takes_all=True,
        no_integers="ONNX Runtime's quantiser leaves GRU and RNN layers in float and does "
        "not say so",
    ),
    Format(
        "torchscript",
        ".pt",
        "TorchScript",
        writer=".torchscript:write_torchscript",
        reader=".torchscript:read_torchscript",
        describer=".torchscript:read_torchscript_metadata",
        backend="torchscript",
        no_integers="PyTorch's quantised GRU and LSTM compute in float between their "
        "products, other bytes on every machine",
        is_trusted=True,
    ),
    Format(
        "rnne",
        ".rnne",
        ".rnne",
        checksum="CRC32",
        writer=".rnne.writing:write_rnne",
        reader="rnnedge_runtime.formats.rnne_file:read_rnne",
        long_run=".rnne.long_run:read_long_run",
        source=".c.generating:source_of_rnne",
        is_bitwise=True,
    ),
    Format(
        "c",
        ".c",
        "C",
        writer=".c.generating:write_c",
        reader=".c.reading:read_c_source",
        loader=".c.loading:load_c",
        tools=".c.running:find_tool",
        source=".c.source:read_source",
        options=("figures",),
        part=".h",
        stem=c_identifier,
        is_bitwise=True,
        is_compiled=True,
    ),
    Format(
        "wasm",
        ".wasm",
        "WebAssembly",
        writer=".wasm.building:write_wasm",
        reader=".wasm.reading:read_wasm",
        loader=".wasm.loading:load_wasm",
        tools=".wasm.running:find_tool",
        beside=".wasm.reading:missing_javascript",
        options=("simd",),
        is_bitwise=True,
        is_compiled=True,
    ),
)

FORMATS = {item.name: item for item in _ALL}
"""Every format by its name, in the order in which messages list them."""
