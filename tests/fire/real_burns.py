"""Real fires, read from the shared imagery as plain arrays: bands before and after, published outlines and numbers."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import xarray as xr
from numpy.typing import NDArray
from rasterio.features import rasterize

from habitat.fire.severity import dnbr, offset_by_kind, snow_or_cloud, unburnt_offset

USGS = {
    "waldo-canyon": "wal-waldo-canyon",
    "poomacha": "poo-poomacha",
    "coal-seam": "cs-coal-seam",
    "little-bear": "lb-little-bear",
    "schultz": "scz-schultz",
    "station": "stn-station",
}
_ASSETS = {"blue": "blue", "green": "green", "red": "red", "nir": "nir08", "swir1": "swir16", "swir2": "swir22"}
_LEAVES_KEPT = 0.05
"""NDVI fell by less than this: what a fire does not leave behind, judged without the bands that make dNBR."""


def folder_of(shared, name):
    folder = shared / "imagery" / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not at hand")
    return folder


def raster(path):
    """Pixels as float with NaN for no data, and the profile."""
    with rasterio.open(path) as source:
        values = source.read(1).astype(float)
        values[values == source.nodata] = np.nan
        return values, source.profile


@dataclass(frozen=True)
class Basins:
    """A fire of western North America: Landsat 7 before and after, and basins with a published mean dNBR."""

    before: dict[str, NDArray[np.floating]]
    after: dict[str, NDArray[np.floating]]
    insides: list[NDArray[np.bool_]]
    published: NDArray[np.floating]

    @property
    def usable(self):
        """Neither snow nor cloud in either picture."""
        bands = ("blue", "green", "red", "nir", "swir1")
        doubt = [snow_or_cloud(*(picture[band] for band in bands)) for picture in (self.before, self.after)]
        return self.known & ~(doubt[0] | doubt[1])

    @property
    def known(self):
        return np.isfinite(self.before["nir"]) & np.isfinite(self.after["nir"])

    @property
    def within(self):
        return np.any(self.insides, axis=0)

    def doubtful_share(self, picture):
        """Share of the basins' pixels that shows snow or cloud."""
        bands = (picture[band] for band in ("blue", "green", "red", "nir", "swir1"))
        return float(snow_or_cloud(*bands)[self.within & self.known].mean())

    @property
    def change(self):
        return dnbr(burn_ratio(self.before), burn_ratio(self.after))

    @property
    def unburnt(self):
        """Usable ground outside the basins whose leaves stayed."""
        kept = ndvi(self.before) - ndvi(self.after) < _LEAVES_KEPT
        return self.usable & kept & ~self.within

    def offset(self):
        return unburnt_offset(self.change, self.unburnt)

    def offset_by_kind(self):
        """Offset of three kinds of vegetation: thirds of the basins' ground by NDVI before the fire."""
        green = ndvi(self.before)
        limits = np.quantile(green[self.usable & self.within], [1 / 3, 2 / 3])
        return offset_by_kind(self.change, self.unburnt, np.digitize(green, limits))

    def means(self, mask, offset=0.0):
        """Mean dNBR of each basin over the pixels of a mask; NaN where they are less than half of it."""
        change = self.change - offset
        found = []
        for inside in self.insides:
            taken = change[inside & mask]
            found.append(taken.mean() if taken.size >= 0.5 * inside.sum() else np.nan)
        return np.array(found)


def burn_ratio(picture):
    return (picture["nir"] - picture["swir2"]) / (picture["nir"] + picture["swir2"])


def ndvi(picture):
    return (picture["nir"] - picture["red"]) / (picture["nir"] + picture["red"])


def basins(shared, fire):
    folder = folder_of(shared, "landsat-fires-usgs-basins") / USGS[fire]
    code = USGS[fire].partition("-")[0]
    pictures = []
    for when in ("before", "after"):
        picture = {}
        for band, asset in _ASSETS.items():
            numbers, profile = raster(folder / f"{code}-{when}" / f"{asset}.tif")
            picture[band] = numbers * 2.75e-5 - 0.2
        pictures.append(picture)
    table = gpd.read_file(folder / "basins.geojson")
    shape, transform = numbers.shape, profile["transform"]
    insides = [rasterize([outline], shape, transform=transform).astype(bool) for outline in table.geometry]
    return Basins(*pictures, insides, table["published_mean_dnbr"].to_numpy(float))


def agreement(own, published):
    """Number of basins, correlation, mean difference and root mean square difference."""
    both = np.isfinite(own) & np.isfinite(published)
    difference = (own - published)[both]
    r = np.corrcoef(own[both], published[both])[0, 1] if both.sum() > 2 else np.nan
    return int(both.sum()), float(r), float(difference.mean()), float(np.sqrt((difference**2).mean()))


def belgian_fields(shared):
    """Twelve monthly pictures (time, y, x) of fields in Belgium in which nothing burned; NaN no data."""
    path = folder_of(shared, "s2-s1-worldcereal-belgium") / "inputs.nc"
    with xr.open_dataset(path, mask_and_scale=False) as data:
        names = {"blue": "B02", "green": "B03", "red": "B04", "nir": "B08", "swir1": "B11", "swir2": "B12"}
        numbers = {band: data[f"S2-L2A-{name}"].values.astype(np.uint16) for band, name in names.items()}
        times = data["t"].values.astype("datetime64[M]")
    known = np.all([values != 65535 for values in numbers.values()], axis=0)
    return times, {band: np.where(known, values / 1e4, np.nan) for band, values in numbers.items()}
