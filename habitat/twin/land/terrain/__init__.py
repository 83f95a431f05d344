"""The shape of a twin's ground: curves it is laid out along, valleys that water has cut, streams, roads and parcels."""
