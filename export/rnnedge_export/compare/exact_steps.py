"""Many single steps of all layers at once, in float64, with their bounds.

The equations are those of the reference (`rnnedge_runtime.backends.reference`), which takes
one vector after the other. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.spec.clip import clip_bounds
from rnnedge_runtime.spec.graph_parts import parts_of
from rnnedge_runtime.spec.layers import Difference
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights

from .graph_steps import HOLDING, joined
from .layer_steps import CELLS, difference, plain_step
from .rounding import Bounded, Float64, Tensors, rounded


@dataclass(frozen=True, slots=True)
class Steps:
    """S steps, each from a state of its own.

    Attributes:
        y: `[S, O]` outputs.
        state: `[S, ...]` each, the new state.
        y_bound: what one float32 step may be off by in `y`.
        state_bounds: the same of `state`.
    """

    y: Float64
    state: list[Float64]
    y_bound: Float64
    state_bounds: list[Float64]


class ExactSteps:
    """A ModelSpec and its canonical weights.

    Raises:
        SpecError: the spec holds a graph or a layer that is not known.
    """

    def __init__(self, spec: ModelSpec, weights: Weights) -> None:
        self.spec = spec
        self.clip = clip_bounds(spec)
        self.tensors: list[Tensors] = [
            {
                name: weights[f"layers.{k}.{name}"].astype(np.float64)
                for name in layer.weight_shapes()
            }
            for k, layer in enumerate(spec.layers)
        ]
        self.parts = parts_of(spec)
        counts = [len(layer.state_shapes()) for layer in spec.layers]
        self.places = [sum(counts[:k]) for k in range(len(counts))]
        # Of each layer whose output is a state tensor, which one.
        self.held_at = {
            k: self.places[k]
            for k, layer in enumerate(spec.layers)
            if type(layer) in CELLS
        } | {source: self.places[k] for k, source in self.parts.memories.items()}

    def step(
        self,
        x: NDArray[np.float32],
        state: Sequence[NDArray[np.floating]],
        after: Sequence[NDArray[np.floating]] | None = None,
    ) -> Steps:
        """Take every step once.

        Args:
            x: `[S, I]` model inputs.
            state: `[S, ...]` each, the state before.
            after: `[S, ...]` each, the state that another engine came to. A layer then
                reads what that engine gave the layer before, so that every layer is judged
                by its own roundings.
        """
        readings = x.astype(np.float64)
        x64 = np.clip(readings, *self.clip)
        given = x64, np.zeros_like(x64)
        carried = [tensor.astype(np.float64) for tensor in state]
        values: list[Bounded] = []
        own: list[Bounded] = []
        found: list[Bounded] = []
        with np.errstate(all="ignore"):
            for k, layer in enumerate(self.spec.layers):
                read = [values[s] if s >= 0 else given for s in self.spec.reads[k]]
                z = joined(read, len(x))
                at = self.places[k]
                before = carried[at : at + len(layer.state_shapes())]
                y, *new = self._layer(k, z, before, x64, readings)
                own.append(y)
                found += new
                held = self.held_at.get(k)
                if after is not None and held is not None:
                    y = after[held].astype(np.float64), np.zeros_like(y[1])
                values.append(y)
        for k, source in self.parts.memories.items():
            found[self.places[k]] = own[source]
        state_bounds = [bound for _, bound in found]
        output, y_bound = values[-1]
        return Steps(output, [value for value, _ in found], y_bound, state_bounds)

    def _layer(
        self,
        k: int,
        z: Bounded,
        before: list[Float64],
        x: Float64,
        readings: Float64,
    ) -> list[Bounded]:
        """What layer k gives, then its new state."""
        layer, w = self.spec.layers[k], self.tensors[k]
        if not before:
            source = x if getattr(layer, "is_clipped", True) else readings
            return [plain_step(layer, w, z, source)]
        if isinstance(layer, Difference):
            values = readings[:, list(layer.sources)]
            change, changed = difference(w, values, *before)
            y = np.concatenate([z[0], change], axis=1)
            error = np.concatenate([z[1], rounded(change)], axis=1)
            return [(y, error), (changed, np.zeros_like(changed))]
        if type(layer) in HOLDING:
            return HOLDING[type(layer)](layer, w, z, *before)
        new = CELLS[type(layer)].bounded(layer, w, z, before)
        return [new[0], *new]
