"""The exposition format 0.0.4 of Prometheus, written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@dataclass(frozen=True, slots=True)
class Sample:
    """One value.

    Attributes:
        value: as text.
        labels: by name.
        suffix: of the name of the family, such as `_bucket`.
    """

    value: str
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


def family(name: str, kind: str, about: str, samples: Iterable[Sample | float]) -> str:
    """One family with its samples; numbers have no labels."""
    lines = [f"# HELP {name} {about}.", f"# TYPE {name} {kind}"]
    for sample in samples:
        if not isinstance(sample, Sample):
            lines.append(f"{name} {sample!r}")
            continue
        pairs = (f'{key}="{_escaped(text)}"' for key, text in sample.labels.items())
        labels = f"{{{','.join(pairs)}}}" if sample.labels else ""
        lines.append(f"{name}{sample.suffix}{labels} {sample.value}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.encode("utf-8", "replace").decode().translate(_ESCAPES)
