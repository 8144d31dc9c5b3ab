"""MQTT over TLS, with certificates of an authority of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import broker as brokers
from support import programs
from support.mqtt_helpers import place_at

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.live.sources import mqtt as mqtt_source

pytestmark = programs.needs("mosquitto", "openssl")


def certificate(folder: Path, name: str, host: str) -> tuple[Path, Path]:
    """A certificate that is its own authority, and its key."""
    made, key = folder / f"{name}.pem", folder / f"{name}.key"
    programs.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-addext", f"subjectAltName={host}"),
            *("-keyout", key, "-out", made),
        ],
        check=True,
        capture_output=True,
    )
    return made, key


def test_a_certificate_is_checked_and_one_is_shown(tmp_path: Path) -> None:
    own, own_key = certificate(tmp_path, "broker", "IP:127.0.0.1")
    other, other_key = certificate(tmp_path, "other", "DNS:elsewhere")
    with brokers.running(
        tmp_path / "broker",
        f"cafile {other}",
        f"certfile {own}",
        f"keyfile {own_key}",
        "require_certificate true",
    ) as broker:
        url = f"mqtts://127.0.0.1:{broker.port}/sensors/#"
        shown = {"certificate": str(other), "key": str(other_key)}
        with_all = place_at(url, options={"ca": str(own), **shown})
        source = mqtt_source.open_source(with_all)
        source.start()
        source.close()
        untrusted = mqtt_source.open_source(place_at(url, options=shown))
        with pytest.raises(DataError, match="certificate is not trusted"):
            untrusted.start()
        options = {"ca": str(own), **shown}
        misnamed = mqtt_source.open_source(
            place_at(url.replace("127.0.0.1", "localhost"), options=options)
        )
        with pytest.raises(DataError, match=r"certificate is not trusted.*localhost"):
            misnamed.start()


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate\n")
    place = place_at("mqtts://127.0.0.1/a", options={"ca": str(file)})
    with pytest.raises(DataError, match=r"no certificate or key in PEM in .*ca\.pem"):
        mqtt_source.open_source(place)
