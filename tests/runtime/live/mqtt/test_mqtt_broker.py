"""Source and sink of MQTT with a real mosquitto."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import broker as brokers
from support import programs
from support.broker import Broker, wait_for
from support.mqtt_helpers import Listener, outcome_of, place_at, taken

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.live.loop.nouns import Counters
from rnnedge_runtime.live.sinks import mqtt as mqtt_sink
from rnnedge_runtime.live.sources import mqtt as mqtt_source

pytestmark = programs.needs("mosquitto")

SENSORS = "/sensors/+/reading"
VERSIONS = ("5", "3.1.1")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with brokers.running(tmp_path / "broker") as found:
        yield found


def reading(second: int, value: float = 4.0) -> str:
    return json.dumps({"time": 1_700_000_000 + second, "temp_c": value})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_topic_is_a_series_and_forecasts_have_topics(
    broker: Broker, version: str
) -> None:
    options = {"version": version}
    source = mqtt_source.open_source(place_at(broker.url + SENSORS, options=options))
    names = ["kitchen", "attic"]
    sink = mqtt_sink.open_sink(
        place_at(broker.url + "/forecast/{series}/t", names=names, options=options)
    )
    source.start()
    sink.start()
    listener = Listener(broker.port)
    for k, name in enumerate(names):
        listener.publish(f"sensors/{name}/reading", reading(k))
    found = taken(source, 2)
    assert [r.series for r in found] == names
    assert [r.values for r in found] == [{"temp_c": 4.0}] * 2
    assert sink.send(outcome_of(1, [0, 1], [1_700_000_000_000_000] * 2))
    wait_for(lambda: sink.delivered() == 1)
    wait_for(lambda: len(listener.of("forecast/")) == 2)
    topic, payload, _ = listener.of("forecast/")[0]
    assert topic == "forecast/kitchen/t"
    assert json.loads(payload) == {
        "series": "kitchen",
        "time": "2023-11-14T22:13:20Z",
        **{f"temp_c_{k}": 1.5 for k in (1, 2, 3)},
    }
    source.close()
    sink.close()
    listener.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_not_acknowledged_comes_again(broker: Broker, version: str) -> None:
    place = place_at(broker.url + SENSORS, options={"version": version})
    source = mqtt_source.open_source(place)
    source.start()
    listener = Listener(broker.port)
    for k in range(30):
        listener.publish("sensors/a/reading", reading(k))
    first = taken(source, 10, acknowledges=False)
    source.close()
    again = mqtt_source.open_source(place)
    again.start()
    assert taken(again, 10)[0] == first[0]
    again.close()
    listener.close()


def test_acknowledged_readings_do_not_come_again(broker: Broker) -> None:
    place = place_at(broker.url + SENSORS)
    source = mqtt_source.open_source(place)
    source.start()
    listener = Listener(broker.port)
    for k in range(30):
        listener.publish("sensors/a/reading", reading(k))
    taken(source, 30)
    source.close()
    for k in range(30, 33):
        listener.publish("sensors/a/reading", reading(k))
    again = mqtt_source.open_source(place)
    again.start()
    found = taken(again, 3)
    assert [r.time_us for r in found] == [
        1_700_000_000_000_000 + k * 10**6 for k in (30, 31, 32)
    ]
    again.close()
    listener.close()


def test_the_broker_sends_no_more_ahead_than_it_may(broker: Broker) -> None:
    place = place_at(broker.url + SENSORS, options={"in-flight": 7})
    source = mqtt_source.open_source(place)
    source.start()
    listener = Listener(broker.port)
    for k in range(40):
        listener.publish("sensors/a/reading", reading(k))
    assert len(taken(source, 7, acknowledges=False)) == 7
    received = source.poll(0.3)
    assert received is not None
    assert not received.readings
    source.acknowledge(received.token)
    assert len(taken(source, 33)) == 33
    source.close()
    listener.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_broker_that_restarts_loses_nothing(broker: Broker, version: str) -> None:
    said: list[str] = []
    options = {"version": version}
    source = mqtt_source.open_source(
        place_at(broker.url + SENSORS, said=said, options=options)
    )
    sink = mqtt_sink.open_sink(
        place_at(broker.url, names=["a"], said=said, options=options)
    )
    source.start()
    sink.start()
    listener = Listener(broker.port)
    listener.publish("sensors/a/reading", reading(0))
    taken(source, 1, acknowledges=False)  # on its way when the broker stops
    broker.stop()
    wait_for(lambda: not sink.send(outcome_of(1, [0], [10**15])))
    broker.start()
    wait_for(lambda: sink.send(outcome_of(1, [0], [10**15])))
    wait_for(lambda: sink.delivered() == 1)
    found = taken(source, 1)
    assert found[0].time_us == 1_700_000_000_000_000
    sink.idle()
    source.poll(0)
    assert len([text for text in said if "is away (" in text]) == 2
    assert len([text for text in said if "again." in text]) == 2
    source.close()
    sink.close()
    listener.close()


def test_a_broker_that_is_away_at_start_is_waited_for(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    said: list[str] = []
    source = mqtt_source.open_source(place_at(broker.url + SENSORS, said=said))
    source.start()
    assert "is away (Connection refused)" in said[0]
    assert len(said) == 1
    broker.start()
    try:
        listener = Listener(broker.port)
        wait_for(lambda: source.poll(0.05) is not None and len(said) == 2)
        listener.publish("sensors/a/reading", reading(0))
        taken(source, 1)
        source.close()
        listener.close()
    finally:
        broker.stop()


def test_birth_and_will_are_kept_by_the_broker(broker: Broker) -> None:
    options = {"status": "gateway/status", "keepalive": 5}
    sink = mqtt_sink.open_sink(place_at(broker.url, options=options))
    sink.start()
    listener = Listener(broker.port, "gateway/#")
    wait_for(lambda: ("gateway/status", b"online", True) in listener.messages)
    sink.close()
    wait_for(lambda: listener.messages[-1][1] == b"offline")
    again = mqtt_sink.open_sink(place_at(broker.url, options=options))
    again.start()
    wait_for(lambda: listener.messages[-1][1] == b"online")
    # A connection that breaks: the broker says so for the client.
    again._connection._client.socket().shutdown(socket.SHUT_RDWR)
    wait_for(lambda: [m[1] for m in listener.messages[-2:]] == [b"offline", b"online"])
    again.close()
    listener.close()


def test_the_broker_keeps_the_newest_forecast_alone(broker: Broker) -> None:
    sink = mqtt_sink.open_sink(place_at(broker.url, names=["a"]))
    sink.start()
    for sequence, (time_us, value, late) in enumerate(
        [(10**15, 1.0, False), (3 * 10**15, 3.0, False), (2 * 10**15, 2.0, True)], 1
    ):
        assert sink.send(outcome_of(sequence, [0], [time_us], value, late))
    wait_for(lambda: sink.delivered() == 3)
    listener = Listener(broker.port, "forecast/#")
    wait_for(lambda: len(listener.messages) == 1)
    topic, payload, is_kept = listener.messages[0]
    assert topic == "forecast/a"
    assert json.loads(payload)["temp_c_1"] == 3.0
    assert is_kept
    sink.close()
    listener.close()


def test_more_forecasts_than_the_broker_takes_at_once_arrive_in_order(
    broker: Broker,
) -> None:
    names = [f"s{k}" for k in range(50)]
    sink = mqtt_sink.open_sink(
        place_at(broker.url, names=names, options={"in-flight": 3})
    )
    sink.start()
    listener = Listener(broker.port, "forecast/#")
    for sequence in range(1, 21):
        times = [10**15 + sequence * 10**6] * 50
        assert sink.send(outcome_of(sequence, list(range(50)), times))
    wait_for(lambda: sink.delivered() == 20)
    wait_for(lambda: len(listener.messages) == 1000)
    seen = [json.loads(payload) for _, payload, _ in listener.messages]
    assert [item["series"] for item in seen] == names * 20
    sink.close()
    listener.close()


def test_what_is_no_reading_is_counted_and_acknowledged(broker: Broker) -> None:
    said: list[str] = []
    counters = Counters()
    source = mqtt_source.open_source(
        place_at(
            broker.url + SENSORS,
            said=said,
            counters=counters,
            options={"in-flight": 2},
        )
    )
    source.start()
    listener = Listener(broker.port)
    bad = ["{", '{"time": 1, "temp_c": "warm"}', '{"x": 1}', "[" * 2000, b"\xff\0" * 9]
    for payload in [*bad, *bad, "y" * 1_000_000]:
        listener.publish("sensors/a/reading", payload)
    listener.publish("sensors/a/reading", reading(0))
    assert len(taken(source, 1)) == 1
    dropped = {w: n for (_, w), n in counters.counts.items() if w.startswith("dropped")}
    assert sum(dropped.values()) == 11
    assert len(said) == len(dropped)
    source.close()
    listener.close()


def test_a_kept_reading_without_a_time_is_not_taken_for_one_of_now(
    broker: Broker,
) -> None:
    counters = Counters()
    listener = Listener(broker.port)
    timed = '{"time": 1700000000, "temp_c": 4}'
    listener.publish("sensors/old/reading", '{"temp_c": 4}', retain=True)
    listener.publish("sensors/timed/reading", timed, retain=True)
    wait_for(lambda: len(listener.messages) == 2)
    source = mqtt_source.open_source(place_at(broker.url + SENSORS, counters=counters))
    source.start()
    assert [r.series for r in taken(source, 1)] == ["timed"]
    listener.publish("sensors/new/reading", '{"temp_c": 4}')
    assert [(r.series, r.time_us) for r in taken(source, 1)] == [("new", None)]
    assert counters.counts["mqtt", "dropped: time"] == 1
    source.close()
    listener.close()


def test_two_clients_of_one_id_are_told_of(broker: Broker) -> None:
    said: list[str] = []
    place = place_at(broker.url + SENSORS, said=said, options={"client-id": "one"})
    first, second = mqtt_source.open_source(place), mqtt_source.open_source(place)
    first.start()
    second.start()
    hint = "another program may have the client id one"

    def is_said() -> bool:
        first.poll(0.05)
        second.poll(0.05)
        return any(hint in text for text in said)

    wait_for(is_said)
    first.close()
    second.close()


def test_a_source_that_is_closed_while_the_broker_is_away_ends(tmp_path: Path) -> None:
    source = mqtt_source.open_source(place_at(Broker(tmp_path).url + SENSORS))
    source.start()
    source.close()
    assert not [t for t in threading.enumerate() if t.name == "mqtt" and t.is_alive()]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("user", "password"), [("", None), ("ann@", "wrong"), ("eve@", "right")]
)
def test_a_broker_that_refuses_ends_the_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    user: str,
    password: str | None,
) -> None:
    with guarded(tmp_path) as broker:
        if password:
            monkeypatch.setenv("RNNEDGE_MQTT_PASSWORD", password)
        url = broker.url.replace("//", f"//{user}") + SENSORS
        place = place_at(url, options={"version": version})
        for opened in (
            mqtt_source.open_source(place),
            mqtt_sink.open_sink(
                place_at(url.replace("+", "x"), options={"version": version})
            ),
        ):
            with pytest.raises(DataError, match="refuses user") as caught:
                opened.start()
            assert "RNNEDGE_MQTT_PASSWORD" in str(caught.value)
            assert not password or password not in str(caught.value)
            opened.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_user_and_password_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    with guarded(tmp_path) as broker:
        url = broker.url.replace("//", "//ann@") + SENSORS
        monkeypatch.setenv("RNNEDGE_MQTT_PASSWORD", "right")
        first = mqtt_source.open_source(place_at(url, options={"version": version}))
        first.start()
        assert "right" not in repr(first._peer)
        first.close()
        monkeypatch.delenv("RNNEDGE_MQTT_PASSWORD")
        file = tmp_path / "password"
        file.write_text("right\n")
        options = {"version": version, "password-file": str(file)}
        second = mqtt_source.open_source(place_at(url, options=options))
        second.start()
        second.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_topic_that_may_not_be_read_ends_the_run(version: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=refuse, args=(server, version), daemon=True).start()
        url = f"mqtt://127.0.0.1:{server.getsockname()[1]}/secret/#"
        source = mqtt_source.open_source(place_at(url, options={"version": version}))
        with pytest.raises(DataError, match="does not let user nobody read 'secret/#'"):
            source.start()
        source.close()


def refuse(server: socket.socket, version: str) -> None:
    """A broker that lets any client in, and lets none subscribe (mosquitto lets all)."""
    peer = server.accept()[0]
    is_v5 = version == "5"
    peer.recv(4096)
    peer.sendall(bytes([0x20, 3, 0, 0, 0] if is_v5 else [0x20, 2, 0, 0]))
    while True:
        packet = peer.recv(4096)
        at = packet.find(b"\x82")
        if at >= 0:
            mid = packet[at + 2 : at + 4]
            body = mid + (b"\0\x87" if is_v5 else b"\x80")
            peer.sendall(bytes([0x90, len(body)]) + body)
            return


def guarded(folder: Path):  # type: ignore[no-untyped-def]
    """A broker that knows ann, whose password is right."""
    folder.chmod(0o755)
    users = folder / "users"
    users.touch()
    programs.run(
        ["mosquitto_passwd", "-b", users, "ann", "right"],
        check=True,
        capture_output=True,
    )
    return brokers.running(
        folder / "broker",
        "allow_anonymous false",
        f"password_file {users}",
    )
