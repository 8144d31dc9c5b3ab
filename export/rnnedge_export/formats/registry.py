"""The formats of artifacts: what each is called, and what writes, reads and loads it.

Nothing else compares endings or names of formats.
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

if TYPE_CHECKING:
    from .c.source import CSource
    from .rnne.long_run import LongRun


@dataclass(frozen=True, slots=True)
class Later:
    """A function that is imported when it is called: `module:function`."""

    target: str

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        module, _, name = self.target.partition(":")
        function = getattr(importlib.import_module(module, __package__), name)
        return function(*arguments, **options)


def _nothing(*arguments: Any) -> None:
    """Of a format that has none."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        name: as in `--format`.
        suffix: ending of its files.
        title: what messages call it.
        write: of a variant, a path `stem(name) + suffix` in a folder that is there, and
            `options`: the artifact and what belongs beside it. Raises SpecError where the
            model cannot be expressed, MissingDependencyError where what writes it is not
            installed.
        read: of a path: what an artifact says of itself and computes with, checked in full.
            Raises FormatError where the file is damaged, too new or not an artifact;
            SpecError where it holds a graph, or integers that its reader does not give;
            MissingDependencyError where a package that reads it is not installed.
        checksum: what finds damage.
        describer: of a path: the first part of `read` without torch, onnx or onnxruntime;
            None for that of `read`.
        loader: of `load`; None for a backend of the runtime.
        backend: the one that a proof loads it by; None for that of the runtime's choice.
        find_tool: the command that runs it here, and why there is none; "" for neither.
        read_long_run: of a path and its ModelSpec: the proof of a long run that it carries,
            if any.
        read_source: of a path: the C source that it is or that is made of it; None for a
            model without one.
        missing_beside: of a path: files that were exported with it and are not beside it;
            None: there are none.
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
    write: Callable[..., None]
    read: Callable[[Path], tuple[Metadata, Parameters]]
    checksum: str = "SHA-256"
    describer: Callable[[Path], Metadata] | None = None
    loader: Callable[[Path], Model] | None = None
    backend: str | None = None
    find_tool: Callable[[], tuple[str, str]] = lambda: ("", "")
    read_long_run: Callable[[Path, ModelSpec], LongRun | None] = _nothing
    read_source: Callable[[Path], tuple[CSource, Metadata] | None] = _nothing
    missing_beside: Callable[[Path], list[str] | None] = _nothing
    options: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    no_integers: str = ""
    part: str = ""
    stem: Callable[[str], str] = str
    is_bitwise: bool = False
    is_compiled: bool = False
    takes_all: bool = False
    is_trusted: bool = False

    def read_metadata(self, path: Path) -> Metadata:
        """What an artifact says of itself, without torch, onnx or onnxruntime."""
        return self.describer(path) if self.describer else self.read(path)[0]

    def load(self, path: Path, backend: str | None = None) -> Model:
        """An artifact as a Model, by `backend` where that reads its files.

        Raises:
            FormatError: it is not a whole artifact.
            MissingDependencyError: what runs it is not installed.
        """
        if self.loader:
            return self.loader(path)
        known = BACKENDS.get(backend or "")
        if known is not None and path.suffix.lower() not in known.suffixes:
            backend = None
        return rnnedge_runtime.load(path, backend)

    def compute(self, path: Path) -> Model:
        """What an artifact holds, computed in NumPy; the same bytes where `is_bitwise`."""
        from rnnedge_runtime.backends.numpy_engine import numpy_engine

        metadata, parameters = self.read(path)
        return Model(metadata, numpy_engine(metadata.spec, parameters), path)


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


_ALL = (
    Format(
        "onnx",
        ".onnx",
        "ONNX",
        write=Later(".onnx.writing:write_onnx"),
        read=Later("rnnedge_runtime.formats.onnx_weights:read_onnx_weights"),
        describer=Later(".onnx.reading:read_onnx_metadata"),
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
        write=Later(".torchscript:write_torchscript"),
        read=Later(".torchscript:read_torchscript"),
        describer=Later(".torchscript:read_torchscript_metadata"),
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
        write=Later(".rnne.writing:write_rnne"),
        read=Later("rnnedge_runtime.formats.rnne_file:read_rnne"),
        read_long_run=Later(".rnne.long_run:read_long_run"),
        read_source=Later(".c.generating:source_of_rnne"),
        is_bitwise=True,
    ),
    Format(
        "c",
        ".c",
        "C",
        write=Later(".c.generating:write_c"),
        read=Later(".c.reading:read_c_source"),
        loader=Later(".c.loading:load_c"),
        find_tool=Later(".c.running:find_tool"),
        read_source=Later(".c.source:read_source"),
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
        write=Later(".wasm.building:write_wasm"),
        read=Later(".wasm.reading:read_wasm"),
        loader=Later(".wasm.loading:load_wasm"),
        find_tool=Later(".wasm.running:find_tool"),
        missing_beside=Later(".wasm.reading:missing_javascript"),
        options=("simd",),
        is_bitwise=True,
        is_compiled=True,
    ),
)

FORMATS = {item.name: item for item in _ALL}
"""Every format by its name, in the order in which messages list them."""
