"""What the checks of one artifact look at, each part computed when it is first asked for.

Torch-free. The float64 reference judges it where its weights can be read: out of an `.rnne`,
`.c` or `.wasm` file, or out of an `.onnx` file by the onnx package; a TorchScript file is
judged by one of these of the same model.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.errors import FormatError, MissingDependencyError
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.engine import Engine
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tolerances import VERIFY_ROUNDING_FACTOR, parity_limit

from ..compare.carrying import Carried, carry
from ..compare.exact_steps import ExactSteps
from ..compare.parity import Parity, StepParity, compare
from ..compare.rounding import Float64
from ..compare.runs import Array, Taken, first_difference, run_through, take_steps
from ..compare.verification_stream import Inputs, stream_like
from ..formats.registry import FORMATS, Format, format_of, read_parameters
from ..quantise.judgement import StoredJudgement, read_judgement
from .check import Check, found

_HALF_ULP = 2.0**-24


class Judge(NamedTuple):
    """The reference of one model: what `export` judges by, too.

    Attributes:
        path: the artifact whose weights it has.
        exact: its steps.
    """

    path: Path
    exact: ExactSteps


def shaken_limits(engine: Engine, spec: ModelSpec, x: Inputs, y: Array) -> Float64:
    """What float32 may be off by, for an artifact without a judge or recorded limits.

    Args:
        engine: the artifact's own engine; it is stepped once more through `x` with its
            state moved by half a unit in the last place, at random, after every step.
        spec: its spec.
        x: `[T, I]` stream.
        y: `[T, O]` what it gave undisturbed.

    Returns:
        `[O]`, the same for every output: what happens inside the graph at the level of one
        output may round in another.
    """
    rng = np.random.default_rng(0)
    stepper = engine.stepper()
    out = np.empty(spec.output_size, dtype=engine.dtype)
    largest = 0.0
    for row, expected in zip(x, y, strict=True):
        stepper.step(row, out)
        largest = max(largest, float(np.abs(out.astype(np.float64) - expected).max()))
        stepper.set_state(
            [
                tensor * (1 + _HALF_ULP * rng.choice((-1.0, 1.0), tensor.shape))
                for tensor in stepper.get_state()
            ]
        )
    # Twice, as both results are off by their own roundings.
    limit = parity_limit(y, 2 * VERIFY_ROUNDING_FACTOR * largest)
    return np.full(spec.output_size, limit)


class Evidence:
    """One loaded artifact on its verification stream.

    Args:
        model: the artifact.
        others: artifacts of the same model, which may hold readable weights.
    """

    def __init__(self, model: Model, others: Sequence[Model] = ()) -> None:
        self.model = model
        self.engine: Engine = model.engine
        self.spec: ModelSpec = model.spec
        self._others = list(others)

    @property
    def path(self) -> Path:
        assert self.model.path is not None
        return self.model.path

    @property
    def format(self) -> Format:
        return format_of(self.path)

    @property
    def is_bitwise(self) -> bool:
        """Whether its numerics leave no freedom; the float64 reference has others."""
        return self.format.is_bitwise and self.engine.dtype == np.float32

    @property
    def is_integer(self) -> bool:
        return self.model.metadata.is_integer

    @cached_property
    def x(self) -> Inputs:
        """`[T, I]` the stream."""
        return stream_like(self.spec, self.model.golden)

    @property
    def y(self) -> Array:
        """`[T, O]` outputs, step by step."""
        return self._stepped[0]

    @property
    def taken(self) -> Taken:
        """The judged steps."""
        return self._stepped[1]

    @cached_property
    def _stepped(self) -> tuple[Array, Taken]:
        return take_steps(self.engine, self.spec, self.x)

    @cached_property
    def found_judge(self) -> Judge | FormatError | str:
        """The judge, what is wrong with its weights, or the reason why there is none."""
        if self.spec.is_opaque:
            return "the model is a graph of its own, which the reference cannot compute"
        if self.is_integer:
            return "the model is in integers, of which there is no float64 reference"
        sources = [
            candidate.path
            for candidate in (self.model, *self._others)
            if candidate.path is not None
            and not format_of(candidate.path).is_trusted
            and candidate.digest == self.model.digest
        ]
        if not sources:
            readable = [f.suffix for f in FORMATS.values() if not f.is_trusted]
            return (
                "this format does not expose its weights; also pass the model's "
                f"{', '.join(readable[:-1])} or {readable[-1]}"
            )
        try:
            metadata, weights = format_of(sources[0]).read(sources[0])
        except FormatError as error:
            return error
        except MissingDependencyError:
            return "the onnx package is not installed (pip install 'rnnedge[train]')"
        assert not isinstance(weights, QuantisedModel)
        return Judge(sources[0], ExactSteps(metadata.spec, weights))

    @property
    def judge(self) -> Judge | None:
        return self.found_judge if isinstance(self.found_judge, Judge) else None

    @cached_property
    def judgement(self) -> Carried | None:
        """The judge on the stream."""
        judge = self.judge
        return carry(judge.exact, self.x, self.taken) if judge else None

    @cached_property
    def limits(self) -> Array:
        """`[T, O]` or `[O]` what two float32 engines may differ by on the stream."""
        if self.judgement is not None:
            return 2 * self.judgement.limits
        recorded = self.model.metadata.limits
        if recorded is not None:
            return recorded.carried
        return shaken_limits(self.engine, self.spec, self.x, self.y)

    @property
    def stored_judgement(self) -> StoredJudgement | None:
        """What an int8 export was judged on; raises FormatError where it does not fit."""
        return read_judgement(self.model.metadata, where=self.model.name)

    def as_defined(self, name: str, num_steps: int, tool: str = "") -> Check:
        """Whether the first steps have the bytes of NumPy, which defines them."""
        engine = numpy_engine(self.spec, read_parameters(self.path))
        expected = run_through(engine, self.spec, self.x[:num_steps])
        step = first_difference(self.y[:num_steps], expected)
        if step is None:
            return self.check(name, True, detail=tool)
        where = f"differs first at step {step}"
        return self.check(name, False, detail=f"{where} ({tool})" if tool else where)

    def check(
        self,
        name: str,
        is_passed: bool,
        parity: Parity | StepParity | None = None,
        detail: str = "",
    ) -> Check:
        """What was found, with the figures of a comparison where there was one."""
        figures = (parity.max_error, parity.limit) if parity else (None, None)
        if isinstance(parity, Parity) and not detail:
            detail = f"at step {parity.step}, output {parity.output}"
        return found(self.model.name, name, is_passed, figures, detail)

    def not_checked(self, name: str, why: str) -> Check:
        return Check(self.model.name, name, "not checked", detail=why)

    def unjudged(self, name: str) -> Check:
        """A check that has no judge."""
        is_wrong = isinstance(self.found_judge, FormatError)
        why = "the weights do not match the digest" if is_wrong else self.found_judge
        return self.not_checked(name, str(why))

    def same_steps(self, name: str, y: Array) -> Check:
        """The first steps computed in another way: the same bits where they are promised."""
        expected = self.y[: len(y)]
        if self.is_bitwise:
            is_equal = y.tobytes() == expected.tobytes()
            return self.check(f"{name}, bit for bit", is_equal)
        limits = self.limits if self.limits.ndim == 1 else self.limits[: len(y)]
        return self.close(name, y, expected, limits)

    def close(self, name: str, y: Array, other: Array, limits: Array) -> Check:
        """Whether two float32 results are within the limits."""
        parity = compare(y, other, self.spec, limits)
        return self.check(name, parity.is_within, parity)
