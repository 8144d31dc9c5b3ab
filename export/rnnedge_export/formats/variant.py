"""What writers of artifacts are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.parameters import Parameters
from rnnedge_runtime.streams.engine import Engine

if TYPE_CHECKING:
    from ..capture.original import Original


class Variant(Protocol):
    """One model in one arithmetic, as writers take it."""

    @property
    def metadata(self) -> Metadata:
        """What the artifact says of itself."""

    @property
    def parameters(self) -> Parameters:
        """Canonical weights, or integers; no weights of a graph."""

    @property
    def engine(self) -> Engine:
        """The quickest engine of its arithmetic here; none of a graph."""

    @property
    def original(self) -> Original:
        """What it is exported from: of a graph the module."""
