"""What can be learned from data, a folder a task."""
