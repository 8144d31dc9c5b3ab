"""`make soak`: sensors through a broker that restarts and a process that is killed.

Sensors publish for a while; mosquitto is restarted and `rnnedge run` killed with SIGKILL at
drawn moments. Every forecast has to arrive, and is compared byte for byte with those of a
run that was never stopped.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from support.artifacts import save_artifact
from support.broker import Broker, wait_for
from support.mqtt_helpers import place_at
from support.strategies import random_weights
from support.studies.soak_sensors import Collector, Sensors

from rnnedge_runtime import load
from rnnedge_runtime.live.loop.nouns import Batch, Counters
from rnnedge_runtime.live.loop.streams import LiveStreams
from rnnedge_runtime.live.payloads.forecasts import ForecastLines
from rnnedge_runtime.spec.layers import Affine, Linear, Lstm
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

GATEWAY = Path(__file__).with_name("soak_gateway.py")
LATE = re.compile(rb', "late": true')
SETTLE_S = 2.0


@dataclass(frozen=True)
class Plan:
    """What happens.

    Attributes:
        num_topics: sensors.
        rate_hz: readings a second of each.
        seconds: that they publish.
        num_restarts: of the broker.
        num_kills: of the process.
        seed: of the moments.
    """

    num_topics: int = 200
    rate_hz: float = 5.0
    seconds: float = 60.0
    num_restarts: int = 10
    num_kills: int = 10
    seed: int = 0


@dataclass
class Findings:
    """What came of it; times in ms.

    Attributes:
        num_readings: that were published.
        missing: forecasts that never came, as (series, time).
        different: forecasts with another value than those of an uninterrupted run.
        inside: from the receipt in the process to the socket, both sides up.
        outside: from the sensor's socket to the receipt of the forecast, both sides up.
        num_again: forecasts that came more than once.
        rss_mb: most memory of the process; `numpy_mb` of Python with NumPy alone.
        cpu: share of a core of the process.
    """

    num_readings: int = 0
    missing: list[tuple[str, str]] = field(default_factory=list)
    different: list[tuple[str, str]] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    outside: list[float] = field(default_factory=list)
    num_again: int = 0
    rss_mb: float = 0.0
    numpy_mb: float = 0.0
    cpu: float = 0.0
    fsync_ms: float = 0.0


def soak_spec(rate_hz: float) -> ModelSpec:
    return ModelSpec(
        features=(Feature("temp_c", "C", "hold", None, 12.0),),
        targets=(Target("temp_c", "C"),),
        layers=(Affine(1), Lstm(1, 32), Linear(32, 1)),
        sample_period_s=1 / rate_hz,
    )


class Gateway:
    """`rnnedge run` from the broker to the broker, and what it took."""

    def __init__(self, artifact: Path, broker: Broker, folder: Path) -> None:
        self.log = folder / "gateway.log"
        self.said = (folder / "gateway.err").open("ab")
        self._command = [
            *(GATEWAY, self.log, artifact),
            *("--source", f"{broker.url}/sensors/+/reading?client-id=gateway"),
            *("--sink", f"{broker.url}/forecast/{{series}}?client-id=gateway-out"),
            *("--config", folder / "live.toml"),
        ]
        (folder / "live.toml").write_text(
            f'state = "{folder / "state"}"\nspool-expiry = false\nspool-mb = 64\n'
        )
        self.cpu_s = self.up_s = self.rss_mb = 0.0
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *self._command], stdout=self.said, stderr=self.said
        )
        self._started = time.monotonic()

    def measure(self) -> None:
        """Take note of memory and time."""
        assert self._process.poll() is None, Path(self.said.name).read_text()
        folder = Path(f"/proc/{self._process.pid}")
        self.rss_mb = max(self.rss_mb, resident_mb(folder / "status"))
        times = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
        self._cpu_s = sum(map(int, times)) / os.sysconf("SC_CLK_TCK")

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.measure()
        self.cpu_s += self._cpu_s
        self.up_s += time.monotonic() - self._started
        self._process.send_signal(number)
        self._process.wait(20)


def resident_mb(status: Path) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    return int(found[1]) / 1000 if found else 0.0


def soak(plan: Plan, folder: Path) -> Findings:
    """Run the plan; findings, with nothing judged."""
    spec = soak_spec(plan.rate_hz)
    weights = random_weights(spec, np.random.default_rng(plan.seed))
    artifact = save_artifact(spec, weights, folder, suffix=".rnne")
    found = Findings(fsync_ms=fsync_ms(folder), numpy_mb=numpy_mb())
    broker = Broker(folder / "broker")
    broker.start()
    collector = Collector(broker.port)
    gateway = Gateway(artifact, broker, folder)
    sensors = Sensors(broker.port, plan.num_topics, plan.rate_hz, plan.seconds)
    disturbed = [time.monotonic()]
    try:
        assert collector.is_gateway_up.wait(20)
        sensors.start()
        for moment, what in moments(plan):
            while time.monotonic() < sensors.started_s + moment:
                time.sleep(0.05)
                gateway.measure()
            disturbed.append(time.monotonic())
            if what == "kill":
                gateway.kill()
                gateway.start()
            else:
                broker.stop()
                broker.start()
        sensors.join()
        expected = plan.num_topics * sensors.num_each
        wait_for(lambda: len(collector.payloads) >= expected, 60)
        gateway.kill(signal.SIGTERM)
    finally:
        with_error = sys.exc_info()[0] is not None
        sensors.close()
        collector.close()
        gateway._process.kill()
        broker.stop()
        if with_error:
            sys.stderr.write(Path(gateway.said.name).read_text()[-3000:])
    compare(found, collector, answers(load(artifact), sensors))
    take_latencies(found, plan, gateway.log, sensors, collector, disturbed)
    found.num_readings = expected
    found.rss_mb, found.cpu = gateway.rss_mb, gateway.cpu_s / gateway.up_s
    return found


def moments(plan: Plan) -> list[tuple[float, str]]:
    """When the broker is restarted and the process killed, in turn where both are left."""
    rng = random.Random(plan.seed)
    events = ["kill"] * plan.num_kills + ["restart"] * plan.num_restarts
    rng.shuffle(events)
    apart = (plan.seconds - 1) / max(len(events), 1)
    return [
        (0.7 + apart * (k + rng.uniform(0, 0.3)), what) for k, what in enumerate(events)
    ]


def answers(model: Any, sensors: Sensors) -> dict[tuple[str, str], bytes]:
    """The payload of every forecast of a run that is never stopped."""
    names = sensors.names
    streams = LiveStreams(model, future_us=10**15, counters=Counters())
    numbers = np.array([streams.number(name) for name in names], np.int32)
    lines = ForecastLines(place_at("", spec=model.spec, names=names))
    found = {}
    for k in range(sensors.num_each):
        times = np.full(len(names), sensors.time_us(k), np.int64)
        values = np.array(
            [[sensors.value(n, k)] for n in range(len(names))], np.float32
        )
        outcome = streams.apply(Batch(sensors.time_us(k), numbers, times, values))
        for text in lines.json(outcome):
            item = json.loads(text)
            found[item["series"], item["time"]] = text.encode()
    return found


def compare(
    found: Findings, collector: Collector, expected: dict[tuple[str, str], bytes]
) -> None:
    for key, texts in collector.payloads.items():
        bare = {LATE.sub(b"", text) for text in texts}
        if bare != {expected.get(key)}:
            found.different.append(key)
        found.num_again += len(texts) > 1
    found.missing = sorted(expected.keys() - collector.payloads.keys())


def take_latencies(
    found: Findings,
    plan: Plan,
    log: Path,
    sensors: Sensors,
    collector: Collector,
    disturbed: Sequence[float],
) -> None:
    """Of readings that came while both were up, and had been for 2 s."""
    came: dict[tuple[str, str], int] = {}
    went: dict[tuple[str, str], int] = {}
    ups = list(sensors.ups)
    for line in log.read_bytes().splitlines():
        what, at, *rest = line.split(b" ", 3)
        if what == b"up":
            ups.append(int(at) / 1e9)
            continue
        item = json.loads(rest[1])
        key = item["series"], item["time"]
        times = came if what == b"came" else went
        times.setdefault(key, int(at))
    # Sensors, source and sink come back after each disturbance, before the next.
    ends = [*disturbed[1:], float("inf")]
    last_ups = [
        max([up for up in ups if start <= up < end], default=end)
        for start, end in zip(disturbed, ends, strict=True)
    ]
    breaks = [
        (start, up + SETTLE_S) for start, up in zip(disturbed, last_ups, strict=True)
    ]

    def is_calm(at_s: float, done_s: float) -> bool:
        return not any(at_s < end and done_s > start for start, end in breaks)

    for key, at in came.items():
        if key in went and is_calm(at / 1e9, went[key] / 1e9):
            found.inside.append((went[key] - at) / 1e6)
    for key, at in collector.first.items():
        sent = sensors.sent.get(key)
        if sent is not None and is_calm(sent / 1e9, at / 1e9):
            found.outside.append((at - sent) / 1e6)


def fsync_ms(folder: Path, num: int = 100) -> float:
    """Median time of a small write and fsync on the disk of the folder."""
    taken = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(num):
            start = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            taken.append(1e3 * (time.perf_counter() - start))
    return statistics.median(taken)


def numpy_mb() -> float:
    """Memory of Python with NumPy alone."""
    code = "import numpy, pathlib; print(pathlib.Path('/proc/self/status').read_text())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    found = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    return int(found[1]) / 1000 if found else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    return float(np.percentile(values, share)) if values else float("nan")


def report(found: Findings) -> str:
    lines = [
        f"readings {found.num_readings:,}; forecasts missing {len(found.missing)}, "
        f"different {len(found.different)}, more than once {found.num_again}",
    ]
    for what, times in (("process", found.inside), ("end to end", found.outside)):
        shares = ", ".join(f"p{s:g} {percentile(times, s):.2f}" for s in (50, 99, 99.9))
        lines.append(f"latency, {what}: {shares} ms over {len(times):,} readings")
    lines.append(
        f"fsync median {found.fsync_ms:.2f} ms; memory {found.rss_mb:.1f} MB, NumPy alone "
        f"{found.numpy_mb:.1f} MB; {100 * found.cpu:.0f} % of a core"
    )
    return "\n".join(lines)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        plan = Plan(
            **{
                k: type(getattr(Plan, k))(v)
                for k, v in (part.split("=") for part in sys.argv[1:])
            }
        )
        found = soak(plan, Path(folder))
    print(report(found))
    bad = found.missing or found.different
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
