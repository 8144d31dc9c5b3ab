"""The message that tells Home Assistant of a device: one a series, a sensor an output."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any

from .... import __version__
from ....spec.model_spec import ModelSpec, Output
from ....tables.durations import steps_in_words
from .units import class_of, unit_of

_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_-]+")
_PERIODS_UNTIL_STALE = 3
ORIGIN = "rnnedge"


def clean_id(text: str) -> str:
    """A name of `[a-zA-Z0-9_-]`; two texts never have one."""
    cleaned = _FORBIDDEN.sub("-", text)
    if cleaned == text:
        return text
    return f"{cleaned}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def device_message(
    spec: ModelSpec,
    *,
    device_id: str,
    name: str,
    model: str,
    state_topic: str,
    status_topic: str,
) -> dict[str, Any]:
    """What Home Assistant takes at `homeassistant/device/<device_id>/config`.

    Args:
        spec: its outputs are the sensors.
        device_id: of `[a-zA-Z0-9_-]`.
        name: of the device, for people.
        model: name of the artifact.
        state_topic: where its forecasts are published.
        status_topic: where `online` and `offline` are; "" for nowhere.
    """
    return {
        "dev": {
            "identifiers": [device_id],
            "name": name,
            "manufacturer": ORIGIN,
            "model": model,
            "sw_version": __version__,
        },
        "o": {"name": ORIGIN, "sw": __version__},
        "cmps": {
            clean_id(output.name): _sensor(
                spec, output, device_id, state_topic, status_topic
            )
            for output in spec.outputs
        },
        "qos": 1,
    }


def _sensor(
    spec: ModelSpec, output: Output, device_id: str, state_topic: str, status_topic: str
) -> dict[str, Any]:
    unit = unit_of(output.unit)
    found = {
        "p": "sensor",
        "name": _name(spec, output),
        "unique_id": f"{device_id}_{clean_id(output.name)}",
        "state_topic": state_topic,
        "value_template": f"{{{{ value_json[{_quoted(output.name)}] }}}}",
        "state_class": "measurement",
        "unit_of_measurement": unit or None,
        "device_class": class_of(unit),
        "availability_topic": status_topic or None,
        "json_attributes_topic": state_topic,
        "json_attributes_template": _attributes(spec, output),
        "expire_after": _expiry_s(spec),
    }
    return {key: value for key, value in found.items() if value is not None}


def curve_of(output: Output) -> str:
    """What the steps ahead of one target, at one quantile, are called together."""
    if output.quantile is None:
        return output.target
    return f"{output.target}_q{100 * output.quantile:g}"


def _name(spec: ModelSpec, output: Output) -> str:
    words = (
        f"{output.target}, {steps_in_words(output.step, spec.sample_period_s)} ahead"
    )
    return words if output.quantile is None else f"{words}, {100 * output.quantile:g} %"


def _attributes(spec: ModelSpec, output: Output) -> str:
    """The first step has the whole list, what charts plot; the others their own time."""
    key = "datetime" if spec.sample_period_s else "step"
    forecast = f"value_json.forecast[{_quoted(curve_of(output))}]"
    if output.step == 1:
        return f"{{{{ {{'forecast': {forecast}}} | tojson }}}}"
    return f"{{{{ {{'{key}': {forecast}[{output.step - 1}].{key}}} | tojson }}}}"


def _quoted(text: str) -> str:
    """A string of a template."""
    return json.dumps(text, ensure_ascii=False)


def _expiry_s(spec: ModelSpec) -> int | None:
    period_s = spec.sample_period_s
    return math.ceil(_PERIODS_UNTIL_STALE * period_s) if period_s else None
