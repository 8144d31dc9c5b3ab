"""A model as WebAssembly: built from its C source, read, and run by Node."""
