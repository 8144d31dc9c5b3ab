"""One step in the making: nodes, and what they keep for the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rnnedge_runtime.errors import NonFiniteError, SpecError
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import Weights, canonical_weights

from ..capture.graph.lowering import Lowering
from ..capture.graph.nodes import Named, Nodes
from .biases import with_biases
from .limits import check_size
from .recognising import with_cells


@dataclass(frozen=True)
class Imported:
    """A model that was read from somebody else's file.

    Attributes:
        spec: what it is.
        weights: canonical weights.
        notes: sentences the user should read; () when there is nothing to say.
    """

    spec: ModelSpec
    weights: Weights
    notes: tuple[str, ...] = ()


class Step:
    """Nodes of one step of one stream.

    Args:
        where: the file, at the start of every message.

    Attributes:
        nodes: what is computed.
        notes: what the user should know of it.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.nodes = Nodes()
        self.notes: list[str] = []
        self._nexts: dict[int, Named] = {}

    def input(self, size: int) -> Named:
        """The readings of the model.

        Raises:
            SpecError: there are too many.
        """
        check_size(self.where, "input", (size,))
        return self.nodes.input((size,))

    def remembered(self, start: Tensor) -> Named:
        """What `keep` was given in the step before, at first `start`."""
        check_size(self.where, f"{self.nodes.path} state", start.shape)
        named = self.nodes.make("memory", (), start.shape, fields={"start": start})
        self._nexts[len(self.nodes.made) - 1] = named
        return named

    def keep(self, remembered: Named, now: Named) -> None:
        """Let `now` be what `remembered` is in the next step."""
        self._nexts[int(remembered.nodes().reshape(-1)[0])] = now

    def delayed(self, z: Named, steps: int) -> Named:
        """`z` of so many steps before and of this one, `[steps + 1, *z]`, the oldest first."""
        check_size(self.where, f"{self.nodes.path} state", (steps, *z.shape))
        before = self.remembered(torch.zeros(steps, *z.shape))
        all_of_it = Named(torch.cat([before.names, z.names[None]]))
        self.keep(before, all_of_it[1:])
        return all_of_it

    def finish(
        self,
        input_size: int,
        y: Named,
        *,
        features: Sequence[str] = (),
        targets: Sequence[str] = (),
        sample_period_s: float | None = None,
    ) -> Imported:
        """The model whose output is `y`.

        Raises:
            SpecError: names that do not fit the sizes.
        """
        features = features or [f"x_{k}" for k in range(input_size)]
        targets = targets or [f"y_{k}" for k in range(y.names.numel())]
        for what, names, size in (
            ("features", features, input_size),
            ("targets", targets, y.names.numel()),
        ):
            if len(names) != size:
                raise SpecError(
                    f"{self.where}: {len(names)} {what} were named, but the model has "
                    f"{size} values there. Name one for each, or leave them out."
                )
        with_biases(self.nodes)
        with_cells(self.nodes, self._nexts)
        builder = Lowering(self.nodes, input_size, self._nexts, y).lower()
        spec = ModelSpec(
            tuple(map(Feature, features)),
            tuple(map(Target, targets)),
            tuple(builder.layers),
            sample_period_s=sample_period_s,
            wiring=builder.wiring(),
        )
        weights = canonical_weights(spec, builder.weights)
        return Imported(spec, weights, tuple(dict.fromkeys(self.notes)))


def check_finite(where: str, name: str, array: np.ndarray) -> None:
    """Raise NonFiniteError, naming the weight, where one is NaN or infinite."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        place = np.unravel_index(int(np.argmin(np.isfinite(array))), array.shape)
        raise NonFiniteError(
            f"{where}: weight '{name}' holds {array[place]} at {list(map(int, place))}. "
            "The training diverged; train again with a smaller learning rate."
        )


def check_shape(
    where: str, name: str, shape: Sequence[int], expected: Sequence[int]
) -> None:
    """Raise SpecError, naming the weight, where it has another shape."""
    if tuple(shape) != tuple(expected):
        raise SpecError(
            f"{where}: weight '{name}' has shape {list(shape)}, expected "
            f"{list(expected)}. Write the file again from the model."
        )
