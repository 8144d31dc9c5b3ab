"""Models as C source: the generator, the header of kernels, and the way back."""
