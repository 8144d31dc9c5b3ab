"""Forecasting: targets are readings of the steps ahead."""
