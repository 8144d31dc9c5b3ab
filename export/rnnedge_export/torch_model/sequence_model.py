"""SequenceModel: a ModelSpec as a PyTorch module, trainable and scriptable.

Raw units go in and come out; the scalers are layers with buffers. Only this module knows how
PyTorch names the tensors of a layer.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.clip import clip_bounds
from rnnedge_runtime.spec.layers import (
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    Rnn,
    Softmax,
)
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights, canonical_weights

_CELLS = (Rnn, Gru, Lstm)


class SequenceModel(nn.Module):
    """The network of a ModelSpec; state goes in and comes out explicitly.

    Args:
        spec: what to build.
        dropout: probability of zeroing a value between recurrent layers, training only.

    Raises:
        SpecError: the spec holds a graph that PyTorch layers do not express.
    """

    def __init__(self, spec: ModelSpec, dropout: float = 0.0) -> None:
        super().__init__()
        if spec.is_opaque:
            raise SpecError(
                "SequenceModel: the spec holds an opaque graph, expected a chain of "
                "layers. Use the module it was exported from."
            )
        self.spec = spec
        low, high = clip_bounds(spec)
        self.register_buffer("clip_low", torch.from_numpy(low), persistent=False)
        self.register_buffer("clip_high", torch.from_numpy(high), persistent=False)
        layers: list[nn.Module] = []
        num_states = 0
        num_recurrent = sum(isinstance(layer, _CELLS) for layer in spec.layers)
        for layer in spec.layers:
            layers.append(_build(layer, num_states))
            num_states += len(layer.state_shapes())
            if isinstance(layer, _CELLS):
                num_recurrent -= 1
                layers[-1].dropout = dropout if num_recurrent else 0.0
        self.layers = nn.ModuleList(layers)

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
        z = x
        new_state: list[Tensor] = []
        for layer in self.layers:
            z = layer(z, x, readings, state, new_state)
        return z, new_state

    @torch.jit.ignore
    def initial_state(self, batch_size: int) -> list[Tensor]:
        """The state of `batch_size` streams before their first step."""
        return [
            torch.from_numpy(entry.initial_array())
            .to(self.clip_low.device)
            .expand(batch_size, *entry.shape)
            .clone()
            for entry in self.spec.graph_state
        ]

    @torch.jit.ignore
    def weights(self) -> Weights:
        """The canonical weights (`rnnedge_runtime.spec.weights`), copied."""
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
        """
        tensors = self._tensors()
        with torch.no_grad():
            for name, array in canonical_weights(self.spec, weights).items():
                tensors[name].copy_(torch.from_numpy(np.array(array)))

    @torch.jit.ignore
    def _tensors(self) -> dict[str, Tensor]:
        named = {}
        for k, (layer, module) in enumerate(
            zip(self.spec.layers, self.layers, strict=True)
        ):
            for name in layer.weight_shapes():
                named[f"layers.{k}.{name}"] = module.tensor(name)
        return named


class _Affine(nn.Module):
    def __init__(self, layer: Affine) -> None:
        super().__init__()
        self.inverse = layer.inverse
        self.register_buffer("shift", torch.zeros(layer.size))
        self.register_buffer("scale", torch.ones(layer.size))

    def forward(
        self,
        z: Tensor,
        x: Tensor,
        readings: Tensor,
        state: list[Tensor],
        new_state: list[Tensor],
    ) -> Tensor:
        if self.inverse:
            return z * self.scale + self.shift
        return (z - self.shift) * self.scale

    @torch.jit.ignore
    def tensor(self, name: str) -> Tensor:
        return getattr(self, name)


class _Embedding(nn.Module):
    def __init__(self, layer: Embedding) -> None:
        super().__init__()
        self.num_embeddings = layer.num_embeddings
        self.table = nn.Embedding(layer.num_embeddings, layer.embedding_dim)

    def forward(
        self,
        z: Tensor,
        x: Tensor,
        readings: Tensor,
        state: list[Tensor],
        new_state: list[Tensor],
    ) -> Tensor:
        token = z[..., 0]
        is_known = (token >= 0) & (token < self.num_embeddings)
        return self.table(torch.where(is_known, token, torch.zeros_like(token)).long())

    @torch.jit.ignore
    def tensor(self, name: str) -> Tensor:
        return getattr(self.table, name)


class _OneState(nn.Module):
    """RNN or GRU: `h` `[B, H]` is state number `index`."""

    def __init__(self, cell: nn.Module, index: int) -> None:
        super().__init__()
        self.cell = cell
        self.index = index
        self.dropout = 0.0

    def forward(
        self,
        z: Tensor,
        x: Tensor,
        readings: Tensor,
        state: list[Tensor],
        new_state: list[Tensor],
    ) -> Tensor:
        z, h = self.cell(z, state[self.index].unsqueeze(0))
        new_state.append(h[0])
        if self.dropout > 0.0:
            z = nn.functional.dropout(z, self.dropout, self.training)
        return z

    @torch.jit.ignore
    def tensor(self, name: str) -> Tensor:
        return getattr(self.cell, f"{name}_l0")


class _TwoStates(nn.Module):
    """LSTM: `h` `[B, P or H]` is state number `index`, `c` `[B, H]` the next."""

    def __init__(self, cell: nn.LSTM, index: int) -> None:
        super().__init__()
        self.cell = cell
        self.index = index
        self.dropout = 0.0

    def forward(
        self,
        z: Tensor,
        x: Tensor,
        readings: Tensor,
        state: list[Tensor],
        new_state: list[Tensor],
    ) -> Tensor:
        h, c = state[self.index], state[self.index + 1]
        z, (h, c) = self.cell(z, (h.unsqueeze(0), c.unsqueeze(0)))
        new_state.append(h[0])
        new_state.append(c[0])
        if self.dropout > 0.0:
            z = nn.functional.dropout(z, self.dropout, self.training)
        return z

    @torch.jit.ignore
    def tensor(self, name: str) -> Tensor:
        return getattr(self.cell, f"{name}_l0")


class _Linear(nn.Module):
    def __init__(self, layer: Linear) -> None:
        super().__init__()
        self.linear = nn.Linear(layer.input_size, layer.output_size)

    def forward(
        self,
        z: Tensor,
        x: Tensor,
        readings: Tensor,
        state: list[Tensor],
        new_state: list[Tensor],
    ) -> Tensor:
        return self.linear(z)

    @torch.jit.ignore
    def tensor(self, name: str) -> Tensor:
        return getattr(self.linear, name)


class _Activation(nn.Module):
    def __init__(self, function: str) -> None:
        super().__init__()
        self.function = function

    def forward(
        self,
        z: Tensor,
        x: Tensor,
        readings: Tensor,
        state: list[Tensor],
        new_state: list[Tensor],
    ) -> Tensor:
        if self.function == "tanh":
            return torch.tanh(z)
        if self.function == "relu":
            return torch.relu(z)
        if self.function == "sigmoid":
            return torch.sigmoid(z)
        return torch.softmax(z, dim=-1)


class _AddLast(nn.Module):
    def __init__(self, layer: AddLast) -> None:
        super().__init__()
        self.is_clipped = layer.is_clipped
        sources = torch.tensor(layer.sources, dtype=torch.int64)
        self.register_buffer("sources", sources, persistent=False)

    def forward(
        self,
        z: Tensor,
        x: Tensor,
        readings: Tensor,
        state: list[Tensor],
        new_state: list[Tensor],
    ) -> Tensor:
        source = x if self.is_clipped else readings
        return z + source.index_select(-1, self.sources)


class _Difference(nn.Module):
    """`d` `[B, n + 1]`, the readings of the step before and a 1, is state number `index`."""

    def __init__(self, layer: Difference, index: int) -> None:
        super().__init__()
        self.index = index
        self.num_sources = len(layer.sources)
        sources = torch.tensor(layer.sources, dtype=torch.int64)
        self.register_buffer("sources", sources, persistent=False)
        self.register_buffer("low", torch.zeros(self.num_sources))
        self.register_buffer("high", torch.zeros(self.num_sources))

    def forward(
        self,
        z: Tensor,
        x: Tensor,
        readings: Tensor,
        state: list[Tensor],
        new_state: list[Tensor],
    ) -> Tensor:
        values = readings.index_select(-1, self.sources)
        before = state[self.index].unsqueeze(1)
        previous = before[..., : self.num_sources]
        is_first = before[..., self.num_sources :] == 0.0
        change = values - torch.cat([previous, values[:, :-1]], dim=1)
        first = change[:, :1].masked_fill(is_first, 0.0)
        change = torch.cat([first, change[:, 1:]], dim=1)
        change = torch.minimum(torch.maximum(change, self.low), self.high)
        last = values[:, -1]
        new_state.append(torch.cat([last, torch.ones_like(last[:, :1])], dim=1))
        return torch.cat([z, change], dim=-1)

    @torch.jit.ignore
    def tensor(self, name: str) -> Tensor:
        return getattr(self, name)


def _build(layer: Layer, state_index: int) -> nn.Module:
    match layer:
        case Affine():
            return _Affine(layer)
        case Embedding():
            return _Embedding(layer)
        case Rnn():
            cell = nn.RNN(
                layer.input_size,
                layer.hidden_size,
                nonlinearity=layer.nonlinearity,
                batch_first=True,
            )
            return _OneState(cell, state_index)
        case Gru():
            gru = nn.GRU(layer.input_size, layer.hidden_size, batch_first=True)
            return _OneState(gru, state_index)
        case Lstm():
            lstm = nn.LSTM(
                layer.input_size,
                layer.hidden_size,
                proj_size=layer.proj_size,
                batch_first=True,
            )
            return _TwoStates(lstm, state_index)
        case Linear():
            return _Linear(layer)
        case Activation():
            return _Activation(layer.function)
        case Softmax():
            return _Activation("softmax")
        case AddLast():
            return _AddLast(layer)
        case Difference():
            return _Difference(layer, state_index)
    raise SpecError(
        f"SequenceModel: layer '{layer.kind}' is not known. Use the layers of "
        "rnnedge_runtime.spec.layers."
    )
