"""Where the network wins, where it does not, and where nobody can tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rnnedge.evaluation.scores.bootstrap import Interval
from rnnedge.evaluation.scores.metrics import Score
from rnnedge_runtime.spec.layers import Difference
from rnnedge_runtime.spec.model_spec import ModelSpec, Output

Outcome = Literal["better", "equal", "worse"]

MOST_TARGETS = 6
ENDS_SHOWN = 3  # worst and best of more

MOST_CUT = 0.01
"""Part of the test readings beyond their range above which the verdict says so."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The network beside the best baseline of one output, on the test part.

    Attributes:
        baseline: the one with the smallest mean absolute error on the test part. It is
            chosen there, which makes it a harder rival than one chosen before.
        network_mae: in the target's unit.
        baseline_mae: in the target's unit.
        interval: of the network's error less the baseline's, in the target's unit.
        outcome: `better` or `worse` where the interval lies on one side of 0; `equal`
            where it holds 0, so that the difference may be chance.
    """

    baseline: str
    network_mae: float
    baseline_mae: float
    interval: Interval
    outcome: Outcome

    @property
    def gain_percent(self) -> float:
        """By how much the network's error is smaller, in per cent of the baseline's."""
        return self._percent(self.baseline_mae - self.network_mae)

    @property
    def gain_interval_percent(self) -> tuple[float, float]:
        """The interval of `gain_percent`."""
        return self._percent(-self.interval.high), self._percent(-self.interval.low)

    def _percent(self, difference: float) -> float:
        return 100 * difference / self.baseline_mae if self.baseline_mae else 0.0


def best_baseline(
    scores: Mapping[str, Sequence[Score | None]], output: int, network: str
) -> str | None:
    """The baseline with the smallest error of one output; None where nothing is scored."""
    mae = {
        name: score.mae
        for name, outputs in scores.items()
        if name != network and (score := outputs[output])
    }
    return min(mae, key=lambda name: mae[name]) if mae else None


def compare(
    network: Score, baseline: Score, name: str, interval: Interval
) -> Comparison:
    """The Comparison of two scores of one output."""
    outcome: Outcome = "equal"
    if interval.high < 0:
        outcome = "better"
    elif interval.low > 0:
        outcome = "worse"
    return Comparison(name, network.mae, baseline.mae, interval, outcome)


def sentence(
    output: Output,
    ahead: str,
    found: Comparison | None,
    *,
    label: str = "",
    is_cut: bool = False,
) -> str:
    """The outcome at one step ahead.

    Args:
        output: target and step.
        ahead: the step in words.
        found: None where the test part has nothing to compare with.
        label: the baseline's name for people.
        is_cut: whether too many test readings were cut to their range, which is then the
            first thing to mend.
    """
    advice = "Use that baseline, or train longer, on more data or with other features."
    if is_cut:
        advice = "Use that baseline, or mend the range of the inputs, see below."
    start = f"{output.target}, {ahead}"
    if found is None:
        return f"{start}: the test part has no reading to compare with; nothing was scored."
    unit = f" {output.unit}" if output.unit else ""
    network = f"{found.network_mae:#.3g}{unit}"
    baseline = f"{found.baseline_mae:#.3g}{unit}"
    low, high = found.gain_interval_percent
    between = f"95 % interval {_percent(low)} to {_percent(high)} %"
    if found.outcome == "better":
        gain = _percent(found.gain_percent)
        return (
            f"{start}: the network's error of {network} is {gain} % below the best "
            f"baseline ({label}, {baseline}; {between})."
        )
    if found.outcome == "worse":
        more = (
            f"{_percent(-high)} to {_percent(-low)} % more"
            if found.baseline_mae
            else "more"
        )
        return (
            f"{start}: the network LOSES to {label} ({network} against {baseline}; 95 % "
            f"interval {more}). {advice}"
        )
    if found.interval.num_blocks == 1:
        between = "the test part is too short to tell"
    return (
        f"{start}: the network is as good as the best baseline ({network} against {label}, "
        f"{baseline}); the difference is within the noise ({between})."
    )


def _percent(value: float) -> str:
    return f"{value:.1f}" if abs(value) < 2 else f"{value:,.0f}"


def shown_targets(
    spec: ModelSpec, comparisons: Sequence[Comparison | None], ahead: str
) -> tuple[list[str], list[str]]:
    """Targets to speak of, and a sentence about all when they are too many.

    All up to six; of more, the three with the smallest and the three with the largest gain
    at the furthest step.

    Args:
        spec: the model.
        comparisons: per output.
        ahead: the furthest step in words.
    """
    names = list(spec.target_names)
    if len(names) <= MOST_TARGETS:
        return names, []
    found = {
        output.target: comparison
        for output, comparison in zip(spec.outputs, comparisons, strict=True)
        if output.step == spec.horizon and comparison is not None
    }
    count = Counter(comparison.outcome for comparison in found.values())
    order = sorted(found, key=lambda name: found[name].gain_percent)
    ends = dict.fromkeys([*order[:ENDS_SHOWN], *order[-ENDS_SHOWN:]])
    return list(ends), [
        f"{len(names)} targets, {ahead}: better than the best baseline for "
        f"{count['better']}, as good for {count['equal']}, worse for {count['worse']}. The "
        f"{ENDS_SHOWN} worst and the {ENDS_SHOWN} best (report.json holds all):"
    ]


def step_sentence(target: str, outcomes: Mapping[int, Outcome]) -> str:
    """Steps won, equal and lost of one target: `outcomes` by step, all steps scored."""
    words = (
        ("better", "better than the best baseline", "better"),
        ("equal", "as good as the best baseline", "as good"),
        ("worse", "worse than the best baseline", "worse"),
    )
    pieces: list[str] = []
    for kind, first, later in words:
        steps = [step for step, outcome in outcomes.items() if outcome == kind]
        if not steps:
            continue
        if pieces:
            pieces.append(f"{later} at {len(steps)} ({ranges(steps)})")
        else:
            number = f"{len(steps)} of {len(outcomes)} steps"
            pieces.append(f"{first} at {number} ({ranges(steps)})")
    return f"{target}: {', '.join(pieces)}."


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers as text: `1-5, 8, 15-23`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs
    )


def cut_sentences(spec: ModelSpec, cut: Mapping[str, Mapping[str, int]]) -> list[str]:
    """One sentence for every feature of which too many test readings were cut.

    Args:
        spec: the model.
        cut: by feature `readings`, `clipped` and `implausible` of the test part.
    """
    followed = {
        spec.feature_names[source]
        for layer in spec.layers
        if isinstance(layer, Difference)
        for source in layer.sources
    }
    sentences = []
    for feature in spec.features:
        counts = cut.get(feature.name)
        if not counts or not counts["readings"]:
            continue
        for kind, bounds, limit in (
            ("clipped", feature.clip, "clip"),
            ("implausible", feature.range, "range"),
        ):
            share = counts[kind] / counts["readings"]
            if bounds is None or share <= MOST_CUT:
                continue
            unit = f" {feature.unit}" if feature.unit else ""
            found = (
                f"{feature.name}: {share:.1%} of its test readings lie outside its {limit} of "
                f"{bounds[0]:.4g} to {bounds[1]:.4g}{unit};"
            )
            advice = (
                f"Where the sensor is right, set a wider --{limit} {feature.name}=LO:HI, "
                "or train on data that holds such readings."
            )
            if kind == "implausible":
                fate = "they were taken for missing"
            elif feature.name in followed:
                fate = "there the network goes by the changes of the readings"
                advice = "Where such levels are usual, train on data that holds them."
            else:
                fate = "they were seen at its bounds"
            sentences.append(f"{found} {fate}. {advice}")
    return sentences
