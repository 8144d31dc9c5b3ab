"""The sink that keeps what `GET /metrics` says."""

from __future__ import annotations

from ...loop.nouns import Outcome, Place
from ...place_options import Options
from ...web.answers import Answer
from ...web.endpoint import Endpoint
from ...web.requests import Request, Respond
from ..latency import Latency
from ..newest import Newest
from .metrics import Metrics

KIND = "text/plain; version=0.0.4; charset=utf-8"
_PERIODS_KEPT = 3
_SHORTEST_KEPT_S = 300.0


class PrometheusSink:
    """What is scraped is always delivered: nothing waits for a reader.

    Attributes:
        name: `prometheus`.
    """

    name = "prometheus"

    def __init__(self, place: Place) -> None:
        options = Options(place)
        period_s = place.spec.sample_period_s
        kept_s = max(_PERIODS_KEPT * period_s, _SHORTEST_KEPT_S) if period_s else 0.0
        self._endpoint = Endpoint(
            place.url, token=options.text("token"), names=options.words("names")
        )
        self._newest = Newest(place.spec.num_features, place.spec.output_size)
        self._latency = Latency()
        self._metrics = Metrics(
            place,
            self._newest,
            self._latency,
            max_series=options.whole("max_series", 1000, least=1),
            expire_after_s=options.number("expire_after", kept_s),
        )
        options.finish()
        self._place = place
        self._sequence = 0

    @property
    def url(self) -> str:
        """Where it listens; "" before the start."""
        return self._endpoint.url

    def start(self) -> None:
        """Listen.

        Raises:
            DataError: the address is taken or not ours.
        """
        routes: dict[tuple[str, str], Respond] = {("GET", "/metrics"): self._answer}
        self._place.tell(f"prometheus: {self._endpoint.start(routes, '/metrics')}")

    def send(self, outcome: Outcome) -> bool:
        """Keep the newest of each series."""
        self._newest.take(outcome)
        self._latency.take(outcome)
        self._sequence = outcome.sequence
        self._place.counters.add(self.name, "sent", len(outcome.series))
        return True

    def delivered(self) -> int:
        """All that was sent."""
        return self._sequence

    def idle(self) -> None:
        """Nothing is due."""

    def close(self) -> None:
        """Listen no more."""
        self._endpoint.close()

    def _answer(self, request: Request) -> Answer:
        return Answer(200, self._metrics.text().encode(), KIND)
