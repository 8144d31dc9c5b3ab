"""What other software takes for the same cells: literature to `python -m benchmarks.mcu`.

Measured by us once, with the harness of this project, and not made again by the command. LSTM,
input 4, one layer; compilers and emulators as for our own rows.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """One row: instructions of a step at hidden 16, 32, 64, bytes at hidden 32."""

    name: str
    flags: str
    instructions: tuple[int | None, int | None, int | None]
    flash_kb: float | None = None
    ram_nbytes: int | None = None
    stack_nbytes: int | None = None


CORTEX_M4F = (
    Peer("CMSIS-NN f32", "gcc -Ofast", (12_770, 35_745, 112_350), 22.3, 400, 188),
    Peer("onnx2c", "gcc -O3 -ffast-math", (9_377, 27_819, 84_263), 21.9, 620, 712),
    Peer(
        "RTNeural", "gcc -O3 -ffast-math", (9_010, 34_765, 109_702), 23.7, 20_536, 176
    ),
    Peer("keras2c", "gcc -O3", (17_130, 47_600, 151_529), 21.6, 1_488, 244),
    Peer(
        "CMSIS-NN s8, 8-bit state",
        "gcc -Ofast",
        (13_050, 28_273, 70_212),
        10.0,
        496,
        644,
    ),
    Peer(
        "CMSIS-NN s16, 16-bit state",
        "gcc -Ofast",
        (None, 33_297, 84_200),
        10.8,
        560,
        676,
    ),
)
CORTEX_M55 = (
    Peer("CMSIS-NN f32", "clang -Ofast", (7_380, 16_653, 41_257)),
    Peer("onnx2c", "clang -O3 -ffast-math", (None, 15_951, 38_208)),
    Peer("RTNeural", "gcc -O3 -ffast-math", (8_112, 17_338, 46_880)),
    Peer("CMSIS-NN s8, 8-bit state", "clang -Ofast", (5_786, 10_270, 20_174)),
    Peer("CMSIS-NN s16, 16-bit state", "gcc -Ofast", (None, 21_572, 47_440)),
)
SOFT_FLOAT = (
    Peer("onnx2c on Cortex-M3", "gcc -O2", (None, 633_000, 1_990_000)),
    Peer("CMSIS-NN s8 on Cortex-M3", "gcc -Ofast", (None, 35_000, 91_400)),
    Peer("CMSIS-NN s8 on Cortex-M0+", "gcc -Ofast", (None, 77_800, 198_000)),
)
