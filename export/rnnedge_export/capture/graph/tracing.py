"""One pass over an exported step: what it computes, as nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx

from ...module.reasons import impure, module_path, not_a_chain
from .nodes import Named, Nodes

_aten = torch.ops.aten

MOVES = frozenset(
    f"aten.{name}"
    for name in [
        "view.default",
        "reshape.default",
        "_unsafe_view.default",
        "view_as.default",
        "transpose.int",
        "t.default",
        "permute.default",
        "unsqueeze.default",
        "squeeze.dim",
        "squeeze.dims",
        "squeeze.default",
        "flatten.using_ints",
        "unflatten.int",
        "select.int",
        "slice.Tensor",
        "narrow.default",
        "index_select.default",
        "movedim.int",
        "movedim.intlist",
        "swapaxes.default",
        "chunk.default",
        "split.Tensor",
        "split_with_sizes.default",
        "unbind.int",
        "cat.default",
        "stack.default",
        "expand.default",
        "expand_as.default",
        "repeat.default",
        "tile.default",
        "flip.default",
        "roll.default",
        "unfold.default",
        "diagonal.default",
        "clone.default",
        "contiguous.default",
        "detach.default",
        "alias.default",
        "copy_.default",
        "fill_.Tensor",
        "lift_fresh_copy.default",
        "atleast_1d.default",
        "atleast_2d.default",
        "atleast_3d.default",
        "hstack.default",
        "vstack.default",
        "tensor_split.sections",
        "repeat_interleave.self_int",
        "pixel_shuffle.default",
        "T.default",
        "mT.default",
        "ravel.default",
        "select_scatter.default",
        "slice_scatter.default",
        "copy.default",
    ]
)
"""Operations that only move numbers."""

_SAME = frozenset(
    f"aten.{name}"
    for name in [
        "dropout.default",
        "feature_dropout.default",
        "alpha_dropout.default",
        "feature_alpha_dropout.default",
        "to.dtype",
        "to.device",
        "to.dtype_layout",
        "to.other",
        "_to_copy.default",
        "detach_.default",
        "requires_grad_.default",
        "type_as.default",
    ]
)
"""Operations that give what they take, outside of training."""

_SHAPE_ONLY = {
    _aten.zeros_like.default,
    _aten.ones_like.default,
    _aten.full_like.default,
    _aten.new_zeros.default,
    _aten.new_ones.default,
    _aten.new_full.default,
}


class Call(NamedTuple):
    """One operation with its arguments; tensors of unknown numbers are `Named`."""

    node: fx.Node
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument by position or name."""
        if len(self.args) > position:
            return self.args[position]
        return self.kwargs.get(name, default)


Rule = Callable[[Nodes, Call], Any]


class Traced(NamedTuple):
    """What a step turned out to be.

    Attributes:
        nodes: in the order in which they can be computed.
        returned: the output and then the new state, `Named` or constant tensors.
        written: new values of the tensors that the module holds and its step writes to.
    """

    nodes: Nodes
    returned: list[Any]
    written: dict[str, Named]


def trace(
    program: Any, inputs: list[Named], nodes: Nodes, rules: Mapping[str, Rule]
) -> Traced:
    """Read an exported program.

    Args:
        program: of `torch.export`, whose inputs are x and the state.
        inputs: names of the elements of each.
        nodes: filled with what is computed.
        rules: what to do with each operation that is no mere move.

    Raises:
        NotAChainError: an operation that has no rule.
        SpecError: an operation that draws random numbers.
    """
    signature = program.graph_signature
    held = {**program.state_dict, **program.constants}
    sources = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    given = dict(zip(signature.user_inputs, inputs, strict=True))
    changing = _written_to(program, sources)
    states: dict[str, tuple[Named, Named]] = {}
    values: dict[fx.Node, Any] = {}
    returned: list[Any] = []
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in changing:
            name = sources[node.name]
            before = nodes.make(
                "memory",
                (),
                held[name].shape,
                fields={"name": name, "start": held[name]},
            )
            now = Named(before.names.clone())
            states[name] = before, now
            values[node] = now
        elif node.op == "placeholder":
            source = sources.get(node.name)
            values[node] = given[node.name] if source is None else held[source]
        elif node.op == "get_attr":
            values[node] = getattr(program.graph_module, str(node.target))
        elif node.op == "call_function":
            args = fx.node.map_arg(node.args, values.__getitem__)
            kwargs = fx.node.map_arg(node.kwargs, values.__getitem__)
            nodes.path = module_path(node)
            values[node] = _value(nodes, node, args, dict(kwargs), rules)
        elif node.op == "output":
            returned = list(fx.node.map_arg(node.args[0], values.__getitem__))
    written = {name: now for name, (_, now) in states.items()}
    kinds = [spec.kind.name for spec in signature.output_specs]
    returned = [
        value
        for value, kind in zip(returned, kinds, strict=True)
        if kind == "USER_OUTPUT"
    ]
    return Traced(nodes, returned, written)


def _written_to(program: Any, sources: Mapping[str, str]) -> set[str]:
    """Names of the placeholders of held tensors that an operation writes to."""
    roots: dict[fx.Node, fx.Node] = {}
    found = set()
    for node in program.graph.nodes:
        first = (
            node.args[0] if node.args and isinstance(node.args[0], fx.Node) else None
        )
        if node.op == "placeholder":
            roots[node] = node
        elif node.op == "call_function" and first in roots:
            schema = getattr(node.target, "_schema", None)
            if schema is not None and schema.is_mutable:
                found.add(roots[first].name)
            roots[node] = roots[first]
    return {name for name in found if name in sources}


def _value(
    nodes: Nodes,
    node: fx.Node,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    rules: Mapping[str, Rule],
) -> Any:
    target: Any = node.target
    name = str(target)
    if not _any_named((args, kwargs)):
        if _draws(target, args):
            raise impure(
                f"{target} in '{module_path(node)}' gives other numbers every time"
            )
        return target(*args, **kwargs)
    if getattr(target, "__name__", "") == "getitem":
        return args[0][args[1]]
    if target is _aten._assert_tensor_metadata.default:
        return None
    if name in _SAME:
        return args[0]
    if target in _SHAPE_ONLY:
        return target(torch.empty(args[0].shape), *args[1:], **kwargs)
    if name in MOVES:
        return _moved(nodes, target, args, kwargs)
    rule = rules.get(name) or rules.get(name.rpartition(".")[0])
    if rule is not None:
        return rule(nodes, Call(node, name, args, kwargs))
    packet, _, overload = name.rpartition(".")
    if packet.endswith("_"):  # in place: computed aside, then written
        plain = rules.get(f"{packet[:-1]}.{overload}") or rules.get(packet[:-1])
        if plain is not None:
            new = plain(nodes, Call(node, f"{packet[:-1]}.{overload}", args, kwargs))
            args[0].names.copy_(new.names)
            return args[0]
    raise not_a_chain(node)


def _moved(
    nodes: Nodes, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """The operation, applied to names; constants among them get names first."""
    tensors = {"index_select"}

    def name_of(leaf: Any) -> Any:
        if isinstance(leaf, Named):
            return leaf.names
        if isinstance(leaf, Tensor) and target.__name__.split(".")[0] not in tensors:
            return nodes.constant(leaf).names
        return leaf

    plain_args, plain_kwargs = fx.node.map_aggregate((args, kwargs), name_of)
    moved = target(*plain_args, **plain_kwargs)
    if isinstance(moved, Tensor):
        return Named(moved)
    return [Named(names) for names in moved]


def _any_named(values: Any) -> bool:
    found: list[bool] = []
    fx.node.map_aggregate(values, lambda leaf: found.append(isinstance(leaf, Named)))
    return any(found)


def _draws(target: Any, args: tuple[Any, ...]) -> bool:
    if str(target) in _SAME and "dropout" in str(target) and not args[2]:
        return False
    return torch.Tag.nondeterministic_seeded in getattr(target, "tags", ())
