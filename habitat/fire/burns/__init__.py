"""Burns: what fires leave in a series of observations, and how single pixels of it become scars."""
