"""The wider study: `python -m benchmarks` writes docs/benchmarks.md and its plot."""
