"""`load_dataset` under the name of its older place."""

from .tables.loading import load_dataset, load_recorded

__all__ = ["load_dataset", "load_recorded"]
