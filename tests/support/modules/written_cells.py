"""Cells and networks as people write them out: the forward of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Parts(nn.Module):
    """A module of some parts; `body` is its forward."""

    def __init__(self, body: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.body = body
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor, *state: Any) -> Any:
        return self.body(self, x, *state)


class Memory(NamedTuple):
    h: Tensor
    c: Tensor


@dataclass
class Carry:
    h: Tensor
    cache: Tensor


def bilinear(m: Any, x: Tensor, h: Tensor) -> Any:
    h = m.cell(torch.cat([x[:, 0], m.pair(x[:, 0], x[:, 0])], -1), h)
    return m.head(h), h


def cfc(m: Any, x: Tensor, h: Tensor) -> Any:
    z = 1.7159 * torch.tanh(0.666 * m.body_of(torch.cat([x[:, 0], h], 1)))
    t = torch.sigmoid(m.ta(z) + m.tb(z))
    h = torch.tanh(m.f1(z)) * (1 - t) + t * torch.tanh(m.f2(z))
    return m.head(h), h


def ltc(m: Any, x: Tensor, h: Tensor) -> Any:
    drive = m.sensory(x[:, 0])
    for _ in range(3):
        gates = torch.sigmoid((h[:, :, None] - m.mu) * m.sigma) * F.softplus(m.w)
        reversed_ = (gates * m.erev).sum(1) + drive
        above = F.softplus(m.cm) * h + reversed_
        h = above / (F.softplus(m.cm) + gates.sum(1) + 1e-8)
    return m.head(h), h


def ind_rnn(m: Any, x: Tensor, h: Tensor) -> Any:
    h = torch.relu(m.w(x[:, 0]) + m.u * h)
    return m.head(h), h


def dual_path(m: Any, x: Tensor, h: Tensor) -> Any:
    bands = x.reshape(1, 2, 3)
    bands = bands + m.fc(m.intra(bands)[0])
    z, h = m.inter(bands.reshape(2, 1, 3), h)
    return z.reshape(1, 1, -1), h


def gru_d(m: Any, x: Tensor, last: Tensor, h: Tensor) -> Any:
    value, mask, since = x[:, 0].split(2, -1)
    kept = torch.exp(-torch.relu(m.gx * since))
    value = mask * value + (1 - mask) * kept * last
    last = mask * value + (1 - mask) * last
    h = h * torch.exp(-torch.relu(m.gh(since)))
    h = m.cell(torch.cat([value, mask], -1), h)
    return m.head(h), last, h


def reservoir(m: Any, x: Tensor, h: Tensor) -> Any:
    h = 0.7 * h + 0.3 * torch.tanh(m.given(x[:, 0]) + h @ m.own.t())
    return m.head(torch.cat([x[:, 0], h], -1)), h


def frame_conv(m: Any, x: Tensor, frames: Tensor, h: Tensor) -> Any:
    frames = torch.cat([frames[:, 1:], x], 1)
    h = m.cell(F.relu(m.conv(frames[:, None])).flatten(1), h)
    return torch.softmax(m.head(h), -1), frames, h


def min_gru(m: Any, x: Tensor, h: Tensor) -> Any:
    z, candidate = torch.sigmoid(m.z(x[:, 0])), m.n(x[:, 0])
    candidate = torch.where(candidate >= 0, candidate + 0.5, candidate.sigmoid())
    h = (1 - z) * h + z * candidate
    return m.head(h), h


def min_lstm(m: Any, x: Tensor, h: Tensor) -> Any:
    f, i, n = m.gates(x[:, 0]).chunk(3, -1)
    f, i = f.sigmoid(), i.sigmoid()
    h = f / (f + i) * h + i / (f + i) * n
    return m.head(h), h


def lru_real(m: Any, x: Tensor, re: Tensor, im: Tensor) -> Any:
    size, angle = torch.exp(-torch.exp(m.nu)), torch.exp(m.theta)
    a, b = size * torch.cos(angle), size * torch.sin(angle)
    u = torch.sqrt(1 - size**2) * m.given(x[:, 0])
    re, im = a * re - b * im + u, b * re + a * im
    return m.c_re(re) - m.c_im(im) + m.d(x[:, 0]), re, im


def ssm_with_average(m: Any, x: Tensor, s: Tensor, mean: Tensor) -> Any:
    z = m.given(x[:, 0])
    dt = F.softplus(m.dt(z))
    a = torch.exp(-dt[..., None] * torch.exp(m.a))
    s = a * s + dt[..., None] * torch.einsum("bi,bj->bij", z, m.b(z))
    y = torch.einsum("bij,bj->bi", s, m.c(z)) + m.d * z
    mean = torch.lerp(mean, y, 0.1)
    return m.head(y * F.silu(z) - mean), s, mean


def tcn(m: Any, x: Tensor, caches: Any) -> Any:
    z, new = x.transpose(1, 2), []
    for conv, cache in zip(m.convs, caches, strict=True):
        whole = torch.cat([cache, z], -1)
        new.append(whole[..., 1:])
        z = z + F.gelu(conv(whole))
    return m.head(z[..., -1]), tuple(new)


def conv_gru(m: Any, x: Tensor, h: Tensor) -> Any:
    z = m.encode(x.transpose(1, 2).reshape(1, 1, -1))
    z = F.leaky_relu(z, 0.1)
    g, h = m.gru(z.reshape(1, 1, -1), h)
    mask = torch.sigmoid(m.decode(g.reshape(z.shape)))
    return (mask[..., : x.shape[-1]] * x[:, :1]).reshape(1, 1, -1), h


def attention(m: Any, x: Tensor, h: Tensor) -> Any:
    h = m.cell(x[:, 0], h)
    keys, values = m.keys(m.encoded), m.values(m.encoded)
    weights = torch.softmax(h[:, None] @ keys.transpose(1, 2) / 6**0.5, -1)
    return m.head((weights @ values)[:, 0] + h), h


def wave_net(m: Any, x: Tensor, caches: Any) -> Any:
    z, skips, new = m.first(x[:, 0]), [], []
    for k, (gate, conv) in enumerate(zip(m.gates, m.filters, strict=True)):
        before = caches[k][:, 0]
        both = torch.cat([before, z], -1)
        new.append(torch.cat([caches[k][:, 1:], z[:, None]], 1))
        y = torch.tanh(conv(both)) * torch.sigmoid(gate(both))
        skips.append(y)
        z = z + y
    return m.head(torch.relu(torch.stack(skips).sum(0))), tuple(new)


def transducer(m: Any, x: Tensor, h: Tensor, c: Tensor) -> Any:
    z, (h, c) = m.lstm(m.table(x[..., 0].long()), (h, c))
    return F.log_softmax(m.head(z), -1), h, c


def cell_list(m: Any, x: Tensor, state: Any) -> Any:
    z, new = x[:, 0], []
    for k, cell in enumerate(m.cells):
        z = cell(z, state[k])
        new.append(z)
    return m.head(z), new


def in_dict(m: Any, x: Tensor, state: Any) -> Any:
    h = m.cell(x[:, 0], state["h"])
    mean = 0.9 * state["mean"] + 0.1 * h
    return m.head(h - mean), {"mean": mean, "h": h}


def in_dataclass(m: Any, x: Tensor, state: Any) -> Any:
    h = m.cell(state.cache[:, 0], state.h)
    return m.head(h), Carry(h=h, cache=torch.cat([state.cache[:, 1:], x], 1))


def in_named_tuple(m: Any, x: Tensor, state: Any) -> Any:
    i, f, g, o = m.gates(torch.cat([x[:, 0], state.h], -1)).chunk(4, -1)
    c = torch.sigmoid(f + 1) * state.c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return m.head(h), Memory(h, c)


def plain(m: Any, x: Tensor, h: Tensor) -> Any:
    h = m.cell(x[:, 0], h)
    return m.head(h), h


def normed(m: Any, x: Tensor, h: Tensor) -> Any:
    h = m.cell(x[:, 0], h)
    z = m.norm(h) + m.rms(h) + m.group(h)
    return m.head(m.batch(z) + F.normalize(h, dim=-1)), h


def spiking(m: Any, x: Tensor, v: Tensor) -> Any:
    v = 0.9 * v + m.given(x[:, 0])
    spikes = (v > 0.4).float()
    return m.head(spikes), v * (1 - spikes)


def feed_forward(m: Any, x: Tensor, h: Tensor) -> Any:
    h = m.cell(x[:, 0], h)
    return m.head(h + m.block(m.norm(h).view(1, 3, 2)).reshape(1, 6)), h


def keys_in_state(m: Any, x: Tensor, keys: Tensor) -> Any:
    keys = torch.cat([keys[:, 1:], m.given(x)], 1)
    y, _ = m.mha(keys[:, -1:], keys, keys, need_weights=False)
    return m.head(y[:, 0]), keys
