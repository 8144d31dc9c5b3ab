"""What is watched beside the forecasts: sensors that stick, and their limits."""
