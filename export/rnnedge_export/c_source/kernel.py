"""The header of kernels that generated sources include, put together of its parts."""

from __future__ import annotations

from pathlib import Path

PARTS = Path(__file__).with_name("parts")

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


def f32_header() -> str:
    """The text of `rnnedge_f32.h`."""
    return join_parts("RNNEDGE_F32_H", _F32_PURPOSE, _F32_PARTS)


def join_parts(guard: str, purpose: str, parts: tuple[str, ...]) -> str:
    """A header of the files `parts/*.inc.h` named, behind an include guard."""
    texts = [(PARTS / f"{part}.inc.h").read_text(encoding="utf-8") for part in parts]
    top = f"/* SPDX-License-Identifier: MIT */\n/*\n{purpose} */\n"
    opening = f"#ifndef {guard}\n#define {guard}\n"
    return "\n".join([top + opening, *texts, "#endif\n"])
