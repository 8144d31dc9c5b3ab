"""Model: a loaded artifact, immutable and shareable between threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .arguments import check_count
from .loaded_model import LoadedModel
from .stream import OwnStreams, Stream

if TYPE_CHECKING:
    from .fleet import Streams


@dataclass(frozen=True, eq=False, repr=False)
class Model(LoadedModel):
    """The network of an artifact and what the artifact says of it.

    Streams made from it share its weights; each has its own state. All attributes are
    read-only, and threads may share a Model. A copy is the Model itself; pickling raises
    StateError, because the artifact is what travels.

    Args:
        metadata: the artifact's description.
        engine: the backend's compiled network.
        path: the artifact; None for a model made in memory.
        is_fast: whether `streams` may fuse multiplications with additions.
    """

    def stream(self) -> Stream:
        """A new stream in the initial state."""
        if isinstance(self.engine, OwnStreams):
            return self.engine.make_stream(self)
        return Stream(self)

    def streams(self, count: int) -> Streams:
        """A fleet of `count` streams in the initial state, stepped together.

        Raises:
            ShapeError: `count` is negative or not an integer.
        """
        count = check_count(
            count,
            least=0,
            where="Model.streams",
            name="count",
            what="streams to start with",
        )
        from .fleet import Streams

        return Streams(self, count)
