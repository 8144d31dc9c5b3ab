"""Which outputs of a model are gauges, and the labels of each."""

from __future__ import annotations

from collections.abc import Iterator

from ....spec.model_spec import ModelSpec


def columns(spec: ModelSpec) -> Iterator[tuple[str, dict[str, str], int]]:
    """Role, labels and column of the outputs that are shown; of quantiles the outer two."""
    quantiles = spec.quantiles
    middle = min(quantiles, key=lambda q: abs(q - 0.5), default=None)
    roles: dict[float | None, str] = {middle: "yhat"}
    if len(quantiles) > 1:
        roles = {quantiles[0]: "yhat_lower", quantiles[-1]: "yhat_upper", **roles}
    for column, output in enumerate(spec.outputs):
        if role := roles.get(output.quantile):
            horizon = horizon_text(output.step, spec.sample_period_s)
            yield role, {"for": output.target, "horizon": horizon}, column


def horizon_text(step: int, period_s: float | None) -> str:
    """A step ahead as a label: `6h`, `1h30m`, `15s`, or its number without a period."""
    if not period_s:
        return str(step)
    left_ms, text = round(1000 * step * period_s), ""
    for unit, size_ms in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        number, left_ms = divmod(left_ms, size_ms)
        text += f"{number}{unit}" if number else ""
    seconds, left_ms = divmod(left_ms, 1000)
    text += f"{seconds}s" if seconds else ""
    return text + (f"{left_ms}ms" if left_ms or not text else "")
