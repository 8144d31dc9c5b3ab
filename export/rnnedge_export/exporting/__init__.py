"""From a model to artifacts that are proved before they are published."""
