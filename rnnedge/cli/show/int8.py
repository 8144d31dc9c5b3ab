"""What an int8 export found, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rnnedge.cli.show.terminal import echo, print_table

if TYPE_CHECKING:
    from rnnedge.tasks.task import Prepared
    from rnnedge_export.quantise.report import QuantisationReport


def print_quantisation(
    prepared: Prepared, report: Mapping[str, Any], found: QuantisationReport
) -> None:
    """Print the score table of the run with a row for int8, then what it costs.

    Args:
        prepared: the data of the run.
        report: content of its `report.json`.
        found: what the export measured.
    """
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
