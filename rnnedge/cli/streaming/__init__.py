"""`rnnedge run`: rows in, rows out, state saved between them."""
