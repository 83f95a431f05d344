"""The truth of a twin as satellites see it: orbits, air, optics, radar, quality bits."""
