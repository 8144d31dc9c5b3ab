"""A broker that restarts again and again is not one that throws its client out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support import broker as brokers
from support import programs
from support.broker import wait_for
from support.mqtt_helpers import place_at

from rnnedge_runtime.live.mqtt.connection import FIRST_WAIT_S
from rnnedge_runtime.live.sources import mqtt as mqtt_source

pytestmark = programs.needs("mosquitto")


def test_each_restart_is_waited_for_from_the_shortest_wait_on(tmp_path: Path) -> None:
    said: list[str] = []
    with brokers.running(tmp_path / "broker") as broker:
        source: Any = mqtt_source.open_source(
            place_at(f"{broker.url}/sensors/+/reading", said=said)
        )
        source.start()
        connection = source._connection
        waits = []
        for _ in range(6):
            wait_for(lambda: connection.is_ready)
            broker.stop()
            wait_for(lambda: not connection.is_ready)
            waits.append(connection._wait_s)
            wait_for(lambda: connection._num_short == 0)  # a connection was refused
            broker.start()
        source.close()
    assert max(waits) <= 2 * FIRST_WAIT_S
    assert not any("thrown out" in text for text in said)
