"""Scores of forecasts, what they are compared with, and the verdict."""
