"""State that a module does not take and return: found, made explicit and proven."""
