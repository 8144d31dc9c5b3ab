"""SequenceModel: a ModelSpec as a PyTorch module, trainable and scriptable.

Raw units go in and come out; the scalers are layers with buffers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.clip import clip_bounds
from rnnedge_runtime.spec.graph_parts import BEFORE, BEHIND, LOOP, parts_of
from rnnedge_runtime.spec.layers import Lru, RecurrentLayer
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights, canonical_weights

from .modules import MODULES

_DROPPING = (RecurrentLayer, Lru)
"""Layers that dropout follows."""


class SequenceModel(nn.Module):
    """The network of a ModelSpec; state goes in and comes out explicitly.

    Args:
        spec: what to build.
        dropout: probability of zeroing a value between recurrent layers, training only.

    Raises:
        SpecError: the spec holds a graph that PyTorch layers do not express.
    """

    __constants__ = ("is_chain",)

    def __init__(self, spec: ModelSpec, dropout: float = 0.0) -> None:
        super().__init__()
        if spec.is_opaque:
            raise SpecError(
                "SequenceModel: the spec holds an opaque graph, expected "
                "layers. Use the module it was exported from."
            )
        self.spec = spec
        low, high = clip_bounds(spec)
        self.register_buffer("clip_low", torch.from_numpy(low), persistent=False)
        self.register_buffer("clip_high", torch.from_numpy(high), persistent=False)
        layers: list[nn.Module] = []
        first_states: list[int] = []
        num_states = 0
        num_recurrent = sum(isinstance(layer, _DROPPING) for layer in spec.layers)
        for layer in spec.layers:
            layers.append(MODULES[type(layer)](layer, num_states))
            first_states.append(num_states)
            num_states += len(layer.state_shapes())
            if isinstance(layer, _DROPPING):
                num_recurrent -= 1
                layers[-1].dropout = dropout if num_recurrent else 0.0
        self.layers = nn.ModuleList(layers)
        parts = parts_of(spec)
        self.is_chain = spec.reads == tuple((k - 1,) for k in range(len(layers)))
        self.has_loop = bool(parts.memories)
        self.before, self.loop, self.behind = BEFORE, LOOP, BEHIND
        # Lists that are never empty: of another, TorchScript does not know the type.
        self.reads = [list(read or (-1,)) for read in spec.reads]
        self.part_of = list(parts.part_of)
        self.first_states = first_states
        self.next_of = [parts.memories.get(k, -1) for k in range(len(layers))]
        entering, leaving = parts.entering(spec), parts.leaving(spec)
        self.enters = [k in entering for k in range(len(layers))]
        self.leaves = [k in leaving for k in range(len(layers))]

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Advance B streams by T steps.

        Args:
            x: `[B, T, I]` finite model inputs in raw units, derived columns included.
            state: `ModelSpec.graph_state`, `[B, ...]` each.

        Returns:
            `[B, T, O]` outputs in raw units and the new state.
        """
        readings = x
        x = torch.minimum(torch.maximum(x, self.clip_low), self.clip_high)
        if not self.is_chain:
            return self._graph(x, readings, state)
        z = x
        new_state: list[Tensor] = []
        for layer in self.layers:
            z = layer(z, x, readings, state, new_state)
        return z, new_state

    def _graph(
        self, x: Tensor, readings: Tensor, state: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Layers over all steps, but for those that a memory goes round."""
        values = [x for _ in self.reads]
        state = list(state)
        self._part(self.before, x, readings, values, state)
        if self.has_loop:
            taken: list[list[Tensor]] = [[] for _ in self.reads]
            given: list[list[Tensor]] = [[] for _ in self.reads]
            for k, enters in enumerate(self.enters):
                if enters:
                    given[k] = list(torch.split(values[k], 1, dim=1))
            xs, rs = torch.split(x, 1, dim=1), torch.split(readings, 1, dim=1)
            now = list(values)
            for t in range(x.size(1)):
                for k, enters in enumerate(self.enters):
                    if enters:
                        now[k] = given[k][t]
                self._part(self.loop, xs[t], rs[t], now, state)
                for k, source in enumerate(self.next_of):
                    if source >= 0:
                        state[self.first_states[k]] = now[source][:, 0]
                for k, leaves in enumerate(self.leaves):
                    if leaves:
                        taken[k].append(now[k])
            for k, leaves in enumerate(self.leaves):
                if leaves:
                    values[k] = torch.cat(taken[k], dim=1)
            self._part(self.behind, x, readings, values, state)
        return values[-1], state

    def _part(
        self,
        part: int,
        x: Tensor,
        readings: Tensor,
        values: list[Tensor],
        state: list[Tensor],
    ) -> None:
        """Put what the layers of one part give into `values`, and their new `state`."""
        for k, layer in enumerate(self.layers):
            if self.part_of[k] == part:
                sources = self.reads[k]
                new_state: list[Tensor] = []
                if hasattr(layer, "combine"):  # joined and cut again they cost more
                    one, other = sources[0], sources[1]
                    values[k] = layer.combine(
                        values[one] if one >= 0 else x,
                        values[other] if other >= 0 else x,
                    )
                else:
                    z = x
                    if len(sources) == 1 and sources[0] >= 0:
                        z = values[sources[0]]
                    elif len(sources) > 1:
                        parts = [values[s] if s >= 0 else x for s in sources]
                        z = torch.cat(parts, dim=-1)
                    values[k] = layer(z, x, readings, state, new_state)
                for j, tensor in enumerate(new_state):
                    state[self.first_states[k] + j] = tensor

    @torch.jit.ignore
    def initial_state(self, batch_size: int) -> list[Tensor]:
        """State `[batch_size, ...]` before the first step, on the module's device."""
        return [
            torch.from_numpy(entry.initial_array())
            .to(self.clip_low.device)
            .expand(batch_size, *entry.shape)
            .clone()
            for entry in self.spec.graph_state
        ]

    @torch.jit.ignore
    def weights(self) -> Weights:
        """Copies of the weights by name, float32 (`rnnedge_runtime.spec.weights`).

        Raises:
            NonFiniteError: a weight is NaN or infinite.
        """
        return canonical_weights(
            self.spec,
            {
                name: tensor.detach().float().cpu().numpy()
                for name, tensor in self._tensors().items()
            },
        )

    @torch.jit.ignore
    def load_weights(self, weights: Mapping[str, ArrayLike]) -> None:
        """Copy canonical weights in.

        Raises:
            ShapeError: a tensor is missing, left over or of another shape.
            NonFiniteError: a tensor holds NaN or infinity.
        """
        tensors = self._tensors()
        with torch.no_grad():
            for name, array in canonical_weights(self.spec, weights).items():
                tensors[name].copy_(torch.from_numpy(np.array(array)))

    @torch.jit.ignore
    def _tensors(self) -> dict[str, Tensor]:
        pairs = zip(self.spec.layers, self.layers, strict=True)
        return {
            f"layers.{k}.{name}": module.tensor(name)
            for k, (layer, module) in enumerate(pairs)
            for name in layer.weight_shapes()
        }
