"""Where the network wins, where it does not, and where nobody can tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rnnedge.tasks.forecast.baselines import label
from rnnedge.tasks.scores import Comparison, Outcome
from rnnedge.tasks.task import Cut
from rnnedge_runtime.spec.layers import Difference
from rnnedge_runtime.spec.model_spec import ModelSpec, Output
from rnnedge_runtime.tables.durations import steps_in_words

MOST_TARGETS = 6
ENDS_SHOWN = 3  # worst and best of more

MOST_CUT = 0.01
"""Part of the test readings beyond their range above which the verdict says so."""


def verdict(
    spec: ModelSpec, comparisons: Sequence[Comparison | None], season: int, cut: Cut
) -> list[str]:
    """See `Task.verdict`."""
    cut_off = cut_sentences(spec, cut)
    ahead = steps_in_words(spec.horizon, spec.sample_period_s)
    targets, sentences = shown_targets(spec, comparisons, ahead)
    for target in targets:
        outcomes = {}
        for output, found in zip(spec.outputs, comparisons, strict=True):
            if output.target != target:
                continue
            if found is not None:
                outcomes[output.step] = found.outcome
            if output.step in (1, spec.horizon):
                ahead = steps_in_words(output.step, spec.sample_period_s)
                name = found.baseline if found else ""
                rival = label(name, season, spec.sample_period_s)
                sentences.append(
                    sentence(output, ahead, found, label=rival, is_cut=bool(cut_off))
                )
        if len(outcomes) > 2:
            sentences.append(step_sentence(target, outcomes))
    return [*sentences, *cut_off]


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


def cut_sentences(spec: ModelSpec, cut: Cut) -> list[str]:
    """One sentence for every feature of which too many test readings were `cut`."""
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
