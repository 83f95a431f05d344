"""What a TIFF file is made of: directories, geographic keys, metadata and compressed blocks."""
