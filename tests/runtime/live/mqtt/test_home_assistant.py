"""Home Assistant finds the sensors, and forgets them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import jinja2
import jsonschema
import numpy as np
import pytest
from ha_mqtt_discoverable import Settings
from ha_mqtt_discoverable.sensors import Sensor, SensorInfo
from hypothesis import given
from hypothesis import strategies as st
from support import broker as brokers
from support import programs
from support.broker import Broker, wait_for
from support.mqtt_helpers import Listener, outcome_of, place_at
from support.run_helpers import weather_spec

from rnnedge_runtime.live.payloads.forecasts import number_text
from rnnedge_runtime.live.places import live_sink
from rnnedge_runtime.live.sinks.home_assistant.device import (
    clean_id,
    curve_of,
    device_message,
)
from rnnedge_runtime.live.sinks.home_assistant.forecast_list import list_writer
from rnnedge_runtime.live.sinks.home_assistant.units import class_of, unit_of
from rnnedge_runtime.spec.layers import Affine, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

ID = re.compile(r"[a-zA-Z0-9_-]+")
TEXT = {"type": "string", "minLength": 1}
SENSOR = {
    "type": "object",
    "required": ["p", "unique_id", "state_topic", "value_template", "name"],
    "additionalProperties": False,
    "properties": {
        "p": {"const": "sensor"},
        "name": TEXT,
        "unique_id": {"type": "string", "pattern": "^[a-zA-Z0-9_-]+$"},
        "state_topic": TEXT,
        "value_template": {"type": "string", "pattern": r"^\{\{.*\}\}$"},
        "state_class": {"enum": ["measurement"]},
        "unit_of_measurement": TEXT,
        "device_class": TEXT,
        "availability_topic": TEXT,
        "json_attributes_topic": TEXT,
        "json_attributes_template": {"type": "string", "pattern": r"^\{\{.*\}\}$"},
        "expire_after": {"type": "integer", "minimum": 1},
    },
}
DEVICE = {
    "type": "object",
    "required": ["dev", "o", "cmps"],
    "additionalProperties": False,
    "properties": {
        "dev": {
            "type": "object",
            "required": ["identifiers", "name"],
            "additionalProperties": False,
            "properties": {
                "identifiers": {"type": "array", "items": TEXT, "minItems": 1},
                **dict.fromkeys(("name", "manufacturer", "model", "sw_version"), TEXT),
            },
        },
        "o": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {"name": TEXT, "sw": TEXT, "url": TEXT},
        },
        "cmps": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "patternProperties": {"^[a-zA-Z0-9_-]+$": SENSOR},
        },
        "qos": {"enum": [0, 1, 2]},
    },
}
"""The keys of a device message and of its sensors that Home Assistant documents."""


def spec_of(
    names: tuple[str, ...],
    unit: str,
    horizon: int = 2,
    quantiles: tuple[float, ...] = (),
    period_s: float | None = 900.0,
) -> ModelSpec:
    size = len(names) * horizon * max(1, len(quantiles))
    layers = (Affine(1), Linear(1, size))
    return ModelSpec(
        features=(Feature("reading", unit),),
        targets=tuple(Target(name, unit) for name in names),
        layers=layers,
        horizon=horizon,
        quantiles=quantiles,
        sample_period_s=period_s,
    )


names = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8),
    min_size=1,
    max_size=3,
    unique=True,
).map(tuple)


@given(
    names,
    st.sampled_from(["", "C", "°C", "%", "hPa", "kWh", "m/s", "furlong"]),
    st.integers(1, 4),
    st.sampled_from([(), (0.1, 0.9)]),
    st.sampled_from([None, 0.2, 60.0, 3600.0]),
)
def test_the_message_is_as_documented_and_as_others_make_it(
    targets: tuple[str, ...],
    unit: str,
    horizon: int,
    quantiles: tuple[float, ...],
    period_s: float | None,
) -> None:
    spec = spec_of(targets, unit, horizon, quantiles, period_s)
    message = device_message(
        spec,
        device_id="rnnedge-1",
        name="Kitchen",
        model="jfk.rnne",
        state_topic="forecast/kitchen",
        status_topic="rnnedge/1/status",
    )
    jsonschema.validate(message, DEVICE)
    assert len(message["cmps"]) == len(spec.outputs)
    for component in message["cmps"].values():
        others = made_by_another(component)
        assert others.pop("component") == component["p"]
        assert others.items() <= component.items()


def made_by_another(component: dict[str, Any]) -> dict[str, Any]:
    """The message of an entity that ha-mqtt-discoverable makes for the same sensor."""
    keys = SensorInfo.model_fields.keys() & component.keys()
    info = SensorInfo(**{key: component[key] for key in keys})
    settings = Settings(
        mqtt=Settings.MQTT.model_construct(client=MagicMock()),
        entity=info,
        manual_availability=True,
    )
    sensor = Sensor(settings)
    sensor.state_topic = component["state_topic"]
    sensor.attributes_topic = component["json_attributes_topic"]
    sensor.availability_topic = component["availability_topic"]
    made: dict[str, Any] = sensor.generate_config()
    return made


@given(names, st.integers(1, 4), st.sampled_from([(), (0.1, 0.9)]), st.booleans())
def test_templates_find_the_values_in_what_is_published(
    targets: tuple[str, ...], horizon: int, quantiles: tuple[float, ...], is_timed: bool
) -> None:
    spec = spec_of(targets, "C", horizon, quantiles, 900.0 if is_timed else None)
    values = np.arange(len(spec.outputs), dtype=np.float32) / 8
    published = {
        output.name: float(number_text(value))
        for output, value in zip(spec.outputs, values, strict=True)
    }
    published["forecast"] = json.loads(list_writer(spec)(10**15, values))
    message = device_message(
        spec, device_id="d", name="d", model="m", state_topic="t", status_topic=""
    )
    environment = jinja2.Environment()
    start = datetime.fromisoformat("2001-09-09T01:46:40+00:00")
    for k, output in enumerate(spec.outputs):
        component = message["cmps"][clean_id(output.name)]
        shown = environment.from_string(component["value_template"])
        assert float(shown.render(value_json=published)) == values[k]
        template = environment.from_string(component["json_attributes_template"])
        attributes = json.loads(template.render(value_json=published))
        time = (start + timedelta(seconds=900 * output.step)).isoformat()
        own = {"datetime": time} if is_timed else {"step": output.step}
        if output.step > 1:
            assert attributes == own
            continue
        (curve,) = attributes.values()
        same = [o for o in spec.outputs if curve_of(o) == curve_of(output)]
        assert len(curve) == len(same) == horizon
        assert curve[0] == {**own, "value": values[k]}


@given(st.lists(st.text(max_size=6), unique=True, max_size=20))
def test_ids_have_letters_digits_and_dashes_and_differ(texts: list[str]) -> None:
    ids = [clean_id(text) for text in texts if text]
    assert all(ID.fullmatch(found) for found in ids)
    assert len(set(ids)) == len(ids)


def test_units_are_spelled_as_home_assistant_does() -> None:
    assert [unit_of(u) for u in ("C", "degC", "pct", "V")] == ["°C", "°C", "%", "V"]
    assert class_of("°C") == "temperature"
    assert class_of("%") is None


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    programs.require("mosquitto")
    with brokers.running(tmp_path / "broker") as found:
        yield found


def sink_at(
    broker: Broker, series: list[str], said: list[str] | None = None, **more: Any
) -> Any:
    url = broker.url.replace("mqtt:", "homeassistant:")
    place = place_at(
        url,
        names=series,
        said=said,
        options={"client-id": "gateway", "device": "Forecast", **more},
        artifact="jfk.rnne",
    )
    return live_sink(place)


def test_devices_are_told_kept_told_again_and_forgotten(broker: Broker) -> None:
    series = ["kitchen", "the attic"]
    sink = sink_at(broker, series)
    sink.start()
    listener = Listener(broker.port)
    assert sink.send(outcome_of(1, [0, 1], [10**15, 10**15]))
    wait_for(lambda: sink.delivered() == 1 and len(listener.of("forecast/")) == 2)
    configs = {topic: payload for topic, payload, _ in listener.of("homeassistant/")}
    kitchen = "homeassistant/device/gateway_kitchen/config"
    assert len(configs) == 2
    message = json.loads(configs[kitchen])
    jsonschema.validate(message, DEVICE)
    assert message["dev"]["name"] == "Forecast kitchen"
    sensor = message["cmps"]["temp_c_1"]
    assert sensor["unit_of_measurement"] == "°C"
    assert sensor["device_class"] == "temperature"
    assert sensor["expire_after"] == 3 * 3600
    assert sensor["availability_topic"] == "rnnedge/gateway/status"
    payload = json.loads(listener.of(sensor["state_topic"])[0][1])
    assert payload["forecast"]["temp_c"][2]["datetime"] == "2001-09-09T04:46:40+00:00"

    before = len(listener.of("homeassistant/device"))
    listener.publish("homeassistant/status", "online")
    wait_for(lambda: len(listener.of("homeassistant/device")) == before + 2)
    series.append("cellar")
    assert sink.send(outcome_of(2, [2], [10**15]))
    wait_for(lambda: len(listener.of("homeassistant/device")) == before + 3)

    newcomer = Listener(broker.port, "homeassistant/#")
    listener.publish("homeassistant/device/other/config", '{"o": {"name": "x"}}', True)
    wait_for(lambda: len(newcomer.messages) == 4)
    assert sum(kept for _, _, kept in newcomer.messages) == 3
    sink.close()
    for num in (3, 0):
        said: list[str] = []
        forgetting = sink_at(broker, series, said, forget=True)
        forgetting.start()
        forgetting.close()
        assert said == [f"homeassistant: {num} devices are forgotten."]
    last = Listener(broker.port, "homeassistant/#")
    wait_for(lambda: len(last.messages) == 1)
    for client in (listener, newcomer, last):
        client.close()


def test_weather_has_all_of_its_steps() -> None:
    message = device_message(
        weather_spec(),
        device_id="d",
        name="d",
        model="m",
        state_topic="t",
        status_topic="",
    )
    shown = [sensor["name"] for sensor in message["cmps"].values()]
    assert shown == [f"temp_c, {k} h ahead" for k in (1, 2, 3)]
