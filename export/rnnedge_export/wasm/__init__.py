"""WebAssembly artifacts, under the name they had before `formats`."""
