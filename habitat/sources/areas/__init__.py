"""Areas: outlines and grids from files that people write."""
