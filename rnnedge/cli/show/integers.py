"""What `inspect` shows of a model in integers, and `export` of what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnedge.cli.show.terminal import echo, print_table
from rnnedge_export.quantise.judgement import StoredJudgement
from rnnedge_export.verifying.file_checks import judgement_text
from rnnedge_runtime.numerics.w8a16 import GRU_BITS, LARGEST_VALUE
from rnnedge_runtime.spec.graph_layers import Memory, Window
from rnnedge_runtime.spec.layers import RecurrentLayer
from rnnedge_runtime.spec.w8a16_graph import WIDE_BITS
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

if TYPE_CHECKING:
    from rnnedge.tasks.task import Prepared
    from rnnedge_export.quantise.report import QuantisationReport

_ROLES = {"folded": "folded into a conversion"}


def integer_content(model: QuantisedModel) -> dict[str, Any]:
    """The summary for JSON.

    `step` is the reading or forecast that one integer stands for; `low` and `high` are
    what the integers reach.
    """
    spec = model.spec
    content: dict[str, Any] = {
        "is_integer_only": model.is_integer_only,
        "kept": sorted(model.kept),
        "layers": [
            {
                "kind": layer.kind,
                "computed": part.role,
                "nbytes": layer_nbytes(model, k),
                "state_bits": _state_bits(model, k),
            }
            for k, (layer, part) in enumerate(
                zip(spec.layers, model.roles, strict=True)
            )
        ],
        "nbytes": total_nbytes(model),
        "inputs": [],
        "outputs": [],
    }
    if "input.0.step" in model.tensors:
        step, shift, low, high = (
            model.tensors[f"input.0.{name}"].astype(np.float64)
            for name in ("step", "shift", "low", "high")
        )
        content["inputs"] = [
            {
                "name": name,
                "step": float(step[k]),
                "low": float(low[k] * step[k] + shift[k]),
                "high": float(high[k] * step[k] + shift[k]),
            }
            for k, name in enumerate(_input_names(model))
        ]
    elif "value.-1.rate" in model.tensors:
        content["inputs"] = _graph_inputs(model)
    last = len(spec.layers) - 1
    ends = [f"{kind}.{last}.step" for kind in ("output", "value")]
    for name in filter(model.tensors.__contains__, ends):
        steps = np.abs(model.tensors[name].astype(np.float64))
        content["outputs"] = [
            {"name": output.name, "step": float(step)}
            for output, step in zip(spec.outputs, steps, strict=True)
        ]
    return content


def _graph_inputs(model: QuantisedModel) -> list[dict[str, Any]]:
    """The model inputs as integer layers take them; those that they do not stay out."""
    shift, rate = (
        model.tensors[f"value.-1.{name}"].astype(np.float64)
        for name in ("shift", "rate")
    )
    return [
        {
            "name": name,
            "step": float(abs(1 / rate[k])),
            "low": float(shift[k] - LARGEST_VALUE / abs(rate[k])),
            "high": float(shift[k] + LARGEST_VALUE / abs(rate[k])),
        }
        for k, name in enumerate(_input_names(model))
        if rate[k]
    ]


def layer_rows(model: QuantisedModel) -> list[list[str]]:
    """How every layer is computed, its bytes and the fraction bits of its state."""
    rows = []
    for k, part in enumerate(model.roles):
        bits = ", ".join(map(str, _state_bits(model, k)))
        rows.append(
            [_ROLES.get(part.role, part.role), f"{layer_nbytes(model, k):,}", bits]
        )
    return rows


def scale_lines(model: QuantisedModel) -> list[str]:
    """In what steps readings are taken and forecasts given."""
    content = integer_content(model)
    lines = []
    if content["inputs"]:
        names = model.spec.feature_names
        readings = [item for item in content["inputs"] if item["name"] in names]
        shown = [f"{item['name']} {item['step']:.2g}" for item in readings]
        lines.append(f"readings in steps of {', '.join(shown)}")
    if content["outputs"]:
        steps = [item["step"] for item in content["outputs"]]
        same = f"{min(steps):.2g}"
        span = same if same == f"{max(steps):.2g}" else f"{same} to {max(steps):.2g}"
        lines.append(f"forecasts in steps of {span}")
    kept = [f"{k} {model.spec.layers[k].kind}" for k in sorted(model.kept)]
    if kept:
        lines.append(f"kept in float by name: {', '.join(kept)}")
    return lines


def judgement_lines(stored: StoredJudgement) -> list[str]:
    """What the export was judged on, and what it found."""
    first, last = stored.drift_tenths
    cut = [f"{name}: {count:,}" for name, count in stored.cut_off.items() if count]
    lines = [
        f"judged on {stored.judged_on}, scales from {stored.calibration_rows:,} rows"
    ]
    if stored.worst is not None:
        worst = stored.worst
        lines.append(
            f"  {judgement_text(stored)}: {worst.found:.3g}, allowed {worst.allowed:.3g}"
        )
    return [
        *lines,
        f"  drift of {stored.drift_output} from float over {stored.drift_steps:,} carried "
        f"steps: at most {first:.2g} in the first tenth, {last:.2g} in the last",
        f"  cut off in {stored.counted_steps:,} steps: {', '.join(cut) or 'nothing'}",
    ]


def layer_nbytes(model: QuantisedModel, k: int) -> int:
    """Bytes of the tensors of layer k, conversions beside it included."""
    return sum(
        tensor.nbytes
        for name, tensor in model.tensors.items()
        if int(name.split(".")[1]) == k
    )


def total_nbytes(model: QuantisedModel) -> int:
    """Bytes of all tensors."""
    return sum(tensor.nbytes for tensor in model.tensors.values())


def _state_bits(model: QuantisedModel, k: int) -> list[int]:
    """Fraction bits of the state tensors of an integer layer; [] without state."""
    layer, part = model.spec.layers[k], model.roles[k]
    if part.role == "integer" and isinstance(layer, Memory | Window):
        bits = int(model.tensors[f"layers.{k}.state_bits"][0])
        return [bits + WIDE_BITS if part.is_wide else bits]
    if part.role != "integer" or not isinstance(layer, RecurrentLayer):
        return []
    if layer.blends:
        return [GRU_BITS]
    return [int(bits) for bits in model.tensors[f"layers.{k}.bits"]]


def _input_names(model: QuantisedModel) -> list[str]:
    derived = [
        f"{function}_{item.period_s}"
        for item in model.spec.derived
        for function in ("sin", "cos")
    ]
    return [*model.spec.feature_names, *derived]


def print_quantisation(
    prepared: Prepared, report: Mapping[str, Any], found: QuantisationReport
) -> None:
    """Print the score table of a run and its report with a row for int8, then its costs."""
    from rnnedge.evaluation.scores.report_json import read_scores
    from rnnedge.evaluation.scores.score_tables import score_table
    from rnnedge.evaluation.scores.scoring import score_forecasts
    from rnnedge.tasks.scores import NETWORK, NETWORK_INT8

    spec = prepared.spec
    scores = read_scores(spec, report)
    outputs = list(found.int8_outputs)
    season = int(report["season_steps"])
    scored = score_forecasts(prepared, outputs, season)
    network = scores.pop(NETWORK)
    ordered = {NETWORK: network, NETWORK_INT8: scored, **scores}
    print_table(score_table(spec, ordered, season))
    echo()
    for line in quantisation_lines(found):
        echo(line)


def quantisation_lines(found: QuantisationReport) -> list[str]:
    """One line each for error, drift, cut-off values, kept layers and size."""
    lines = []
    if found.losses:
        worst = max(found.losses, key=lambda loss: loss.rise / max(loss.allowed, 1e-30))
        unit = f" {worst.unit}" if worst.unit else ""
        lines.append(
            f"error    {worst.output}: {worst.float_mae:.4f}{unit} in float, "
            f"{worst.int8_mae:.4f}{unit} in int8 ({worst.percent:+.3f} %); the rise of "
            f"{worst.rise:.2g}{unit} is nearest to its limit of {worst.allowed:.2g}{unit}"
        )
    for item in sorted(found.differences, key=lambda item: -item.percent)[:1]:
        unit = f" {item.unit}" if item.unit else ""
        lines.append(
            f"error    {item.output}: {item.difference:.2g}{unit} from float in the mean of "
            f"{found.judged_on}, {item.percent:.2g} % of its spread; the limit is "
            f"{100 * found.max_loss:g} %"
        )
    if not found.losses and not found.differences:
        lines.append(f"error    not checked: no output is known on {found.judged_on}")
    drift = found.drift
    unit = f" {drift.unit}" if drift.unit else ""
    lines += [
        f"drift    {drift.output}: {drift.num_steps:,} carried steps of the test stream, "
        f"int8 at most {drift.largest:.2g}{unit} from float, in the first tenth "
        f"{drift.first_tenth:.2g}{unit}, in the last {drift.last_tenth:.2g}{unit} "
        f"(deviation of the target {drift.deviation:.3g}{unit})",
        f"cut off  {found.cut_off()}, on {found.counted_steps:,} steps",
        f"float    {', '.join(found.kept) or 'no layer is computed in float'}",
        f"size     {found.float_nbytes / 1024:.1f} KB in float, "
        f"{found.int8_nbytes / 1024:.1f} KB in int8; scales from "
        f"{found.calibration_rows:,} rows",
    ]
    return lines
