"""C source of a model, as an image takes it in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.files import check_is_file, read_file

from .job import Shape

_RESET = re.compile(r"\bvoid (\w+)_reset\(")
_SIZES = ("INPUT_SIZE", "OUTPUT_SIZE", "SNAPSHOT_NBYTES")


@dataclass(frozen=True, slots=True)
class CSource:
    """A generated NAME.c and what the runner must know of it.

    Attributes:
        name: prefix of its functions; the macros have it in upper case.
        path: NAME.c; its headers are in the same folder.
        shape: sizes of its rows and snapshot.
        has_integers: whether it has NAME_step_q, a step without any float operation.
        is_wide: whether that takes and gives int32, not int16.
    """

    name: str
    path: Path
    shape: Shape
    has_integers: bool = False
    is_wide: bool = False

    @property
    def suffix(self) -> str:
        """Of the names of macros that step it (support/runner.h, support/gauge.h)."""
        if not self.has_integers:
            return ""
        return "_Q32" if self.is_wide else "_Q"


def read_source(path: Path) -> CSource:
    """A generated NAME.c; what it declares is in the header beside it.

    Raises:
        FormatError: source or header is not there, or not a generated one.
    """
    check_is_file(path)
    header = path.with_suffix(".h")
    check_is_file(header)
    text = read_file(header).decode(errors="replace")
    found = _RESET.search(text)
    sizes = [re.search(rf"#define \w+_{size} (\d+)", text) for size in _SIZES]
    if found is None or not all(sizes):
        raise FormatError(
            f"{header}: it does not declare the functions and sizes of a generated model. "
            "Pass NAME.c as `rnnedge export --format c` wrote it, its header beside it."
        )
    values = [int(size[1]) for size in sizes if size]
    has_integers = re.search(rf"\bint {found[1]}_step_q\(", text) is not None
    is_wide = re.search(rf"\bvoid {found[1]}_time_q\(int64_t \w+, int32_t", text)
    shape = Shape(*values)
    return CSource(found[1], path.resolve(), shape, has_integers, is_wide is not None)
