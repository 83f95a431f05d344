"""What real catalogues get wrong, to be switched on one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from habitat.contracts.errors import ConfigError

ALWAYS = "20"
"""Beginning of every date: a quirk for `ALWAYS` touches every scene."""
NO_SWIR = ((ALWAYS, "swir16"), (ALWAYS, "swir22"))
"""For `Quirks.without_assets`: a catalogue that has no shortwave infrared."""


@dataclass(frozen=True)
class Quirks:
    """What is to be wrong with the Sentinel-2 scenes of a catalogue.

    Every switch lists beginnings of ISO dates: ``2025-05-13`` is one date, ``2025-05`` a month, `ALWAYS` all.

    Examples
    --------
    >>> Quirks(keep_offset=("2025-05",), without_assets=(("2025-05-13", "scl"),)).keep_offset
    ('2025-05',)
    """

    keep_offset: tuple[str, ...] = ()
    """The +1000 of baseline 04.00 is still in the DN, and the metadata say so."""
    lying_flags: tuple[str, ...] = ()
    """``earthsearch:boa_offset_applied`` says the opposite of what the pixels hold."""
    other_zone: tuple[str, ...] = ()
    """Scenes are delivered in EPSG:32653, tiles 53TKH and 53TKJ."""
    all_cloud: tuple[str, ...] = ()
    """Nothing but cloud."""
    without_assets: tuple[tuple[str, str], ...] = ()
    """(date beginning, asset key) of assets an item does not have, e.g. ``("2025-05-13", "scl")`` or `NO_SWIR`."""
    lost_files: tuple[tuple[str, str], ...] = ()
    """(date beginning, asset key) of assets the item names but whose file is not there."""

    def check(self, days: Iterable[str]) -> None:
        """Refuse a quirk that touches no scene: the test relying on it would test nothing.

        Raises
        ------
        ConfigError
            If a date beginning fits none of the twin's days.
        """
        known = sorted(set(days))
        for field_name, value in asdict(self).items():
            for entry in value:
                start = entry if isinstance(entry, str) else entry[0]
                if not any(day.startswith(start) for day in known):
                    raise ConfigError(
                        f"quirk {field_name} names {start!r}, which begins none of the dates {', '.join(known)}"
                    )

    def to_dict(self) -> dict[str, Any]:
        """Return the quirks as plain JSON data."""
        return {
            key: [list(entry) if isinstance(entry, tuple) else entry for entry in value]
            for key, value in asdict(self).items()
        }


NO_QUIRKS = Quirks()
"""A catalogue as Earth Search is on a good day."""


def touches(days: tuple[str, ...], day: str) -> bool:
    """Tell whether one of the date beginnings fits a day."""
    return any(day.startswith(start) for start in days)


def touched_assets(entries: tuple[tuple[str, str], ...], day: str) -> set[str]:
    """Return the asset keys that entries of (date beginning, asset key) name for a day."""
    return {asset for start, asset in entries if day.startswith(start)}
