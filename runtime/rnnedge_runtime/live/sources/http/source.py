"""The source that readings are posted to."""

from __future__ import annotations

import threading
from dataclasses import replace

from ...loop.nouns import Place, Received
from ...payloads import Dropping, decode_each, take_rules
from ...place_options import Options
from ...web.answers import Answer, json_answer, refusal
from ...web.endpoint import Endpoint
from ...web.requests import Request, Respond
from .waiting import Waiting

MAX_NBYTES = 1 << 20
_SENML = "application/senml+json"
_MOST_REASONS = 20
_STALLED_S = 30.0


class HttpSource:
    """Takes readings in any format of `payloads`, one or many in a body.

    A request waits until its readings are on disk, and is answered 202 then.

    Attributes:
        name: `http`.
    """

    name = "http"

    def __init__(self, place: Place) -> None:
        options = Options(place)
        self._rules = take_rules(options, place.spec)
        is_open = not self._rules.format
        self._senml = replace(self._rules, format="senml") if is_open else self._rules
        self._endpoint = Endpoint(
            place.url, token=options.text("token"), names=options.words("names")
        )
        self._max_nbytes = options.whole("max_bytes", MAX_NBYTES, least=1)
        self._timeout_s = options.number("timeout", 30.0, least=0.1)
        self._waiting = Waiting(options.whole("max_waiting", 50_000, least=1))
        options.finish()
        self._place = place
        self._drop = Dropping(place, self.name)
        self._counting = threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens; "" before the start."""
        return self._endpoint.url

    def start(self) -> None:
        """Listen.

        Raises:
            DataError: the address is taken or not ours.
        """
        routes: dict[tuple[str, str], Respond] = {
            ("POST", "/readings"): self._take,
            ("POST", "/readings/"): self._take,
            ("GET", "/health"): self._health,
        }
        self._place.tell(f"http: {self._endpoint.start(routes, '/readings')}")

    def poll(self, timeout_s: float) -> Received | None:
        """What was posted, in the order in which it came."""
        tickets = self._waiting.take(timeout_s)
        readings = [reading for ticket in tickets for reading in ticket.readings]
        return Received(readings, tickets[-1].number if tickets else None)

    def acknowledge(self, token: int | None) -> None:
        """Let the requests be answered."""
        if token is not None:
            self._waiting.acknowledge(token)

    def close(self) -> None:
        """Listen no more; requests that still wait are told to come again."""
        self._waiting.close()
        self._endpoint.close()

    def _take(self, request: Request) -> Answer:
        if self._waiting.is_full:
            return self._busy()
        body = request.body(self._max_nbytes)
        kind = request.header("Content-Type").partition(";")[0].strip().lower()
        rules = self._senml if kind == _SENML else self._rules
        readings, faults = decode_each(body, rules, topic=request.rest)
        with self._counting:
            for fault in faults:
                self._drop(fault)
        reasons = [str(fault) for fault in faults[:_MOST_REASONS]]
        if not readings:
            reason = reasons[0] if reasons else "The body holds no reading."
            return refusal(400, reason)
        ticket = self._waiting.put(readings)
        if ticket is None:
            return self._busy()
        if not ticket.is_stored(self._timeout_s):
            return refusal(
                503,
                "The readings are not on disk yet. Send them again.",
                Retry_After="5",
            )
        return json_answer(
            {"accepted": len(readings), "dropped": len(faults), "reasons": reasons}, 202
        )

    def _busy(self) -> Answer:
        with self._counting:
            self._place.counters.add(self.name, "refused: queue full")
        return refusal(429, "Too many readings wait. Send them again.", Retry_After="1")

    def _health(self, request: Request) -> Answer:
        age_s = self._waiting.oldest_s()
        content = {"waiting": self._waiting.num_readings, "oldest_s": round(age_s, 3)}
        is_well = age_s < _STALLED_S
        word = "ok" if is_well else "readings wait for the disk"
        return json_answer({"status": word, **content}, 200 if is_well else 503)
