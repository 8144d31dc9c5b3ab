"""What the checks of one artifact look at, each part computed when it is first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.engine import Engine
from rnnedge_runtime.streams.model import Model

from ..compare.carrying import Carried, carry
from ..compare.parity import Parity, StepParity, compare
from ..compare.runs import Array, Taken, first_difference, run_through, take_steps
from ..compare.verification_stream import Inputs, stream_like
from ..formats.registry import Format, format_of, read_parameters
from ..quantise.judgement import StoredJudgement, read_judgement
from .check import Check, found
from .judge import Judge, find_judge, shaken_limits


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
        try:
            return find_judge(self.model, self._others)
        except FormatError as error:
            return error

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

    def first_undefined(self, num_steps: int) -> int | None:
        """The first of so many steps that NumPy, which defines the bytes, gives otherwise."""
        engine = numpy_engine(self.spec, read_parameters(self.path))
        expected = run_through(engine, self.spec, self.x[:num_steps])
        return first_difference(self.y[:num_steps], expected)

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
