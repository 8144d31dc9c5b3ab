"""The public functions of a model in integers, around the statements of a step."""

from __future__ import annotations

import numpy as np

from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.layers import Embedding
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.w8a16_inputs import IntegerInputs

from ..forecasts import integer_forecast_lines
from ..functions import (
    float_rejection,
    held_at_first,
    reset_function,
    run_function,
    selftest_function,
    snapshot_functions,
    step_function,
    time_function,
    time_of,
)
from ..interface import STATE_FIELD
from ..ranges import has_ranges
from ..writers.arrays import padded
from ..writers.w8a16_writer import Carried, limits, quantise_lines
from .layers import ON_STACK_Q, IntegerCode


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
    if model.holds_readings:
        return (("int32_t", "x_q", size),)
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
        self.has_integer_inputs = model.roles[0].is_first
        self.first = model.spec.layers[0]
        self.holds_readings = model.holds_readings
        self.integer = "int32_t" if model.holds_readings else "int16_t"
        self.width = "_32" if model.holds_readings else ""

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
        held = held_at_first(self.spec)
        if self.has_integer_inputs:
            held = [str(v) for v in initial_inputs(self.model)[: len(held)]]
        return reset_function(self.name, held)

    def quantise(self) -> str:
        name = self.name
        lines = quantise_lines(self.model, name, "q")
        body = "\n".join(f"    {line}" for line in lines)
        return f"""\
RNNE_PUBLIC void {name}_quantise(const float *x, {self.integer} *q)
{{
{body}
}}
"""

    def dequantise(self) -> str:
        name = self.name
        arrays = f"{name}_output_step, {name}_output_shift"
        return f"""\
RNNE_PUBLIC void {name}_dequantise(const {self.integer} *q, float *y)
{{
    rnne_q_leave{self.width}({self.spec.output_size}, {arrays}, q, y);
}}
"""

    def advance(self) -> str:
        name = self.name
        head = (
            f"static RNNE_PUBLIC int {name}_advance"
            f"({name}_state *s, const {self.integer} *x)"
        )
        rejects, bounds = f"{name}_rejects", "NULL, NULL"
        if has_ranges(self.spec):
            bounds = f"{name}_least, {name}_most"
        elif not self.holds_readings:
            return self.body(head, "rnne_q_is_rejected", rejects)
        call = f"rnne_q_is_ruled_out{self.width}"
        return self.body(head, call, f"{rejects}, {bounds}")

    def step_q(self) -> str:
        name, q, copy = self.name, self.integer, "copy"
        if self.holds_readings:
            copy = "copy_32" if self.code.is_wide else "widen"
        return f"""\
RNNE_PUBLIC int {name}_step_q({name}_state *s, const {q} *x, {q} *y)
{{
    if ({name}_advance(s, x))
        return 1;
    rnne_q_{copy}({self.spec.output_size}, {self.code.result}, y);
    return 0;
}}
"""

    def step(self) -> str:
        name = self.name
        head = f"RNNE_PUBLIC int {name}_step({name}_state *s, const float *x, float *y)"
        return self.body(head, *float_rejection(name, self.spec))

    def body(self, head: str, *rejection: str) -> str:
        call, given = rejection
        code = self.code
        kept = integer_forecast_lines(self.model, self.name, code.result)
        return step_function(
            head, self.spec, (call, given), code.declarations, [*code.lines, *kept]
        )

    def step_around(self) -> str:
        name = self.name
        is_large = bool(row_fields(self.model))
        size = self.spec.input_size
        declaration = "" if is_large else f"    {self.integer} x_q[{size}];\n"
        x = "s->x_q" if is_large else "x_q"
        leave = f"{name}_dequantise({self.code.result}, y)"
        if self.holds_readings and not self.code.is_wide:
            arrays = f"{name}_output_step, {name}_output_shift"
            num = self.spec.output_size
            leave = f"rnne_q_leave({num}, {arrays}, {self.code.result}, y)"
        return f"""\
RNNE_PUBLIC int {name}_step({name}_state *s, const float *x, float *y)
{{
{declaration}    {name}_quantise(x, {x});
    if ({name}_advance(s, {x}))
        return 1;
    {leave};
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
        arrays = f"{self.name}_input_step, {self.name}_input_shift"
        if item.sources:
            values = f"at, s->{item.name}, {item.size - 1}, {item.sources}"
            return f"rnne_q_put_changes({values}, {arrays})"
        if item.is_held:
            kind = "readings" if self.holds_readings else "held"
            return f"rnne_q_put_{kind}({values}, {arrays})"
        width = "16" if item.c_type == "int16_t" else "32"
        return f"rnne_q_put_{width}({values}, {item.bits})"

    def get(self, item: Carried) -> str:
        values = f"at, s->{item.name}, {item.size}"
        if item.c_type == "float":
            return f"rnne_f32_get_tensor({values}, {int(item.is_held)})"
        arrays = f"{self.name}_input_shift, {self.name}_input_rate"
        ends = f"{self.name}_reading_low, {self.name}_reading_high"
        if item.sources:
            values = f"at, s->{item.name}, {item.size - 1}, {item.sources}"
            return f"rnne_q_get_changes({values}, {arrays}, {ends})"
        if item.is_held and self.holds_readings:
            return f"rnne_q_get_readings({values}, {arrays}, {ends})"
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
        is_wrapped = self.holds_readings and self.model.is_integer_only
        static = "" if self.model.is_integer_only and not is_wrapped else "static "
        turn = time_of(f"void {self.turn}", "int16_t", calls)
        if not is_wrapped:
            return static + turn
        num = 2 * len(self.spec.derived)
        widened = self.through_turn(f"    rnne_q_widen({num}, q, out);\n")
        wrapper = time_of(f"void {name}_time_q", "int32_t", widened)
        return f"{static + turn if num else ''}\n{wrapper}"

    def through_turn(self, then: str) -> str:
        """Derived inputs as int16 in `q`, and what is done with them; "" of none."""
        num = 2 * len(self.spec.derived)
        call = f"    int16_t q[{num}];\n    {self.turn}(unix_time_s, q);\n{then}"
        return call if num else ""

    @property
    def turn(self) -> str:
        """The function that gives derived inputs as int16."""
        return f"{self.name}_turn" if self.holds_readings else f"{self.name}_time_q"

    def time(self) -> str:
        name, num = self.name, 2 * len(self.spec.derived)
        start = self.spec.num_features
        arrays = f"{name}_input_step + {start}, {name}_input_shift + {start}"
        calls = self.through_turn(f"    rnne_q_values({num}, {arrays}, q, out);\n")
        return time_of(f"void {name}_time", "float", calls)
