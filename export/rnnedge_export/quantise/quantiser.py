"""From float weights and the ranges of values to a model in integers."""

from __future__ import annotations

from rnnedge_runtime.spec.graph_roles import is_graph
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights

from .chain_quantiser import ChainQuantiser
from .graph_quantiser import GraphQuantiser
from .graph_rows import GRAPH_ROWS
from .seen import Ranges


def quantise(
    spec: ModelSpec, weights: Weights, ranges: Ranges, kept: frozenset[int]
) -> QuantisedModel:
    """The integer model of canonical weights.

    Args:
        spec: a chain of layers, or a graph.
        weights: canonical weights of `spec`.
        ranges: what `measure_ranges` saw.
        kept: positions of layers kept in float.

    Raises:
        SpecError: a layer that is not kept has no integer form, or the ranges of two values
            differ by more than integers can represent; the message names it.
    """
    if is_graph(spec):
        return GraphQuantiser(spec, weights, ranges, kept, GRAPH_ROWS).model()
    return ChainQuantiser(spec, weights, ranges, kept).model()
