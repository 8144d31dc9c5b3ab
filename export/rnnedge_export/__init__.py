"""PyTorch models to artifacts, each with the proof that it is the same model."""
