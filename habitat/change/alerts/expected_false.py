"""Expected false: how many of the alerts listed may be false, from what the monitor expects of unchanged ground."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from habitat.contracts.errors import InputError

_KM2 = 1000.0


@dataclass(frozen=True)
class ExpectedFalse:
    """False alarms to expect among confirmed pixels of a monitored area.

    Parameters
    ----------
    per_1000km2 : float
        Pixels of 1,000 km² confirmed in the month though nothing changed.
    month_pixels, all_pixels : float
        The same in the monitored area, in the month and since monitoring began.
    monitored_km2 : float
        Ground that is monitored.
    patch_pixels : int
        Pixels of the smallest patch that is listed.
    how : str
        How the monitor came to its number.
    """

    per_1000km2: float
    month_pixels: float
    all_pixels: float
    monitored_km2: float
    patch_pixels: int
    how: str

    @property
    def patches_per_1000km2(self) -> float:
        """Most false patches in 1,000 km² and month: all false pixels lie together in patches of the smallest size.

        False pixels that lie alone make no patch, so the true number is lower where errors of neighbours are not
        alike; nobody has measured how alike they are.
        """
        return self.per_1000km2 / self.patch_pixels

    @property
    def all_patches(self) -> float:
        """Most false patches in the monitored area since monitoring began."""
        return self.all_pixels / self.patch_pixels

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return {
            "pixels_per_1000km2_and_month": round(self.per_1000km2, 3),
            "pixels_this_month": round(self.month_pixels, 3),
            "pixels_since_monitoring_began": round(self.all_pixels, 3),
            "monitored_km2": round(self.monitored_km2, 3),
            "patches_per_1000km2_and_month_at_most": round(self.patches_per_1000km2, 3),
            "patches_since_monitoring_began_at_most": round(self.all_patches, 3),
            "patches_basis": f"all false pixels in patches of the smallest size listed, {self.patch_pixels} pixels",
            "covers": "confirmed pixels; departures that wait for confirmation are false more often",
            "how": self.how,
        }


def expected_false(
    told: Mapping[str, Any] | None, month: str, *, monitored_km2: float, pixel_m2: float, min_area_ha: float
) -> ExpectedFalse | None:
    """Return the false alarms to expect in a month and since monitoring began; None if the monitor did not say.

    Parameters
    ----------
    told : mapping, optional
        ``false-alarms.json`` of forest-change: ``months`` with ``per_1000km2`` or the share of stable pixels for each.
    month : str
        ``2025-05``; of a longer period its last month.
    monitored_km2 : float [km²]
        Ground that has a model.
    pixel_m2 : float [m²]
        Size of a pixel.
    min_area_ha : float [ha]
        Smallest patch listed.

    Raises
    ------
    InputError
        If the document has another form.

    Examples
    --------
    >>> told = {"months": {"2025-04": {"per_1000km2": 16.0}, "2025-05": 8e-6}, "how": "years drawn anew"}
    >>> found = expected_false(told, "2025-05", monitored_km2=500.0, pixel_m2=400.0, min_area_ha=0.3)
    >>> found.per_1000km2, found.month_pixels, found.all_pixels, found.patch_pixels, found.patches_per_1000km2
    (20.0, 10.0, 18.0, 8, 2.5)
    """
    if not told or not told.get("months", True):
        return None
    try:
        months = {str(name): _per_1000km2(one, pixel_m2) for name, one in told["months"].items()}
        how = str(told.get("how", ""))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"false-alarms.json of forest-change is not as wanted ({error!r}); build it again") from error
    smallest = max(1, -int(-min_area_ha * 1e4 // pixel_m2))
    so_far = sum(count for name, count in months.items() if name <= month)
    scale = monitored_km2 / _KM2
    now = months.get(month, 0.0)
    return ExpectedFalse(now, now * scale, so_far * scale, monitored_km2, smallest, how)


def _per_1000km2(one: Any, pixel_m2: float) -> float:
    """Return pixels of 1,000 km² from an entry of a month: what it says itself, or a share of stable pixels."""
    if isinstance(one, Mapping):
        return float(one["per_1000km2"]) if "per_1000km2" in one else float(one["share"]) * 1e9 / pixel_m2
    return float(one) * 1e9 / pixel_m2
