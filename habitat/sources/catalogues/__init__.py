"""Catalogues: STAC from anywhere, normalised once into scenes."""
