"""`verify`: what an artifact promises, tried on this machine. Needs no torch for `.onnx`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.engine import Engine, initial_state
from rnnedge_runtime.streams.inputs import hold_readings, pass_missing
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.streams.stream import Stream

from ..compare.carrying import Carried
from ..compare.parity import Array, Parity, compare, step_through
from ..compare.step_proof import StepParity, Taken, take_steps
from ..compare.verification_stream import Inputs, stream_like, with_implausible
from ..formats.c.loading import is_c_source
from ..formats.c.running import BACKEND as C_BACKEND
from ..formats.c.running import find_compiler, no_compiler
from ..formats.opening import open_artifact
from ..formats.reading import read_parameters
from ..formats.rnne.long_run import read_long_run
from ..formats.rnne.writing import first_difference
from ..formats.wasm.reading import is_wasm, missing_javascript
from ..formats.wasm.running import BACKEND as WASM_BACKEND
from ..tools.threads import torch_threads
from .check import Check, VerifyReport, outcome
from .cross_checks import DIFFERENCE, compare_pair
from .judge import Judge, find_judge, shaken_limits
from .judged_checks import judged_at_export

_BITWISE_BACKENDS = ("native", "numpy", C_BACKEND, WASM_BACKEND)
_RUN_STEPS = 500
_DEFINED_STEPS = 1000
_SNAPSHOT_STEPS = 50
_SEED = 7


def verify(
    paths: Sequence[str | os.PathLike[str]], *, backend: str | None = None
) -> VerifyReport:
    """Check artifacts against themselves, the float64 reference and each other.

    Args:
        paths: artifacts; several are taken for the same model in other formats.
        backend: used for the files it reads; a `.pt` needs `torchscript`.

    Raises:
        FormatError: a file that is not a whole artifact.
        MissingDependencyError: the backend's package is not installed.
    """
    models = [open_artifact(path, backend) for path in paths]
    verified = [
        _Verification(model, models[:k] + models[k + 1 :])
        for k, model in enumerate(models)
    ]
    with torch_threads(1):
        checks = [check for one in verified for check in one.checks()]
        for k, other in enumerate(verified[1:], start=1):
            checks += compare_pair(_sibling(verified[:k], other), other)
    if all(item.is_integer for item in verified):
        why = "name the float artifact of the same run beside it"
        checks.append(verified[0].not_checked(DIFFERENCE, why))
    return VerifyReport(tuple(checks))


def _sibling(earlier: list[_Verification], one: _Verification) -> _Verification:
    """The first artifact before it of the same numerics, else the very first."""
    numerics = one.model.metadata.numerics
    same = [item for item in earlier if item.model.metadata.numerics == numerics]
    return (same or earlier)[0]


def check_golden(model: Model, others: Sequence[Model] = ()) -> Check:
    """The check of `verify` that an artifact still gives the outputs recorded in it.

    Args:
        model: a loaded artifact.
        others: artifacts of the same model, which may hold readable weights.
    """
    return _Verification(model, list(others)).golden()


class _Verification:
    """The checks of one artifact."""

    def __init__(self, model: Model, others: list[Model]) -> None:
        self.model = model
        self.engine: Engine = model.engine
        self.spec: ModelSpec = model.spec
        self.x = stream_like(self.spec, model.golden)
        self.missing_judge = ""
        self.judge, self.weights = self.find_judge(others)

    @cached_property
    def stepped(self) -> tuple[Array, Taken]:
        return take_steps(self.engine, self.spec, self.x)

    @property
    def y(self) -> Array:
        return self.stepped[0]

    @property
    def is_bitwise(self) -> bool:
        """Whether the numerics of its backend leave no freedom."""
        return self.engine.backend in _BITWISE_BACKENDS

    @property
    def is_integer(self) -> bool:
        return self.model.metadata.numerics == INTEGER_NUMERICS

    @cached_property
    def judgement(self) -> Carried | None:
        return self.judge.carry(self.x, self.stepped[1]) if self.judge else None

    @cached_property
    def limits(self) -> Array:
        """`[T, O]` or `[O]` what two float32 engines may differ by on the stream."""
        if self.judgement is not None:
            return 2 * self.judgement.limits
        recorded = self.model.metadata.limits
        if recorded is not None:
            return recorded.carried
        return shaken_limits(self.engine, self.spec, self.x, self.y)

    def find_judge(self, others: list[Model]) -> tuple[Judge | None, Check]:
        """The judge, and whether its weights have the digest."""
        name = "weights match the digest"
        if self.is_integer:  # every reader of integers has checked it
            detail = f"digest {self.model.digest[:12]}"
            return None, self.check(name, True, detail=detail)
        try:
            judge = find_judge(self.model, others)
        except FormatError as error:
            self.missing_judge = "the weights do not match the digest"
            return None, self.check(name, False, detail=str(error))
        if isinstance(judge, str):
            self.missing_judge = judge
            return None, self.not_checked(name, judge)
        if judge.path != self.model.path:
            detail = f"they are not readable; {judge.path.name} has the same digest"
            return judge, self.not_checked(name, detail)
        detail = f"digest {self.model.digest[:12]}"
        return judge, self.check(name, True, detail=detail)

    def checks(self) -> list[Check]:
        return [
            self.integrity(),
            *self.javascript(),
            self.weights,
            self.golden(),
            *judged_at_export(self.model),
            *self.compiled(),
            *self.long_run(),
            self.run_equals_step(),
            self.chunks_equal_run(),
            self.state_changes(),
            self.snapshot_restores(),
            *self.implausible_readings(),
            *self.single_steps(),
            self.drift(),
        ]

    def check(
        self,
        name: str,
        is_passed: bool,
        parity: Parity | StepParity | None = None,
        detail: str = "",
    ) -> Check:
        found = outcome(is_passed)
        if parity is None:
            return Check(self.model.name, name, found, detail=detail)
        if isinstance(parity, Parity) and not detail:
            detail = f"at step {parity.step}, output {parity.output}"
        figures = parity.max_error, parity.limit
        return Check(self.model.name, name, found, *figures, detail)

    def not_checked(self, name: str, why: str) -> Check:
        return Check(self.model.name, name, "not checked", detail=why)

    def same_steps(self, name: str, y: Array) -> Check:
        """The first steps computed in another way: the same bits where they are promised."""
        expected = self.y[: len(y)]
        if self.is_bitwise:
            is_equal = y.tobytes() == expected.tobytes()
            return self.check(f"{name}, bit for bit", is_equal)
        limits = self.limits if self.limits.ndim == 1 else self.limits[: len(y)]
        return self.parity(name, y, expected, limits)

    def parity(self, name: str, y: Array, other: Array, limits: Array) -> Check:
        """Compare two float32 results."""
        parity = compare(y, other, self.spec, limits)
        return self.check(name, parity.is_within, parity)

    def integrity(self) -> Check:
        """`load` has refused everything else."""
        assert self.model.path is not None
        path = self.model.path
        checksum = "CRC32" if path.suffix == ".rnne" else "SHA-256"
        detail = f"{checksum} of {path.stat().st_size:,} bytes"
        return self.check("file is whole", True, detail=detail)

    def javascript(self) -> list[Check]:
        """That of WebAssembly, which `load` has refused when it is another."""
        path = self.model.path
        assert path is not None
        if not is_wasm(path):
            return []
        name = "JavaScript is its own"
        missing = missing_javascript(path)
        if missing:
            return [self.not_checked(name, f"no {', '.join(missing)} beside it")]
        return [self.check(name, True, detail="SHA-256")]

    def golden(self) -> Check:
        golden = self.model.golden
        name = f"{len(golden.x)} golden steps"
        if self.is_bitwise:
            return self.golden_bits(f"{name}, bit for bit")
        y, taken = take_steps(self.engine, self.spec, golden.x)
        recorded = self.model.metadata.limits
        if recorded is not None:
            limits: Array = recorded.golden
        elif self.judge is not None:
            limits = 2 * self.judge.carry(golden.x, taken).limits
        else:
            limits = shaken_limits(self.engine, self.spec, golden.x, y)
            limits = np.maximum(limits, self.limits)
        return self.parity(name, y, golden.y, limits)

    def golden_bits(self, name: str) -> Check:
        """The numerics leave no freedom."""
        golden = self.model.golden
        y = step_through(self.engine, self.spec, golden.x)
        differs = (y.view(np.uint32) != golden.y.view(np.uint32)).any(axis=1)
        where = f"differs first at step {int(np.argmax(differs))}"
        detail = where if differs.any() else "the recorded bytes"
        return self.check(name, not differs.any(), detail=detail)

    def compiled(self) -> list[Check]:
        """That a compiled C source, or WebAssembly in node, gives the reference's bytes."""
        path = self.model.path
        assert path is not None
        if not is_c_source(path) and not is_wasm(path):
            return []
        title = "WebAssembly" if is_wasm(path) else "C"
        numerics = self.model.metadata.numerics
        name = f"{len(self.x):,} carried steps in {title} = {numerics}, bit for bit"
        if self.engine.backend not in (C_BACKEND, WASM_BACKEND):
            return [self.not_checked(name, no_compiler())]
        parameters = read_parameters(path)
        step = first_difference(self.spec, parameters, self.x, self.y)
        detail = "node" if is_wasm(path) else " ".join(find_compiler())
        if step is not None:
            detail = f"differs first at step {step} ({detail})"
        return [self.check(name, step is None, detail=detail)]

    def long_run(self) -> list[Check]:
        """The recorded digest of a long run, where the artifact has one."""
        assert self.model.path is not None
        is_rnne = self.model.path.suffix.lower() == ".rnne"
        if not self.is_bitwise or not is_rnne:
            return []
        proof = read_long_run(self.model.path, self.spec)
        if proof is None:
            return []
        is_equal = proof.is_repeated_by(self.engine, self.spec)
        name = f"{proof.num_steps:,} generated steps, bit for bit"
        detail = f"SHA-256 {proof.sha256.hex()[:12]}"
        return [self.check(name, is_equal, detail=detail)]

    def run_equals_step(self) -> Check:
        x = self.x[:_RUN_STEPS]
        y, _ = self.engine.run(x[None], self.initial())
        name = f"one run of {len(x)} steps = single steps"
        return self.same_steps(name, y[0])

    def chunks_equal_run(self) -> Check:
        """The state carries everything from one chunk to the next."""
        x = self.x[:_RUN_STEPS]
        cuts = np.random.default_rng(_SEED).choice(np.arange(1, len(x)), 12, False)
        state, parts = self.initial(), []
        for chunk in np.split(x, np.sort(cuts)):
            y, state = self.engine.run(chunk[None], state)
            parts.append(y[0])
        name = f"{len(parts)} chunks = single steps"
        return self.same_steps(name, np.concatenate(parts))

    def state_changes(self) -> Check:
        """A state that stays as it was, where the reference's does not, has no wire."""
        stepper = self.engine.stepper()
        initial = stepper.get_state()
        out = np.empty(self.spec.output_size, dtype=self.engine.dtype)
        changed = [False] * len(initial)
        for row in self.x[:_RUN_STEPS]:
            stepper.step(row, out)
            pairs = zip(stepper.get_state(), initial, strict=True)
            now = [not np.array_equal(*pair) for pair in pairs]
            changed = [a or b for a, b in zip(changed, now, strict=True)]
        expected = [not self.is_integer] * len(initial)  # those equal NumPy's bytes
        if self.judgement is not None:
            expected = self.judgement.has_changed
        names = [entry.name for entry in self.spec.graph_state]
        frozen = [
            name
            for name, is_changed, must in zip(names, changed, expected, strict=True)
            if must and not is_changed
        ]
        detail = f"{', '.join(frozen)} stays as it was" if frozen else ", ".join(names)
        return self.check("state changes", not frozen, detail=detail)

    def snapshot_restores(self) -> Check:
        """A stream restored mid-way goes on with the same bits."""
        stream, other = self.model.stream(), self.model.stream()
        self.step_stream(stream, 0, _SNAPSHOT_STEPS)
        blob = stream.snapshot()
        other.restore(blob)
        expected = self.step_stream(stream, _SNAPSHOT_STEPS, 2 * _SNAPSHOT_STEPS)
        found = self.step_stream(other, _SNAPSHOT_STEPS, 2 * _SNAPSHOT_STEPS)
        is_equal = found.tobytes() == expected.tobytes()
        detail = f"{len(blob)} bytes after {_SNAPSHOT_STEPS} steps, bits compared"
        return self.check("snapshot restores", is_equal, detail=detail)

    def implausible_readings(self) -> list[Check]:
        """A reading outside its range gives the output of the one held for it."""
        features = self.spec.features
        if all(item.range is None or item.missing == "reject" for item in features):
            return []
        x = self.x[:_SNAPSHOT_STEPS, : self.spec.num_features]
        readings = with_implausible(self.spec, x)
        initial = self.spec.state[-1].initial_array()
        held = hold_readings(features, readings, initial, where="verify")
        held = pass_missing(features, readings, held)
        found, expected = (
            self.step_stream(self.model.stream(), 0, len(rows), rows)
            for rows in (readings, held)
        )
        is_equal = found.tobytes() == expected.tobytes()
        return [self.check("implausible readings are held, bit for bit", is_equal)]

    def single_steps(self) -> list[Check]:
        """Steps from the artifact's own states, each beside the reference's."""
        if self.is_integer:
            return []
        taken = self.stepped[1]
        name = f"{len(taken.at)} single steps = float64 reference"
        if self.judge is None:
            return [self.not_checked(name, self.missing_judge)]
        steps = self.judge.judge_steps(taken)
        where = f"at step {steps.step}, {steps.where}"
        return [self.check(name, steps.is_within, steps, where)]

    def drift(self) -> Check:
        if self.is_integer:
            return self.definition()
        name = f"{len(self.x):,} carried steps = float64 reference"
        judged = self.judgement
        if judged is None:
            return self.not_checked(name, self.missing_judge)
        if not judged.is_bounded:
            why = "it amplifies rounding until it fills the state"
            return self.not_checked(name, why)
        parity = compare(self.y, judged.y, self.spec, judged.limits)
        detail = (
            f"at step {parity.step}, output {parity.output}; first tenth "
            f"{parity.first_tenth:.1e}, last tenth {parity.last_tenth:.1e}"
        )
        return self.check(name, parity.is_within, parity, detail)

    def definition(self) -> Check:
        """The bytes of NumPy, which defines the integers; float64 has no part in it."""
        assert self.model.path is not None
        x, y = self.x[:_DEFINED_STEPS], self.y[:_DEFINED_STEPS]
        name = f"{len(x):,} carried steps = {INTEGER_NUMERICS} in NumPy, bit for bit"
        parameters = read_parameters(self.model.path)
        step = first_difference(self.spec, parameters, x, y)
        detail = "" if step is None else f"differs first at step {step}"
        return self.check(name, step is None, detail=detail)

    def initial(self) -> list[Array]:
        return initial_state(self.spec.graph_state, 1, self.engine.dtype)

    def step_stream(
        self, stream: Stream, first: int, last: int, x: Inputs | None = None
    ) -> Array:
        readings = (self.x if x is None else x)[first:last, : self.spec.num_features]
        period = self.spec.sample_period_s or 1.0
        return np.array(
            [
                stream.step(row, time=round((first + t) * period))
                for t, row in enumerate(readings)
            ]
        )
