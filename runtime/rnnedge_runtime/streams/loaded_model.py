"""A loaded artifact: what it says of itself, and the engine that runs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Self, SupportsIndex

from ..errors import StateError
from ..formats.metadata import Golden, Metadata
from ..spec.model_spec import ModelSpec
from .engine import Engine


@dataclass(frozen=True, eq=False, repr=False)
class LoadedModel:
    """What a stream knows of its model: all but how to make streams (`Model`).

    Attributes:
        metadata: everything the artifact says of itself.
        engine: the network as a pure function of input and state, for tools such as verify.
        path: the file it was loaded from; None for a model made in memory.
        is_fast: whether it was loaded with `numerics="fast"`, so that a fleet may fuse
            multiplications with additions.
    """

    metadata: Metadata
    engine: Engine
    path: Path | None = None
    is_fast: bool = field(default=False, kw_only=True)

    @property
    def spec(self) -> ModelSpec:
        """Features, targets, units, horizon, layers."""
        return self.metadata.spec

    @property
    def golden(self) -> Golden:
        """The steps that were recorded when the artifact was made."""
        return self.metadata.golden

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of spec, weights and numerics: equal in all float artifacts."""
        return self.metadata.digest

    @property
    def backend(self) -> str:
        """Name of the backend that runs it."""
        return self.engine.backend

    @property
    def name(self) -> str:
        """File name, for messages."""
        return self.path.name if self.path else "model"

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
