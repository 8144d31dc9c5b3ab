"""Names and texts as C takes them: identifiers, comments, literals."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import SpecError

KERNEL_PREFIX = "rnnedge"
_PER_LINE = 8
# C99 to C23 with those C++ has too, then what glibc, newlib and picolibc include in them.
_STANDARD_HEADERS = (
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp "
    "signal stdalign stdarg stdatomic stdbit stdbool stdckdint stddef stdint stdio stdlib "
    "stdnoreturn string tgmath threads time uchar wchar wctype "
    "alloca endian features ieeefp newlib picolibc strings"
)


def c_identifier(name: str) -> str:
    """`name` as the start of C identifiers: `my-model 2` becomes `my_model_2`.

    Only ASCII letters, digits and single underscores inside stay; a name that does not start
    with a letter gets `model_` in front. Keywords need no care: the result is only used in
    front of `_step` and the like.

    Raises:
        SpecError: the files would have the names of our own or of standard headers.
    """
    words = re.sub(r"[^0-9A-Za-z]+", "_", name).strip("_")
    if not words or not words[0].isalpha():
        words = f"model_{words}".rstrip("_")
    if words.lower().startswith((KERNEL_PREFIX, "rnne_")):
        raise SpecError(
            f"export to C: the name '{name}' is kept for rnnedge's own headers. "
            "Choose another with name= (`--name`)."
        )
    if words.lower() in _STANDARD_HEADERS.split():
        raise SpecError(
            f"export to C: the name '{name}' would hide <{words.lower()}.h> of the C library. "
            "Choose another with name= (`--name`)."
        )
    return words


def comment_text(text: str) -> str:
    """`text` as it may stand in a comment: nothing ends it, splices lines or hides."""
    shown = "".join(
        c if c == " " or unicodedata.category(c)[0] not in "CZ" else f"<{ord(c):04x}>"
        for c in text
    )
    for odd in ("*/", "/*", "??"):
        shown = shown.replace(odd, f"{odd[0]} {odd[1]}")
    return shown.rstrip("\\")


def comment(lines: Iterable[str]) -> str:
    """A block comment; lines of it are shortened to safe text."""
    body = "\n".join(f" * {comment_text(line)}".rstrip() for line in lines)
    return f"/*\n{body}\n */\n"


def float_literal(value: float | np.floating) -> str:
    """Nine digits, which give back the same float32; hexadecimal is not C++11."""
    digits = f"{float(value):.9g}"
    return digits + ("f" if "." in digits or "e" in digits else ".0f")


def float_array(
    name: str, values: NDArray[np.float32], *, is_public: bool = False
) -> str:
    """The definition of a constant array; `is_public`: a header declares it."""
    items = [float_literal(value) for value in values.ravel()]
    return _array("float", name, items, is_public=is_public)


def integer_array(c_type: str, name: str, values: Sequence[int]) -> str:
    """The definition of a constant array of `uint8_t`, `uint32_t` and such."""
    suffix = "u" if c_type.startswith("u") else ""
    return _array(c_type, name, [f"{value}{suffix}" for value in values])


def _array(
    c_type: str, name: str, items: Sequence[str], *, is_public: bool = False
) -> str:
    lines = [items[k : k + _PER_LINE] for k in range(0, len(items), _PER_LINE)]
    body = ",\n".join("    " + ", ".join(line) for line in lines)
    static = "" if is_public else "static "
    return f"{static}const {c_type} {name}[{len(items)}] = {{\n{body}}};\n"
