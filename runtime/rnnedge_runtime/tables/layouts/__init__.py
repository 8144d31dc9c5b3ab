"""Layouts beside plain rows: long form, JSON lines, SenML, InfluxDB lines."""
