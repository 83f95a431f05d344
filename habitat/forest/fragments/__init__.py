"""Parts of fragmentation: connected components, shapes, distances, class and landscape equations, borders."""
