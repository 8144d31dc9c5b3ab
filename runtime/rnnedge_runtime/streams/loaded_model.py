"""A loaded artifact: what it says of itself, and the engine that runs it."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn, Self, SupportsIndex

from ..errors import StateError
from ..formats.metadata import Golden, Metadata
from ..spec.model_spec import ModelSpec
from .engine import Engine


class LoadedModel:
    """What a stream knows of its model: all but how to make streams (`Model`).

    Args:
        metadata: the artifact's description.
        engine: the backend's compiled network.
        path: the artifact; None for a model made in memory.
        is_fast: whether a fleet may fuse multiplications with additions.
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
