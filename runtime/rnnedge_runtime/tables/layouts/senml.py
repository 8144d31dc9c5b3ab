"""SenML (RFC 8428) as rows: base values resolved, readings of one time in one row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from ...errors import DataError

DEVICE = "base_name"
"""Column that holds the base name of a row's records: the device."""

_LABELS = frozenset(
    "bn bt bu bv bs bver n u v vs vb vd s t ut".split()  # noqa: SIM905
)
_VALUES = ("v", "vb", "vs", "s")
_RELATIVE_BELOW = 2**28  # RFC 8428, 4.5.3: such a time counts from now
_UNITS = {"Cel": "C", "%RH": "%"}


def is_senml(item: object) -> bool:
    """Whether a JSON value is a SenML record or pack, and no row of a table."""
    records = item if isinstance(item, list) else [item]
    return bool(records) and all(
        isinstance(record, dict)
        and not record.keys() - _LABELS
        and ("n" in record or "bn" in record)
        for record in records
    )


def senml_rows(
    packs: Iterable[Any],
    units: dict[str, str],
    *,
    where: str,
    wanted: Collection[str] = (),
) -> Iterator[dict[str, Any]]:
    """Rows of a stream of packs: `base_name`, `time`, and a column for each name.

    Records of one device and one time are one row, also over neighbouring packs. A row is
    given away once a later time or the end shows that it is complete, or at once when it
    has all `wanted` names.

    Args:
        packs: JSON values, a list of records or one record each.
        units: filled with the unit of each name.
        wanted: names that make a row complete.

    Raises:
        DataError: a record that is not SenML, or has a time relative to now.
    """
    base: dict[str, Any] = {}
    pending: dict[str, Any] | None = None
    for number, pack in enumerate(packs, 1):
        records = pack if isinstance(pack, list) else [pack]
        if isinstance(pack, list):
            base = {}
        rows: dict[tuple[Any, Any], dict[str, Any]] = {}
        if pending is not None:
            rows[_key(pending)] = pending
        for record in records:
            if not isinstance(record, dict):
                raise _not_senml(where, number, record)
            base |= {k: v for k, v in record.items() if k.startswith("b")}
            name, row = _resolved(record, base, units, where, number)
            if name:
                rows.setdefault(_key(row), {}).update(row)
        ordered = sorted(rows.values(), key=lambda row: row.get("time", 0))
        pending = ordered.pop() if ordered else None
        yield from ordered
        if pending is not None and wanted and all(name in pending for name in wanted):
            yield pending
            pending = None
    if pending is not None:
        yield pending


def _key(row: Mapping[str, Any]) -> tuple[Any, Any]:
    return row.get(DEVICE), row.get("time")


def _resolved(
    record: Mapping[str, Any],
    base: Mapping[str, Any],
    units: dict[str, str],
    where: str,
    number: int,
) -> tuple[str, dict[str, Any]]:
    """Name of a record, "" for one without a reading, and its row."""
    row: dict[str, Any] = {}
    name = str(record.get("n", ""))
    device = str(base.get("bn", ""))
    if device and name:
        row[DEVICE] = device
    name = name or device
    if not any(key in record for key in _VALUES) and not {"bv", "bs"} & base.keys():
        return "", row
    try:
        time = base.get("bt", 0) + record.get("t", 0)
        value = _value(record, base)
    except TypeError:
        raise _not_senml(where, number, record) from None
    if time:
        if abs(time) < _RELATIVE_BELOW:
            raise DataError(
                f"{where}: row {number} has the time {time:g}, which SenML counts from "
                "now; expected seconds since 1970. Send a base time 'bt'."
            )
        row["time"] = time
    unit = str(record.get("u", base.get("bu", "")))
    if unit:
        units.setdefault(name, _UNITS.get(unit, unit))
    row[name] = value
    return name, row


def _value(record: Mapping[str, Any], base: Mapping[str, Any]) -> Any:
    if "vb" in record or "vs" in record:
        return record.get("vb", record.get("vs"))
    if "v" in record or "bv" in base:
        return base.get("bv", 0) + record.get("v", 0)
    return base.get("bs", 0) + record.get("s", 0)


def _not_senml(where: str, number: int, record: object) -> DataError:
    return DataError(
        f"{where}: row {number} is not SenML: {str(record)[:60]}. "
        'Write records such as {"n": "temp", "u": "Cel", "t": 1.7e9, "v": 3.9}.'
    )
