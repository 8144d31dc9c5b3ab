"""From readings to forecasts as they come: rows of text, and the live loop.

The live loop as a library: `continuous.open_loop` makes a `loop.loop.Loop` from
`loop.settings.read_settings`, and `Loop.run` turns it until its source ends. A program with
arrays of its own makes `continuous.live_streams` and a `Loop` without a source, and calls
`Loop.take`. `loop.nouns` says what sources and sinks are, `loop.disk.store.Store` is the
state folder.
"""
