"""A user's own module between the scalers of a task, as the trainer sees it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from rnnedge.tasks.task import Prepared, first_affine, last_affine
from rnnedge_export.module.module_copy import same_again
from rnnedge_export.module.user_module import UserModule
from rnnedge_export.torch_model.modules import MODULES
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.spec.clip import clip_bounds

_WINDOW_STEPS = 3


class OwnNetwork(nn.Module):
    """What a `SequenceModel` is to the trainer, around a module of the user's own.

    Every state tensor is `[B, n]`: those of the layers in front, then the module's, flat.

    Args:
        prepared: data with its `module`, which is copied.
    """

    def __init__(self, prepared: Prepared) -> None:
        super().__init__()
        assert prepared.module is not None
        spec = self.spec = prepared.spec
        low, high = clip_bounds(spec)
        self.register_buffer("clip_low", torch.from_numpy(low), persistent=False)
        self.register_buffer("clip_high", torch.from_numpy(high), persistent=False)
        first, last = first_affine(spec), last_affine(spec)
        layers = {}
        num_states = 0
        for k in (*range(first + 1), *range(last, len(spec.layers))):
            layers[k] = MODULES[type(spec.layers[k])](spec.layers[k], num_states)
            num_states += len(spec.layers[k].state_shapes())
        for name, values in prepared.affine_weights.items():
            _, number, tensor = name.split(".")
            layers[int(number)].tensor(tensor).copy_(torch.from_numpy(values))
        self.front = nn.ModuleList(m for k, m in layers.items() if k <= first)
        self.back = nn.ModuleList(m for k, m in layers.items() if k >= last)
        self.num_front_states = num_states
        self.inner = same_again(prepared.module.module)
        self.user = dataclasses.replace(prepared.module, module=self.inner)
        self._axes = batch_axes(self.user)
        self._takes_windows = takes_windows(self.user, self._axes)

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """As `SequenceModel.forward`."""
        readings = x
        x = torch.minimum(torch.maximum(x, self.clip_low), self.clip_high)
        z, new_state = x, list[Tensor]()
        for layer in self.front:
            z = layer(z, x, readings, state, new_state)
        z, own = self._own(z, state[self.num_front_states :])
        new_state += own
        for layer in self.back:
            z = layer(z, x, readings, state, new_state)
        return z, new_state

    def initial_state(self, batch_size: int) -> list[Tensor]:
        """State `[batch_size, n]` before the first step, on the module's device."""
        entries = self.spec.graph_state[: self.num_front_states]
        tensors = [torch.from_numpy(entry.initial_array()) for entry in entries]
        tensors += [tensor.reshape(-1) for tensor in self.user.state]
        device = self.clip_low.device
        return [t.to(device).expand(batch_size, -1).clone() for t in tensors]

    def _own(self, z: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        if self._axes is not None:
            return self._rows(z, state, self._axes)
        alone = (0,) * len(state)  # a batch of one has its axis anywhere
        rows = [
            self._rows(z[k : k + 1], [t[k : k + 1] for t in state], alone)
            for k in range(len(z))
        ]
        new = [torch.cat(parts) for parts in zip(*(s for _, s in rows), strict=True)]
        return torch.cat([y for y, _ in rows]), new

    def _rows(
        self, z: Tensor, state: list[Tensor], axes: Sequence[int]
    ) -> tuple[Tensor, list[Tensor]]:
        user, size = self.user, len(z)
        now = [
            _widened(flat, like, axis, size)
            for flat, like, axis in zip(state, user.state, axes, strict=True)
        ]
        if self._takes_windows:
            y, now = user.call(z, now)
            y = y.reshape(*z.shape[:2], -1)
        else:
            steps = []
            for t in range(z.shape[1]):
                out, now = user.step(z[:, t : t + 1], now)
                steps.append(out)
            y = torch.cat(steps, dim=1)
        new = [
            t.movedim(k, 0).reshape(size, -1) for t, k in zip(now, axes, strict=True)
        ]
        return y, new


Network: TypeAlias = SequenceModel | OwnNetwork


def _widened(flat: Tensor, like: Tensor, axis: int, size: int) -> Tensor:
    """A state tensor `[B, n]` in the module's own shape; that of `like` has a batch of one."""
    if not like.dim():
        return flat.reshape(())
    if size == 1:
        return flat.reshape(like.shape)
    shape = list(like.shape)
    del shape[axis]
    return flat.reshape(size, *shape).movedim(0, axis)


def batch_axes(user: UserModule) -> tuple[int, ...] | None:
    """The batch axis of every state tensor; None of a module that runs one row only."""
    wide = user.with_batch(2)
    if wide is None:
        return None
    return tuple(
        next(k for k, (a, b) in enumerate(zip(t.shape, w.shape, strict=True)) if a != b)
        for t, w in zip(user.state, wide.state, strict=True)
    )


@torch.no_grad()
def takes_windows(user: UserModule, axes: tuple[int, ...] | None) -> bool:
    """Whether one call with some steps gives what as many calls give."""
    generator = torch.Generator().manual_seed(0)
    size = 1 if axes is None else 2
    wide = user.to_probe() if size == 1 else user.to_probe().with_batch(size)
    if wide is None:
        return False
    noise = torch.rand(size, _WINDOW_STEPS, user.input_size, generator=generator)
    x = (
        user.x[:, :1] + 0.9 * noise
    )  # by less than one: a token stays the token that it is
    found = wide.tried(x, wide.state)
    if found is None:
        return False
    steps, state = [], list(wide.state)
    for t in range(_WINDOW_STEPS):
        y, state = wide.step(x[:, t : t + 1], state)
        steps.append(y)
    y = torch.cat(steps, dim=1)
    return found[0].numel() == y.numel() and all(
        a.shape == b.shape and torch.allclose(a, b, rtol=1e-3, atol=1e-4)
        for a, b in zip(
            [found[0].reshape(y.shape), *found[1]], [y, *state], strict=True
        )
    )
