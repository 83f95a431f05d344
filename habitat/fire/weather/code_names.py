"""Names of the codes of the Fire Weather Index System."""

from __future__ import annotations

CODES = ("ffmc", "dmc", "dc", "isi", "bui", "fwi", "dsr")
"""What is computed, in this order."""
LONG_NAMES = {
    "ffmc": "fine fuel moisture code",
    "dmc": "duff moisture code",
    "dc": "drought code",
    "isi": "initial spread index",
    "bui": "build-up index",
    "fwi": "fire weather index",
    "dsr": "daily severity rating",
}
"""Names for people."""
