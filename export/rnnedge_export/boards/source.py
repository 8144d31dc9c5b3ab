"""C source of a model, as an image takes it in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .job import Shape


@dataclass(frozen=True, slots=True)
class CSource:
    """A generated NAME.c and what the runner must know of it.

    Attributes:
        name: prefix of its functions; the macros have it in upper case.
        path: NAME.c; its headers are in the same folder.
        shape: sizes of its rows and snapshot.
    """

    name: str
    path: Path
    shape: Shape
