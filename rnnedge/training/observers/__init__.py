"""What watches a training and tells of it."""
