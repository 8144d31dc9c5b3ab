"""The native engine: the C core (runtime/core) through the extension `_native`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MissingDependencyError
from ..formats.files import read_file
from ..formats.metadata import Metadata
from ..formats.rnne_file import parse_rnne
from ..spec.model_spec import ModelSpec
from ..streams.engine import Engine, FleetStates
from ..streams.engine_runs import StreamEngine
from ..streams.inputs import Inputs
from ..streams.state_rules import StateRules
from ..streams.w8a16_inputs import input_rule
from .native_state import IS_FREE_THREADED, NativeStepper, extension

if TYPE_CHECKING:
    from .._native import Model as CoreModel
    from ..streams.loaded_model import LoadedModel
    from ..streams.stream import Stream

_HOW_TO_BUILD = (
    "Use a Python with the global interpreter lock"
    if IS_FREE_THREADED
    else "Install a C compiler and Python's headers (Debian: gcc, python3-dev), then: "
    "pip install --force-reinstall --no-binary rnnedge rnnedge"
)


@functools.cache
def has_native() -> bool:
    """Whether the C engine is built; says so once where it is not."""
    try:
        extension()
    except ImportError as error:
        import logging

        logging.getLogger("rnnedge_runtime").warning(
            "rnnedge_runtime: the C engine is not built here (%s), so .rnne files run on "
            "NumPy: the same bytes, some hundred times slower. %s.",
            error,
            _HOW_TO_BUILD,
        )
        return False
    return True


def open_native(path: Path) -> tuple[Metadata, Engine]:
    """Description and engine of an `.rnne` artifact.

    Raises:
        FormatError: the file is damaged, too new or not an artifact.
        MissingDependencyError: the C engine was not built when rnnedge was installed.
    """
    try:
        native = extension()
    except ImportError as error:
        raise MissingDependencyError(
            f"Running {path.name} (backend 'native'): the C engine is not built here "
            f"({error}). {_HOW_TO_BUILD}; or name the backend 'numpy'."
        ) from None
    content = read_file(path)
    metadata, parameters = parse_rnne(content, where=path.name)
    core = native.Model(content, path.name)
    inputs, states = input_rule(parameters), StateRules(parameters)
    return metadata, NativeEngine(metadata.spec, core, inputs, states)


def native_engine(
    spec: ModelSpec, content: bytes, inputs: Inputs | None = None
) -> NativeEngine:
    """The engine of an `.rnne` file in memory, checked by the C core alone.

    Args:
        spec: its spec.
        content: the file.
        inputs: of a model in integers, how readings become its inputs.

    Raises:
        FormatError: the C core refuses the file.
        ImportError: the C engine is not built.
    """
    return NativeEngine(spec, extension().Model(content, ".rnne"), inputs)


class NativeEngine(StreamEngine):
    """A model in the C core as an Engine (`engine.py`) with streams of its own."""

    backend = "native"

    def __init__(
        self,
        spec: ModelSpec,
        model: CoreModel,
        inputs: Inputs | None = None,
        states: StateRules | None = None,
    ) -> None:
        super().__init__(spec, inputs)
        self.model = model
        self.states = states or StateRules({})

    @property
    def isa(self) -> str:
        """The instruction set it runs on; the results do not depend on it."""
        return self.model.isa

    def stepper(self) -> NativeStepper:
        return NativeStepper(self.spec, self.model)

    def make_stream(self, model: LoadedModel) -> Stream:
        """A stream whose hot calls are C (`stream.OwnStreams`)."""
        from .native_stream import NativeStream

        return NativeStream(self.model, model)

    def make_fleet(self, count: int, *, is_fast: bool) -> FleetStates:
        from .native_fleet import NativeFleet

        return NativeFleet(self.spec, self.model, count, is_fast=is_fast)
