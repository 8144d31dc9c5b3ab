"""Lines from a serial port, with a checksum if the sensor sends one."""

from .source import SerialSource, open_source

__all__ = ["SerialSource", "open_source"]
