"""From rows of text to forecasts: row streams, several series, saved state."""
