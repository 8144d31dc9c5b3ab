"""What an artifact computes with: float weights, or integers."""

from __future__ import annotations

from .model_spec import ModelSpec
from .w8a16_model import QuantisedModel
from .weights import Weights, model_digest

Parameters = Weights | QuantisedModel


def digest_of(spec: ModelSpec, parameters: Parameters) -> str:
    """SHA-256 (hex) that identifies the model; one for each arithmetic."""
    if isinstance(parameters, QuantisedModel):
        return parameters.digest
    return model_digest(spec, parameters)


def kept_of(parameters: Parameters) -> frozenset[int] | None:
    """Of a model in integers, the layers kept in float by name; None for float weights."""
    return parameters.kept if isinstance(parameters, QuantisedModel) else None
