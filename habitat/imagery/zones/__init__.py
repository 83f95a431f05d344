"""Zones: how much of each pixel an outline covers, and what rasters say within it."""
