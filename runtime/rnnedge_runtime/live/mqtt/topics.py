"""Topics: which series a topic is of, and the topic of a series."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...errors import DataError
from ...printable import printable

SERIES = "{series}"
DEFAULT_TOPIC = f"forecast/{SERIES}"
_FORBIDDEN = str.maketrans(dict.fromkeys("+#\0", "_"))


def series_of(topic_filter: str) -> Callable[[str], str | None]:
    """A function from a topic to its series; None for a topic of another filter.

    A series is named by the parts of the topic that a wildcard stands for, with slashes
    between them: `kitchen` of `sensors/kitchen/reading` under `sensors/+/reading`.

    Raises:
        DataError: MQTT has no such filter.
    """
    check_filter(topic_filter)
    parts = topic_filter.split("/")
    if parts[0] == "$share":
        parts = parts[2:]
    takes_rest = parts[-1] == "#"
    fixed = parts[:-1] if takes_rest else parts
    num_fixed = len(fixed)
    wild = [k for k, part in enumerate(fixed) if part == "+"]
    texts = [(k, part) for k, part in enumerate(fixed) if part != "+"]

    def series(topic: str) -> str | None:
        found = topic.split("/")
        if len(found) < num_fixed or (len(found) > num_fixed and not takes_rest):
            return None
        if any(found[k] != part for k, part in texts):
            return None
        return "/".join([found[k] for k in wild] + found[num_fixed:])

    return series


def check_filter(topic_filter: str) -> None:
    """Raise DataError unless MQTT allows the filter."""
    parts = topic_filter.split("/")
    found = ""
    if not topic_filter:
        found = "names no topic"
    elif "#" in parts[:-1] or any("#" in part and part != "#" for part in parts):
        found = "has a '#' that is not its last part"
    elif any("+" in part and part != "+" for part in parts):
        found = "has a '+' that is not a part of its own"
    elif parts[0] == "$share" and len(parts) < 3:
        found = "is shared, but names no topic"
    elif "\0" in topic_filter or len(topic_filter.encode()) > 65535:
        found = "is no topic of MQTT"
    if found:
        raise DataError(
            f"mqtt: the topic '{printable(topic_filter[:80])}' {found}. Write it as "
            "mqtt://host/sensors/+/reading."
        )


class SeriesTopics:
    """The topic of each series by its number.

    What may not be in the name of a topic is written as `_`.

    Args:
        template: `{series}` in it stands for the name.
        names: of the series, which grow.
        where: what messages start with.

    Raises:
        DataError: the template has a wildcard.
    """

    def __init__(self, template: str, names: Sequence[str], *, where: str) -> None:
        if {"+", "#", "\0"} & set(template):
            raise DataError(
                f"{where}: the topic '{printable(template)}' has a wildcard. Write it as "
                f"mqtt://host/{DEFAULT_TOPIC}."
            )
        self._template = template
        self._names = names
        self._topics: list[str] = []

    def __call__(self, number: int) -> str:
        """The topic of a series."""
        topics = self._topics
        if number >= len(topics):
            topics += map(self._topic, self._names[len(topics) :])
        return topics[number]

    def _topic(self, name: str) -> str:
        topic = self._template.replace(SERIES, name.translate(_FORBIDDEN))
        return topic.rstrip("/") if not name else topic
