"""`NAME.h`: what a generated model offers, whatever its arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnedge_runtime.spec.model_spec import ModelSpec

from .ranges import has_ranges

STATE_FIELD = tuple[str, str, int]
"""C type, name and number of elements of an array in the state."""

SNAPSHOT_HEADER_NBYTES = 48
TENSOR_HEADER_NBYTES = 8

_MISSING = """\
 * A reading that is NaN or infinite is missing. Returns 0, or 1 when a reading is missing that
 * must not be: then s and y are as before. It allocates nothing and calls nothing outside.
"""
_PLAUSIBLE_MISSING = """\
 * A reading that is NaN, infinite or not plausible is missing. Returns 0, or 1 when one is
 * missing that must not be: then s and y are as before. It allocates nothing and calls nothing
 * outside.
"""


def snapshot_nbytes(spec: ModelSpec) -> int:
    """Size of a snapshot of float32."""
    sizes = [entry.size for entry in spec.state]
    headers = SNAPSHOT_HEADER_NBYTES + TENSOR_HEADER_NBYTES * len(sizes)
    return headers + 4 * sum(sizes) + 4


def state_places(spec: ModelSpec) -> dict[str, int]:
    """Where the values of each state tensor begin in a snapshot, in bytes, by name."""
    places = {}
    at = SNAPSHOT_HEADER_NBYTES
    for entry in spec.state:
        places[entry.name] = at + TENSOR_HEADER_NBYTES
        at += TENSOR_HEADER_NBYTES + 4 * entry.size
    return places


def state_constants(upper: str, spec: ModelSpec) -> str:
    """`NAME_H_0_AT`, `NAME_H_0_SIZE` and so on."""
    places = state_places(spec)
    return "".join(
        f"#define {upper}_{entry.name.upper()}_AT {places[entry.name]}\n"
        f"#define {upper}_{entry.name.upper()}_SIZE {entry.size}\n"
        for entry in spec.state
    )


def interface_text(
    name: str, spec: ModelSpec, fields: Sequence[STATE_FIELD], extra: str = ""
) -> str:
    """The declarations of a generated header, behind its comment.

    Args:
        name: the model's C identifier.
        spec: its description.
        fields: arrays of the state, carried ones first.
        extra: further declarations.
    """
    upper = name.upper()
    members = "".join(f"    {c_type} {field}[{n}];\n" for c_type, field, n in fields)
    return f"""\
#ifndef {upper}_H
#define {upper}_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define {upper}_INPUT_SIZE {spec.input_size}
#define {upper}_OUTPUT_SIZE {spec.output_size}
#define {upper}_NUM_FEATURES {spec.num_features}
#define {upper}_NUM_DERIVED {len(spec.derived)}
#define {upper}_SNAPSHOT_NBYTES {snapshot_nbytes(spec)}

/* One stream; put it where you like. Start it with {name}_reset(). */
typedef struct {name}_state {{
    uint64_t num_steps;
{members}}} {name}_state;

/* The state before the first step. */
void {name}_reset({name}_state *s);

/*
 * Advances s by one step: x in the units above, y written in full; they may be the same memory.
{_PLAUSIBLE_MISSING if has_ranges(spec) else _MISSING}\
 */
int {name}_step({name}_state *s, const float *x, float *y);

/* The same as n calls of {name}_step() with rows of xs [n * inputs] and ys [n * outputs]. */
int {name}_run({name}_state *s, const float *xs, size_t n, float *ys);

/* Writes {upper}_SNAPSHOT_NBYTES bytes, which any rnnedge runtime of this model restores. */
void {name}_save(const {name}_state *s, void *snapshot);

/*
 * Returns 0, or why s is as before: 1 not a snapshot, cut short or changed, 2 of a newer
 * version, 3 of another model.
 */
int {name}_restore({name}_state *s, const void *snapshot, size_t nbytes);

/*
 * The state by name: each tensor is {upper}_..._SIZE float32, little-endian, from byte
 * {upper}_..._AT of a snapshot on. To set one, write it there, then call {name}_seal() and
 * {name}_restore().
 */
{state_constants(upper, spec)}\

/* Makes a snapshot whose tensors were written to whole again. */
void {name}_seal(void *snapshot);

/* The sines and cosines at the end of x, if any: out is x + {upper}_NUM_FEATURES. */
void {name}_time(int64_t unix_time_s, float *out);

/* Repeats the steps recorded at export: 0, or the number of the first that differs, from 1. */
int {name}_selftest(void);
{extra}
#ifdef __cplusplus
}}
#endif

#endif
"""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Parts of the two files of a model.

    Attributes:
        fields: arrays of the state.
        kernels: headers of kernels by file name, the one to include first.
        content: of the description, beside what that of every model holds.
        arrays: definitions of the constants.
        functions: definitions of the functions.
        declarations: further ones of the header.
    """

    fields: Sequence[STATE_FIELD]
    kernels: Mapping[str, str]
    content: Mapping[str, Any]
    arrays: Sequence[str]
    functions: str
    declarations: str = ""
