"""One pass over an exported graph, with labels in place of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from rnnedge_runtime.spec.layers import Layer

from ..module.reasons import (
    NotAChainError,
    impure,
    module_path,
    not_a_chain,
    own_name,
)
from ..module.user_module import UserModule
from .chain_builder import ChainBuilder
from .labels import MOVING_OPERATIONS, Value

_aten = torch.ops.aten
_SEEDED = torch.Tag.nondeterministic_seeded
DROPOUTS = {  # the third argument says whether it is training
    _aten.dropout.default,
    _aten.feature_dropout.default,
    _aten.alpha_dropout.default,
    _aten.feature_alpha_dropout.default,
}


@dataclass(frozen=True, slots=True)
class Known:
    """A tensor of labels in the walk; a plain tensor or number is a constant."""

    labels: Tensor


Handlers = Mapping[Any, Callable[..., Any]]
"""By operation of the graph what becomes of it, `(walk, *arguments, **keywords)`."""


class Walk:
    """What is known so far: the chain, its last value, and the state each layer took.

    Args:
        user: the module, with an example of at least two rows.
        program: what `torch.export` made of it.
        cells: what to do with each recurrent layer.
        handlers: the same for each other operation.
    """

    def __init__(
        self, user: UserModule, program: Any, cells: Handlers, handlers: Handlers
    ) -> None:
        self.cells = cells
        self.handlers = handlers
        self.program = program
        self.batch_size = len(user.x)
        self.num_labels = 0
        self.x = self.new_value(self.batch_size, user.input_size)
        self.states = [
            self.new_value(1, tensor.numel()).labels().reshape(tensor.shape)
            for tensor in user.state
        ]
        self.tail = self.x
        self.chain = ChainBuilder()
        self.node: Any = None
        self.fed: list[tuple[Value, Tensor, str]] = []
        self.made: list[tuple[Value, fx.Node]] = []
        self.constants = {**program.state_dict, **program.constants}
        self.held = {
            tensor.untyped_storage().data_ptr(): name
            for name, tensor in self.constants.items()
            if isinstance(tensor, Tensor) and tensor.numel()
        }

    def run(self) -> list[Any]:
        """Walk the whole graph; what it returns, the output first and then the state."""
        graph, values = self.program.graph, self.placeholders()
        needed = _needed(graph)
        returned: list[Any] = []
        for node in graph.nodes:
            if node.op == "call_function" and node in needed:
                self.node = node
                args, kwargs = fx.node.map_arg(
                    (node.args, node.kwargs), values.__getitem__
                )
                values[node] = self.call(node.target, args, kwargs)
            elif node.op == "get_attr":
                values[node] = getattr(self.program.graph_module, str(node.target))
            elif node.op == "output":
                returned = list(fx.node.map_arg(node.args[0], values.__getitem__))
        self.chain.flush()
        return returned

    def placeholders(self) -> dict[fx.Node, Any]:
        """The value of every graph input: labels for x and state, tensors for weights."""
        signature = self.program.graph_signature
        sources = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        x = self.x.labels().reshape(self.batch_size, 1, -1)
        taken = zip(signature.user_inputs, map(Known, [x, *self.states]), strict=True)
        held = {name: self.constants[source] for name, source in sources.items()}
        inputs = {**held, **dict(taken)}
        nodes = self.program.graph.nodes
        return {node: inputs[node.name] for node in nodes if node.op == "placeholder"}

    def call(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The value of one operation; layers are added to the chain on the way."""
        self.refuse_mutation(target, args)
        if not any(isinstance(leaf, Known) for leaf in leaves((args, kwargs))):
            if target in self.cells:
                raise self.not_a_chain("does not depend on x")
            is_off = target in DROPOUTS and not args[2]
            if not is_off and _SEEDED in getattr(target, "tags", ()):
                raise impure(
                    f"{target} in '{self.path}' gives other numbers every time"
                )
            return target(*args, **kwargs)
        handler = self.cells.get(target) or self.handlers.get(target)
        if handler is None:
            raise self.not_a_chain()
        return handler(self, *args, **kwargs)

    @property
    def path(self) -> str:
        """Dotted name of the submodule that the operation at hand stands in."""
        return module_path(self.node)

    def not_a_chain(self, why: str = "") -> NotAChainError:
        """The operation at hand has no layer, or `why` it cannot be used as one."""
        return not_a_chain(self.node, why)

    def refuse_mutation(self, target: Any, args: tuple[Any, ...]) -> None:
        """Raise SpecError when a tensor that the module holds is written to."""
        if not hasattr(target, "_schema") or not isinstance(args[0], Tensor):
            return
        name = self.held.get(args[0].untyped_storage().data_ptr())
        if name is not None and target._schema.is_mutable:
            raise impure(
                f"forward writes to '{own_name(name)}', a tensor of the module"
            )

    def new_value(self, num_rows: int, size: int) -> Value:
        """A known tensor, with labels that are used once."""
        value = Value(self.num_labels, num_rows, size)
        self.num_labels += num_rows * size
        return value

    def rows(self, z: Any) -> Tensor:
        """Row numbers of `z`, which must be what the chain computed last."""
        rows = self.tail.rows(z.labels) if isinstance(z, Known) else None
        if rows is None:
            raise self.not_a_chain("reads something else than the layer before it")
        return rows

    def extend(
        self, rows: Tensor, layer: Layer, weights: Mapping[str, Any] | None = None
    ) -> Known:
        """Append a layer; its output in the arrangement of its input."""
        arrays = {
            name: tensor.detach().float().cpu().numpy()
            for name, tensor in (weights or {}).items()
        }
        self.chain.append(layer, arrays)
        return self.advance(rows, layer.output_size)

    def advance(self, rows: Tensor, size: int) -> Known:
        """A new last value, made by the operation at hand."""
        self.tail = self.new_value(self.batch_size, size)
        self.made.append((self.tail, self.node))
        return Known(self.tail.labels()[rows])


def _needed(graph: fx.Graph) -> set[fx.Node]:
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
    return bool(schema is not None and schema.is_mutable and node.all_input_nodes)


def _root(node: fx.Node) -> fx.Node:
    """The operation that made the tensor that `node` is or writes to."""
    while node.all_input_nodes and (_writes(node) or node.target in MOVING_OPERATIONS):
        node = node.all_input_nodes[0]
    return node


def leaves(values: Any) -> list[Any]:
    """What the arguments of an operation hold, out of lists and mappings."""
    found: list[Any] = []
    fx.node.map_aggregate(values, found.append)
    return found
