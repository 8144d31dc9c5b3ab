"""paho's client for a broker: protocol, user, TLS, session and will."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from ...errors import DataError, require
from ...printable import printable

if TYPE_CHECKING:
    from paho.mqtt.client import Client

    from .peer import Peer

_CONNECT_S = 5.0
_V5 = 5


def new_client(peer: Peer, *, keeps_session: bool) -> Client:
    """A client that is not connected yet; one whose session is kept acknowledges by hand.

    Args:
        peer: the broker.
        keeps_session: whether the broker keeps messages while this client is away.

    Raises:
        DataError: a certificate cannot be used.
        MissingDependencyError: paho-mqtt is not installed.
    """
    paho = require("paho.mqtt.client", extra="mqtt", purpose="MQTT")
    is_v5 = peer.version == _V5
    client: Client = paho.Client(
        paho.CallbackAPIVersion.VERSION2,
        client_id=peer.client_id,
        protocol=paho.MQTTProtocolVersion(peer.version),
        clean_session=None if is_v5 else not keeps_session,
        reconnect_on_failure=False,
        manual_ack=keeps_session,
    )
    client.connect_timeout = _CONNECT_S
    client.max_queued_messages = 0
    client.max_inflight_messages = 0  # who sends keeps to the broker's window
    if peer.user is not None:
        client.username_pw_set(peer.user, peer.password)
    if peer.is_tls:
        client.tls_set_context(_tls(peer))
    if peer.status:
        client.will_set(peer.status, "offline", qos=1, retain=True)
    where = peer.host, peer.port, peer.keepalive
    if not is_v5:
        client.connect_async(*where)
        return client
    asked = paho.Properties(paho.PacketTypes.CONNECT)
    asked.SessionExpiryInterval = peer.session_expiry if keeps_session else 0
    asked.ReceiveMaximum = peer.in_flight
    client.connect_async(*where, clean_start=not keeps_session, properties=asked)
    return client


def _tls(peer: Peer) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=peer.ca)
        if peer.certificate is not None:
            context.load_cert_chain(peer.certificate, peer.key)
    except (OSError, ValueError) as error:
        files = [peer.ca, peer.certificate, peer.key]
        named = ", ".join(printable(str(file)) for file in files if file)
        raise DataError(
            f"mqtt: no certificate or key in PEM in {named} ({error}). Name others with "
            "ca, certificate and key."
        ) from None
    return context
