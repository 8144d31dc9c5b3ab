"""docs/benchmarks.md and its plot, from the results of a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnnedge_runtime.errors import require

from .mcu_page import page_text
from .study import NUM_STEPS, NUM_STREAMS, Study

TARGET_RATIOS = {
    "RNN 1->20": 25,
    "LSTM 4->32": 35,
    "GRU 4->32": 30,
    "LSTM 8->64 x2": 10,
    "LSTM 8->128 x2": 4,
    "LSTM 16->256 x2": 2,
    "LSTM 32->512 x2": 1.4,
}
"""ONNX Runtime's `run` over `step(x, out=y)`, what the project set itself."""

INTEGER_TARGET_RATIOS = {
    "LSTM 8->64 x2": 16,
    "LSTM 8->128 x2": 9,
    "LSTM 16->256 x2": 5,
    "LSTM 32->512 x2": 5,
}
"""The same for models in integers."""

INTEGER_MANY_RATIO = 2
"""ONNX Runtime's float calls for many streams or steps over ours in integers."""

PLOT = "benchmarks.png"


def write_page(study: Study, path: Path, *, machine: str, command: str) -> None:
    """Write the tables, and the plot beside them."""
    plot_ratios(study, path.with_name(PLOT))
    parts = [
        "# Benchmarks",
        f"Written by `{command}` on {machine}. One thread. Both sides of a ratio run in "
        "turn in one process. Medians; the times depend on the machine.",
        f"![ratios]({PLOT})",
        "## One step",
        "Microseconds per step of one stream with its state carried. ONNX Runtime runs the "
        "smallest graph possible, with one node per layer and time as the first axis, by "
        "`InferenceSession.run` with NumPy arrays, and by IOBinding with buffers bound once. "
        "Ratio: time of `run` over ours. To the artifact: time of `run` on the `.onnx` file of "
        "`rnnedge export` (batch first, a state per layer) over ours with `out=`.",
        _single_table(study),
        "The same in integers (`w8a16.v1`), by `step(x, out=y)`; ONNX Runtime is in float.",
        _integer_table(study),
        "## Many streams, long runs",
        f"Microseconds per step: {NUM_STREAMS:,} streams stepped in one call, and "
        f"{NUM_STEPS:,} steps of one stream in one call. `exact` gives the bytes of single "
        'steps, `fast` (`load(..., numerics="fast")`) fuses multiplications with additions.',
        _many_table(study),
        "The same in integers, beside ONNX Runtime's float calls; the goal is "
        f"{INTEGER_MANY_RATIO} times as fast.",
        _integer_many_table(study),
        "## How near the memory",
        "How fast a step in C, without Python, reads the weights, beside a loop that only "
        "reads as many bytes.",
        _roofline_table(study),
        "## The call, start-up, memory",
        _overhead_text(study),
        _footprint_table(study),
    ]
    path.write_text(page_text(parts), encoding="utf-8")


def plot_ratios(study: Study, path: Path) -> None:
    """Bars of the single-step ratios, their goals as marks."""
    require("matplotlib", extra="train", purpose="benchmarks")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    names = [item.network.name for item in study.single]
    for offset, label, ratios in (
        (-0.2, "step(x, out=y)", [item.onnx / item.native for item in study.single]),
        (0.2, "step(x)", [item.onnx / item.plain for item in study.single]),
    ):
        places = [k + offset for k in range(len(names))]
        bars = axes.bar(places, ratios, 0.38, label=label)
        axes.bar_label(bars, fmt="%.1f", fontsize=8)
    goals = [TARGET_RATIOS[name] for name in names]
    axes.plot(range(len(names)), goals, "k_", markersize=28, label="goal")
    axes.set_xticks(range(len(names)), names, rotation=20)
    axes.set_yscale("log")
    axes.set_ylabel("times as fast as ONNX Runtime's run")
    axes.legend()
    figure.savefig(path, dpi=120)


def _single_table(study: Study) -> str:
    header = ["network", "ours, out=", "ours", "ORT run", "ORT bind"]
    rows = [
        [
            item.network.name,
            f"{item.native:.2f}",
            f"{item.plain:.2f}",
            f"{item.onnx:.1f}",
            f"{item.onnx_bind:.1f}",
            f"**{item.onnx / item.native:.1f}**",
            f"{TARGET_RATIOS[item.network.name]:g}",
            f"{item.onnx / item.plain:.1f}",
            f"{item.artifact / item.native:.1f}",
        ]
        for item in study.single
    ]
    columns = ["ratio, out=", "goal", "ratio", "to the artifact"]
    return _table([*header, *columns], rows)


def _many_table(study: Study) -> str:
    header = ["network", "ORT batch", "exact", "fast", "ratio exact", "ratio fast"]
    rows = [
        [
            item.network.name,
            f"{item.onnx_batch:.3f}",
            f"{item.exact:.3f}",
            f"{item.fast:.3f}",
            f"**{item.onnx_batch / item.exact:.2f}**",
            f"**{item.onnx_batch / item.fast:.2f}**",
            f"{item.onnx_sequence:.3f}",
            f"{item.run:.3f}",
            f"**{item.onnx_sequence / item.run:.2f}**",
        ]
        for item in study.many
    ]
    return _table([*header, "ORT sequence", "ours", "ratio"], rows)


def _integer_table(study: Study) -> str:
    rows = [
        [
            item.network.name,
            f"{item.int8:.2f}",
            f"{item.native:.2f}",
            f"{item.onnx:.1f}",
            f"**{item.onnx / item.int8:.1f}**",
            f"{INTEGER_TARGET_RATIOS.get(item.network.name, '')}",
        ]
        for item in study.single
    ]
    return _table(["network", "int8", "float", "ORT run", "ratio", "goal"], rows)


def _integer_many_table(study: Study) -> str:
    header = ["network", "ORT batch", "int8", "ratio", "ORT sequence", "int8", "ratio"]
    rows = [
        [
            item.network.name,
            f"{item.onnx_batch:.3f}",
            f"{item.int8:.3f}",
            f"**{item.onnx_batch / item.int8:.2f}**",
            f"{item.onnx_sequence:.3f}",
            f"{item.int8_run:.3f}",
            f"**{item.onnx_sequence / item.int8_run:.2f}**",
        ]
        for item in study.many
    ]
    return _table(header, rows)


def _roofline_table(study: Study) -> str:
    header = ["network", "weights KB", "us/step in C", "weights GB/s", "reading GB/s"]
    rows = [
        [
            item.network.name,
            f"{item.network.weights_nbytes / 1024:.0f}",
            f"{item.step_us:.2f}",
            f"{item.weights_gb_s:.1f}",
            f"{item.read_gb_s:.1f}",
            f"**{100 * item.weights_gb_s / item.read_gb_s:.0f} %**",
        ]
        for item in study.roofline
    ]
    return _table([*header, "share"], rows)


def _overhead_text(study: Study) -> str:
    found = study.overhead
    return (
        f"A step with almost nothing to compute takes {found.core:.3f} us in C, "
        f"{found.native:.3f} us by `step(x, out=y)` and {found.plain:.3f} us by `step(x)` "
        f"from Python: the call costs {found.native - found.core:.3f} us, a new array "
        f"{found.plain - found.native:.3f} us more."
    )


def _footprint_table(study: Study) -> str:
    numpy_mb = study.footprints["numpy alone"].peak_mb
    rows = [
        [
            name,
            f"{found.start_ms:.0f}",
            f"{found.peak_mb:.1f}",
            f"{found.peak_mb - numpy_mb:.1f}",
        ]
        for name, found in study.footprints.items()
    ]
    header = ["", "ms from numpy to the first step", "peak MB", "MB above numpy"]
    return _table(header, rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
