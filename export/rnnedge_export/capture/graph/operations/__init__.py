"""What operations of PyTorch are in nodes, beyond the simplest: a row each."""
