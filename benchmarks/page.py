"""docs/benchmarks.md and its plot, from the results of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rnnedge_runtime.errors import require

from .mcu_page import page_text, table
from .networks import Network
from .study import NUM_STEPS, NUM_STREAMS, Study, Times

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

Columns = Sequence[tuple[str, str, str]]
"""Header, the figure or `a/b` of two of them, and its format."""

SINGLE = (
    ("ours, out=", "native", "{:.2f}"),
    ("ours", "plain", "{:.2f}"),
    ("ORT run", "onnx", "{:.1f}"),
    ("ORT bind", "onnx_bind", "{:.1f}"),
    ("ratio, out=", "onnx/native", "**{:.1f}**"),
    ("goal", "", ""),
    ("ratio", "onnx/plain", "{:.1f}"),
    ("to the artifact", "artifact/native", "{:.1f}"),
)
INTEGER = (
    ("int8", "int8", "{:.2f}"),
    ("float", "native", "{:.2f}"),
    ("ORT run", "onnx", "{:.1f}"),
    ("ratio", "onnx/int8", "**{:.1f}**"),
    ("goal", "", ""),
)
MANY = (
    ("ORT batch", "onnx_batch", "{:.3f}"),
    ("exact", "exact", "{:.3f}"),
    ("fast", "fast", "{:.3f}"),
    ("ratio exact", "onnx_batch/exact", "**{:.2f}**"),
    ("ratio fast", "onnx_batch/fast", "**{:.2f}**"),
    ("ORT sequence", "onnx_sequence", "{:.3f}"),
    ("ours", "run", "{:.3f}"),
    ("ratio", "onnx_sequence/run", "**{:.2f}**"),
)
INTEGER_MANY = (
    ("ORT batch", "onnx_batch", "{:.3f}"),
    ("int8", "int8", "{:.3f}"),
    ("ratio", "onnx_batch/int8", "**{:.2f}**"),
    ("ORT sequence", "onnx_sequence", "{:.3f}"),
    ("int8", "int8_run", "{:.3f}"),
    ("ratio", "onnx_sequence/int8_run", "**{:.2f}**"),
)
ROOFLINE = (
    ("weights KB", "weights_kb", "{:.0f}"),
    ("us/step in C", "step_us", "{:.2f}"),
    ("weights GB/s", "weights_gb_s", "{:.1f}"),
    ("reading GB/s", "read_gb_s", "{:.1f}"),
    ("share", "share_percent", "**{:.0f} %**"),
)


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
        _network_table(study.single, SINGLE),
        "The same in integers (`w8a16.v1`), by `step(x, out=y)`; ONNX Runtime is in float.",
        _network_table(study.single, INTEGER, INTEGER_TARGET_RATIOS),
        "## Many streams, long runs",
        f"Microseconds per step: {NUM_STREAMS:,} streams stepped in one call, and "
        f"{NUM_STEPS:,} steps of one stream in one call. `exact` gives the bytes of single "
        'steps, `fast` (`load(..., numerics="fast")`) fuses multiplications with additions.',
        _network_table(study.many, MANY),
        "The same in integers, beside ONNX Runtime's float calls; the goal is "
        f"{INTEGER_MANY_RATIO} times as fast.",
        _network_table(study.many, INTEGER_MANY),
        "## How near the memory",
        "How fast a step in C, without Python, reads the weights, beside a loop that only "
        "reads as many bytes.",
        _network_table(study.roofline, ROOFLINE),
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
    names = [network.name for network in study.single]
    for offset, label, side in (
        (-0.2, "step(x, out=y)", "native"),
        (0.2, "step(x)", "plain"),
    ):
        ratios = [times["onnx"] / times[side] for times in study.single.values()]
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


def _network_table(
    found: Mapping[Network, Times],
    columns: Columns,
    goals: Mapping[str, float] = TARGET_RATIOS,
) -> str:
    rows = []
    for network, times in found.items():
        row = [network.name]
        for header, figure, shown in columns:
            if header == "goal":
                row.append(str(goals.get(network.name, "")))
                continue
            one, _, other = figure.partition("/")
            row.append(shown.format(times[one] / times.get(other, 1)))
        rows.append(row)
    return table(["network", *(header for header, _, _ in columns)], rows)


def _overhead_text(study: Study) -> str:
    core, native, plain = (study.overhead[name] for name in ("core", "native", "plain"))
    return (
        f"A step with almost nothing to compute takes {core:.3f} us in C, {native:.3f} us by "
        f"`step(x, out=y)` and {plain:.3f} us by `step(x)` from Python: the call costs "
        f"{native - core:.3f} us, a new array {plain - native:.3f} us more."
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
    return table(header, rows)
