"""The public functions of `NAME.c`, around the statements of a step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.numerics.f32 import flush
from rnnedge_runtime.spec.model_spec import ModelSpec

from .forecasts import forecast_lines
from .literals import float_array, float_literal, integer_array
from .ranges import has_ranges

Tensor = tuple[str, int, bool]
"""Name in the state, number of values, whether it holds readings."""


def public_functions(
    name: str,
    metadata: Metadata,
    tensors: Sequence[Tensor],
    declarations: Sequence[str],
    step: Sequence[str],
) -> str:
    """Definitions of all that `interface_text` declares.

    Args:
        name: the model's C identifier.
        metadata: the model, golden steps included.
        tensors: of the state, in the order of snapshots.
        declarations: of the buffers of a step.
        step: statements from `x` to `y`.
    """
    spec = metadata.spec
    head = f"RNNE_PUBLIC int {name}_step({name}_state *s, const float *x, float *y)"
    rejection = float_rejection(name, spec)
    functions = [
        *start_arrays(name, spec),
        reset_function(name, held_at_first(spec), starts_of(name, spec)),
        step_function(
            head, spec, rejection, declarations, [*step, *forecast_lines(spec)]
        ),
        run_function(name, spec),
        *_snapshots(name, metadata, tensors),
        time_function(name, spec),
        *selftest_function(name, metadata),
    ]
    return "\n".join(functions)


def held_at_first(spec: ModelSpec) -> list[str]:
    """The readings held before the first step, as literals."""
    return [float_literal(value) for value in spec.state[-1].initial_array()]


def _started(spec: ModelSpec) -> list[tuple[str, NDArray[np.float32]]]:
    """Name and first values of the tensors that do not start at zero."""
    named = ((e.name, flush(e.initial_array().ravel())) for e in spec.graph_state)
    return [(name, values) for name, values in named if values.any()]


def start_arrays(name: str, spec: ModelSpec) -> list[str]:
    """What states start with that do not start at zero."""
    return [
        float_array(f"{name}_{field}_start", values) for field, values in _started(spec)
    ]


def starts_of(name: str, spec: ModelSpec) -> str:
    """The statements that put `start_arrays` into a state of zeros."""
    return "".join(
        f"    rnne_f32_copy({len(values)}, {name}_{field}_start, s->{field});\n"
        for field, values in _started(spec)
    )


def reset_function(name: str, held: Sequence[str], starts: str = "") -> str:
    """`NAME_reset`; `held`: literals of the readings held at first."""
    initial = "".join(
        f"    s->held[{k}] = {value};\n"
        for k, value in enumerate(held)
        if value not in ("0", "0.0f")
    )
    return f"""\
RNNE_PUBLIC void {name}_reset({name}_state *s)
{{
    uint8_t *const bytes = (uint8_t *)s;
    size_t i;
    for (i = 0; i < sizeof *s; i++)
        bytes[i] = 0;
{starts}{initial}}}
"""


def step_function(
    head: str,
    spec: ModelSpec,
    rejection: tuple[str, str],
    declarations: Sequence[str],
    step: Sequence[str],
) -> str:
    """A function that advances the state by a step, or refuses a row.

    Args:
        head: its return type, name and parameters.
        spec: the model.
        rejection: what says whether a row is refused, and what it is given beside it.
        declarations: of the buffers.
        step: statements.
    """
    call, given = rejection
    check = [f"if ({call}({spec.num_features}, {given}, x))", "    return 1;"]
    lines = [*declarations, *(check if can_reject(spec) else ()), *step]
    body = "\n".join(f"    {line}" for line in lines)
    return f"""\
{head}
{{
{body}
    s->num_steps++;
    return 0;
}}
"""


def can_reject(spec: ModelSpec) -> bool:
    """Whether any reading must not be missing."""
    return any(feature.missing == "reject" for feature in spec.features)


def float_rejection(name: str, spec: ModelSpec) -> tuple[str, str]:
    """The function that says whether a row is refused, and what it is given beside it."""
    rejects = f"{name}_rejects"
    if not has_ranges(spec):
        return "rnne_f32_is_rejected", rejects
    return "rnne_is_ruled_out", f"{rejects}, {name}_range_least, {name}_range_most"


def run_function(name: str, spec: ModelSpec) -> str:
    """`NAME_run`."""
    check = ""
    if can_reject(spec):
        row = f"xs + t * {spec.input_size}"
        call, given = float_rejection(name, spec)
        check = f"""\
    for (t = 0; t < n; t++)
        if ({call}({spec.num_features}, {given}, {row}))
            return 1;
"""
    return f"""\
RNNE_PUBLIC int {name}_run({name}_state *s, const float *xs, size_t n, float *ys)
{{
    size_t t;
{check}    for (t = 0; t < n; t++)
        {name}_step(s, xs + t * {spec.input_size}, ys + t * {spec.output_size});
    return 0;
}}
"""


def _snapshots(name: str, metadata: Metadata, tensors: Sequence[Tensor]) -> list[str]:
    return snapshot_functions(
        name,
        metadata,
        [size for _, size, _ in tensors],
        [f"rnne_f32_put_tensor(at, s->{field}, {size})" for field, size, _ in tensors],
        [
            f"rnne_f32_get_tensor(at, s->{field}, {size}, {int(is_held)})"
            for field, size, is_held in tensors
        ],
    )


def snapshot_functions(
    name: str,
    metadata: Metadata,
    sizes: Sequence[int],
    put: Sequence[str],
    get: Sequence[str],
    after: str = "",
) -> list[str]:
    """`NAME_save`, `NAME_seal` and `NAME_restore`.

    Args:
        name: the model's C identifier.
        metadata: the model.
        sizes: values of the tensors of a snapshot.
        put: per tensor the call that writes it at `at` and returns where the next goes.
        get: per tensor the call that reads it there.
        after: statements after the last was read, indented.
    """
    identity = bytes.fromhex(metadata.digest)[:16] + metadata.numerics.encode().ljust(
        16, b"\0"
    )
    check = [f"rnne_f32_check_tensor(at, end, {size})" for size in sizes]
    puts, checks, gets = (
        "".join(f"    at = {call};\n" for call in calls) for calls in (put, check, get)
    )
    return [
        integer_array("uint8_t", f"{name}_identity", list(identity)),
        f"""\
RNNE_PUBLIC void {name}_save(const {name}_state *s, void *snapshot)
{{
    uint8_t *const bytes = (uint8_t *)snapshot;
    uint8_t *at = rnne_begin_snapshot(bytes, {name}_identity, {len(sizes)}, s->num_steps);
{puts}    rnne_end_snapshot(bytes, at);
}}
""",
        f"""\
RNNE_PUBLIC void {name}_seal(void *snapshot)
{{
    uint8_t *const bytes = (uint8_t *)snapshot;
    rnne_end_snapshot(bytes, bytes + {name.upper()}_SNAPSHOT_NBYTES - 4);
}}
""",
        f"""\
RNNE_PUBLIC int {name}_restore({name}_state *s, const void *snapshot, size_t nbytes)
{{
    const uint8_t *const bytes = (const uint8_t *)snapshot, *at, *end;
    const int wrong = rnne_check_snapshot(bytes, nbytes, {name}_identity, {len(sizes)});
    if (wrong)
        return wrong;
    at = bytes + RNNE_SNAPSHOT_HEADER;
    end = bytes + nbytes - 4;
{checks}    if (at != end)
        return 1;
    at = bytes + RNNE_SNAPSHOT_HEADER;
{gets}{after}    s->num_steps = rnne_snapshot_steps(bytes);
    return 0;
}}
""",
    ]


def time_function(name: str, spec: ModelSpec) -> str:
    """`NAME_time` in float32."""
    calls = "".join(
        f"    rnne_sin_cos(unix_time_s, {item.period_s}u, {item.offset_s}, out + {2 * k});\n"
        for k, item in enumerate(spec.derived)
    )
    return time_of(f"void {name}_time", "float", calls)


def time_of(start: str, c_type: str, calls: str) -> str:
    """A function `start` that writes what `calls` make of a time; of none it does nothing."""
    unused = "    (void)unix_time_s;\n    (void)out;\n"
    return f"""\
RNNE_PUBLIC {start}(int64_t unix_time_s, {c_type} *out)
{{
{calls or unused}}}
"""


def selftest_function(name: str, metadata: Metadata) -> list[str]:
    """The golden steps and `NAME_selftest`."""
    spec, golden = metadata.spec, metadata.golden
    return [
        float_array(f"{name}_golden_x", golden.x),
        float_array(f"{name}_golden_y", golden.y),
        f"""\
RNNE_PUBLIC int {name}_selftest(void)
{{
    {name}_state s;
    float y[{spec.output_size}];
    int t, i;
    {name}_reset(&s);
    for (t = 0; t < {len(golden.x)}; t++) {{
        if ({name}_step(&s, {name}_golden_x + t * {spec.input_size}, y))
            return t + 1;
        for (i = 0; i < {spec.output_size}; i++)
            if (rnne_bits(y[i]) != rnne_bits({name}_golden_y[t * {spec.output_size} + i]))
                return t + 1;
    }}
    return 0;
}}
""",
    ]
