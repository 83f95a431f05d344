"""Radar rasters: opened as floats or signed codes, and held against the unit their items say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from habitat.contracts.errors import ReadFailure
from habitat.contracts.scene import Asset, Scene
from habitat.imagery.backscatter.units import contradiction, power
from habitat.sources.catalogues.signing import redact
from habitat.sources.scenes.placement import Geometry
from habitat.sources.scenes.preflight import THUMBNAIL_PX, Checked, Missing
from habitat.sources.scenes.rasters import Header, Rasters, check_place
from habitat.sources.scenes.threads import in_threads
from habitat.sources.scenes.window_reader import check_header, crs_text

FILL = -32768
"""Number of unknown pixels: that of Planetary Computer and of codes in decibels."""


class RadarRasters(Rasters):
    """Handles of one provider's files whose pixels are calibrated backscatter."""

    def header(self, asset: Asset) -> Header:
        """Read what a file says of itself, and hold it against what its item says.

        Raises
        ------
        ReadFailure
            If it cannot be opened, is no image of numbers, or lies elsewhere than its item says.
        """

        def look(source: Any) -> Header:
            check_header(source, asset.href, np.dtype(np.float64), asset.band)
            if source.crs is None:
                raise ReadFailure(
                    "not-on-map",
                    f"{redact(asset.href)} is refused: it has no coordinate system; radar wants terrain correction",
                )
            geometry = Geometry(crs_text(source.crs), Affine(*source.transform[:6]), (source.height, source.width))
            check_place(geometry, asset)
            nodata = source.nodata
            whole = nodata is not None and np.isfinite(nodata) and float(nodata).is_integer()
            return Header(geometry, int(nodata) if whole else None, source.dtypes[0], source.block_shapes[0])

        return self._with(asset.href, look)


def power_of(numbers: NDArray[np.float32], asset: Asset, nodata: int | None) -> NDArray[np.float32]:
    """Linear power of the numbers of an asset; NaN where they are no data by item or file, or not finite."""
    return power(physical(numbers, asset, nodata), asset.unit)


def physical(numbers: NDArray[np.float32], asset: Asset, nodata: int | None) -> NDArray[np.float32]:
    """Numbers of an asset in the unit it says, NaN where unknown."""
    known = np.isfinite(numbers) & (numbers != FILL)
    for empty in (asset.nodata, nodata):
        if empty is not None and np.isfinite(empty):
            known &= numbers != np.float32(empty)
    values = numbers * np.float32(asset.scale) + np.float32(asset.offset)
    return np.asarray(np.where(known, values, np.float32(np.nan)), np.float32)


def check_radar(
    scenes: Sequence[Scene], rasters: RadarRasters, wanted: Sequence[str], *, need_all: bool, workers: int = 2
) -> Checked:
    """Open every file that will be read, and hold its pixels against the unit its item says.

    Parameters
    ----------
    scenes : sequence of Scene
        Of sentinel1, from `habitat.sources.search`.
    rasters : RadarRasters
        Opens the files.
    wanted : sequence of str
        Polarisations: ``vv``, ``vh``.
    need_all : bool
        Whether a scene that lacks one is of no use; else it counts for what it has.
    workers : int
        Threads.

    Returns
    -------
    Checked
        Scenes that lack polarisations, cannot be opened, or whose pixels contradict their unit, are missing.
    """
    looked = in_threads(lambda scene: _look(scene, rasters, wanted, need_all=need_all), scenes, workers)
    headers: dict[str, Header] = {}
    usable, missing = [], []
    for scene, (found, lost) in zip(scenes, looked, strict=True):
        headers |= found
        if lost is None:
            usable.append(replace(scene, bands={name: scene.bands[name] for name in wanted if name in scene.bands}))
        else:
            missing.append(lost)
    return Checked(tuple(usable), headers, tuple(missing))


def _look(
    scene: Scene, rasters: RadarRasters, wanted: Sequence[str], *, need_all: bool
) -> tuple[dict[str, Header], Missing | None]:
    having = [name for name in wanted if name in scene.bands]
    lacking = [name for name in wanted if name not in scene.bands]
    try:
        if not having or (lacking and need_all):
            raise ReadFailure("asset", f"scene {scene.id} has no asset for {', '.join(lacking)}")
        headers = {}
        with rasters.env():
            for name in having:
                asset = scene.bands[name]
                headers[asset.href] = header = rasters.header(asset)
                small = np.asarray(rasters.thumbnail(asset, THUMBNAIL_PX), np.float32)
                problem = contradiction(physical(small, asset, header.nodata), asset.unit)
                if problem:
                    raise ReadFailure("unit", f"{name} of {scene.id} is said to be {asset.unit}, but {problem}")
        return headers, None
    except ReadFailure as failure:
        return {}, Missing(scene, failure.reason, str(failure))
