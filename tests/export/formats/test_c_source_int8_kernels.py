"""`rnnedge_w8a16.h` itself: its functions against NumPy, and that they hold no float."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import numpy as np
import pytest
from support import programs
from support.artifacts import quantised_model
from support.c_integer_models import DrawnIntegers, write_integer_c
from support.rnn_cells import CELLS, unclipped_forecaster
from support.strategies import random_weights

from rnnedge_export.formats.c.kernel_headers import f32_header, w8a16_header
from rnnedge_runtime.numerics import w8a16 as numerics
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import AddLast, Affine, Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

BUILDS = {
    "gcc": ("gcc",),
    "clang": ("clang-14", "-O3"),
    "halves": ("gcc", "-D__thumb__", "-DRNNE_PLAIN_C"),
    "undefined": ("gcc", "-fsanitize=undefined"),
}
"""`halves` is the way of processors without products of 64 bits, as Cortex-M0+."""

WRAPPERS = """
#include "rnnedge_w8a16.h"
#define EACH(name, call) \\
    void name(int n, const int32_t *a, const int32_t *b, int32_t *out) \\
    { for (int i = 0; i < n; i++) out[i] = call; }
EACH(tanh_q, (void)b, rnne_q_tanh(a[i]))
EACH(gate_q, (void)b, rnne_q_gate(a[i]))
EACH(scaled, rnne_q_scaled(a[i], b[i]))
EACH(part, rnne_qv_part(a[i], b[i]))
EACH(to_bits, (int32_t)rnne_q_bits_of(a[i], b[i]))
EACH(of_bits, rnne_q_of_bits((uint32_t)a[i], b[i], 1 << 24))
EACH(near, rnne_q_near(rnne_float((uint32_t)a[i])))
"""


class Kernels:
    """The wrappers, compiled."""

    def __init__(self, folder: Path, command: tuple[str, ...]) -> None:
        (folder / "rnnedge_f32.h").write_text(f32_header())
        (folder / "rnnedge_w8a16.h").write_text(w8a16_header())
        source, library = folder / "wrappers.c", folder / "wrappers.so"
        source.write_text(WRAPPERS.replace("(void)b, ", ""))
        flags = ("-O2", "-shared", "-fPIC", source, "-o", library)
        programs.run([*command, *flags], check=True)
        self._library = ctypes.CDLL(str(library))

    def __call__(self, name: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a, b = (np.ascontiguousarray(v, np.int32) for v in np.broadcast_arrays(a, b))
        out = np.empty_like(a)
        pointers = [ctypes.c_void_p(v.ctypes.data) for v in (a, b, out)]
        getattr(self._library, name)(len(a), *pointers)
        return out


@pytest.fixture(params=BUILDS)
def kernels(request: pytest.FixtureRequest, tmp_path: Path) -> Kernels:
    return Kernels(tmp_path, BUILDS[request.param])


def test_functions_are_those_of_numpy(
    kernels: Kernels, capfd: pytest.CaptureFixture[str]
) -> None:
    """Tanh and gate on every argument, beyond the largest included; the others drawn."""
    rng = np.random.default_rng(0)
    u = np.append(np.arange(-40_000, 40_001), [2**30, -(2**30)])
    sat = numerics.saturate(u)
    zero = np.zeros(1)
    np.testing.assert_array_equal(kernels("tanh_q", u, zero), numerics.tanh_q(sat))
    np.testing.assert_array_equal(kernels("gate_q", u, zero), numerics.gate_q(sat))
    edges = np.array([0, 1, -1, 65_535, 65_536, -65_536, 2**31 - 1, -(2**31) + 1])
    v = np.append(rng.integers(-(2**31), 2**31, 50_000), np.tile(edges, 40))
    m = np.append(rng.integers(0, 2**30, len(v) - 6), [0, 1, 65_535, 65_536, 1, 2])
    m[-100:-50] = numerics.LARGEST_MULTIPLIER
    np.testing.assert_array_equal(kernels("scaled", v, m), numerics.scaled(v, m))
    gate = np.append(rng.integers(1, 65_537, len(v) - 4), [1, 2, 65_535, 65_536])
    expected = numerics.rounded_shift(gate * v, 16)
    np.testing.assert_array_equal(kernels("part", gate, v), expected)
    assert "runtime error" not in capfd.readouterr().err


def test_states_are_float32_values(kernels: Kernels) -> None:
    rng = np.random.default_rng(1)
    v = np.append(rng.integers(-(2**24), 2**24, 20_000), [0, 1, -1, 2**24, -(2**24)])
    for bits in (0, 15, 20, 24):
        expected = (v * 2.0**-bits).astype(np.float32).view(np.int32)
        np.testing.assert_array_equal(kernels("to_bits", v, bits), expected)
        np.testing.assert_array_equal(kernels("of_bits", expected, bits), v)


def test_any_float32_is_read_as_the_reference_reads_it(kernels: Kernels) -> None:
    rng = np.random.default_rng(2)
    pattern = rng.integers(0, 2**32, 100_000, dtype=np.uint64).astype(np.uint32)
    near_one = rng.integers(0x30000000, 0x50000000, 100_000, dtype=np.uint32)
    special = np.array([0x7F800000, 0xFF800000, 0x7FC00000, 1, 0x80000000], np.uint32)
    pattern = np.concatenate([pattern, near_one, near_one | 0x80000000, special])
    with np.errstate(invalid="ignore"):  # signalling NaN
        real = pattern.view(np.float32).astype(np.float64)
    for bits in (0, 11, 15, 24):
        value = np.nan_to_num(real, nan=0.0, posinf=1e9, neginf=-1e9) * 2.0**bits
        expected = np.clip(np.floor(value + 0.5), -(2**24), 2**24)
        found = kernels("of_bits", pattern.view(np.int32), bits)
        np.testing.assert_array_equal(found, expected)
    limit = np.full(1, numerics.LARGEST_VALUE)
    with np.errstate(all="ignore"):
        nearest = numerics.to_integers(pattern.view(np.float32), -limit, limit)
    found = kernels("near", pattern.view(np.int32), np.zeros(1))
    np.testing.assert_array_equal(found, nearest)


FLOAT_HELPERS = re.compile(
    r"__aeabi_(f|d|i2f|i2d|ui2f|ui2d|l2f|ul2f|l2d|ul2d|cf|cd)\w*"
    r"|__\w+[sd]f[0-9]?\b|__fix\w+|__float\w+"
)
FLOAT_INSTRUCTIONS = re.compile(
    r"\b(?:v\w+(?:\.\w+)*\.f(?:16|32|64)\b"
    r"|vmrs\b|v(?:ldr|str|mov)\S*\s[^;\n]*\b[sd]\d+\b"
    r"|v(?:push|pop|ldm|stm)\S*\s[^;\n]*\{[sd]\d)"
)
"""Any on `.f32`, and what moves S and D registers."""
PROCESSORS = {
    "m0plus": ("-mcpu=cortex-m0plus",),
    "m3": ("-mcpu=cortex-m3",),
    "m4f": ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
}
INTEGER_CALLS = ("reset", "step_q", "time_q")


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every cell with derived inputs and a head, all in integers; one like the demo's."""
    folder = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(0)
    paths = []
    for cell, make in CELLS.items():
        layer = make(3, 8)
        head = Linear(layer.output_size, 1)
        spec = ModelSpec(
            (Feature("a", clip=(-1.0, 1.0)),),
            (Target("a"),),
            (layer, head),
            derived=(DerivedInput(86_400, 0),),
            sample_period_s=60.0,
        )
        model = quantised_model(spec, random_weights(spec, rng))
        readings = rng.normal(size=(40, 1)).astype(np.float32)
        name = cell.replace("-", "_")
        paths.append(write_integer_c(DrawnIntegers(model, readings), name, folder))
    for name, spec in (("demo", demo_spec()), ("price", unclipped_forecaster())):
        model = quantised_model(spec, random_weights(spec, rng))
        readings = rng.normal(size=(40, spec.num_features)).astype(np.float32)
        drawn = DrawnIntegers(model, readings)
        paths.append(write_integer_c(drawn, name, folder))
    return paths


def demo_spec() -> ModelSpec:
    """The layers that training makes for a sensor and its forecasts of 24 steps."""
    return ModelSpec(
        (Feature("a"), Feature("b")),
        (Target("a"),),
        (
            Affine(6),
            Gru(6, 64),
            Linear(64, 24),
            Affine(24, inverse=True),
            AddLast((0,) * 24),
        ),
        horizon=24,
        derived=(DerivedInput(86_400, 0), DerivedInput(604_800, 0)),
        sample_period_s=3600.0,
    )


@pytest.mark.parametrize("level", ["-O2", "-Os"])
@pytest.mark.parametrize("processor", PROCESSORS)
def test_the_step_on_integers_holds_no_float(
    cells: list[Path], processor: str, level: str, tmp_path: Path
) -> None:
    """All that reset, step_q and time_q reach, linked; NAME_step must be seen to fail."""
    programs.require("arm-none-eabi-gcc", "arm-none-eabi-objdump")
    flags = (*PROCESSORS[processor], level)
    for path in cells:
        calls = [f"{path.stem}_{call}" for call in INTEGER_CALLS]
        assert floats_reached(path, calls, flags, tmp_path) == []
    bait = floats_reached(cells[0], [f"{cells[0].stem}_step"], flags, tmp_path)
    assert bait


def floats_reached(
    path: Path, calls: list[str], flags: tuple[str, ...], folder: Path
) -> list[str]:
    """Float helpers of the compiler and float instructions that `calls` reach."""
    image = folder / "image.elf"
    command = ["arm-none-eabi-gcc", "-mthumb", *flags, "-ffreestanding"]
    command += ["-ffunction-sections", "-nostdlib", "-static", "-Wl,--gc-sections"]
    command += ["-Wl,-e,0", *(f"-Wl,-u,{call}" for call in calls)]
    programs.run([*command, path, "-lgcc", "-o", image], check=True)
    dump = programs.run(
        ["arm-none-eabi-objdump", "-d", image],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all(f"<{call}>:" in dump for call in calls)
    names = re.findall(r"<(\w+)>:", dump)
    found = [name for name in names if FLOAT_HELPERS.fullmatch(name)]
    return found + [match[0] for match in FLOAT_INSTRUCTIONS.finditer(dump)]
