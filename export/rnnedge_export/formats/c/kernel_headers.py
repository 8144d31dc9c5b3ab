"""The header of kernels that generated sources include, put together of its parts."""

from __future__ import annotations

import re
from pathlib import Path

from rnnedge_runtime.numerics.w8a16 import TANH_BEND, TANH_SLOPE, TANH_VALUE
from rnnedge_runtime.numerics.w8a16_functions import EXP2_TABLE, LOG2_TABLE

KERNELS = Path(__file__).with_name("kernels")

F32_HEADER = "rnnedge_f32.h"
_F32_PARTS = (
    "guard",
    "f32_vectors",
    "f32_functions",
    "f32_products",
    "f32_cells",
    "f32_layers",
    "snapshot",
    "f32_readings",
    "time",
)
_F32_PURPOSE = """\
 * rnnedge: the layers of a model in the arithmetic f32.v1, for generated C sources.
 *
 * Every operation is rounded to float32 on its own, in the order written, so all compilers and
 * processors give the same bytes.  Each output is one chain: bias, then input terms, then
 * recurrent terms.  Vectors run over outputs, never along a sum.
 *
 * Weights lie as the loops read them: in panels of 16 outputs (for a cell 4 units, their gates
 * together), the bias first, then one row of the panel per input.
 *
 * Define RNNE_PLAIN_C to do without GNU vectors and assembly; the bytes stay the same.
"""

_FURTHER_PARTS = ("ranges", "f32_held", "f32_changes", "w8a16_held")
_SINGLE_DEFINITIONS = (
    *("f32_elementwise", "f32_graph"),
    *("w8a16_ports", "w8a16_curves", "w8a16_lru", "forecasts"),
)
"""Parts of which a source holds only those definitions that it calls."""
_DEFINED = re.compile(
    r"^(?:RNNE_(?:INLINE|FUNCTION) .*?|#define (?=RNNE_EACH))(\w+\()", re.MULTILINE
)
_MAY_BE_UNUSED = """\
#ifdef __GNUC__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
"""
_END_OF_UNUSED = """\
#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif
"""

W8A16_HEADER = "rnnedge_w8a16.h"
_W8A16_PARTS = ("arithmetic", "vectors", "functions", "products", "cells", "layers")
_W8A16_BORDER = ("readings", "states", "time")
_W8A16_PURPOSE = """\
 * rnnedge: the layers of a model in the arithmetic w8a16.v1, for generated C sources.
 *
 * Weights of 8 bits, values of 16, sums of 32; sums are exact, so their order is free.  All but
 * the section "between float and integers" is integers only.
 *
 * Matrices are in panels of 4 rows (of a cell: the same gate of 4 units), a panel in groups of
 * 4 columns, a group row by row: one load of 32 bits is a row's weights of columns 0 2 1 3, of
 * which even and odd bytes are the pairs that two multiplications take.  Gaps hold zeros.
 *
 * Define RNNE_PLAIN_C to do without assembly and vectors; the bytes stay the same.
"""


def f32_header() -> str:
    """The text of `rnnedge_f32.h`."""
    return join_parts("RNNEDGE_F32_H", _F32_PURPOSE, _F32_PARTS)


def further_kernels(functions: str) -> list[str]:
    """What `functions` call beside the headers; of version 1 of the spec they call nothing.

    It stands in the source itself, so the headers are the same for all models.
    """
    needed: list[str] = []
    definitions = [text for name in _SINGLE_DEFINITIONS for text in _definitions(name)]
    for part in reversed([*map(_part, _FURTHER_PARTS), *definitions]):
        callers = [functions, *needed]
        if any(call in text for call in _DEFINED.findall(part) for text in callers):
            needed.insert(0, part)
    return [_MAY_BE_UNUSED, *needed, _END_OF_UNUSED] if needed else []


def _definitions(name: str) -> list[str]:
    """The definitions of a part, each behind a guard of its own."""
    texts = []
    whole = _part(name)
    for place, table in _POWER_TABLES.items():
        whole = whole.replace(place, _rows_of([str(int(v)) for v in table], 8) + "\n")
    for text in whole.rstrip("\n").split("\n\n")[1:]:
        guard = f"RNNEDGE{_DEFINED.findall(text)[0].rstrip('(')[4:].upper()}"
        texts.append(f"#ifndef {guard}\n#define {guard}\n{text}\n#endif\n")
    return texts


def w8a16_header() -> str:
    """The text of `rnnedge_w8a16.h`; it includes `rnnedge_f32.h`."""
    names = [f"w8a16_{part}" for part in (*_W8A16_PARTS, *_W8A16_BORDER)]
    text = join_parts("RNNEDGE_W8A16_H", _W8A16_PURPOSE, tuple(names))
    return text.replace(_TABLES_HERE, _tanh_tables())


_TABLES_HERE = "/* TANH TABLES */\n"
_POWER_TABLES = {"/* LOG TABLE */\n": LOG2_TABLE, "/* EXP TABLE */\n": EXP2_TABLE}


def _tanh_tables() -> str:
    """Value and slope, then bend of the segments of tanh."""
    lines = [
        f"{{{value}, {slope}}}"
        for value, slope in zip(TANH_VALUE, TANH_SLOPE, strict=True)
    ]
    bends = [str(bend) for bend in TANH_BEND]
    size = len(bends)
    return (
        f"static const RNNE_ALIGNED int16_t rnne_q_line[{size}][2] = "
        f"{{\n{_rows_of(lines, 6)}}};\n"
        f"static const RNNE_ALIGNED int16_t rnne_q_bend[{size}] = "
        f"{{\n{_rows_of(bends, 16)}}};\n"
    )


def _rows_of(items: list[str], width: int) -> str:
    rows = [items[k : k + width] for k in range(0, len(items), width)]
    return ",\n".join("    " + ", ".join(row) for row in rows)


def join_parts(guard: str, purpose: str, parts: tuple[str, ...]) -> str:
    """A header of the files `kernels/*.inc.h` named, behind an include guard."""
    texts = [_part(part) for part in parts]
    top = f"/* SPDX-License-Identifier: MIT */\n/*\n{purpose} */\n"
    opening = f"#ifndef {guard}\n#define {guard}\n"
    return "\n".join([top + opening, *texts, "#endif\n"])


def _part(name: str) -> str:
    return (KERNELS / f"{name}.inc.h").read_text(encoding="utf-8")
