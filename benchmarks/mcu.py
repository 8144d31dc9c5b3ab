"""`python -m benchmarks.mcu`: cost on microcontrollers, into docs/mcu.md."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .mcu_costs import fit_costs
from .mcu_graphs import GRAPH_SETTINGS, denoiser, fit_done
from .mcu_models import (
    CELL_SETTINGS,
    WHOLE_SETTINGS,
    Measured,
    bare_cell,
    demo_model,
    measure_all,
    tools,
)
from .mcu_page import SIZES, write_page

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/mcu.md"
COUNTS = ROOT / "tests/export/boards/instructions.json"
COSTS = ROOT / "export/rnnedge_export/boards/support/costs.json"
CELLS = ("LSTM", "GRU", "RNN")


@click.command()
@click.option("--fit", is_flag=True, help="Fit the costs of the estimates instead.")
def main(fit: bool) -> None:
    """Measure exported models in emulators; write docs/mcu.md and the counts of the tests."""
    if fit:
        content = fit_costs(lambda text: click.echo(text, err=True))
        for numerics, boards in fit_done(
            lambda text: click.echo(text, err=True)
        ).items():
            for name, done in boards.items():
                content[numerics][name] |= done
        COSTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        click.echo(f"written: {COSTS}")
        return
    subjects = [
        bare_cell(cell, h, is_integer=is_integer)
        for is_integer in (False, True)
        for cell in CELLS
        for h in SIZES
    ]
    models = [demo_model(is_integer=kind) for kind in (False, True)]
    found = measure_all(CELL_SETTINGS, subjects, click.echo)
    found |= measure_all(WHOLE_SETTINGS, models, click.echo)
    graphs = [denoiser(is_integer=kind) for kind in (False, True)]
    found |= measure_all(GRAPH_SETTINGS, graphs, click.echo)
    write_page(PAGE, found, subjects, models, graphs)
    _write_counts(found)
    click.echo(f"written: {PAGE}, {COUNTS}")


def _write_counts(measured: Measured) -> None:
    counts: dict[str, dict[str, int]] = {}
    for (setting, subject), found in measured.items():
        if found.max_instructions is not None:
            counts.setdefault(setting, {})[subject] = found.max_instructions
    content = {"tools": tools(), "instructions": counts}
    COUNTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.mcu")
