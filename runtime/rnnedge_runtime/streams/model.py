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
        """A new stream in the initial state.

        Of a model with `rows_per_step` its `step` gives None until a frame is full
        (`FrameStream`).
        """
        own = self.engine if isinstance(self.engine, OwnStreams) else None
        stream = own.make_stream(self) if own else Stream(self)
        if self.spec.rows_per_step == 1:
            return stream
        from .frame_stream import FrameStream

        return FrameStream(self, stream)

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
        if self.spec.rows_per_step > 1:
            from .frame_fleet import FrameStreams

            return FrameStreams(self, count)
        from .fleet import Streams

        return Streams(self, count)
