"""What a cell of a table means and where a row is in time, for training and device alike."""
