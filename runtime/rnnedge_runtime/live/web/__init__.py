"""The HTTP server that sources, sinks and the page share: addresses, who may ask, answers."""
