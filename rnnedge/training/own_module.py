"""From a user's own module to one that is trained, and from that to layers.

Before the training it is read as layers, so that one which no artifact could hold is refused
at once; afterwards it is read again with its trained weights, and the two are compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn

from rnnedge.tasks.task import Prepared, first_affine, last_affine
from rnnedge.training.own_network import OwnNetwork
from rnnedge.training.validation import stream_predictions
from rnnedge_export.capture.capturing import capture
from rnnedge_export.capture.explicit.finding import with_explicit_state
from rnnedge_export.capture.explicit.precision import in_float32
from rnnedge_export.capture.graph.builder import GraphBuilder
from rnnedge_export.capture.graph.nodes import INPUT, names_of
from rnnedge_export.capture.rows import one_row, rows_keep_apart
from rnnedge_export.module.first_call import read_user_module
from rnnedge_export.module.module_copy import unwrapped
from rnnedge_export.module.reasons import NotAChainError
from rnnedge_export.module.user_module import UserModule
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.errors import ParityError, RnnEdgeError, ShapeError, SpecError
from rnnedge_runtime.spec.graph_layers import Memory
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.tolerances import IMPORT_ERROR, IMPORT_STEPS

Example: TypeAlias = Sequence[Any] | Mapping[str, Any] | None


def with_module(prepared: Prepared, module: Any, example: Example) -> Prepared:
    """`prepared` for a module in place of the blocks of its config.

    Args:
        prepared: data, and a spec with its scalers.
        module: reads `[B, T, I]` scaled inputs, gives `[B, T, O]` scaled outputs.
        example: as of `export`; None: x alone.

    Raises:
        SpecError: it does not stream, is no graph of layers, or has other sizes.
    """
    if not isinstance(module, nn.Module):
        raise SpecError(
            f"train: module is {type(module).__name__}, expected a torch.nn.Module. Give "
            "the network itself, not its name or class."
        )
    name = type(unwrapped(module)).__name__
    spec = prepared.spec
    sizes = spec.layers[first_affine(spec)].output_size, spec.output_size
    if example is None:
        generator = torch.Generator().manual_seed(0)
        example = (torch.randn(1, 1, sizes[0], generator=generator),)
    try:
        user = _read(module, example)
        capture(user, adds_last=False)
    except NotAChainError as error:
        raise SpecError(
            f"train: {name} is no graph of layers: {error.reason}. Write this part "
            "otherwise, or train it yourself and give it to rnnedge.export."
        ) from None
    except RnnEdgeError as error:
        text = str(error).replace("export: ", "train: ", 1)
        raise SpecError(f"{text} {_fed(prepared, sizes)}") from None
    with torch.no_grad():
        y, _ = user.to_probe().step(user.x[:, :1], user.state)
    found = user.input_size, y.shape[-1]
    if found != sizes:
        raise ShapeError(
            f"train: {name} reads {found[0]} values and gives {found[1]}. "
            f"{_fed(prepared, sizes)}"
        )
    if not any(p.requires_grad for p in user.module.parameters()):
        raise SpecError(
            f"train: {name} has no weight that takes a gradient. Give a network with "
            "parameters, or set requires_grad."
        )
    return dataclasses.replace(prepared, module=user)


def _read(module: nn.Module, example: Example) -> UserModule:
    module, example, _ = in_float32(module, example)
    module, example, _ = with_explicit_state(module, example)
    user = read_user_module(module, example)
    one = one_row(user)
    if one is None:
        raise NotAChainError(f"it runs with no other batch than {len(user.x)}")
    if rows_keep_apart(one) is False:
        raise NotAChainError("it mixes the rows of a batch")
    return one


def _fed(prepared: Prepared, sizes: tuple[int, int]) -> str:
    """What a module is given and has to give, and how to change it."""
    spec = prepared.spec
    parts = [f"{spec.num_features} features"]
    others = []
    if derived := spec.input_size - spec.num_features:
        parts.append(f"{derived} values of the time")
        others.append('derived="none"')
    if changes := sizes[0] - spec.input_size:
        parts.append(f"{changes} change of a target" + "s" * (changes > 1))
        others.append("drift=False")
    without = ""
    if others:
        without = (
            f" {' and '.join(others)} leave{'s' * (len(others) == 1)} the rest out."
        )
    targets = f"{len(spec.targets)} target" + "s" * (len(spec.targets) > 1)
    return (
        f"In training it gets x [B, T, {sizes[0]}] ({', '.join(parts)}), and has to give "
        f"[B, T, {sizes[1]}] ({targets}, {spec.horizon} steps ahead). Make it for these "
        f"sizes; example=(x, state...) says what state goes in.{without}"
    )


def as_layers(network: OwnNetwork, prepared: Prepared) -> SequenceModel:
    """A trained network as layers, in evaluation mode.

    Args:
        network: on the CPU.
        prepared: what it was trained on.

    Raises:
        ParityError: they do not compute the same.
    """
    network.eval()
    spec, weights = _around(prepared.spec, capture(network.user, adds_last=False))
    model = SequenceModel(spec)
    model.load_weights({**weights, **prepared.with_spec(spec).affine_weights})
    model.eval()
    _check_same(network, model, prepared)
    return model


def _around(
    spec: ModelSpec, inner: GraphBuilder
) -> tuple[ModelSpec, dict[str, np.ndarray]]:
    """The layers of a module in place of those between the scalers of `spec`."""
    first, last = first_affine(spec), last_affine(spec)
    b = GraphBuilder(spec.input_size)
    z = names_of(INPUT, (spec.input_size,))
    for layer in spec.layers[: first + 1]:
        z = b.add(layer, (b.operand(z),))
    offset = len(b.layers)
    for k, (own, reads) in enumerate(zip(inner.layers, inner.reads, strict=True)):
        prefix = f"layers.{k}."
        weights = {
            name.removeprefix(prefix): values
            for name, values in inner.weights.items()
            if name.startswith(prefix)
        }
        if isinstance(own, Memory):
            own = dataclasses.replace(own, next=own.next + offset)
        z = b.add(own, [source + offset for source in reads], weights)
    size = z.numel()
    if not (isinstance(own, Linear) and own.positions == 1):
        # The task may scale what comes out here (`Task.finish`).
        identity = {"weight": torch.eye(size), "bias": torch.zeros(size)}
        z = b.add(Linear(size, size), (b.operand(z),), identity)
    for layer in spec.layers[last:]:
        z = b.add(layer, (b.operand(z),))
    spec = dataclasses.replace(spec, layers=tuple(b.layers), wiring=b.wiring())
    return spec, b.weights


def _check_same(network: OwnNetwork, model: SequenceModel, prepared: Prepared) -> None:
    longest = max(prepared.series, key=lambda series: len(series.x))
    y, expected = (
        stream_predictions(one, longest, IMPORT_STEPS).astype(np.float64)
        for one in (model, network)
    )
    error = float(np.abs(y - expected).max())
    limit = IMPORT_ERROR * max(1.0, float(np.abs(expected).max()))
    if not error <= limit:
        raise ParityError(
            f"train: {network.user.name} as layers differs by {error:.1e} from the module "
            f"itself over {len(y)} steps, the limit is {limit:.1e}. Give it to "
            "rnnedge.export, whose report names the part."
        )


def give_back(module: nn.Module, network: OwnNetwork) -> None:
    """Copy the trained weights into the module that `fit` was given."""
    inner = getattr(network.inner, "user_module", network.inner)
    own = unwrapped(module)
    known = own.state_dict()
    found = {name: t for name, t in inner.state_dict().items() if name in known}
    own.load_state_dict(found, strict=False)
