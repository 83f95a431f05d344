"""Pictures of layers for people: layers in, files out."""

from habitat.reports.quicklook import quicklook

__all__ = ["quicklook"]
