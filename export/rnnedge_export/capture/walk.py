"""One pass over an exported graph, with labels in place of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.layers import Gru, Layer, Lstm, Rnn

from ..module.reasons import (
    NotAChainError,
    impure,
    lost_state,
    module_path,
    not_a_chain,
    own_name,
    time_major_error,
)
from ..module.user_module import UserModule
from .chain_builder import Chain
from .labels import MOVING_OPERATIONS, Labels, Value
from .needed_nodes import needed_nodes

_aten = torch.ops.aten
_SEQUENCE_CELLS = {
    _aten.gru.input: "gru",
    _aten.lstm.input: "lstm",
    _aten.rnn_tanh.input: "tanh",
    _aten.rnn_relu.input: "relu",
}
_STEP_CELLS = {
    _aten.gru_cell.default: "gru",
    _aten.lstm_cell.default: "lstm",
    _aten.rnn_tanh_cell.default: "tanh",
    _aten.rnn_relu_cell.default: "relu",
}
_DROPOUTS = {  # the third argument says whether it is training
    _aten.dropout.default,
    _aten.feature_dropout.default,
    _aten.alpha_dropout.default,
    _aten.feature_alpha_dropout.default,
}


@dataclass(frozen=True, slots=True)
class Known:
    """A tensor of labels in the walk; a plain tensor or number is a constant."""

    labels: Tensor


_SHAPE_ONLY = {
    _aten.zeros_like.default,
    _aten.ones_like.default,
    _aten.full_like.default,
    _aten.new_zeros.default,
    _aten.new_ones.default,
    _aten.new_full.default,
}

Handler = Callable[["Walk", fx.Node, tuple[Any, ...], dict[str, Any]], Known]


class Walk:
    """What is known so far: the chain, its last value, and the state each layer took.

    Args:
        user: the module, with an example of at least two rows.
        program: what `torch.export` made of it.
        handlers: what to do with each operation that is neither a recurrent layer nor a
            mere move of numbers.
    """

    def __init__(
        self, user: UserModule, program: Any, handlers: Mapping[Any, Handler]
    ) -> None:
        self.handlers = handlers
        self.program = program
        self.batch_size = len(user.x)
        self.known = Labels()
        self.x = self.known.new(self.batch_size, user.input_size)
        self.states = [_new_state(self.known, tensor) for tensor in user.state]
        self.tail = self.x
        self.chain = Chain()
        self.fed: list[tuple[Value, Tensor, str]] = []
        self.made: list[tuple[Value, fx.Node]] = []
        self.node: fx.Node | None = None
        held = {**program.state_dict, **program.constants}
        self.held = {
            tensor.untyped_storage().data_ptr(): name
            for name, tensor in held.items()
            if isinstance(tensor, Tensor) and tensor.numel()
        }

    def run(self) -> Chain:
        """Walk the whole graph; the chain that it computes."""
        values: dict[fx.Node, Any] = self.placeholders()
        needed = needed_nodes(self.program.graph)
        for node in self.program.graph.nodes:
            if node.op == "call_function" and node not in needed:
                continue
            if node.op == "call_function":
                args = fx.node.map_arg(node.args, values.__getitem__)
                kwargs = fx.node.map_arg(node.kwargs, values.__getitem__)
                values[node] = self.call(node, args, kwargs)
            elif node.op == "get_attr":
                values[node] = getattr(self.program.graph_module, str(node.target))
            elif node.op == "output":
                y, *state = fx.node.map_arg(node.args[0], values.__getitem__)
                self.check_output(y)
                self.check_state(state)
        self.chain.flush()
        return self.chain

    def placeholders(self) -> dict[fx.Node, Any]:
        """The value of every graph input: labels for x and state, tensors for weights."""
        signature = self.program.graph_signature
        constants = {**self.program.state_dict, **self.program.constants}
        sources = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        x = Known(self.x.labels().reshape(self.batch_size, 1, -1))
        state = [Known(labels) for labels in self.states]
        inputs = dict(zip(signature.user_inputs, [x, *state], strict=True))
        return {
            node: constants[sources[node.name]]
            if node.name in sources
            else inputs[node.name]
            for node in self.program.graph.nodes
            if node.op == "placeholder"
        }

    def call(self, node: fx.Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The value of one operation; layers are added to the chain on the way."""
        target = node.target
        self.node = node
        self.refuse_mutation(target, args)
        if not _has_labels((args, kwargs)):
            if target in _SEQUENCE_CELLS or target in _STEP_CELLS:
                raise not_a_chain(node, "does not depend on x")
            if _draws(target, args):
                raise impure(
                    f"{target} in '{module_path(node)}' gives other numbers every time"
                )
            return target(*args, **kwargs)
        if getattr(target, "__name__", "") == "getitem":
            return args[0][args[1]]
        if target is _aten._assert_tensor_metadata.default:
            return None
        if target in _DROPOUTS and not args[2]:
            return args[0]
        if target in _SHAPE_ONLY:
            return target(torch.empty(args[0].labels.shape), *args[1:], **kwargs)
        if target in MOVING_OPERATIONS:
            return self.move(node, args, kwargs)
        if target in _SEQUENCE_CELLS:
            return self.sequence_cell(node, _SEQUENCE_CELLS[target], args)
        if target in _STEP_CELLS:
            return self.step_cell(node, _STEP_CELLS[target], args)
        handler = self.handlers.get(target)
        if handler is None:
            raise not_a_chain(node)
        return handler(self, node, args, kwargs)

    def refuse_mutation(self, target: Any, args: tuple[Any, ...]) -> None:
        """Raise SpecError when a tensor that the module holds is written to."""
        if not hasattr(target, "_schema") or not isinstance(args[0], Tensor):
            return
        name = self.held.get(args[0].untyped_storage().data_ptr())
        if name is not None and target._schema.is_mutable:
            raise impure(
                f"forward writes to '{own_name(name)}', a tensor of the module"
            )

    def move(self, node: fx.Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        leaves: list[Any] = []
        fx.node.map_aggregate((args, kwargs), lambda leaf: leaves.append(leaf))
        if any(isinstance(leaf, Tensor) for leaf in leaves):
            raise not_a_chain(node, "joins numbers with constants")
        plain_args, plain_kwargs = fx.node.map_aggregate(
            (args, kwargs),
            lambda leaf: leaf.labels if isinstance(leaf, Known) else leaf,
        )
        moved = node.target(*plain_args, **plain_kwargs)
        if isinstance(moved, Tensor):
            return Known(moved)
        return [Known(labels) for labels in moved]

    def rows(self, node: fx.Node, z: Any) -> Tensor:
        """Row numbers of `z`, which must be what the chain computed last."""
        rows = self.tail.rows(z.labels) if isinstance(z, Known) else None
        if rows is None:
            raise not_a_chain(node, "reads something else than the layer before it")
        return rows

    def extend(
        self, rows: Tensor, layer: Layer, weights: Mapping[str, Any] | None = None
    ) -> Known:
        """Append a layer; its output in the arrangement of its input."""
        arrays = {name: _array(tensor) for name, tensor in (weights or {}).items()}
        self.chain.append(layer, arrays)
        return self.advance(rows, layer.output_size)

    def advance(self, rows: Tensor, size: int) -> Known:
        """A new last value, made by the operation at hand."""
        assert self.node is not None
        self.tail = self.known.new(self.batch_size, size)
        self.made.append((self.tail, self.node))
        return Known(self.tail.labels()[rows])

    def sequence_cell(self, node: fx.Node, cell: str, args: tuple[Any, ...]) -> Any:
        """`nn.RNN`, `nn.GRU` or `nn.LSTM` with all its layers, on one step."""
        z, state, params, has_bias, num_layers, _, _, bidirectional, batch_first = args
        if bidirectional:
            raise not_a_chain(node, "is bidirectional")
        rows = self.rows(node, z)
        if rows.ndim != 2 or rows.shape[0 if batch_first else 1] != self.batch_size:
            raise time_major_error(module_path(node))
        states = list(state) if cell == "lstm" else [state]
        per_layer = len(params) // num_layers
        new_states = []
        for k in range(num_layers):
            tensors = params[k * per_layer : (k + 1) * per_layer]
            carried = [self.state_row(node, entry, k) for entry in states]
            z, new = self.cell(node, cell, z, carried, tensors, has_bias)
            new_states.append(new)
        stacked = [torch.stack(parts) for parts in zip(*new_states, strict=True)]
        return [z, *(Known(labels) for labels in stacked)]

    def step_cell(self, node: fx.Node, cell: str, args: tuple[Any, ...]) -> Any:
        """`nn.RNNCell`, `nn.GRUCell` or `nn.LSTMCell`."""
        z, state, *params = args
        states = list(state) if cell == "lstm" else [state]
        tensors = [tensor for tensor in params if tensor is not None]
        carried = [self.state_row(node, entry, None) for entry in states]
        _, new = self.cell(node, cell, z, carried, tensors, len(tensors) > 2)
        known = [Known(labels) for labels in new]
        return known if cell == "lstm" else known[0]

    def state_row(self, node: fx.Node, state: Any, layer: int | None) -> Tensor:
        if not isinstance(state, Known):
            raise SpecError(
                f"export: layer '{module_path(node)}' starts every call from a constant "
                "state, so it forgets everything from step to step. Take the state as an "
                "argument of forward, pass it to the layer and return the new one."
            )
        return state.labels if layer is None else state.labels[layer]

    def cell(
        self,
        node: fx.Node,
        cell: str,
        z: Any,
        carried: list[Tensor],
        tensors: list[Tensor],
        has_bias: bool,
    ) -> tuple[Known, list[Tensor]]:
        """One recurrent layer; returns its output and the labels of its new state."""
        rows = self.rows(node, z)
        in_order = torch.equal(rows.flatten(), torch.arange(self.batch_size))
        if not in_order or any(len(part) != self.batch_size for part in carried):
            raise not_a_chain(node, "mixes the rows of a batch")
        weights = _recurrent_weights(tensors, has_bias)
        hidden_size = weights["weight_hh"].shape[0] // {"gru": 3, "lstm": 4}.get(
            cell, 1
        )
        input_size = self.tail.size
        layer: Layer
        if cell == "gru":
            layer = Gru(input_size, hidden_size)
        elif cell == "lstm":
            proj_size = len(weights["weight_hr"]) if "weight_hr" in weights else 0
            layer = Lstm(input_size, hidden_size, proj_size)
        else:
            layer = Rnn(input_size, hidden_size, "relu" if cell == "relu" else "tanh")
        out = self.extend(rows, layer, weights)
        new = [self.tail]
        if cell == "lstm":
            new.append(self.known.new(self.batch_size, hidden_size))
        for value, labels in zip(new, carried, strict=True):
            self.fed.append((value, labels, module_path(node)))
        return out, [value.labels() for value in new]

    def check_output(self, y: Any) -> None:
        """The output must be all of the last value, one row per stream."""
        labels = y.labels.reshape(-1) if isinstance(y, Known) else torch.empty(0)
        if torch.equal(labels, self.tail.labels().reshape(-1)):
            return
        values = [self.x, *(value for value, _ in self.made)]
        for value, (_, node) in zip(values, self.made, strict=False):
            if torch.equal(labels, value.labels().reshape(-1)):
                raise not_a_chain(node, "computes something besides y")
        raise NotAChainError("y is not the output of the last layer")

    def check_state(self, returned: list[Any]) -> None:
        """Every number of the new state must come back where it went in."""
        went_in = torch.full((self.known.count,), -1)
        for value, labels, path in self.fed:
            if labels.shape != value.labels().shape:
                raise NotAChainError(f"the state of '{path}' has another size")
            went_in[value.labels()] = labels
        for k, (labels, new) in enumerate(zip(self.states, returned, strict=True)):
            if not isinstance(new, Known):
                raise lost_state(k, "comes back as a constant")
            if torch.equal(new.labels, labels):
                raise lost_state(k, "comes back unchanged")
            if not torch.equal(went_in[new.labels], labels):
                raise NotAChainError(
                    f"state tensor {k} comes back in another order, or is computed from "
                    "more than one layer's state"
                )
        if sum(labels.numel() for labels in self.states) != sum(
            labels.numel() for _, labels, _ in self.fed
        ):
            raise NotAChainError("two layers share one state")


def _new_state(known: Labels, tensor: Tensor) -> Tensor:
    return known.new(1, tensor.numel()).labels().reshape(tensor.shape)


def _has_labels(values: Any) -> bool:
    found: list[bool] = []
    fx.node.map_aggregate(values, lambda leaf: found.append(isinstance(leaf, Known)))
    return any(found)


def _draws(target: Any, args: tuple[Any, ...]) -> bool:
    if target in _DROPOUTS and not args[2]:
        return False
    return torch.Tag.nondeterministic_seeded in getattr(target, "tags", ())


def _recurrent_weights(tensors: list[Tensor], has_bias: bool) -> dict[str, Tensor]:
    names = ["weight_ih", "weight_hh"]
    if has_bias:
        names += ["bias_ih", "bias_hh"]
    if len(tensors) > len(names):
        names.append("weight_hr")
    weights = dict(zip(names, tensors, strict=True))
    zero = torch.zeros(len(weights["weight_ih"]))
    return {"bias_ih": zero, "bias_hh": zero, **weights}


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array
