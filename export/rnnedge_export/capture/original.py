"""What is being exported: the module to judge by, and what becomes of it.

A SequenceModel and a captured module are a chain of layers with weights; any other module
stays the graph that it is.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.frames import frame_features
from rnnedge_runtime.spec.graph_check import Wiring
from rnnedge_runtime.spec.layers import Layer, Opaque
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import Weights, canonical_weights, model_digest

from ..module.reasons import NotAChainError
from ..torch_model.sequence_model import SequenceModel
from .report import CaptureReport, native_report, opaque_report

if TYPE_CHECKING:
    from ..module.returned import Choice
    from ..module.user_module import UserModule

StepFunction = Callable[[Tensor, list[Tensor]], tuple[Tensor, list[Tensor]]]


@dataclass(frozen=True)
class Original:
    """A model on its way into an artifact.

    Attributes:
        module: the original in evaluation mode: what the artifact is compared with.
        user: the module with its example, for a user's own module.
        spec: what the artifact will say of itself.
        weights: canonical weights; empty for an opaque graph.
        digest: SHA-256 (hex) of the model.
        reason: what keeps the module from becoming layers, "" where it became some.
        report: what became of a user's module part by part, None of a SequenceModel.
    """

    module: nn.Module
    user: UserModule | None
    spec: ModelSpec
    weights: Weights
    digest: str
    reason: str = ""
    report: CaptureReport | None = None

    def initial_state(self, dtype: torch.dtype) -> list[Tensor]:
        """The module's own state before the first step, copied."""
        if self.user is not None:
            state = list(self.user.state)
        else:
            state = [
                torch.from_numpy(entry.initial_array()[None])
                for entry in self.spec.graph_state
            ]
        return [tensor.to(dtype, copy=True) for tensor in state]

    def step_function(self, dtype: torch.dtype) -> StepFunction:
        """One step of the original, `x` `[1, 1, I]` to `y` `[1, 1, O]`, in `dtype`."""
        is_own = dtype == torch.float32
        if self.user is not None:
            from ..module.user_module import UserStep

            return UserStep(self.user if is_own else self.user.to_probe(dtype))
        if is_own:
            return self.module
        from ..module.module_copy import same_again

        return same_again(self.module).to(dtype)


def read_original(
    model: nn.Module,
    *,
    example: Sequence[Any] | Mapping[str, Any] | None,
    features: str | Feature | Sequence[str | Feature] | None,
    targets: str | Target | Sequence[str | Target] | None,
    outputs: Choice = None,
    state: Choice = None,
    rows_per_step: int | None = None,
) -> Original:
    """What `export` was given, as a Original.

    Raises:
        SpecError: a module that cannot stream or whose example does not fit; names that
            do not fit the sizes.
        ShapeError: the example's `x` is not `[B, T, I]`.
    """
    if isinstance(model, SequenceModel):
        options = features, targets, example, outputs, state, rows_per_step
        if any(option is not None for option in options):
            raise SpecError(
                "export: example, features, targets, outputs or state was given with a "
                "SequenceModel, whose spec holds them already. Leave them out."
            )
        own = copy.deepcopy(model).eval().cpu()
        weights = own.weights()
        return Original(own, None, own.spec, weights, model_digest(own.spec, weights))
    if not isinstance(model, nn.Module):
        raise SpecError(
            f"export: {type(model).__name__} was given, expected a SequenceModel or a "
            "torch.nn.Module. Put the function into the forward of a module."
        )
    from ..module.first_call import read_user_module
    from .capturing import capture
    from .explicit.counters import with_float_counts
    from .explicit.finding import with_explicit_state
    from .explicit.forming import in_usual_form
    from .explicit.in_frames import in_frames
    from .explicit.precision import in_float32

    model, example, precision = in_float32(model, example)
    model, example, num_rows, framed = in_frames(model, example, rows_per_step)
    model, example, counted = with_float_counts(model, example)
    model, example, formed = in_usual_form(model, example, outputs, state)
    model, example, found = with_explicit_state(model, example)
    user = read_user_module(model, example, outputs=outputs, state=state)
    notes = filter(None, (precision, framed, counted, formed, found, *user.notes))
    user = replace(user, notes=tuple(notes))
    chain, reason = None, ""
    try:
        chain = capture(user)
        report = native_report(user.name, chain.layers, chain.paths)
    except NotAChainError as error:
        reason = error.reason
        report = opaque_report(user.name, error.all_reasons)
    layers = tuple(chain.layers) if chain else (_opaque(user, reason),)
    wiring = chain.wiring() if chain else ()
    spec = _spec(user, layers, features, targets, wiring, num_rows)
    weights = canonical_weights(spec, chain.weights) if chain else {}
    digest = model_digest(spec, weights)
    return Original(user.module, user, spec, weights, digest, reason, report)


def _spec(
    user: UserModule,
    layers: tuple[Layer, ...],
    features: str | Feature | Sequence[str | Feature] | None,
    targets: str | Target | Sequence[str | Target] | None,
    wiring: Wiring,
    num_rows: int,
) -> ModelSpec:
    output_size = layers[-1].output_size
    outputs = user.target_names
    if len(outputs) != output_size:
        outputs = tuple(f"y_{k}" for k in range(output_size))
    inputs = getattr(user.module, "rnnedge_feature_names", ())
    row_size = user.input_size // num_rows
    inputs = inputs or [f"x_{k}" for k in range(row_size)]
    features = _named(inputs if features is None else features, Feature)
    targets = _named(outputs if targets is None else targets, Target)
    if len(features) != row_size:
        raise SpecError(
            f"export: {len(features)} features were named, but x of {user.name} has "
            f"{row_size} values. Name one feature per value."
        )
    if not targets or output_size % len(targets):
        raise SpecError(
            f"export: {len(targets)} targets were named, but y of {user.name} has "
            f"{output_size} values. Name as many targets as values, or one per horizon."
        )
    horizon = output_size // len(targets)
    return ModelSpec(
        frame_features(features, num_rows),
        targets,
        layers,
        horizon=horizon,
        wiring=wiring,
        rows_per_step=num_rows,
    )


def _named(given: Any, kind: Any) -> tuple[Any, ...]:
    items = [given] if isinstance(given, str | kind) else given
    return tuple(item if isinstance(item, kind) else kind(item) for item in items)


def _opaque(user: UserModule, reason: str) -> Opaque:
    if len(user.x) != 1:
        raise SpecError(
            f"export: {user.name} is not a chain of layers ({reason}), so it is exported "
            f"as a graph of one stream, but the example has a batch of {len(user.x)}. "
            "Pass an example with a batch of one."
        )
    with torch.no_grad():
        y, _ = user.step(user.x[:, :1], user.state)
    states = tuple(
        (
            f"h_{k}",
            tuple(tensor.shape),
            tuple(tensor.flatten().tolist()) if bool(tensor.any()) else (),
        )
        for k, tensor in enumerate(user.state)
    )
    return Opaque(user.input_size, y.numel(), states, _module_sha256(user), reason)


def _module_sha256(user: UserModule) -> str:
    digest = hashlib.sha256(user.choice.encode())
    for name, tensor in user.module.state_dict().items():
        if not isinstance(tensor, Tensor):  # extra state of the module's own making
            digest.update(f"{name} {type(tensor).__name__} ".encode())
            continue
        digest.update(f"{name} {list(tensor.shape)} ".encode())
        dense = (
            tensor.detach().cpu().to_dense() if tensor.is_sparse else tensor.detach()
        )
        digest.update(
            dense.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        )
    return digest.hexdigest()
