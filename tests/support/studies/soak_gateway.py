"""`rnnedge run` that writes down when each message came and when each went out.

python soak_gateway.py LOG ARTIFACT --source ... --sink ... --state ...
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import paho.mqtt.client as paho

from rnnedge.cli import main
from rnnedge_runtime.live.sinks.mqtt.sink import MqttSink
from rnnedge_runtime.live.sources.mqtt.source import MqttSource


def log_to(path: str) -> None:
    """Have a line written for every message, at once: a kill loses none.

    `came <ns> <topic> <payload>` as the source is given it; `went <ns> <topic> <payload>`
    after the socket took it; `up <ns>` where the source or the sink is connected.
    """
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    came, publish = MqttSource.came, paho.Client.publish

    def logged_came(self: MqttSource, message: Any) -> None:
        now = time.monotonic_ns()
        line = b"came %d %s %s\n" % (now, message.topic.encode(), message.payload)
        came(self, message)
        os.write(log, line)

    def logged_publish(self: paho.Client, topic: str, payload: Any, **how: Any) -> Any:
        sent = publish(self, topic, payload, **how)
        now = time.monotonic_ns()
        if topic.startswith("forecast/"):
            os.write(log, b"went %d %s %s\n" % (now, topic.encode(), payload))
        return sent

    def logged_up(connected: Any) -> Any:
        def logged_connected(self: Any, client: Any, window: int) -> None:
            connected(self, client, window)
            os.write(log, b"up %d\n" % time.monotonic_ns())

        return logged_connected

    for place in (MqttSource, MqttSink):
        place.connected = logged_up(place.connected)  # type: ignore[method-assign]
    MqttSource.came = logged_came  # type: ignore[method-assign]
    paho.Client.publish = logged_publish  # type: ignore[method-assign]


if __name__ == "__main__":
    log_to(sys.argv.pop(1))
    sys.argv.insert(1, "run")
    main()
