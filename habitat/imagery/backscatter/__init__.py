"""Radar backscatter: units, means, speckle."""
