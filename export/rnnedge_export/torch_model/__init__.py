"""The PyTorch module of a chain of layers."""
