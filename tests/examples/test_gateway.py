"""The gateway's and Home Assistant's examples name files, options and keys that exist."""

from __future__ import annotations

import configparser
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from click.testing import CliRunner
from support.mqtt_helpers import place_at

from rnnedge.cli import main
from rnnedge_runtime.live.loop.settings import read_settings
from rnnedge_runtime.live.places import live_sink, live_source

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GATEWAY = EXAMPLES / "gateway"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((GATEWAY / "compose.yaml").read_text())
    return loaded


@pytest.mark.parametrize("name", ["gateway", "home_assistant"])
def test_the_configuration_opens_its_places(name: str) -> None:
    settings = read_settings(EXAMPLES / name / "live.toml")
    assert settings.source is not None
    assert settings.state is not None
    live_source(place_at(settings.source.url, options=settings.source.options))
    for sink in settings.sinks:
        live_sink(place_at(sink.url, options=sink.options))


def test_services_mount_what_is_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    made_by_the_user = {"./passwords", "./model.rnne"}
    for service in services.values():
        assert service.keys() <= {
            *("image", "build", "restart", "ports", "volumes", "depends_on"),
            *("environment", "command", "profiles"),
        }
        assert ("image" in service) != ("build" in service)
        assert set(service.get("depends_on", ())) <= services.keys()
        for volume in service.get("volumes", ()):
            outside = volume.split(":")[0]
            if outside.startswith("./"):
                assert outside in made_by_the_user or (GATEWAY / outside).exists()
            else:
                assert outside in compose["volumes"]
    started = {name for name, service in services.items() if "profiles" not in service}
    assert started == {"mosquitto", "rnnedge"}


def test_the_command_of_the_service_is_one(compose: dict[str, Any]) -> None:
    program, command, artifact, *flags = compose["services"]["rnnedge"]["command"]
    assert (program, command, artifact) == ("rnnedge", "run", "model.rnne")
    given = dict(zip(flags[::2], flags[1::2], strict=True))
    shown = CliRunner().invoke(main, ["run", "--help"]).output
    assert all(flag in shown for flag in given)
    live_source(place_at(given["--source"]))
    live_sink(place_at(given["--sink"]))
    hosts = {urlsplit(given[flag]).hostname for flag in ("--source", "--sink")}
    assert hosts <= compose["services"].keys()


def test_the_unit_runs_the_configuration_and_stops_where_it_is_refused() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[method-assign, assignment]
    unit.read(GATEWAY / "rnnedge-gateway.service")
    assert set(unit.sections()) == {"Unit", "Service", "Install"}
    service = unit["Service"]
    program, command, flag, config = service["ExecStart"].split()
    assert (Path(program).name, command, flag) == ("rnnedge", "run", "--config")
    assert Path(config).name == "live.toml"
    assert service["RestartPreventExitStatus"] == "2"
    assert service["SuccessExitStatus"] == "143"


def test_telegraf_reads_both_topics() -> None:
    content = tomllib.loads((GATEWAY / "telegraf.conf").read_text())
    (consumer,) = content["inputs"]["mqtt_consumer"]
    assert consumer["topics"] == ["sensors/+/reading", "forecast/+"]


def test_the_card_draws_the_list_of_a_forecast() -> None:
    card = yaml.safe_load((EXAMPLES / "home_assistant" / "card.yaml").read_text())
    assert "attributes.forecast" in card["series"][1]["data_generator"]
