"""Each kind of layer as a PyTorch module.

Only this file knows how PyTorch names the tensors of a layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rnnedge_runtime.spec import layers
from rnnedge_runtime.spec.layers import Layer

from .functions import FUNCTIONS
from .graph_modules import GRAPH_MODULES
from .layer_module import LayerModule, State
from .lru import lru_module


class _Affine(LayerModule):
    def __init__(self, layer: layers.Affine) -> None:
        super().__init__()
        self.inverse = layer.inverse
        self.register_buffer("shift", torch.zeros(layer.size))
        self.register_buffer("scale", torch.ones(layer.size))

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        if self.inverse:
            return z * self.scale + self.shift
        return (z - self.shift) * self.scale


class _Embedding(LayerModule):
    held_by = "table"

    def __init__(self, layer: layers.Embedding) -> None:
        super().__init__()
        self.num_embeddings = layer.num_embeddings
        self.table = nn.Embedding(layer.num_embeddings, layer.embedding_dim)

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        token = z[..., 0]
        is_known = (token >= 0) & (token < self.num_embeddings)
        return self.table(torch.where(is_known, token, torch.zeros_like(token)).long())


class _Recurrent(LayerModule):
    """A layer of PyTorch's; its state begins at number `index`, dropout follows it."""

    held_by, ending = "cell", "_l0"

    def __init__(self, cell: nn.Module, index: int) -> None:
        super().__init__()
        self.cell = cell
        self.index = index
        self.dropout = 0.0


class _OneState(_Recurrent):
    """RNN or GRU: `h` `[B, H]` is state number `index`."""

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        z, h = self.cell(z, state[self.index].unsqueeze(0))
        new_state.append(h[0])
        if self.dropout > 0.0:
            z = nn.functional.dropout(z, self.dropout, self.training)
        return z


class _TwoStates(_Recurrent):
    """LSTM: `h` `[B, P or H]` is state number `index`, `c` `[B, H]` the next."""

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        h, c = state[self.index], state[self.index + 1]
        z, (h, c) = self.cell(z, (h.unsqueeze(0), c.unsqueeze(0)))
        new_state.append(h[0])
        new_state.append(c[0])
        if self.dropout > 0.0:
            z = nn.functional.dropout(z, self.dropout, self.training)
        return z


class _Linear(LayerModule):
    held_by = "linear"

    def __init__(self, layer: layers.Linear) -> None:
        super().__init__()
        self.positions = layer.positions
        sizes = layer.input_size, layer.output_size
        self.linear = nn.Linear(*(size // layer.positions for size in sizes))

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        if self.positions > 1:
            return self.linear(z.unflatten(-1, [self.positions, -1])).flatten(-2)
        return self.linear(z)


class _Activation(LayerModule):
    def __init__(self, layer: layers.Activation) -> None:
        super().__init__()
        self.function = FUNCTIONS[layer.function](*layer.parameters)

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        return self.function(z)


class _Softmax(LayerModule):
    def __init__(self, layer: layers.Softmax) -> None:
        super().__init__()
        self.groups = layer.groups
        self.is_log = layer.is_log

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        parts = z.unflatten(-1, [self.groups, -1])
        if self.is_log:
            return torch.log_softmax(parts, dim=-1).flatten(-2)
        return torch.softmax(parts, dim=-1).flatten(-2)


class _AddLast(LayerModule):
    def __init__(self, layer: layers.AddLast) -> None:
        super().__init__()
        self.is_clipped = layer.is_clipped
        sources = torch.tensor(layer.sources, dtype=torch.int64)
        self.register_buffer("sources", sources, persistent=False)

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
    ) -> Tensor:
        source = x if self.is_clipped else readings
        return z + source.index_select(-1, self.sources)


class _Difference(LayerModule):
    """`d` `[B, n + 1]`, the readings of the step before and a 1, is state number `index`."""

    def __init__(self, layer: layers.Difference, index: int) -> None:
        super().__init__()
        self.index = index
        self.num_sources = len(layer.sources)
        sources = torch.tensor(layer.sources, dtype=torch.int64)
        self.register_buffer("sources", sources, persistent=False)
        self.register_buffer("low", torch.zeros(self.num_sources))
        self.register_buffer("high", torch.zeros(self.num_sources))

    def forward(
        self, z: Tensor, x: Tensor, readings: Tensor, state: State, new_state: State
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


def _rnn(layer: layers.Rnn, index: int) -> nn.Module:
    sizes, kind = (layer.input_size, layer.hidden_size), layer.nonlinearity
    return _OneState(nn.RNN(*sizes, nonlinearity=kind, batch_first=True), index)


def _gru(layer: layers.Gru, index: int) -> nn.Module:
    gru = nn.GRU(layer.input_size, layer.hidden_size, batch_first=True)
    return _OneState(gru, index)


def _lstm(layer: layers.Lstm, index: int) -> nn.Module:
    sizes, proj_size = (layer.input_size, layer.hidden_size), layer.proj_size
    return _TwoStates(nn.LSTM(*sizes, proj_size=proj_size, batch_first=True), index)


MODULES: dict[type[Layer], Callable[[Any, int], nn.Module]] = {
    layers.Affine: lambda layer, index: _Affine(layer),
    layers.Embedding: lambda layer, index: _Embedding(layer),
    layers.Rnn: _rnn,
    layers.Gru: _gru,
    layers.Lstm: _lstm,
    layers.Linear: lambda layer, index: _Linear(layer),
    layers.Activation: lambda layer, index: _Activation(layer),
    layers.Softmax: lambda layer, index: _Softmax(layer),
    layers.AddLast: lambda layer, index: _AddLast(layer),
    layers.Difference: _Difference,
    layers.Lru: lru_module,
    **GRAPH_MODULES,
}
"""The module of a layer whose first state tensor has this number; all but Opaque."""
