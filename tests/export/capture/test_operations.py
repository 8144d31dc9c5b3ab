"""Each operation of PyTorch that capture reads gives the numbers of PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from support.modules.streaming import difference
from torch import Tensor, nn
from torch.nn import functional

from rnnedge_export.capture.original import read_original
from rnnedge_runtime.tolerances import PARITY_STD_FRACTION

MASK = torch.tensor([[True, False, True, True], [False, True, True, False]])
TABLE = torch.linspace(-1, 1, 24).reshape(3, 8)
CUBE = torch.linspace(-1, 1, 40).reshape(2, 4, 5)
CAUSAL = torch.zeros(2, 2).masked_fill(torch.ones(2, 2).triu(1).bool(), -torch.inf)


def attended(h: Tensor) -> Tensor:
    q, k, v = h.reshape(1, 2, 4), h.flip(-1).reshape(1, 2, 4), h.sin().reshape(1, 2, 4)
    plain = functional.scaled_dot_product_attention(q, k, v)
    causal = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return plain + causal + functional.scaled_dot_product_attention(q, k, v, CAUSAL)


def written(h: Tensor) -> Tensor:
    h = h.clone()
    h[:, ::2] *= -1
    h[:, 3:5] = h[:, :2]
    return h.index_put((torch.tensor([0]), torch.tensor([7])), torch.ones(1))


OPERATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gt": lambda h: (
        (h > 0.1).float() + (h.reshape(4, 2) > h[:, :2]).float().reshape(1, 8)
    ),
    "lt": lambda h: (h < 0.1) * h,
    "ge": lambda h: torch.where(h >= h.flip(-1), h, 2 * h),
    "le": lambda h: torch.where(h <= 0, torch.exp(h), 1 + h),
    "eq": lambda h: (h[:, :4] == h[:, [0, 2, 2, 0]]).float(),
    "ne": lambda h: (h[:, :4] != h[:, [0, 2, 2, 0]]).to(torch.float32),
    "and": lambda h: ((h > 0) & (h < 0.3)).float(),
    "or": lambda h: ((h > 0.3) | (h < -0.3)).float() + ((h > 0) ^ (h > 0.2)).float(),
    "not": lambda h: torch.logical_not(h > 0).float() - (~(h > 0.2)).float(),
    "sign": lambda h: torch.sign(h) + torch.heaviside(h, torch.zeros(())),
    "masked_fill": lambda h: (
        h.reshape(2, 4).masked_fill(MASK, 0.5) - h.masked_fill(h > 0, 0)[:, :4]
    ),
    "threshold": lambda h: (
        functional.threshold(h, 0.1, -2.0) + functional.hardshrink(h, 0.2)
    ),
    "bool": lambda h: (10 * h).int().bool().float(),
    "where constant": lambda h: torch.where(MASK, h.reshape(2, 4), 0.25),
    "sin": lambda h: torch.sin(9 * h) * torch.cos(h),
    "tan": lambda h: torch.tan(h),
    "sinh": lambda h: torch.sinh(h) - torch.cosh(h),
    "floor": lambda h: h - 0.001 * torch.floor(3 * h) + 0.001 * torch.ceil(5 * h),
    "trunc": lambda h: torch.trunc(3 * h) + torch.frac(0.5 * h),
    "remainder": lambda h: torch.remainder(h, 0.7) + (3 * h) // 2,
    "log": lambda h: (
        torch.log2(h.abs() + 1) + torch.log10(h.abs() + 2) + torch.log1p(h.abs())
    ),
    "expm1": lambda h: torch.expm1(h) + torch.exp2(h) + 3.0**h,
    "pow": lambda h: h.abs().add(0.5) ** 1.7 + h**3 + (h * h + 0.1) ** -2,
    "pow of two": lambda h: h.abs().add(0.5) ** h.flip(-1),
    "log_sigmoid": lambda h: (
        functional.logsigmoid(h)
        + functional.tanhshrink(h)
        + functional.softshrink(h, 0.1)
    ),
    "glu": lambda h: functional.glu(h, -1),
    "lerp": lambda h: torch.lerp(h, h.flip(-1), 0.3) + torch.lerp(h, h * h, h),
    "addcmul": lambda h: torch.addcmul(h, h, h.flip(-1), value=0.5),
    "addcdiv": lambda h: torch.addcdiv(h, h, h.abs() + 1, value=0.5),
    "hypot": lambda h: torch.hypot(h + 2, h.flip(-1)),
    "logit": lambda h: torch.logit(torch.sigmoid(h)),
    "logaddexp": lambda h: torch.logaddexp(h, h.flip(-1)),
    "one_hot": lambda h: (
        functional.one_hot((4 * h.abs()).long().clamp(0, 3)[0], 4).float().T
    ),
    "cumsum": lambda h: torch.cumsum(h, -1) + h.reshape(2, 4).cumsum(0).reshape(1, 8),
    "tril": lambda h: h.reshape(2, 4).tril() - h.reshape(2, 4).triu(1),
    "avg_pool": lambda h: (
        functional.avg_pool1d(h[None], 2) + functional.adaptive_avg_pool1d(h[None], 4)
    ),
    "conv_transpose": lambda h: functional.conv_transpose1d(
        h.reshape(1, 2, 4), CUBE[:, :, :3], stride=2
    ),
    "upsample": lambda h: (
        functional.interpolate(h[None], scale_factor=2)
        + functional.interpolate(h[None], size=16, mode="linear")
    ),
    "diff": lambda h: torch.diff(h),
    "amax": lambda h: h - h.amax(-1, keepdim=True) + h.amin(),
    "max": lambda h: (
        h.reshape(2, 4).max(1).values + h.min(1, keepdim=True)[0] + h.max()
    ),
    "max of two": lambda h: torch.max(h, h.flip(-1)) - torch.fmin(h, -h),
    "max_pool": lambda h: functional.max_pool1d(h[None], 3, 2, 1),
    "max_pool2d": lambda h: functional.max_pool2d(h.reshape(1, 1, 2, 4), 2, 1, 1),
    "std": lambda h: h / h.std(-1, keepdim=True) + h.var(unbiased=False),
    "var_mean": lambda h: torch.stack(torch.var_mean(h.reshape(2, 4), 1, correction=0)),
    "norm": lambda h: (
        h.norm(dim=-1) + h.norm(p=1) + torch.linalg.vector_norm(h, torch.inf)
    ),
    "normalize": lambda h: functional.normalize(h + 0.1, dim=-1),
    "cosine": lambda h: functional.cosine_similarity(h, TABLE, dim=-1),
    "prod": lambda h: h.prod(-1),
    "logsumexp": lambda h: torch.logsumexp(3 * h, -1),
    "any": lambda h: (h > 0.4).any().float() + (h > -0.5).all(-1).float(),
    "einsum": lambda h: (
        torch.einsum("bi,oi->bo", h, TABLE)
        + torch.einsum("gi,gio->o", h.reshape(2, 4), CUBE)[:3]
    ),
    "einsum of two": lambda h: torch.einsum(
        "ij,kj->ik", h.reshape(2, 4), h.reshape(2, 4)
    ),
    "outer": lambda h: torch.outer(h[0, :4], h[0, 4:]),
    "baddbmm": lambda h: torch.baddbmm(h[None], h[None, :, :3], TABLE[None], alpha=2),
    "attention": attended,
    "index": lambda h: h[:, [3, 1, 1]] + h.gather(1, torch.tensor([[7, 0, 2]])),
    "written": written,
    "instance_norm": lambda h: functional.instance_norm(h.reshape(1, 2, 4)),
}


class Headed(nn.Module):
    """A GRU whose hidden values go through one operation."""

    def __init__(self, operation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.gru = nn.GRUCell(3, 8)
        self.operation = operation

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = self.gru(x[:, 0], h)
        rows = [self.operation(row[None]).reshape(1, -1) for row in h]
        return torch.cat(rows), h


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.filterwarnings("ignore")
def test_an_operation_becomes_layers_with_its_numbers(name: str) -> None:
    module = Headed(OPERATIONS[name]).eval()
    example = (torch.zeros(1, 1, 3), torch.zeros(1, 8))
    original = read_original(module, example=example, features=None, targets=None)
    assert not original.reason, original.reason
    assert difference(original) <= 10 * PARITY_STD_FRACTION
