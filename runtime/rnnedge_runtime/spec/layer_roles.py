"""Which layers of a model in integers are: segments, and what is folded into their borders.

docs/numerics.md ("w8a16.v1", "Segments") says the rules.
"""

from __future__ import annotations

from ..errors import SpecError
from .graph_roles import LayerRole as LayerRole
from .graph_roles import Role, graph_roles, is_graph
from .layers import (
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Layer,
    Linear,
    Opaque,
    RecurrentLayer,
)
from .model_spec import ModelSpec


def layer_roles(
    spec: ModelSpec, kept: frozenset[int] = frozenset()
) -> tuple[LayerRole, ...]:
    """How each layer of `spec` is computed.

    Args:
        spec: of the model.
        kept: positions of layers kept in float. In a chain an affine or add_last layer
            beside them that no integer segment can take in is kept as well.

    Raises:
        SpecError: a layer that is not kept has no integer form; the message names it.
    """
    if is_graph(spec):
        return graph_roles(spec, kept)
    roles: list[Role] = []
    for k, layer in enumerate(spec.layers):
        if k in kept:
            roles.append("float")
        else:
            roles.append(_role(spec, kept, k, layer, roles))
    is_integer = [role != "float" for role in roles]
    before = [False, *is_integer[:-1]]
    after = [*is_integer[1:], False]
    return tuple(
        LayerRole(role, is_integer[k] and not before[k], is_integer[k] and not after[k])
        for k, role in enumerate(roles)
    )


def holds_readings(spec: ModelSpec, kept: frozenset[int]) -> bool:
    """Whether readings are held as they come, in int32, and clipped for the network only.

    So it is where the first layer is integer and a layer needs them unclipped; elsewhere a
    reading is held as the int16 that the network takes.

    Raises:
        SpecError: as `layer_roles`.
    """
    is_token = isinstance(spec.layers[0], Embedding)
    return spec.takes_readings and not is_token and layer_roles(spec, kept)[0].is_first


def _role(
    spec: ModelSpec,
    kept: frozenset[int],
    k: int,
    layer: Layer,
    roles: list[Role],
) -> Role:
    follows = spec.layers[k + 1 :]
    is_after_integer = bool(roles) and roles[-1] != "float"
    match layer:
        case Embedding() | RecurrentLayer() | Linear() | Activation():
            return "integer"
        case Affine() if k == 0:
            return "folded" if _is_scaler(spec, kept, 0) else "float"
        case Difference() if k == 0:
            is_before = _is_product(spec, kept, 1) or _is_scaler(spec, kept, 1)
            return "integer" if is_before else "float"
        case Affine() | Difference() if not is_after_integer:
            return "float"
        case Affine() if k == 1 and isinstance(spec.layers[0], Difference):
            return "folded"
        case Affine() if (
            not follows or k + 1 in kept or isinstance(follows[0], AddLast)
        ):
            return "folded"
        case AddLast() if not is_after_integer or "float" in roles:
            return "float"
        case AddLast() if not follows or k + 1 in kept:
            return "integer"
    if isinstance(layer, Opaque):
        raise SpecError(
            "int8: the model is not made of layers, but a graph that only its own file can "
            "run, so it has no integer form. Build it of the layers rnnedge knows."
        )
    reason = layer.not_in_integers or "stands between layers that cannot take it in"
    raise SpecError(
        f"int8: layer {k} ({layer.kind}) has no integer form: it {reason}. "
        f"Keep it in float with --keep-float {k} (keep_float=), or export without --int8."
    )


def _is_product(spec: ModelSpec, kept: frozenset[int], k: int) -> bool:
    """Whether layer k multiplies its inputs with weights in integers."""
    is_there = k < len(spec.layers) and k not in kept
    return is_there and isinstance(spec.layers[k], RecurrentLayer | Linear)


def _is_scaler(spec: ModelSpec, kept: frozenset[int], k: int) -> bool:
    """Whether layer k is an affine that the weights behind it take in."""
    layer = spec.layers[k] if k < len(spec.layers) else None
    is_affine = isinstance(layer, Affine) and not layer.inverse and k not in kept
    return is_affine and _is_product(spec, kept, k + 1)
