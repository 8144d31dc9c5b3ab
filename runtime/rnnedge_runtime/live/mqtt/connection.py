"""A connection with a broker in a thread of its own, which comes back when it is lost.

All calls of paho come from that thread. Others hand it work (`do`) and wake it.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import DataError, RnnEdgeError
from .client import new_client
from .refusals import TAKEN_OVER, UNSPECIFIED, is_final, refusal, refused_topic

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

    from .peer import Peer

    Work = Callable[[Client], None]

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 30.0
_START_S, _CLOSE_S = 5.0, 3.0
_STABLE_S, _MANY_SHORT = 5.0, 4


class User(Protocol):
    """Who uses a connection. All calls come from its thread."""

    def connected(self, client: Client, window: int) -> None:
        """The broker takes messages, `window` at a time that it has not acknowledged."""

    def disconnected(self) -> None:
        """The connection is lost; what was not acknowledged will be sent again."""

    def came(self, message: MQTTMessage) -> None:
        """A message of a subscription."""

    def arrived(self, mid: int, refused: str) -> None:
        """The broker has the message `mid`, or says why it does not take it."""

    def pump(self, client: Client) -> None:
        """Send what there is; called after `do` and after messages arrived."""

    def is_full(self) -> bool:
        """Whether no more messages may come for now."""


class Connection:
    """One client of a broker.

    Args:
        peer: which broker, as whom.
        user: whom to call.
        topics: what to subscribe to.
        keeps_session: whether the broker keeps messages while this client is away.
    """

    def __init__(
        self,
        peer: Peer,
        user: User,
        *,
        topics: Sequence[str] = (),
        keeps_session: bool,
    ) -> None:
        self._peer = peer
        self._user = user
        self._topics = topics
        self._client = new_client(peer, keeps_session=keeps_session)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = lambda _client, _data, message: user.came(message)
        self._client.on_publish = self._on_publish
        self._work: deque[Work] = deque()
        self._notes: deque[str] = deque()
        self._error: RnnEdgeError | None = None
        self._is_settled = threading.Event()
        self._is_closing = threading.Event()
        self._was_ready = self.is_ready = False
        self._is_away = False
        self._is_woken = False
        self._num_short, self._ready_at = 0, 0.0
        self._wait_s = FIRST_WAIT_S
        self._ear, self._mouth = socket.socketpair()
        self._ear.setblocking(False)
        self._mouth.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """Connect, or find that the broker is away for now.

        Raises:
            DataError: the broker refuses, and waiting would not mend that.
        """
        self._thread.start()
        if not self._is_settled.wait(_START_S):
            self._notes.append(
                f"mqtt: {self._peer.address} does not answer; tried on and on."
            )

    def check(self, tell: Callable[[str], None]) -> None:
        """Say what happened, from the thread of the caller.

        Raises:
            DataError: the broker refused before it ever took this client.
        """
        while self._notes:
            tell(self._notes.popleft())
        if self._error is not None:
            raise self._error

    def do(self, work: Work | None = None) -> None:
        """Have `work` done in the connection's thread, then what the user pumps."""
        if work is not None:
            self._work.append(work)
        if not self._is_woken:
            self._is_woken = True
            with contextlib.suppress(OSError):
                self._mouth.send(b"\0")

    def note(self, text: str) -> None:
        """Say a sentence at the next `check`."""
        self._notes.append(text)

    def close(self, last: Work | None = None) -> None:
        """Do the last work, give the broker a moment to take it, and leave."""
        if not self._thread.is_alive():
            return

        def leave(client: Client) -> None:
            if last is not None:
                last(client)
            if self._peer.status:
                client.publish(self._peer.status, "offline", qos=1, retain=True)

        if self.is_ready:
            self.do(leave)
        self._is_closing.set()
        self.do()
        self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        """Connect, serve, wait, and again."""
        try:
            while not self._is_closing.is_set() and self._error is None:
                if self._connect():
                    self._serve()
                if not self._is_closing.is_set() and self._error is None:
                    # Many clients of one broker shall not come back at one moment.
                    self._is_closing.wait(self._wait_s * random.uniform(0.5, 1.0))
                    self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
        except Exception as error:  # a thread that dies unheard would be a silence
            self._error = DataError(
                f"mqtt: {type(error).__name__}: {error}. Report it."
            )
        finally:
            self._is_settled.set()

    def _connect(self) -> bool:
        try:
            self._client.reconnect()
            opened: Any = self._client.socket()
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except ssl.SSLCertVerificationError as error:
            self._refuse(
                f"its certificate is not trusted ({error.verify_message})",
                "Name the authority that signed it with the option ca, or the name that "
                "it was made out to in the URL.",
            )
            return False
        except (OSError, ValueError) as error:
            self._num_short = 0  # nobody threw it out: the broker itself is away
            self._say_away(getattr(error, "strerror", None) or str(error))
            return False
        return True

    def _serve(self) -> None:
        """Read and write until the connection is lost, or closed and all is sent."""
        client, ear = self._client, self._ear
        num_quiet = 0
        while (sock := client.socket()) is not None:
            pending: Callable[[], int] | None = getattr(sock, "pending", None)
            is_full = self._user.is_full()
            waits_s = 0.0 if pending is not None and pending() else 1.0
            if self._is_closing.is_set():
                waits_s = 0.05
            readers = [ear] if is_full else [ear, sock]
            writers = [sock] if client.want_write() else []
            ready, writable, _ = select.select(readers, writers, [], waits_s)
            if ear in ready:
                with contextlib.suppress(BlockingIOError):
                    ear.recv(64)
                self._is_woken = False
            if not is_full and (sock in ready or not waits_s):
                client.loop_read()
            while self._work and client.socket() is sock:
                self._work.popleft()(client)
            if self.is_ready:
                self._user.pump(client)
            if client.want_write() and (sock in writable or client.socket() is sock):
                client.loop_write()
            if not is_full:
                client.loop_misc()
            if self._is_closing.is_set():
                num_quiet = 0 if ready or client.want_write() else num_quiet + 1
                if num_quiet > 4 or not self.is_ready:
                    client.disconnect()
        self._work.clear()

    def _on_connect(
        self, client: Client, _: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        if reason.is_failure:
            if is_final(reason):
                self._refuse(*refusal(reason, self._peer))
            else:
                self._say_away(str(reason))
            return
        window = min(
            self._peer.in_flight, getattr(properties, "ReceiveMaximum", 65535) or 1
        )
        self._window = max(window - 1, 1)  # one for birth
        if self._topics and not (flags.session_present and self._was_ready):
            client.subscribe([(topic, 1) for topic in self._topics])
        else:
            self._set_ready(client)

    def _on_subscribe(
        self, client: Client, _: Any, mid: int, reasons: Any, properties: Any
    ) -> None:
        for topic, reason in zip(self._topics, reasons, strict=False):
            if reason.is_failure:
                self._refuse(*refused_topic(topic, reason, self._peer))
                client.disconnect()
                return
        self._set_ready(client)

    def _set_ready(self, client: Client) -> None:
        if self._is_away:
            self._notes.append(f"mqtt: connected with {self._peer.address} again.")
        self._is_away = False
        self._was_ready = self.is_ready = True
        self._ready_at = time.monotonic()
        if self._peer.status:
            client.publish(self._peer.status, "online", qos=1, retain=True)
        self._user.connected(client, self._window)
        self._is_settled.set()

    def _on_disconnect(
        self, _: Client, _data: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        was_ready, self.is_ready = self.is_ready, False
        self._user.disconnected()
        if was_ready:
            self._note_how_long(is_taken_over=reason.value == TAKEN_OVER)
        if was_ready and not self._is_closing.is_set():
            lost = reason.value == UNSPECIFIED
            self._say_away("the connection was lost" if lost else str(reason))

    def _on_publish(
        self, _: Client, _data: Any, mid: int, reason: Any, properties: Any
    ) -> None:
        self._user.arrived(mid, str(reason) if reason.is_failure else "")

    def _note_how_long(self, *, is_taken_over: bool) -> None:
        """Come back soon, unless two clients of one id throw each other out."""
        is_short = time.monotonic() - self._ready_at < _STABLE_S
        self._num_short = self._num_short + 1 if is_short else 0
        if not is_taken_over and self._num_short < _MANY_SHORT:
            self._wait_s = FIRST_WAIT_S
        if not is_short:
            return
        if is_taken_over or self._num_short == _MANY_SHORT:
            self._notes.append(
                f"mqtt: {self._peer.address}: connected and thrown out {self._num_short} "
                f"times; another program may have the client id {self._peer.client_id}. "
                "Stop it, or name another with the option client-id."
            )

    def _refuse(self, found: str, do: str) -> None:
        text = f"mqtt: {self._peer.address}: {found}. {do}"
        if self._was_ready:
            self._say_away(found)
            return
        self._error = DataError(text)
        self._is_settled.set()

    def _say_away(self, why: str) -> None:
        if not self._is_away:
            self._is_away = True
            self._notes.append(
                f"mqtt: {self._peer.address} is away ({why.rstrip('.')}); tried again "
                "until it is back."
            )
        self._is_settled.set()
