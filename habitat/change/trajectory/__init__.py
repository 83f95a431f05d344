"""Annual trajectories in parts: spikes, vertices, models between them, and the choice among models."""
