"""Scenes: the pixels of what a search found, on the area's grid."""
