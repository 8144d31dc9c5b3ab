"""Processors that generated C is tried on: compiled here, run in an emulator, measured."""
