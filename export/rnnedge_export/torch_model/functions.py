"""Each elementwise function as a PyTorch module."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class _Exp(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.exp(z)


class _Log(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.log(z)


class _Sqrt(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.sqrt(z)


class _Rsqrt(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.rsqrt(z)


class _Reciprocal(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.reciprocal(z)


class _Abs(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.abs(z)


class _Erf(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.erf(z)


class _Step(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return (z > 0).to(z.dtype)


class _Floor(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.floor(z)


class _Sin(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.sin(z)


class _Cos(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.cos(z)


FUNCTIONS: dict[str, Callable[..., nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU(approximate="tanh"),
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
    "hardtanh": nn.Hardtanh,
    "hardsigmoid": nn.Hardsigmoid,
    "hardswish": nn.Hardswish,
    "softsign": nn.Softsign,
    "exp": _Exp,
    "log": _Log,
    "sqrt": _Sqrt,
    "rsqrt": _Rsqrt,
    "reciprocal": _Reciprocal,
    "abs": _Abs,
    "erf": _Erf,
    "step": _Step,
    "floor": _Floor,
    "sin": _Sin,
    "cos": _Cos,
}
"""Of the function's parameters."""
