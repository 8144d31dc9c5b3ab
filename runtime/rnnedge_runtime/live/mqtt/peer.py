"""Which broker, as whom, and how: from a URL and the options of its table."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ...errors import DataError
from ...printable import printable

if TYPE_CHECKING:
    from ..loop.nouns import Place

PASSWORD_VARIABLE = "RNNEDGE_MQTT_PASSWORD"
VERSIONS = {"5": 5, "3.1.1": 4}
_TEXTS = (
    *("client_id", "password_file", "password_env", "version", "ca", "certificate"),
    *("key", "status"),
)
_NUMBERS = {
    "keepalive": (5, 65535),
    "session_expiry": (1, 2**32 - 1),
    "in_flight": (1, 65535),
}
PEER_OPTIONS = ("url", *_TEXTS, *_NUMBERS, "tls")


@dataclass(frozen=True, slots=True)
class Peer:
    """A broker and how to speak with it.

    Attributes:
        host: name or address.
        port: 1883, with TLS 8883, unless the URL names another.
        is_tls: whether the connection is encrypted.
        topic: of the URL, without its first slash; "" for none.
        user: None for nobody.
        password: of the user; it is in no message and no log.
        client_id: the broker keeps a session by it.
        version: of the protocol as paho counts: 5, or 4 for 3.1.1.
        keepalive: seconds without a sign after which the other side is taken for gone.
        session_expiry: seconds that the broker keeps the session of a client that is away.
        in_flight: messages that may be on their way, not acknowledged.
        ca: file with certificates that are trusted; None: those of the system.
        certificate: file with the client's own.
        key: file with the key of the certificate.
        status: topic of `online` and `offline`; "" for none.
    """

    host: str
    port: int
    is_tls: bool
    topic: str
    user: str | None
    password: str | None = field(repr=False)
    client_id: str
    version: int
    keepalive: int
    session_expiry: int
    in_flight: int
    ca: Path | None
    certificate: Path | None
    key: Path | None
    status: str

    @property
    def address(self) -> str:
        """For messages."""
        return f"{self.host}:{self.port}"


def read_peer(place: Place, role: str, own_options: Iterable[str] = ()) -> Peer:
    """The broker of a place.

    Args:
        place: its URL is `mqtt://user@host:1883/topic`, `mqtts://` for TLS.
        role: `source` or `sink`: a client each, so that both may have one broker.
        own_options: what its table may hold besides `PEER_OPTIONS`.

    Raises:
        DataError: the URL or an option cannot be used.
    """
    options = _checked(place.options, (*PEER_OPTIONS, *own_options))
    scheme, _, rest = place.url.partition("://")
    authority, _, topic = rest.partition("/")
    user, has_user, server = authority.rpartition("@")
    if ":" in user:
        raise DataError(
            "mqtt: the URL holds a password, which others on this machine can see. Leave "
            f"it out of the URL, and set {PASSWORD_VARIABLE} or the option password_file."
        )
    is_tls = scheme == "mqtts" or bool(options.get("tls"))
    host, port = _server(server, 8883 if is_tls else 1883)
    client_id = options.get("client_id") or _own_id(role, place)
    return Peer(
        host=host,
        port=port,
        is_tls=is_tls,
        topic=unquote(topic),
        user=unquote(user) if has_user else None,
        password=_password(options, bool(has_user)),
        client_id=client_id,
        version=_version(options.get("version", "5")),
        keepalive=options.get("keepalive", 30),
        session_expiry=options.get("session_expiry", 7 * 86400),
        in_flight=options.get("in_flight", 1000),
        ca=_file(options, "ca"),
        certificate=_file(options, "certificate"),
        key=_file(options, "key"),
        status=options.get("status", f"rnnedge/{client_id}/status"),
    )


def _checked(options: Mapping[str, Any], known: tuple[str, ...]) -> Mapping[str, Any]:
    for name, value in options.items():
        if name not in known:
            raise DataError(
                f"mqtt: the option '{printable(name)}' is not known. Known are: "
                f"{', '.join(known)}."
            )
        if name in _TEXTS and not isinstance(value, str):
            raise DataError(
                f"mqtt: {name} is {printable(str(value))}, not text. Put it in quotes."
            )
        if name in _NUMBERS:
            low, high = _NUMBERS[name]
            if type(value) is not int or not low <= value <= high:
                raise DataError(
                    f"mqtt: {name} is {printable(str(value))}, not a whole number from "
                    f"{low} to {high}. Change {name}."
                )
        if name == "tls" and not isinstance(value, bool):
            raise DataError(
                f"mqtt: tls is {printable(str(value))}. Write tls = true, or false."
            )
    return options


def _server(server: str, port: int) -> tuple[str, int]:
    """Host and port of `host`, `host:port` or `[::1]:port`."""
    host, mark, number = server.rpartition(":")
    if not mark or server.endswith("]"):
        host, number = server, str(port)
    host = unquote(host).removeprefix("[").removesuffix("]")
    if not host:
        raise DataError(
            "mqtt: the URL names no broker. Write it as mqtt://user@host:1883/topic."
        )
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= 65535):
        raise DataError(
            f"mqtt: the port of the URL is '{printable(number)}', not a number from 1 to "
            "65535. Write it as mqtt://user@host:1883/topic."
        )
    return host, int(number)


def _version(text: str) -> int:
    if text not in VERSIONS:
        raise DataError(
            f"mqtt: version is '{printable(text)}'. Known are: {', '.join(VERSIONS)}."
        )
    return VERSIONS[text]


def _password(options: Mapping[str, Any], has_user: bool) -> str | None:
    """What the file holds, without its line end, or the variable of the environment."""
    variable = options.get("password_env", PASSWORD_VARIABLE)
    password = os.environ.get(variable) if has_user else None
    if "password_env" in options and password is None and has_user:
        raise DataError(
            f"mqtt: the environment has no {printable(variable)}, which password_env "
            "names. Set it, or change password_env."
        )
    if file := _file(options, "password_file"):
        if not has_user:
            raise DataError(
                "mqtt: there is a password_file, but the URL names no user. Write it as "
                "mqtt://user@host:1883/topic."
            )
        try:
            password = file.read_text().rstrip("\r\n")
        except UnicodeDecodeError:
            raise DataError(
                f"mqtt: password_file {printable(str(file))} is no text. Write the "
                "password into it as UTF-8."
            ) from None
    return password


def _file(options: Mapping[str, Any], name: str) -> Path | None:
    """A file that an option names; it can be read."""
    if not options.get(name):
        return None
    path = Path(options[name])
    try:
        path.open("rb").close()
    except OSError as error:
        raise DataError(
            f"mqtt: {name} {printable(str(path))}: {error.strerror}. Change {name}, or "
            "the rights of the file."
        ) from None
    return path


def _own_id(role: str, place: Place) -> str:
    """The same at every start of the same command on the same machine, 20 characters."""
    parts = (socket.gethostname(), role, place.url, place.artifact)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"rnnedge-{digest[:12]}"
