"""Errors as tables of text, for the terminal and as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields

from rnnedge.evaluation.scores.by_series import SeriesErrors, shown_series
from rnnedge.evaluation.scores.numbers import number_texts, with_unit
from rnnedge.tasks.forecast.baselines import label
from rnnedge.tasks.scores import NETWORK, Score
from rnnedge_runtime.spec.model_spec import ModelSpec, Output
from rnnedge_runtime.tables.durations import steps_in_words

MOST_ACROSS = 4
"""Outputs side by side; more are put one below another."""

MOST_ROWS = 20

Rows = list[list[str]]
Scores = Mapping[str, Sequence[Score | None]]


def score_table(
    spec: ModelSpec, scores: Scores, season: int = 0, *, title: str = "test part"
) -> Rows:
    """Rows of text for the terminal: the first and the furthest step of each target.

    A row per forecaster; where that gets too wide a row per output, `MOST_ROWS` at most.

    Args:
        spec: the model.
        scores: on the test part, by forecaster, one Score (or None) per output.
        season: steps of the season, for the name of its forecast; 0: not named.
        title: what was scored.
    """
    shown = _first_and_furthest(spec)
    if len(shown) > MOST_ACROSS:
        return _by_output(spec, scores, season, shown[:MOST_ROWS], title)
    header = [title]
    columns = []
    for k in shown:
        header += [f"{_ahead(spec, spec.outputs[k])}: MAE", "skill %"]
        known = [outputs[k] for outputs in scores.values()]
        columns.append(number_texts([score.mae if score else None for score in known]))
        columns.append([_skill(score) for score in known])
    names = [label(name, season, spec.sample_period_s) for name in scores]
    return [header, *([*row] for row in zip(names, *columns, strict=True))]


def _by_output(
    spec: ModelSpec, scores: Scores, season: int, shown: Sequence[int], title: str
) -> Rows:
    names = [label(name, season, spec.sample_period_s) for name in scores]
    rows = [[f"{title}, MAE", *names, "skill %"]]
    for k in shown:
        known = [outputs[k] for outputs in scores.values()]
        texts = number_texts([score.mae if score else None for score in known])
        skill = _skill(scores[NETWORK][k]) if NETWORK in scores else "-"
        rows.append([_ahead(spec, spec.outputs[k]), *texts, skill])
    return rows


def num_hidden(spec: ModelSpec) -> int:
    """Outputs that `score_table` leaves out though it would show their step."""
    shown = len(_first_and_furthest(spec))
    return max(0, shown - MOST_ROWS) if shown > MOST_ACROSS else 0


def all_scores(spec: ModelSpec, scores: Scores) -> Rows:
    """Every score of every output as rows of a file, its header first."""
    names = [field.name for field in fields(Score)]
    rows = [["target", "step", "unit", "forecaster", *names]]
    for k, output in enumerate(spec.outputs):
        for name, outputs in scores.items():
            if (score := outputs[k]) is not None:
                texts = ["" if v is None else f"{v:.8g}" for v in astuple(score)]
                rows.append(
                    [output.target, str(output.step), output.unit, name, *texts]
                )
    return rows


def series_errors(spec: ModelSpec, errors: SeriesErrors) -> Rows:
    """Rows of text: per series its test errors, the network's and the best baseline's.

    Columns: the first and the furthest step of each target, `MOST_ACROSS` at most; `-`
    where nothing is scored.
    """
    shown, title = shown_series(spec, errors)
    header = [title]
    columns = []
    for k in _first_and_furthest(spec)[:MOST_ACROSS]:
        header += [f"{_ahead(spec, spec.outputs[k])}: MAE", "best baseline"]
        pairs: list[float | None] = []
        for number in shown:
            if not errors.count[number, k]:
                pairs += [None, None]
                continue
            mae = {name: float(each[number, k]) for name, each in errors.mae.items()}
            pairs += [mae.pop(NETWORK), min(mae.values())]
        texts = number_texts(pairs)
        columns += [texts[::2], texts[1::2]]
    names = [errors.names[number] for number in shown]
    return [header, *([*row] for row in zip(names, *columns, strict=True))]


def _first_and_furthest(spec: ModelSpec) -> list[int]:
    return [k for k, out in enumerate(spec.outputs) if out.step in (1, spec.horizon)]


def _ahead(spec: ModelSpec, output: Output) -> str:
    ahead = steps_in_words(output.step, spec.sample_period_s)
    level = "" if output.quantile is None else f" q{100 * output.quantile:g}"
    unit = with_unit(output.target, output.unit).removeprefix(output.target)
    return f"{output.target} {ahead}{level}{unit}"


def _skill(score: Score | None) -> str:
    skill = score.skill_percent if score else None
    return "-" if skill is None else f"{skill:.1f}"
