"""What running a module shows: recorded steps, windows, tokens, missing readings."""
