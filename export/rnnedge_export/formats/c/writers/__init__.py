"""What the functions of layers write to: memory and statements of a step, packed arrays."""
