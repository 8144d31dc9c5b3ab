"""Bytes to nouns: files, seals, metadata, `.rnne`, snapshots, weights in ONNX."""
