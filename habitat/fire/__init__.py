"""Fire: weather to moisture codes, danger classes and indices."""
