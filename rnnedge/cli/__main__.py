"""`python -m rnnedge.cli`."""

from rnnedge.cli import main

main(prog_name="rnnedge")
