"""Evaluation: baselines, metrics, the report and its plots."""
