"""Accuracy: where to look at a map, and what the looks say about its areas and errors."""
