"""Generated C in `f32.v1`."""
