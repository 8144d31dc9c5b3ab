"""From float weights to integers, and what that costs."""
