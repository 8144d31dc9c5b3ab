"""`make soak`, short: no forecast is lost or changed by restarts and kills."""

from __future__ import annotations

from pathlib import Path

from support import programs
from support.studies.mqtt_soak import Plan, report, soak

pytestmark = programs.needs("mosquitto")


def test_restarts_and_kills_neither_lose_nor_change_a_forecast(tmp_path: Path) -> None:
    plan = Plan(num_topics=30, rate_hz=5, seconds=6, num_restarts=2, num_kills=2)
    found = soak(plan, tmp_path)
    assert found.num_readings == 900
    assert not found.missing, report(found)
    assert not found.different, report(found)
