"""From a user's module to a chain of layers, or to the reason why not."""
