"""Checks against what defines a model: float64, or NumPy of integers."""

from __future__ import annotations

from collections.abc import Iterator

from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS

from ..compare.parity import compare, judge_taken
from .check import Check
from .evidence import Evidence, Judge

_DEFINED_STEPS = 1000


def weights(evidence: Evidence) -> Iterator[Check]:
    """The weights in the file have its digest; every reader of integers has checked it."""
    name = "weights match the digest"
    found = evidence.found_judge
    if isinstance(found, FormatError):
        yield evidence.check(name, False, detail=str(found))
    elif isinstance(found, str) and not evidence.is_integer:
        yield evidence.not_checked(name, found)
    elif isinstance(found, Judge) and found.path != evidence.path:
        detail = f"they are not readable; {found.path.name} has the same digest"
        yield evidence.not_checked(name, detail)
    else:
        detail = f"digest {evidence.model.digest[:12]}"
        yield evidence.check(name, True, detail=detail)


def single_steps(evidence: Evidence) -> Iterator[Check]:
    """Steps from the artifact's own states, each beside the reference's."""
    if evidence.is_integer:
        return
    name = f"{len(evidence.taken.at)} single steps = float64 reference"
    if evidence.judge is None:
        yield evidence.unjudged(name)
        return
    steps = judge_taken(evidence.judge.exact, evidence.taken)
    where = f"at step {steps.step}, {steps.where}"
    yield evidence.check(name, steps.is_within, steps, where)


def drift(evidence: Evidence) -> Iterator[Check]:
    """A float model carried through the stream, beside float64."""
    if evidence.is_integer:
        return
    name = f"{len(evidence.x):,} carried steps = float64 reference"
    judged = evidence.judgement
    if judged is None:
        yield evidence.unjudged(name)
        return
    if not judged.is_bounded:
        why = "it amplifies rounding until it fills the state"
        yield evidence.not_checked(name, why)
        return
    parity = compare(evidence.y, judged.y, evidence.spec, judged.limits)
    detail = (
        f"at step {parity.step}, output {parity.output}; first tenth "
        f"{parity.first_tenth:.1e}, last tenth {parity.last_tenth:.1e}"
    )
    yield evidence.check(name, parity.is_within, parity, detail)


def definition(evidence: Evidence) -> Iterator[Check]:
    """Integers give the bytes of NumPy, which defines them; float64 has no part in it."""
    if not evidence.is_integer:
        return
    num_steps = min(_DEFINED_STEPS, len(evidence.x))
    name = f"{num_steps:,} carried steps = {INTEGER_NUMERICS} in NumPy, bit for bit"
    yield evidence.as_defined(name, num_steps)
