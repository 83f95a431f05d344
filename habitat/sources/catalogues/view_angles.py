"""View angles: where an item says that sun and satellite stood, in any version of the view extension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def view_angles(properties: Mapping[str, Any]) -> dict[str, float | None]:
    """Angles of sun and satellite as fields of a scene [degrees], None where the item is silent.

    The angle at the satellite stands in for the one on the ground where only that is said; Landsat says 0.

    Examples
    --------
    >>> view_angles({"view:sun_azimuth": 150, "s2:mean_solar_zenith": 30.0})["sun_elevation"]
    60.0
    """
    elevation = _first(properties, "view:sun_elevation", "eo:sun_elevation")
    zenith = _first(properties, "s2:mean_solar_zenith")
    if elevation is None and zenith is not None:
        elevation = 90.0 - zenith
    return {
        "sun_elevation": elevation,
        "sun_azimuth": _first(properties, "view:sun_azimuth", "eo:sun_azimuth", "s2:mean_solar_azimuth"),
        "view_zenith": _first(properties, "view:incidence_angle", "view:off_nadir", "eo:off_nadir"),
        "view_azimuth": _first(properties, "view:azimuth"),
    }


def _first(properties: Mapping[str, Any], *names: str) -> float | None:
    return next((float(properties[name]) for name in names if properties.get(name) is not None), None)
