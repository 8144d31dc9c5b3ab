"""C artifacts, under the name they had before `formats`."""
