"""Checks of what stands in the file: whole, its recorded steps, its arithmetic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..compare.runs import (
    Array,
    first_difference,
    run_through,
    step_through,
    take_steps,
)
from ..formats.c.loading import is_c_source
from ..formats.c.running import BACKEND as C_BACKEND
from ..formats.c.running import find_compiler, no_compiler
from ..formats.registry import read_parameters
from ..formats.rnne.long_run import read_long_run
from ..formats.rnne.writing import numpy_engine_of
from ..formats.wasm.reading import is_wasm, missing_javascript
from ..formats.wasm.running import BACKEND as WASM_BACKEND
from .check import Check
from .evidence import Evidence
from .judge import shaken_limits


def integrity(evidence: Evidence) -> Iterator[Check]:
    """`load` has refused everything else."""
    path = evidence.path
    checksum = "CRC32" if path.suffix == ".rnne" else "SHA-256"
    detail = f"{checksum} of {path.stat().st_size:,} bytes"
    yield evidence.check("file is whole", True, detail=detail)


def javascript(evidence: Evidence) -> Iterator[Check]:
    """That of WebAssembly, which `load` has refused when it is another."""
    if not is_wasm(evidence.path):
        return
    name = "JavaScript is its own"
    if missing := missing_javascript(evidence.path):
        yield evidence.not_checked(name, f"no {', '.join(missing)} beside it")
    else:
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
        limits = 2 * evidence.judge.carry(golden.x, taken).limits
    else:
        limits = shaken_limits(evidence.engine, evidence.spec, golden.x, y)
        limits = np.maximum(limits, evidence.limits)
    yield evidence.close(name, y, golden.y, limits)


def compiled(evidence: Evidence) -> Iterator[Check]:
    """A compiled C source, or WebAssembly in node, gives the reference's bytes."""
    path = evidence.path
    if not is_c_source(path) and not is_wasm(path):
        return
    title = "WebAssembly" if is_wasm(path) else "C"
    numerics = evidence.model.metadata.numerics
    name = f"{len(evidence.x):,} carried steps in {title} = {numerics}, bit for bit"
    if evidence.engine.backend not in (C_BACKEND, WASM_BACKEND):
        yield evidence.not_checked(name, no_compiler())
        return
    defined = numpy_engine_of(evidence.spec, read_parameters(path))
    expected = run_through(defined, evidence.spec, evidence.x)
    step = first_difference(evidence.y, expected)
    detail = "node" if is_wasm(path) else " ".join(find_compiler())
    if step is not None:
        detail = f"differs first at step {step} ({detail})"
    yield evidence.check(name, step is None, detail=detail)


def long_run(evidence: Evidence) -> Iterator[Check]:
    """The recorded digest of a long run, where the artifact has one."""
    if not evidence.is_bitwise or evidence.path.suffix.lower() != ".rnne":
        return
    proof = read_long_run(evidence.path, evidence.spec)
    if proof is not None:
        is_equal = proof.is_repeated_by(evidence.engine, evidence.spec)
        name = f"{proof.num_steps:,} generated steps, bit for bit"
        detail = f"SHA-256 {proof.sha256.hex()[:12]}"
        yield evidence.check(name, is_equal, detail=detail)
