"""Every tolerance of the project, with its reason."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

VERIFY_STEPS = 10_000
"""Carried steps of the stream on which an export proves itself."""

GOLDEN_STEPS = 64
"""Recorded steps that every artifact carries."""

IMPORT_STEPS = 1_000
"""Carried steps on which an imported model is compared with the program that wrote it."""

IMPORT_ERROR = 1e-5
"""What it may differ by there, in parts of its largest output or of 1: float32 of two programs
that add up in different orders, through a state that forgets."""

PURITY_STEPS = 200
"""Steps on which a module is stepped a second time and must give the same bits: what it
keeps outside its state, left by 10,000 steps before, shows at the first of them."""

JUDGED_STEPS = 500
"""Steps of the stream that are judged one by one, evenly spread, besides the first ones."""

UNIT_ROUNDOFF = 2.0**-24
"""Largest relative error of one rounding to float32."""

ROUNDING_DEVIATIONS = 6.0
"""Standard deviations that the sum of many independent roundings may be off by: one of 1e9
normal numbers is beyond. Each is uniform within half a unit in the last place."""

FUNCTION_ERROR = 8 * UNIT_ROUNDOFF
"""Error of tanh and sigmoid: four units in the last place of 1. `f32.v1` takes 2.7 of the
value, ONNX Runtime, which computes tanh as 2 sigmoid - 1, about 2 of 1, PyTorch 1."""

SMALLEST_ERROR = 2.0**-49
"""Twice what `f32.v1` takes for zero."""

CARRIED_FACTOR = 2.0
"""Limit of carried steps over the largest difference of two float64 runs, one of them moved at
every step by the bound of one step. Roundings are six times smaller and without a sign of
their own, so two is for what one draw of the signs may miss."""

LARGEST_SPREAD = 0.01
"""Part of a state's size by which those two runs may part; beyond it the network amplifies
rounding without bound, and is judged by its steps alone. A sum that forgets nothing takes
a thousandth in 10,000 steps."""

LARGEST_GROWTH = 1000.0
"""Times the bound of one step that they may be apart even so: in a state of nearly nothing any
rounding is a large part."""

PARITY_STD_FRACTION = 5e-6
"""Part of the output's standard deviation two float32 engines may differ by in a short run:
rounding of float32 (6e-8) through a few hundred sums per step and a state that forgets."""

PARITY_ULPS = 4
"""Units in the last place of the largest output: add_last rounds at the output's level."""

PARITY_FLOAT32_FACTOR = 4.0
"""Multiple of a float32 engine's own error on the same stream, for nets that amplify."""

PARITY_FLOAT32_CAP = 200.0
"""Most that float32's own error may widen that, in multiples of it."""

VERIFY_ROUNDING_FACTOR = 4.0
"""Float32's own error over what an engine's outputs move by when its state alone is rounded
once more after each step, for a graph of its own without a recorded limit: the roundings
inside a step added 2 to 7 times as much over all cells."""

FLOAT64_PARITY = 1e-12
"""Largest relative difference of two float64 engines: rounding of float64 (1e-16) through
a few hundred sums per step and twenty steps of nets with weights within 1/sqrt(H)."""

FAST_FRACTION = 2e-6
"""What fused multiply-adds may change in forty steps, over one plus the largest output: each
spares a rounding of float32 (6e-8). 400 drawn nets with weights within 1/sqrt(H) moved by
1.4e-7 at most."""

TIME_FEATURE_ERROR = 2e-7
"""Error of the derived columns: three roundings of float32 (6e-8 each) in the last sum and
the angle, plus the polynomials' own 1e-8 and the phase cut to 2^-26 of a turn."""

WINDOW_FLOAT64_FRACTION = 1e-6
"""Part of an output's standard deviation that a module on a window may be off by from its
single steps, in float64: a mean over time with a weight of a thousandth moves it by 1e-4."""

WINDOW_FLOAT32_FRACTION = 1e-4
"""The same for modules that run in float32 only."""

WINDOW_ROUNDING_FACTOR = 8.0
"""Multiple of what float32 itself is off by on the same steps, in either: a window sums in
another order than single steps do."""


def parity_limit(y_reference: ArrayLike, float32_error: float = 0.0) -> float:
    """Largest difference allowed between two engines of one model.

    Args:
        y_reference: `[T, O]` outputs of the judge (float64 reference, or PyTorch).
        float32_error: largest error of PyTorch float32 against the float64 reference on
            the same stream; 0 when it is not known.

    Returns:
        The limit in output units; the largest over the outputs' own scales. The error
        widens it to PARITY_FLOAT32_CAP times what it is without, at most.
    """
    y: NDArray[np.float64] = np.asarray(y_reference, dtype=np.float64)
    largest = float(np.abs(y).max(initial=0.0))
    ulp = float(np.spacing(np.float32(largest)))
    deviation = float(y.std(axis=0).max(initial=0.0)) if y.size else 0.0
    plain = PARITY_STD_FRACTION * deviation + PARITY_ULPS * ulp
    widened = min(PARITY_FLOAT32_FACTOR * float32_error, PARITY_FLOAT32_CAP * plain)
    return max(plain, widened)


RIDGE_EXCESS = 1.05
"""Error of a ridge fit over the noise of a linear process it can express: 48 weights from
2,000 rows cost about 48 / 2,000 of the variance, plus sampling."""

FALSE_VERDICTS = 0.2
"""Part of the test parts on which a 95 % interval may miss a difference of 0 when neighbouring
errors go together: 0.07 to 0.13 of 200 drawn ones did, and 100 are drawn in the test."""

REPORT_MAE = 1e-3
"""Error of the report against that of a streamed file, in the target's unit: float32
rounding of each forecast and of its text, averaged over thousands."""

INTEGER_FUNCTION_UNITS = 1.4
"""Largest error of the integer tanh, in units of 2^-15 (docs/numerics.md)."""

INSTRUCTION_GROWTH = 1.01
"""Most that a step on a board may take of the recorded instructions: the emulators count
exactly, so this leaves room for a compiler's patch release alone."""

ESTIMATE_ERROR = 0.2
"""Relative error of the estimates of flash, RAM and instructions where no compiler is: one
cost per multiply-add and per unit, and the same code size for every cell."""

MAX_LOSS = 0.01
"""Part by which the error on the test stream may rise from float to int8: less than another
seed of the training changes."""

LOSS_STD_FRACTION = 1e-3
"""The same for a model that is nearly exact, in the target's standard deviations: of a tiny
error any rounding is a large part."""

MAX_DIFFERENCE = 0.05
"""Mean difference of int8 from float where it is not known what came, in standard deviations of
the output: it bounds what the error can change by. Trained networks took a thousandth; another
layer order or scale takes tenths."""

FLOAT_MEAN_FRACTION = 1e-3
"""Mean difference from PyTorch of the float model that integers stand for, in standard
deviations of the output: the most that rounding may ever widen a limit of parity to."""

FLOAT_SIZE_FRACTION = 1e-5
"""The same as a part of the output's size, for outputs that hardly change: a hundred roundings
of float32, which large layers add up."""

INT8_STD_FRACTION = 0.05
"""The same in `verify`, of files that hold no judgement of their export."""

JUDGED_AGAIN_FRACTION = 1e-4
"""What the mean difference of int8 from float may change by when `verify` measures it again on
the recorded steps, in standard deviations of the output, on top of what float32 may be off by:
the integers give the same bytes, and the float model the same within rounding."""

QUIET_STD_FRACTION = 0.01
"""What int8 may stand away from float on a quiet input for ever, in the target's standard
deviations: a network that settles at another point, or creeps, is off by more."""

DRIFT_STEPS = 100_000
"""Steps of the drift in the report of an int8 export."""

INT8_FUNCTION_FRACTION = 0.003
"""Largest difference of a function of a graph in integers from float64, over its largest value:
between the values of its table it is a line."""

INT8_DRAWN_FRACTION = 0.05
"""Largest difference of int8 from float64 in forty steps, over the largest output plus a
hundredth, of nets with weights within 1/sqrt(H): 250 drawn ones took 0.016 at most."""
