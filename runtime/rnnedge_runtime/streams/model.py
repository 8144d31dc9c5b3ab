"""Model: a loaded artifact, immutable and shareable between threads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self, SupportsIndex

from ..errors import StateError
from ..formats.metadata import Golden, Metadata
from ..spec.model_spec import ModelSpec
from .arguments import check_count
from .engine import Engine, OwnStreams
from .stream import Stream

if TYPE_CHECKING:
    from .fleet import Streams


class Model:
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

    __slots__ = ("_engine", "_is_fast", "_metadata", "_path")

    def __init__(
        self,
        metadata: Metadata,
        engine: Engine,
        path: Path | None = None,
        *,
        is_fast: bool = False,
    ) -> None:
        self._metadata = metadata
        self._engine = engine
        self._path = path
        self._is_fast = is_fast

    @property
    def spec(self) -> ModelSpec:
        """Features, targets, units, horizon, layers."""
        return self._metadata.spec

    @property
    def metadata(self) -> Metadata:
        """Everything the artifact says of itself."""
        return self._metadata

    @property
    def golden(self) -> Golden:
        """The steps that were recorded when the artifact was made."""
        return self._metadata.golden

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of spec, weights and numerics: equal in all float artifacts."""
        return self._metadata.digest

    @property
    def engine(self) -> Engine:
        """The network as a pure function of input and state, for tools such as verify."""
        return self._engine

    @property
    def backend(self) -> str:
        """Name of the backend that runs it."""
        return self._engine.backend

    @property
    def is_fast(self) -> bool:
        """Whether it was loaded with `numerics="fast"`."""
        return self._is_fast

    @property
    def path(self) -> Path | None:
        """The file it was loaded from."""
        return self._path

    @property
    def name(self) -> str:
        """File name, for messages."""
        return self._path.name if self._path else "model"

    def stream(self) -> Stream:
        """A new stream in the initial state."""
        if isinstance(self._engine, OwnStreams):
            return self._engine.make_stream(self)
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

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise StateError(
            f"Model: {self.name} cannot be pickled, because its memory belongs to this "
            "process. Pass the path of the artifact and load it there: "
            "rnnedge_runtime.load(path)."
        )

    def __repr__(self) -> str:
        spec = self.spec
        kinds = "-".join(layer.kind for layer in spec.layers)
        return (
            f"<Model {self.name}: {kinds}, {len(spec.features)} features "
            f"({', '.join(spec.feature_names)}) -> {', '.join(spec.target_names)} "
            f"{spec.horizon} steps ahead, backend {self.backend}, "
            f"digest {self.digest[:12]}>"
        )
