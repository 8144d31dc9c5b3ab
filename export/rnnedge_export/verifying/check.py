"""What `verify` finds: checks of artifacts, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["passed", "failed", "not checked"]


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of one artifact.

    Attributes:
        artifact: file name.
        name: what was checked.
        outcome: `passed`, `failed` or `not checked`.
        figure: the largest difference found, in the unit of the output or as `detail`
            says; None where the check is not a number.
        limit: what it may be, in the same unit.
        detail: where, or why not.
    """

    artifact: str
    name: str
    outcome: Outcome
    figure: float | None = None
    limit: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All checks, in the order they were made."""

    checks: tuple[Check, ...]

    @property
    def has_failed(self) -> bool:
        """Whether any check failed; a check that could not be made has not."""
        return any(check.outcome == "failed" for check in self.checks)


def found(
    artifact: str,
    name: str,
    is_passed: bool,
    figures: tuple[float | None, float | None] = (None, None),
    detail: str = "",
) -> Check:
    """A check that was made; `figures` are the difference and what it may be."""
    outcome: Outcome = "passed" if is_passed else "failed"
    return Check(artifact, name, outcome, *figures, detail)
