"""The public functions of a model in integers, around the statements of a step."""

from __future__ import annotations

import numpy as np

from rnnedge_runtime.backends.integer_inputs import IntegerInputs
from rnnedge_runtime.layers import Embedding
from rnnedge_runtime.metadata import Metadata
from rnnedge_runtime.quantised import QuantisedModel, parts

from .functions import (
    run_function,
    selftest_function,
    snapshot_functions,
    time_function,
)
from .integer_step import ON_STACK_Q, Carried, IntegerCode, limits, padded
from .interface import STATE_FIELD
from .naming import float_literal


def integer_functions(
    name: str, metadata: Metadata, model: QuantisedModel, code: IntegerCode
) -> str:
    """Definitions of all that the header declares.

    Args:
        name: the model's C identifier.
        metadata: the model, golden steps included.
        model: its integers.
        code: one step.
    """
    writer = _Functions(name, metadata, model, code)
    return "\n".join(writer.all())


def initial_inputs(model: QuantisedModel) -> list[int]:
    """`[I]` what stands for a missing input at first: the held value; 0 of derived ones."""
    spec = model.spec
    x = np.zeros(spec.input_size, np.float32)
    x[: spec.num_features] = spec.state[-1].initial_array()
    return [int(value) for value in IntegerInputs(model).to_integers(x)]


def row_fields(model: QuantisedModel) -> tuple[STATE_FIELD, ...]:
    """The buffer of `NAME_step` for `x`, where it is too large for the stack."""
    size = model.spec.input_size
    if not model.is_integer_only or size <= ON_STACK_Q:
        return ()
    return (("int16_t", "x_q", padded(size)),)


class _Functions:
    def __init__(
        self, name: str, metadata: Metadata, model: QuantisedModel, code: IntegerCode
    ) -> None:
        self.name = name
        self.metadata = metadata
        self.model = model
        self.spec = model.spec
        self.code = code
        self.has_integer_inputs = parts(model.spec, model.kept)[0].is_first
        self.first = model.spec.layers[0]
        self.can_reject = any(f.missing == "reject" for f in self.spec.features)

    def all(self) -> list[str]:
        functions = [self.reset()]
        if self.model.is_integer_only:
            functions += [self.quantise(), self.dequantise()]
            functions += [self.advance(), self.step_q(), self.step_around()]
        else:
            functions.append(self.step())
        functions += [run_function(self.name, self.spec), *self.snapshots()]
        if self.has_integer_inputs:
            is_called = self.model.is_integer_only or self.spec.derived
            functions += [self.time_q()] if is_called else []
            functions.append(self.time())
        else:
            functions.append(time_function(self.name, self.spec))
        return [*functions, *selftest_function(self.name, self.metadata)]

    def reset(self) -> str:
        if self.has_integer_inputs:
            held = [str(v) for v in initial_inputs(self.model)]
        else:
            held = [float_literal(v) for v in self.spec.state[-1].initial_array()]
        initial = "".join(
            f"    s->held[{k}] = {value};\n"
            for k, value in enumerate(held[: self.spec.num_features])
            if value not in ("0", "0.0f")
        )
        return f"""\
RNNE_PUBLIC void {self.name}_reset({self.name}_state *s)
{{
    uint8_t *const bytes = (uint8_t *)s;
    size_t i;
    for (i = 0; i < sizeof *s; i++)
        bytes[i] = 0;
{initial}}}
"""

    def quantise(self) -> str:
        name = self.name
        if isinstance(self.first, Embedding):
            call = f"rnne_q_quantise_token({self.first.num_embeddings}.0f, x, q);"
        else:
            arrays = f"{name}_input_shift, {name}_input_rate"
            call = f"rnne_q_quantise({self.spec.input_size}, {arrays}, x, q);"
        return f"""\
RNNE_PUBLIC void {name}_quantise(const float *x, int16_t *q)
{{
    {call}
}}
"""

    def dequantise(self) -> str:
        name = self.name
        arrays = f"{name}_output_step, {name}_output_shift"
        return f"""\
RNNE_PUBLIC void {name}_dequantise(const int16_t *q, float *y)
{{
    rnne_q_leave({self.spec.output_size}, {arrays}, q, y);
}}
"""

    def advance(self) -> str:
        name = self.name
        head = (
            f"static RNNE_PUBLIC int {name}_advance({name}_state *s, const int16_t *x)"
        )
        return self.body(head, "rnne_q_is_rejected")

    def step_q(self) -> str:
        name = self.name
        return f"""\
RNNE_PUBLIC int {name}_step_q({name}_state *s, const int16_t *x, int16_t *y)
{{
    if ({name}_advance(s, x))
        return 1;
    rnne_q_copy({self.spec.output_size}, {self.code.result}, y);
    return 0;
}}
"""

    def step(self) -> str:
        name = self.name
        head = f"RNNE_PUBLIC int {name}_step({name}_state *s, const float *x, float *y)"
        return self.body(head, "rnne_f32_is_rejected")

    def body(self, head: str, is_rejected: str) -> str:
        check = []
        if self.can_reject:
            num = self.spec.num_features
            check = [
                f"if ({is_rejected}({num}, {self.name}_rejects, x))",
                "    return 1;",
            ]
        lines = [*self.code.declarations, *check, *self.code.lines]
        text = "\n".join(f"    {line}" for line in lines)
        return f"""\
{head}
{{
{text}
    s->num_steps++;
    return 0;
}}
"""

    def step_around(self) -> str:
        name = self.name
        is_large = bool(row_fields(self.model))
        declaration = "" if is_large else f"    int16_t x_q[{self.spec.input_size}];\n"
        x = "s->x_q" if is_large else "x_q"
        return f"""\
RNNE_PUBLIC int {name}_step({name}_state *s, const float *x, float *y)
{{
{declaration}    {name}_quantise(x, {x});
    if ({name}_advance(s, {x}))
        return 1;
    {name}_dequantise({self.code.result}, y);
    return 0;
}}
"""

    def snapshots(self) -> list[str]:
        after = "".join(f"    {line}\n" for line in self.code.after_restore)
        carried = self.code.carried
        return snapshot_functions(
            self.name,
            self.metadata,
            [item.size for item in carried],
            [self.put(item) for item in carried],
            [self.get(item) for item in carried],
            after,
        )

    def put(self, item: Carried) -> str:
        values = f"at, s->{item.name}, {item.size}"
        if item.c_type == "float":
            return f"rnne_f32_put_tensor({values})"
        if item.is_held:
            name = self.name
            return f"rnne_q_put_held({values}, {name}_input_step, {name}_input_shift)"
        width = "16" if item.c_type == "int16_t" else "32"
        return f"rnne_q_put_{width}({values}, {item.bits})"

    def get(self, item: Carried) -> str:
        values = f"at, s->{item.name}, {item.size}"
        if item.c_type == "float":
            return f"rnne_f32_get_tensor({values}, {int(item.is_held)})"
        if item.is_held and isinstance(self.first, Embedding):
            rows = self.first.num_embeddings
            return f"rnne_q_get_token(at, s->held, {rows}.0f)"
        if item.is_held:
            low, high = limits(self.model, self.name)
            arrays = f"{self.name}_input_shift, {self.name}_input_rate, {low}, {high}"
            return f"rnne_q_get_held({values}, {arrays})"
        width = "16" if item.c_type == "int16_t" else "32"
        return f"rnne_q_get_{width}({values}, {item.bits})"

    def time_q(self) -> str:
        name = self.name
        calls = "".join(
            f"    rnne_q_sin_cos(unix_time_s, {item.period_s}u, {item.offset_s}, "
            f"{name}_turn_gain + {2 * k}, {name}_turn_offset + {2 * k}, out + {2 * k});\n"
            for k, item in enumerate(self.spec.derived)
        )
        unused = "    (void)unix_time_s;\n    (void)out;\n"
        static = "" if self.model.is_integer_only else "static "
        return f"""\
{static}RNNE_PUBLIC void {name}_time_q(int64_t unix_time_s, int16_t *out)
{{
{calls or unused}}}
"""

    def time(self) -> str:
        name, num = self.name, 2 * len(self.spec.derived)
        start = self.spec.num_features
        body = "    (void)unix_time_s;\n    (void)out;\n"
        if num:
            arrays = f"{name}_input_step + {start}, {name}_input_shift + {start}"
            body = (
                f"    int16_t q[{num}];\n"
                f"    {name}_time_q(unix_time_s, q);\n"
                f"    rnne_q_values({num}, {arrays}, q, out);\n"
            )
        return f"""\
RNNE_PUBLIC void {name}_time(int64_t unix_time_s, float *out)
{{
{body}}}
"""
