"""ONNX: the graph of a chain, and graphs of modules that are none."""
