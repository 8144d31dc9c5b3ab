"""The kernels of graphs in integers of the C core against NumPy."""

from __future__ import annotations

import ctypes
import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import programs

from rnnedge_export.formats.c import kernel_headers
from rnnedge_runtime.backends import graph_w8a16
from rnnedge_runtime.numerics import w8a16, w8a16_functions
from rnnedge_runtime.spec import graph_layers, layers
from rnnedge_runtime.spec.layers import Layer
from rnnedge_runtime.spec.w8a16_graph import (
    LARGEST_EPS_PLACES,
    LARGEST_PORT_GAIN,
    MOST_NORM_BITS,
    MOST_PLACES,
    WIDE_BITS,
)

PARTS = ("w8a16_arithmetic.inc.h", "w8a16_graph.inc.h")
CORE = Path(__file__).parents[3] / "runtime/core/src/w8a16"
BUILDS = {
    "gcc": ("gcc",),
    "clang": ("clang-14", "-O3"),
    "undefined": ("gcc", "-fsanitize=undefined"),
}
Rng = np.random.Generator


class Kernels:
    """Every kernel as a function of a shared library."""

    def __init__(self, folder: Path, command: tuple[str, ...]) -> None:
        (folder / "rnnedge_f32.h").write_text(kernel_headers.f32_header())
        (folder / "rnnedge_w8a16.h").write_text(kernel_headers.w8a16_header())
        texts = [(CORE / part).read_text() for part in PARTS]
        exposed = re.sub(r"^RNNE_(FUNCTION|INLINE) ", "", "\n".join(texts), flags=re.M)
        source, library = folder / "kernels.c", folder / "kernels.so"
        source.write_text('#include "rnnedge_w8a16.h"\n' + exposed)
        warnings = ("-Wall", "-Wextra", "-Wconversion", "-Werror", "-std=c99")
        programs.run(
            [*command, *warnings, "-O2", "-shared", "-fPIC", source, "-o", library],
            check=True,
        )
        self._library = ctypes.CDLL(str(library))

    def __call__(self, name: str, *arguments: Any) -> None:
        """Arrays, int, and 64-bit numbers as `np.int64`."""
        given: list[Any] = []
        for argument in arguments:
            if isinstance(argument, np.ndarray):
                given.append(ctypes.c_void_p(argument.ctypes.data))
            elif isinstance(argument, np.int64):
                given.append(ctypes.c_int64(int(argument)))
            elif argument is None:
                given.append(ctypes.c_void_p(None))
            else:
                given.append(ctypes.c_int(argument))
        getattr(self._library, f"rnne_q_{name}")(*given)

    def number(self, name: str, v: int, *more: int) -> int:
        function = getattr(self._library, f"rnne_q_{name}")
        function.restype = ctypes.c_int32 if name == "exp2" else ctypes.c_int64
        return int(function(*(ctypes.c_int64(value) for value in (v, *more))))


@pytest.fixture(scope="module", params=BUILDS)
def kernels(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Kernels:
    return Kernels(tmp_path_factory.mktemp("kernels"), BUILDS[request.param])


def test_functions(kernels: Kernels, capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    v = np.unique([1, 2, 3, 2**61, 2**62 - 1, *(1 << rng.integers(0, 62, 300)) - 1])
    v = np.append(v[v > 0], rng.integers(1, 2**62, 300) >> rng.integers(0, 61, 300))
    v = v[v > 0]
    for name, function in {
        "root": w8a16_functions.root,
        "log2": w8a16_functions.log2_q,
        "exp2": w8a16_functions.exp2_q,
    }.items():
        given = v if name != "exp2" else np.append(v % 2**38, [0, 2**24, 2**29])
        found = [kernels.number(name, int(value)) for value in given]
        np.testing.assert_array_equal(found, function(given), name)
    n = np.append(v % 2**60, -(v % 2**60))
    d = rng.permutation(np.append(v, -v)) % 2**61
    d = np.where(d == 0, 1, d) * rng.choice([-1, 1], len(d))
    found = [
        kernels.number("divided", int(a), int(b)) for a, b in zip(n, d, strict=True)
    ]
    assert found == [
        int((2 * a + abs(b)) // (2 * abs(b)))
        for a, b in (
            (int(x) * (1 if y > 0 else -1), int(y)) for x, y in zip(n, d, strict=True)
        )
    ]
    assert "runtime error" not in capfd.readouterr().err


def _gains(rng: Rng, n: int) -> np.ndarray:
    """Small ones, large ones, and the ends."""
    found = rng.integers(-LARGEST_PORT_GAIN, LARGEST_PORT_GAIN + 1, n)
    found >>= rng.integers(0, 23)
    found[:1] = rng.choice([found[0], LARGEST_PORT_GAIN, -LARGEST_PORT_GAIN])
    return found


def _values(rng: Rng, n: int) -> np.ndarray:
    found = rng.integers(-32767, 32768, n) >> rng.integers(0, 16)
    return np.where(rng.random(n) < 0.1, rng.choice([0, 32767, -32767]), found)


def _places(rng: Rng) -> int:
    return int(rng.integers(1, rng.choice([30, MOST_PLACES + 1])))


def int16(values: Any) -> np.ndarray:
    return np.ascontiguousarray(values, np.int16)


def int32(values: Any) -> np.ndarray:
    return np.ascontiguousarray(values, np.int32)


def _expected(
    layer: Layer, w: dict[str, Any], *values: np.ndarray, state: Any = ()
) -> Any:
    """What NumPy gives in one step, and its state."""
    named = {name: np.asarray(value, np.int64) for name, value in w.items()}
    given = tuple(v.astype(np.int64)[None, None] for v in values)
    step = graph_w8a16.GRAPH_STEPS[type(layer)]
    y, after = step(layer, named, given, iter(state))
    return w8a16.saturate(y)[0, 0], after


def _port(rng: Rng, n: int) -> tuple[np.ndarray, int, dict[str, Any]]:
    gain, places = int32(_gains(rng, n)), _places(rng)
    return gain, places, {"gain": gain, "places": places}


def check_affine(kernels: Kernels, rng: Rng) -> tuple[Any, Any]:
    n = int(rng.integers(1, 20))
    gain, places, w = _port(rng, n)
    z, bias = int16(_values(rng, n)), int32(rng.integers(-(2**28), 2**28, n))
    out = z.copy()
    kernels("affine", np.int64(n), gain, places, bias, out, out)
    return out, _expected(layers.Affine(n), {**w, "bias": bias}, z)[0]


FUNCTIONS = ("log", "sqrt", "rsqrt", "reciprocal", "gelu")


def check_function(kernels: Kernels, rng: Rng, function: str) -> tuple[Any, Any]:
    n = int(rng.integers(1, 20))
    gain, places, w = _port(rng, n)
    z, out = int16(_values(rng, n)), int16(np.zeros(n))
    bias = int32(rng.integers(-(2**15), 2**15, n))
    table = int16(_values(rng, w8a16_functions.TABLE_SIZE))
    layer: Any = layers.Activation(n, function)  # type: ignore[arg-type]
    if function == "gelu":
        kernels("table", np.int64(n), gain, places, int(bias[0]), table, z, out)
        w |= {"bias": bias[:1], "table": table}
    elif function == "log":
        kernels("log", np.int64(n), gain, places, bias, z, out)
        w |= {"bias": bias}
    else:
        kernels(function, np.int64(n), gain, places, z, out)
    return out, _expected(layer, w, z)[0]


def check_softmax(kernels: Kernels, rng: Rng, is_log: bool) -> tuple[Any, Any]:
    groups, n = int(rng.integers(1, 4)), int(rng.integers(1, 20))
    gain, places, w = _port(rng, groups * n)
    z, out = int16(_values(rng, groups * n)), int16(np.zeros(groups * n))
    out_gain, out_places = int(_gains(rng, 1)[0]), _places(rng)
    name = "log_softmax" if is_log else "softmax"
    further = (out_gain, out_places) if is_log else ()
    kernels(name, np.int64(groups), np.int64(n), gain, places, *further, z, out)
    w |= {"out_gain": out_gain, "out_places": out_places}
    layer = layers.Softmax(groups * n, groups, is_log)
    return out, _expected(layer, w, z)[0]


def check_combine(kernels: Kernels, rng: Rng, operation: Any) -> tuple[Any, Any]:
    n = int(rng.integers(1, 20))
    gain, places, w = _port(rng, n)
    second = int32(_gains(rng, n))
    a, b, out = int16(_values(rng, n)), int16(_values(rng, n)), int16(np.zeros(n))
    is_of_two = operation not in ("multiply", "divide")
    gains = (gain, second) if is_of_two else (gain,)
    name = "add" if operation == "subtract" else operation
    kernels(name, np.int64(n), *gains, places, a, b, out)
    w |= {"gain_0": gain, "gain_1": second}
    return out, _expected(graph_layers.Combine(n, operation), w, a, b)[0]


def check_select(kernels: Kernels, rng: Rng) -> tuple[Any, Any]:
    z, indices = int16(_values(rng, 9)), rng.integers(0, 9, 5).astype(np.uint32)
    kernels("select", np.int64(5), indices, z, out := int16(np.zeros(5)))
    return out, z[indices]


def check_window(kernels: Kernels, rng: Rng) -> tuple[Any, Any]:
    n, taps, dilation = (int(rng.integers(low, 5)) for low in (1, 2, 1))
    gain, places, w = _port(rng, n)
    layer = graph_layers.Window(n, taps, dilation)
    kept = int16(_values(rng, layer.inner_size * n))
    state = [np.asarray(kept, np.float32)[None]]
    z, out = int16(_values(rng, n)), int16(np.zeros(taps * n))
    sizes = (np.int64(n), np.int64(taps), np.int64(dilation))
    kernels("window", *sizes, gain, places, kept, z, out)
    y, after = _expected(layer, {**w, "state_bits": [0]}, z, state=state)
    return np.append(out, kept), np.append(y, after[0])


def check_norm(kernels: Kernels, rng: Rng) -> tuple[Any, Any]:
    groups, n = int(rng.integers(1, 4)), int(rng.integers(1, 20))
    gain, places, w = _port(rng, groups * n)
    eps = int(rng.choice([0, 1, LARGEST_PORT_GAIN, rng.integers(2**20)]))
    eps_places = int(rng.integers(0, LARGEST_EPS_PLACES + 1))
    bits = int(rng.integers(0, MOST_NORM_BITS + 1))
    is_centred = bool(rng.integers(2))
    z, out = int16(_values(rng, groups * n)), int16(np.zeros(groups * n))
    given = (np.int64(eps << eps_places), bits, int(is_centred))
    kernels("norm", np.int64(groups), np.int64(n), gain, places, *given, z, out)
    w |= {"eps": [eps], "eps_places": [eps_places], "norm_bits": [bits]}
    layer = graph_layers.Norm(groups * n, 1e-5, groups, is_centred)
    return out, _expected(layer, w, z)[0]


def check_sum(kernels: Kernels, rng: Rng) -> tuple[Any, Any]:
    parts, n = int(rng.integers(1, 4)), int(rng.integers(1, 20))
    gain, places, w = _port(rng, parts * n)
    z, out = int16(_values(rng, parts * n)), int16(np.zeros(parts))
    kernels("total", np.int64(parts), np.int64(n), gain, places, z, out)
    return out, _expected(graph_layers.Sum(parts * n, parts), w, z)[0]


def check_depthwise(kernels: Kernels, rng: Rng) -> tuple[Any, Any]:
    n, taps = int(rng.integers(1, 20)), int(rng.integers(1, 9))
    weight = np.ascontiguousarray(rng.integers(-127, 128, (taps, n)), np.int8)
    multiplier = int32(rng.integers(0, 2**30, n) >> rng.integers(0, 20))
    bias = int32(rng.integers(-(2**28), 2**28, n) >> rng.integers(0, 20))
    z, out = int16(_values(rng, taps * n)), int16(np.zeros(n))
    sizes = np.int64(n), np.int64(taps)
    kernels("depthwise", *sizes, weight, multiplier, bias, z, out)
    w = {"weight": weight.T, "multiplier": multiplier, "bias": bias}
    return out, _expected(graph_layers.Depthwise(n, taps), w, z)[0]


def check_wide(kernels: Kernels, rng: Rng, kind: str) -> tuple[Any, Any]:
    n = int(rng.integers(1, 20))
    gain, places, w = _port(rng, n)
    wide = int32(rng.integers(-(2**24), 2**24 + 1, n) >> rng.integers(0, 25))
    second = int32(_gains(rng, n))
    z, out = int16(_values(rng, n)), int32(np.zeros(n))
    bias = int32(rng.integers(-(2**28), 2**28, n))
    named = {name: np.asarray(value, np.int64) for name, value in w.items()}
    long = wide.astype(np.int64)
    if kind == "affine":
        is_wide = bool(rng.integers(2))
        source = (wide, None) if is_wide else (None, z)
        kernels("affine_wide", np.int64(n), gain, places, bias, *source, out)
        q = long if is_wide else z.astype(np.int64) << WIDE_BITS
        found = graph_w8a16.rescaled(named, q) + (bias.astype(np.int64) << WIDE_BITS)
    elif kind == "multiply":
        kernels("multiply_wide", np.int64(n), gain, places, wide, z, out)
        found = graph_w8a16.rescaled(named, long * z)
    else:
        pairs = (wide, None, None, z)
        kernels("add_wide", np.int64(n), gain, second, places, *pairs, out)
        q = z.astype(np.int64) << WIDE_BITS
        total = long * named["gain"] + q * second
        found = w8a16_functions.shifted(total, named["places"])
    narrow = int16(np.zeros(n))
    kernels("narrowed", np.int64(n), out, narrow)
    found = np.clip(found, -w8a16.LARGEST_STATE, w8a16.LARGEST_STATE)
    shifted = w8a16_functions.shifted(found, np.int64(WIDE_BITS))
    return np.append(out, narrow), np.append(found, w8a16.saturate(shifted))


def _of(check: Callable[..., Any], *names: Any) -> dict[str, Callable[..., Any]]:
    return {
        f"{check.__name__}_{name}": functools.partial(_named, check, name)
        for name in names
    }


def _named(check: Callable[..., Any], name: Any, kernels: Kernels, rng: Rng) -> Any:
    return check(kernels, rng, name)


CHECKS: dict[str, Callable[[Kernels, Rng], tuple[Any, Any]]] = {
    "affine": check_affine,
    **_of(check_function, *FUNCTIONS),
    **_of(check_softmax, False, True),
    **_of(check_combine, *graph_layers.OPERATIONS),
    "select": check_select,
    "window": check_window,
    "norm": check_norm,
    "sum": check_sum,
    "depthwise": check_depthwise,
    **_of(check_wide, "affine", "multiply", "add"),
}


@pytest.mark.parametrize("name", CHECKS)
def test_kernel(kernels: Kernels, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    for seed in range(100):
        found, expected = CHECKS[name](kernels, np.random.default_rng(seed))
        np.testing.assert_array_equal(found, expected, f"seed {seed}")
    assert "runtime error" not in capfd.readouterr().err
