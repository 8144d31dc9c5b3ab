"""Payloads of all places: bytes to readings, forecasts to text."""

from .decoding import MAX_NBYTES, decode, decode_each
from .faults import Dropping, PayloadError
from .rules import FORMATS, PayloadRules, take_rules

__all__ = [
    "FORMATS",
    "MAX_NBYTES",
    "Dropping",
    "PayloadError",
    "PayloadRules",
    "decode",
    "decode_each",
    "take_rules",
]
