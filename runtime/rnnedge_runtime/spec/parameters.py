"""What an artifact computes with: float weights, or integers."""

from __future__ import annotations

from .w8a16_model import QuantisedModel
from .weights import Weights

Parameters = Weights | QuantisedModel
