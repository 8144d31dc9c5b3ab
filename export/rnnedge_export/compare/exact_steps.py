"""Many single steps of a chain of layers at once, in float64, with their bounds.

The equations are those of the reference (`rnnedge_runtime.backends.reference`), which takes
one vector after the other. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.spec.clip import clip_bounds
from rnnedge_runtime.spec.layers import Difference
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights

from .layer_steps import CELLS, Bounded, Tensors, difference, plain_step
from .rounding import Float64, rounded


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
        z, error = x64, np.zeros_like(x64)
        carried = iter([tensor.astype(np.float64) for tensor in state])
        found: list[Bounded] = []
        with np.errstate(all="ignore"):
            for layer, w in zip(self.spec.layers, self.tensors, strict=True):
                own = [next(carried) for _ in layer.state_shapes()]
                if not own:
                    sources = x64 if getattr(layer, "is_clipped", True) else readings
                    z, error = plain_step(layer, w, (z, error), sources)
                elif isinstance(layer, Difference):
                    values = readings[:, list(layer.sources)]
                    change, changed = difference(w, values, *own)
                    z = np.concatenate([z, change], axis=1)
                    error = np.concatenate([error, rounded(change)], axis=1)
                    found.append((changed, np.zeros_like(changed)))
                else:
                    new = CELLS[type(layer)].bounded(layer, w, (z, error), own)
                    z, error = new[0]
                    if after is not None:
                        z = after[len(found)].astype(np.float64)
                        error = np.zeros_like(error)
                    found += new
        state_bounds = [bound for _, bound in found]
        return Steps(z, [value for value, _ in found], error, state_bounds)
