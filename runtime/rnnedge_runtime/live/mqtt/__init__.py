"""MQTT for sources and sinks: which broker, a connection that comes back, names of topics."""
