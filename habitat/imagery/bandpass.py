"""Bandpass: scenes of different sensors as Landsat 8 OLI would have seen them, so that they mix in one composite."""

from __future__ import annotations

from dataclasses import replace

from habitat.contracts.scene import Asset, Scene
from habitat.imagery.radiometry import Bandpass, etm_to_oli, msi_to_oli

OLI_BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
"""Bands every sensor has a line to OLI for."""


def as_oli(scene: Scene) -> Scene:
    """Scene whose scales and offsets give reflectance as OLI would have seen it.

    A line in reflectance is a line in digital numbers, so no pixel is touched here. Sentinel-2's narrow near
    infrared (B8A) takes the place of its broad one, for it is the one that OLI's resembles. Bands without a
    line are left out.

    Examples
    --------
    >>> from datetime import UTC, date, datetime
    >>> from shapely import box
    >>> nir = Asset("b.tif", scale=2.75e-5, offset=-0.2)
    >>> scene = Scene("l", "landsat-c2-l2", "stac", "landsat", "landsat-7", datetime(2005, 5, 1, tzinfo=UTC),
    ...               date(2005, 5, 1), "115030", box(131, 43, 132, 44), {"nir": nir}, None)
    >>> round(as_oli(scene).bands["nir"].offset, 5)
    -0.12804
    """
    if scene.platform in ("landsat-8", "landsat-9"):
        return replace(scene, bands={band: scene.bands[band] for band in OLI_BANDS if band in scene.bands})
    bands: dict[str, Asset] = {}
    notes = dict(scene.extras)
    for band in OLI_BANDS:
        source = "nir_narrow" if scene.sensor == "sentinel2" and band == "nir" else band
        if source in scene.bands:
            line = _line(scene, source)
            bands[band] = _through(scene.bands[source], line)
            notes["bandpass"] = line.source
    return replace(scene, bands=bands, extras=notes)


def _line(scene: Scene, band: str) -> Bandpass:
    if scene.sensor == "sentinel2":
        return msi_to_oli(scene.platform, band)
    return etm_to_oli(scene.platform, band)


def _through(asset: Asset, line: Bandpass) -> Asset:
    return replace(asset, scale=asset.scale * line.slope, offset=asset.offset * line.slope + line.intercept)
