"""SenML, RFC 8428: base values resolved, the records of one device and time in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...tables.layouts.senml import is_senml
from .faults import PayloadError, quoted
from .records import Record
from .times import counted_time
from .units import is_same_unit

__all__ = ["is_senml", "senml_records"]

_RELATIVE_BELOW = 1 << 28  # section 4.5.3: such a time counts from now
_VERSION = 10


def senml_records(
    pack: Any, units: Mapping[str, str], now_us: int, *, rename: Mapping[str, str]
) -> list[Record]:
    """The records of a pack, or of one record alone.

    Args:
        pack: JSON value.
        units: of the features by name, which the records' are checked against.
        now_us: when it came, which times below 2**28 s count from.
        rename: features by the names that records have.

    Raises:
        PayloadError: it is no SenML that we know, or a unit is another.
    """
    base: dict[str, Any] = {}
    found: dict[tuple[str, int | None], dict[str, Any]] = {}
    for record in pack if isinstance(pack, list) else [pack]:
        if not isinstance(record, dict):
            raise _malformed(f"holds {quoted(record)}, expected records")
        _check_labels(record)
        base |= {key: value for key, value in record.items() if key[:1] == "b"}
        device, own = base.get("bn", ""), record.get("n", "")
        if not isinstance(device, str) or not isinstance(own, str) or not device + own:
            raise _malformed("has a record without a name")
        value = _value(record, base)
        if value is None:
            continue
        name = own or device
        unit = record.get("u", base.get("bu")) or ""
        for known in (name, device + own):
            feature = rename.get(known, known)
            if not is_same_unit(str(unit), units.get(feature, "")):
                raise PayloadError(
                    "unit",
                    f"{quoted(known)} is in {quoted(unit)}, but the model has it in "
                    f"{quoted(units[feature])}. Convert it before it is sent.",
                )
        time_us = _time_us(record, base, now_us)
        key = (device if own else "", time_us)
        found.setdefault(key, {}).update({name: value, device + own: value})
    return [
        Record(values, time_us, True, {"bn": device}, series=device)
        for (device, time_us), values in found.items()
    ]


def _check_labels(record: Mapping[str, Any]) -> None:
    for key, value in record.items():
        if key[-1:] == "_":  # section 4.4: must be understood
            raise _malformed(f"has the label {quoted(key)}, which nobody here knows")
        if key == "bver" and (not _is_number(value) or value > _VERSION):
            raise _malformed(f"is of version {quoted(value)}, expected {_VERSION}")


def _value(record: Mapping[str, Any], base: Mapping[str, Any]) -> Any:
    """The value of a record; None where it has none, and gives base values alone."""
    for name in ("vs", "vb", "vd"):
        if name in record:
            return record[name] if name != "vd" else [record[name]]
    for own, common in (("v", "bv"), ("s", "bs")):
        if own in record and record[own] is None:
            return float("nan")
        if own in record or (common in base and "n" in record and own == "v"):
            return _number(record, own) + _number(base, common)
    return None


def _time_us(
    record: Mapping[str, Any], base: Mapping[str, Any], now_us: int
) -> int | None:
    time = _number(base, "bt") + _number(record, "t")
    if not time:
        return None
    return counted_time(time, "s") + (now_us if time < _RELATIVE_BELOW else 0)


def _number(record: Mapping[str, Any], name: str) -> Any:
    value = record.get(name, 0)
    if not _is_number(value):
        raise _malformed(f"has {quoted(value)} in {quoted(name)}, expected a number")
    return value if abs(value) < 1e300 else float("nan")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _malformed(found: str) -> PayloadError:
    return PayloadError(
        "malformed",
        f"the SenML {found}. "
        'Send records such as {"n": "temp", "u": "Cel", "t": 1.7e9, "v": 3.9}.',
    )
