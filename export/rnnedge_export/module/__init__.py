"""A user's module: how it is called, what it returns, a step of it."""
