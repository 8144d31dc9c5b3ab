"""From one exported step of a module to nodes on flat vectors."""
