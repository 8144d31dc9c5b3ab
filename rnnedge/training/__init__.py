"""Training: lanes, truncated backpropagation with carried state, checkpoints."""
