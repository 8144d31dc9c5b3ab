"""One pass over an exported step: what it computes, as nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx

from ...module.reasons import NotAChainError, impure, module_path, not_a_chain
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
        "index.Tensor",
        "_unsafe_index.Tensor",
        "index_put.default",
        "index_put_.default",
        "index_copy.default",
        "gather.default",
        "take.default",
        "take_along_dim.default",
        "scatter.src",
        "swapdims.default",
        "moveaxis.int",
        "moveaxis.intlist",
        "column_stack.default",
        "dstack.default",
        "rot90.default",
        "fliplr.default",
        "flipud.default",
        "squeeze_.dim",
        "unsqueeze_.default",
        "broadcast_to.default",
        "numpy_T.default",
        "adjoint.default",
        "mH.default",
        "H.default",
        "positive.default",
        "unsafe_chunk.default",
        "unsafe_split.Tensor",
        "dsplit.int",
        "hsplit.int",
        "vsplit.int",
        "tensor_split.indices",
    ]
)
"""Operations that only move numbers."""

_BY_INDICES = frozenset(
    [
        "index_select",
        "index",
        "_unsafe_index",
        "index_put",
        "index_put_",
        "index_copy",
        "gather",
        "take",
        "take_along_dim",
        "scatter",
        "tensor_split",
    ]
)
"""Of these, those whose whole numbers are places."""

_SAME = frozenset(
    f"aten.{name}"
    for name in [
        "dropout.default",
        "feature_dropout.default",
        "alpha_dropout.default",
        "feature_alpha_dropout.default",
        "to.device",
        "detach_.default",
        "requires_grad_.default",
    ]
)
"""Operations that give what they take, outside of training."""

_DROPOUTS = frozenset(name for name in _SAME if "dropout" in name)
"""Their third argument says whether it is training."""

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
        written: names of the tensors that the module holds and its step writes to.
        unknown: operations that have no rule; () unless they were let pass.
    """

    nodes: Nodes
    returned: list[Any]
    written: tuple[str, ...]
    unknown: tuple[NotAChainError, ...] = ()


def trace(
    program: Any,
    inputs: list[Named],
    nodes: Nodes,
    rules: Mapping[str, Rule],
    *,
    is_lenient: bool = False,
) -> Traced:
    """Read an exported program.

    Args:
        program: of `torch.export`, whose inputs are x and the state.
        inputs: names of the elements of each.
        nodes: filled with what is computed.
        rules: what to do with each operation that is no mere move.
        is_lenient: give what has no rule a node of kind `unknown`, and go on.

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
    needed, filled = needed_nodes(program.graph), _filled_later(program.graph, given)
    values: dict[fx.Node, Any] = {}
    returned: list[Any] = []
    unknown: list[NotAChainError] = []
    for node in program.graph.nodes:
        if node.op == "placeholder":
            source = sources.get(node.name)
            values[node] = given[node.name] if source is None else held[source].clone()
        elif node.op == "get_attr":
            values[node] = getattr(program.graph_module, str(node.target))
        elif node.op == "call_function" and node in needed:
            args = fx.node.map_arg(node.args, values.__getitem__)
            kwargs = fx.node.map_arg(node.kwargs, values.__getitem__)
            nodes.path = module_path(node)
            try:
                values[node] = _value(nodes, node, args, dict(kwargs), rules)
            except NotAChainError as error:
                if not is_lenient:
                    raise
                unknown.append(error)
                values[node] = _unknown(nodes, node)
        elif node.op == "output":
            returned = list(fx.node.map_arg(node.args[0], values.__getitem__))
        if node in filled and isinstance(values.get(node), Tensor):
            values[node] = nodes.constant(values[node])
    kinds = [spec.kind.name for spec in signature.output_specs]
    returned = [
        value
        for value, kind in zip(returned, kinds, strict=True)
        if kind == "USER_OUTPUT"
    ]
    written = _written_to(program, sources)
    return Traced(nodes, returned, written, tuple(unknown))


def needed_nodes(graph: fx.Graph) -> set[fx.Node]:
    """What leads to the output, with every write to a tensor that does, or to an input."""
    writes = [node for node in graph.nodes if _writes(node)]
    needed: set[fx.Node] = set()
    waiting = [node for node in graph.nodes if node.op == "output"]
    while waiting:
        while waiting:
            node = waiting.pop()
            if node not in needed:
                needed.add(node)
                waiting += node.all_input_nodes
        for node in writes:
            root = _root(node)
            if node not in needed and (root in needed or root.op != "call_function"):
                waiting.append(node)
    return needed


def _writes(node: fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    is_write = (
        schema is not None and schema.is_mutable and str(node.target) not in _SAME
    )
    return bool(is_write and node.all_input_nodes)


def _root(node: fx.Node) -> fx.Node:
    """The operation that made the tensor that `node` is or writes to."""
    while node.all_input_nodes and (_writes(node) or str(node.target) in MOVES):
        node = node.all_input_nodes[0]
    return node


def _filled_later(graph: fx.Graph, given: Mapping[str, Named]) -> set[fx.Node]:
    """Tensors of known numbers into which unknown ones are written afterwards."""
    filled: set[fx.Node] = set()
    while True:
        unknown = {node for node in graph.nodes if node.name in given} | filled
        found = set()
        for node in graph.nodes:
            if any(source in unknown for source in node.all_input_nodes):
                unknown.add(node)
                if _writes(node):
                    found.add(_root(node))
        found = {node for node in found if node.op == "call_function"}
        if found <= filled:
            return filled
        filled |= found


def _written_to(program: Any, sources: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the held tensors that the step writes to, or replaces."""
    writes = [node for node in program.graph.nodes if _writes(node)]
    roots = [_root(node).name for node in writes]
    found = [sources[name] for name in roots if name in sources]
    replaced = program.graph_signature.buffers_to_mutate.values()
    return tuple(dict.fromkeys([*found, *replaced]))


def _unknown(nodes: Nodes, node: fx.Node) -> Any:
    """Names of what an operation without a rule gives."""
    made = node.meta["val"]
    if isinstance(made, Tensor):
        return nodes.make("unknown", (), made.shape)
    return [nodes.make("unknown", (), part.shape) for part in made]


def _value(
    nodes: Nodes,
    node: fx.Node,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    rules: Mapping[str, Rule],
) -> Any:
    target: Any = node.target
    name = str(target)
    rule = rules.get(name) or rules.get(name.rpartition(".")[0])
    is_known = _any_named((args, kwargs))
    if _draws(target, args) and not (is_known and rule):
        raise impure(
            f"{target} in '{module_path(node)}' gives other numbers every time"
        )
    if not is_known:
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
    has_indices = target.__name__.split(".")[0] in _BY_INDICES

    def name_of(leaf: Any) -> Any:
        if isinstance(leaf, Named):
            return leaf.names
        is_index = has_indices and isinstance(leaf, Tensor)
        if isinstance(leaf, Tensor) and not (is_index and not leaf.is_floating_point()):
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
    if str(target) in _DROPOUTS:
        return bool(args[2])
    return torch.Tag.nondeterministic_seeded in getattr(target, "tags", ())
