"""ONNX files of any exporter, as nodes."""
