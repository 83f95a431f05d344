"""Harmonise: scenes of two sensors brought nearer to each other, and what is left between them as numbers."""
