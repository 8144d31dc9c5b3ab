"""Which broker, as whom, and how: from a URL and the options of its table."""

from __future__ import annotations

import hashlib
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ...errors import DataError
from ...printable import printable

if TYPE_CHECKING:
    from ..loop.nouns import Place
    from ..place_options import Options

PASSWORD_VARIABLE = "RNNEDGE_MQTT_PASSWORD"
VERSIONS = {"5": 5, "3.1.1": 4}
WEEK_S = 7 * 86400


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


def read_peer(place: Place, options: Options, role: str) -> Peer:
    """The broker of a place.

    Args:
        place: its URL is `mqtt://user@host:1883/topic`, `mqtts://` for TLS.
        options: of the place.
        role: `source` or `sink`: a client each, so that both may have one broker.

    Raises:
        DataError: the URL or an option cannot be used.
    """
    scheme, _, rest = place.url.partition("://")
    authority, _, topic = rest.partition("?")[0].partition("/")
    user, has_user, server = authority.rpartition("@")
    if ":" in user:
        raise DataError(
            f"{options.where}: the URL holds a password, which others on this machine can "
            f"see. Leave it out, and set {PASSWORD_VARIABLE} or the option password-file."
        )
    is_tls = options.flag("tls", scheme.lower() == "mqtts")
    host, port = _server(server, 8883 if is_tls else 1883, options.where)
    client_id = options.text("client-id") or _own_id(role, place)
    return Peer(
        host=host,
        port=port,
        is_tls=is_tls,
        topic=unquote(topic),
        user=unquote(user) if has_user else None,
        password=_password(options, is_asked=bool(has_user)),
        client_id=client_id,
        version=VERSIONS[options.choice("version", tuple(VERSIONS), "5")],
        keepalive=options.whole("keepalive", 30, least=5, most=65535),
        session_expiry=options.whole("session-expiry", WEEK_S, least=1, most=2**32 - 1),
        in_flight=options.whole("in-flight", 1000, least=1, most=65535),
        ca=_file(options, "ca"),
        certificate=_file(options, "certificate"),
        key=_file(options, "key"),
        status=options.text("status", f"rnnedge/{client_id}/status"),
    )


def _server(server: str, port: int, where: str) -> tuple[str, int]:
    """Host and port of `host`, `host:port` or `[::1]:port`."""
    host, mark, number = server.rpartition(":")
    if not mark or server.endswith("]"):
        host, number = server, str(port)
    host = unquote(host).removeprefix("[").removesuffix("]")
    if not host:
        raise DataError(
            f"{where}: the URL names no broker. Write it as "
            "mqtt://user@host:1883/sensors/+/reading."
        )
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= 65535):
        raise DataError(
            f"{where}: the port is '{printable(number)}', expected a number from 1 to "
            "65535. Write the URL as mqtt://user@host:1883/sensors/+/reading."
        )
    return host, int(number)


def _password(options: Options, *, is_asked: bool) -> str | None:
    """What the file holds, without its line end, or the variable of the environment."""
    variable = options.text("password-env")
    file = _file(options, "password-file")
    if not is_asked:
        if variable or file:
            raise DataError(
                f"{options.where}: there is a password, but the URL names no user. Write "
                "it as mqtt://user@host:1883/sensors/+/reading."
            )
        return None
    if file is None:
        password = os.environ.get(variable or PASSWORD_VARIABLE)
        if variable and password is None:
            raise DataError(
                f"{options.where}: the environment has no '{printable(variable)}', which "
                "password-env names. Set it, or change password-env."
            )
        return password
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise DataError(
            f"{options.where}: password-file {printable(str(file))} is no text. Write the "
            "password into it, as UTF-8."
        ) from None


def _file(options: Options, name: str) -> Path | None:
    """A file that an option names; it can be read."""
    text = options.text(name)
    if not text:
        return None
    path = Path(text).expanduser()
    try:
        path.open("rb").close()
    except OSError as error:
        raise DataError(
            f"{options.where}: {name} {printable(text)}: {error.strerror}. Change {name}, "
            "or the rights of the file."
        ) from None
    return path


def _own_id(role: str, place: Place) -> str:
    """The same at every start of the same command on the same machine, 20 characters."""
    url = place.url.partition("?")[0]
    parts = (socket.gethostname(), role, url, place.artifact)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"rnnedge-{digest[:12]}"
