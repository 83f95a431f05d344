"""Zone masks: which pixels of an area's grid lie in the area and in each of its zones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize

from habitat.contracts.area import Area
from habitat.sources.catalogues.footprints import area_on_grid


def zone_masks(area: Area) -> dict[str, NDArray[np.bool_]]:
    """Pixels whose centre lies in the area, under its name, and in each zone, under the zone's.

    Parameters
    ----------
    area : Area
        Its grid is the masks'.

    Returns
    -------
    dict of str to bool array (y, x)
        Zones may overlap. A zone that has the area's name is left out.
    """
    parts = {zone.name: zone.polygon for zone in area.zones} | {area.name: area.polygon}
    masks = {name: _inside(Area(area.name, polygon, area.grid)) for name, polygon in parts.items()}
    return {area.name: masks.pop(area.name), **masks}


def _inside(part: Area) -> NDArray[np.bool_]:
    outline = area_on_grid(part)
    if outline.is_empty:
        return np.zeros(part.grid.shape, bool)
    drawn: NDArray[np.uint8] = rasterize([outline], part.grid.shape, transform=part.grid.transform, dtype="uint8")
    return drawn.astype(bool)
