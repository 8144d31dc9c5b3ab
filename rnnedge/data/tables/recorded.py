"""How the tables of a run were read, in its config and as keywords."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from rnnedge_runtime.tables.options import TableOptions

_FIELDS = dataclasses.fields(TableOptions)


def option_fields(options: TableOptions) -> dict[str, Any]:
    """The fields of `options` that say something, by name."""
    return {
        field.name: getattr(options, field.name)
        for field in _FIELDS
        if getattr(options, field.name) != field.default
    }


def options_of(recorded: Mapping[str, Any]) -> TableOptions:
    """The options among recorded fields, lists or single texts for fields of several."""
    found = {
        field.name: recorded[field.name] for field in _FIELDS if field.name in recorded
    }
    for field in _FIELDS:
        value = found.get(field.name)
        if field.default == () and value is not None:
            found[field.name] = (
                (value,) if isinstance(value, str) else tuple(map(str, value))
            )
    return TableOptions(**{k: v for k, v in found.items() if v is not None})


def take_options(arguments: dict[str, Any]) -> TableOptions:
    """The options among keywords, which are taken out of them."""
    names = [field.name for field in _FIELDS if field.name in arguments]
    return options_of({name: arguments.pop(name) for name in names})
