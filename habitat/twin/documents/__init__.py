"""STAC documents of a twin's scenes in the shapes the catalogues of the world serve them."""
