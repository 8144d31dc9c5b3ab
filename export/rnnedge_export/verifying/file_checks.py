"""Checks of what stands in the file: whole, its recorded steps, its arithmetic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..compare.carrying import carry
from ..compare.runs import Array, first_difference, step_through, take_steps
from ..quantise.judgement import StoredJudgement
from .check import Check, found
from .evidence import Evidence, shaken_limits


def integrity(evidence: Evidence) -> Iterator[Check]:
    """`load` has refused everything else."""
    nbytes = evidence.path.stat().st_size
    detail = f"{evidence.format.checksum} of {nbytes:,} bytes"
    yield evidence.check("file is whole", True, detail=detail)


def javascript(evidence: Evidence) -> Iterator[Check]:
    """That of WebAssembly, which `load` has refused when it is another."""
    name = "JavaScript is its own"
    missing = evidence.format.missing_beside(evidence.path)
    if missing:
        yield evidence.not_checked(name, f"no {', '.join(missing)} beside it")
    elif missing is not None:
        yield evidence.check(name, True, detail="SHA-256")


def golden_steps(evidence: Evidence) -> Iterator[Check]:
    """The artifact still gives the outputs recorded in it."""
    golden = evidence.model.golden
    name = f"{len(golden.x)} golden steps"
    if evidence.is_bitwise:
        y = step_through(evidence.engine, evidence.spec, golden.x)
        step = first_difference(y, golden.y)
        where = (
            "the recorded bytes" if step is None else f"differs first at step {step}"
        )
        yield evidence.check(f"{name}, bit for bit", step is None, detail=where)
        return
    y, taken = take_steps(evidence.engine, evidence.spec, golden.x)
    recorded = evidence.model.metadata.limits
    if recorded is not None:
        limits: Array = recorded.golden
    elif evidence.judge is not None:
        limits = 2 * carry(evidence.judge.exact, golden.x, taken).limits
    else:
        limits = shaken_limits(evidence.engine, evidence.spec, golden.x, y)
        limits = np.maximum(limits, evidence.limits)
    yield evidence.close(name, y, golden.y, limits)


def judged_at_export(evidence: Evidence) -> Iterator[Check]:
    """What an int8 export found is within the limit it was given."""
    stored = evidence.stored_judgement
    if stored is None:
        return
    name, detail, worst = "judged at export", judgement_text(stored), stored.worst
    if worst is None:
        yield evidence.not_checked(name, detail)
        return
    figures = worst.found, worst.allowed
    yield found(evidence.model.name, name, stored.is_within, figures, detail)


def judgement_text(stored: StoredJudgement) -> str:
    """What was judged of the output nearest to its limit, and on what."""
    worst = stored.worst
    if worst is None:
        return f"no output could be scored on {stored.judged_on}"
    what = (
        f"rise of the error of {worst.name}"
        if stored.rule == "error"
        else f"mean difference of {worst.name} from float"
    )
    return f"{what} on {stored.judged_on}, limit {100 * stored.max_loss:g} %"


def compiled(evidence: Evidence) -> Iterator[Check]:
    """A program gives the bytes of its arithmetic in NumPy."""
    kind, numerics = evidence.format, evidence.model.metadata.numerics
    if not kind.is_compiled:
        return
    name = (
        f"{len(evidence.x):,} carried steps in {kind.title} = {numerics}, bit for bit"
    )
    tool, missing = kind.find_tool()
    if missing:
        yield evidence.not_checked(name, missing)
        return
    yield evidence.as_defined(name, len(evidence.x), tool)


def long_run(evidence: Evidence) -> Iterator[Check]:
    """The recorded digest of a long run, where the artifact has one."""
    if not evidence.is_bitwise:
        return
    proof = evidence.format.read_long_run(evidence.path, evidence.spec)
    if proof is not None:
        is_equal = proof.is_repeated_by(evidence.engine, evidence.spec)
        name = f"{proof.num_steps:,} generated steps, bit for bit"
        detail = f"SHA-256 {proof.sha256.hex()[:12]}"
        yield evidence.check(name, is_equal, detail=detail)
