"""Models that others wrote, as a ModelSpec with weights: ONNX, PyTorch, Keras and more."""
