"""A page to look at: streams, readings, forecasts, latency and counters, as they come."""
