"""What a cell of time means: forms, units, zones, and the choice among them."""
