"""Checks of artifacts, alone and against each other."""
