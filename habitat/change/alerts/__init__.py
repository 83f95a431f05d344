"""Alerts: where a change stands, what probably made it, and which pixels are one and the same event."""
