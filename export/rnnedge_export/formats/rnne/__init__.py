"""The native file `.rnne`."""
