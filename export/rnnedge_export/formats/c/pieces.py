"""What the arithmetic of a model puts into its C source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .interface import STATE_FIELD


@dataclass(frozen=True, slots=True)
class Pieces:
    """Parts of the two files of a model.

    Attributes:
        fields: arrays of the state.
        kernels: headers of kernels by file name, the one to include first.
        content: of the description, beside what that of every model holds.
        arrays: definitions of the constants.
        functions: definitions of the functions.
        declarations: further ones of the header.
    """

    fields: Sequence[STATE_FIELD]
    kernels: Mapping[str, str]
    content: Mapping[str, Any]
    arrays: Sequence[str]
    functions: str
    declarations: str = ""
