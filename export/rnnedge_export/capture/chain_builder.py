"""Layers and weights collected one operation at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.spec.layers import Affine, Layer

Vector = NDArray[np.float64]


class ChainBuilder:
    """The layers found so far. Arithmetic with constants waits until it can be paired.

    `(z - shift) * scale` becomes one Affine, `z * scale + shift` one inverse Affine; what
    finds no partner gets the neutral one.
    """

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.weights: dict[str, NDArray[np.float32]] = {}
        self._pending: list[tuple[str, Vector]] = []

    def append(
        self, layer: Layer, weights: Mapping[str, NDArray[np.floating]] | None = None
    ) -> None:
        """Add a layer with its canonical weights."""
        self.flush()
        self._append(layer, weights or {})

    def subtract(self, shift: Vector) -> None:
        """Add `z - shift`."""
        self._pending.append(("subtract", shift))

    def multiply(self, scale: Vector) -> None:
        """Add `z * scale`."""
        self._pending.append(("multiply", scale))

    def flush(self) -> None:
        """Turn the waiting arithmetic into Affine layers."""
        while self._pending:
            kind, first = self._pending.pop(0)
            inverse = kind == "multiply"
            second = 0.0 * first if inverse else np.ones_like(first)
            if self._pending and self._pending[0][0] != kind:
                _, second = self._pending.pop(0)
            shift, scale = (-second, first) if inverse else (first, second)
            layer = Affine(len(first), inverse)
            self._append(layer, {"shift": shift, "scale": scale})

    def _append(
        self, layer: Layer, weights: Mapping[str, NDArray[np.floating]]
    ) -> None:
        prefix = f"layers.{len(self.layers)}"
        for name, array in weights.items():
            self.weights[f"{prefix}.{name}"] = np.asarray(array, dtype=np.float32)
        self.layers.append(layer)
