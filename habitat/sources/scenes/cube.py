"""Cube: scenes as one lazy stack of reflectance on the area's grid, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import dask.array
import numpy as np
import rioxarray  # noqa: F401  (registers .rio, which writes the coordinate system into the cube)
import stackstac
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry import mapping

from habitat.contracts.area import Area
from habitat.contracts.errors import AreaOutsideData, ConfigError, NoScenes
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.layer import Cube, check_cube
from habitat.contracts.scene import Asset, Scene
from habitat.imagery.clouds import ClearPolicy, clear_mask, clear_policy
from habitat.imagery.sensors import SENSORS, Sensor
from habitat.sources.catalogues.footprints import touches_area
from habitat.sources.catalogues.providers import PROFILES, Provider
from habitat.sources.catalogues.searching import Found
from habitat.sources.scenes.placement import Geometry, Placement
from habitat.sources.scenes.preflight import WithoutMask
from habitat.sources.scenes.window_reader import WindowReader

# dask says nothing of the types of its functions.
da: Any = dask.array
Lazy: TypeAlias = Any
"""A dask array."""

_MASK = "mask"
_LONG_NAMES = {"clear": "neither cloud, shadow nor otherwise unusable"}


def load_cube(
    scenes: Found | Sequence[Scene],
    area: Area,
    *,
    bands: Sequence[str] | None = None,
    purpose: str = "forest",
    chunks: int = 2048,
    without_mask: WithoutMask = "refuse",
) -> Cube:
    """Lay scenes over the area's grid as a lazy cube; nothing is read before it is computed.

    One time step for each scene, in order of time; scenes of one day are not merged. Reflectance is NaN
    outside a scene's image, and all NaN where a scene lacks the band. A file that cannot be read raises
    when it is computed.

    Parameters
    ----------
    scenes : Found or sequence of Scene
        From `search`.
    area : Area
        Its grid is the cube's; the coordinate system needs an EPSG code.
    bands : sequence of str, optional
        Canonical bands; all that any scene has by default.
    purpose : str
        What counts as clear, see `habitat.imagery.clouds.clear_policy`.
    chunks : int
        Pixels a side of one block.
    without_mask : {"refuse", "all-clear"}
        Whether a scene without a quality mask is clear nowhere, or wherever all `bands` have data.

    Returns
    -------
    Dataset (time, y, x)
        float32 reflectance [1] for each band and boolean ``clear``, with the scene's ``id``, ``tile``,
        ``platform`` and ``solar_day`` along time.

    Raises
    ------
    NoScenes
        If there are none.
    AreaOutsideData
        If none touches the area.
    ConfigError
        If a band or purpose is unknown or the grid's system has no EPSG code.
    """
    ordered = sorted(scenes, key=lambda scene: (scene.datetime, scene.id))
    if not ordered:
        raise NoScenes(f"there is no scene to load for area {area.name}; call Found.require after searching")
    if not touches_area([scene.footprint for scene in ordered], area).any():
        raise AreaOutsideData(
            f"none of {len(ordered)} scenes touches area {area.name}, {ordered[0].id} and so on; search again"
        )
    wanted = _bands(ordered, bands)
    provider = scenes.provider if isinstance(scenes, Found) else PROFILES.get(ordered[0].provider)
    parts: list[_Part] = []
    for name, sensor in SENSORS.items():
        where = [index for index, scene in enumerate(ordered) if scene.sensor == name]
        if where:
            parts.append(_Part([ordered[index] for index in where], where, sensor, area.grid, chunks, provider))
    order = np.argsort(np.concatenate([part.where for part in parts]))
    variables = {band: _joined([part.reflectance(band, wanted) for part in parts], order) for band in wanted}
    variables["clear"] = _joined([part.clear(purpose) for part in parts], order)
    bare = np.array([scene.mask is None for scene in ordered])
    if without_mask == "all-clear" and bare.any():
        with_data = ~da.isnan(da.stack([variables[band] for band in wanted])).any(axis=0)
        variables["clear"] = da.where(bare[:, None, None], with_data, variables["clear"])
    cube = xr.Dataset(
        {name: (("time", "y", "x"), values, _attributes(name)) for name, values in variables.items()},
        coords=_coordinates(ordered) | area.grid.coords,
    )
    georeferenced: Cube = cube.rio.write_crs(area.grid.crs)
    check_cube(georeferenced)
    return georeferenced


def _bands(scenes: Sequence[Scene], bands: Sequence[str] | None) -> tuple[str, ...]:
    known = dict.fromkeys(band for sensor in SENSORS.values() for band in sensor.bands)
    present = {band for scene in scenes for band in scene.bands}
    if bands is None:
        return tuple(band for band in known if band in present)
    for band in bands:
        if band not in known:
            raise ConfigError(f"band {band!r} is not known; known are {', '.join(known)}")
        if band not in present:
            raise ConfigError(f"no scene has band {band!r}; these have {', '.join(sorted(present))}")
    return tuple(dict.fromkeys(bands))


def _attributes(name: str) -> dict[str, str]:
    return {"units": "1", "long_name": _LONG_NAMES.get(name, f"{name} surface reflectance")}


def _coordinates(scenes: Sequence[Scene]) -> dict[str, Any]:
    times = np.array([scene.datetime.replace(tzinfo=None) for scene in scenes], dtype="datetime64[ns]")
    return {
        "time": times,
        "id": ("time", [scene.id for scene in scenes]),
        "tile": ("time", [scene.tile for scene in scenes]),
        "platform": ("time", [scene.platform for scene in scenes]),
        "solar_day": ("time", np.array([scene.solar_day for scene in scenes], dtype="datetime64[ns]")),
    }


def _joined(parts: list[Lazy], order: NDArray[np.integer[Any]]) -> Lazy:
    whole = da.concatenate(parts, axis=0) if len(parts) > 1 else parts[0]
    return whole if (np.diff(order) == 1).all() else whole[order]


class _Part:
    """Scenes of one sensor, stacked."""

    def __init__(
        self,
        scenes: list[Scene],
        where: list[int],
        sensor: Sensor,
        grid: Grid,
        chunks: int,
        provider: Provider | None,
    ) -> None:
        self.scenes, self.where, self.sensor, self.grid, self.provider = scenes, where, sensor, grid, provider
        rows, columns = grid.shape
        self.blocks = (_edges(rows, chunks), _edges(columns, chunks))
        self._stacked: dict[str, Lazy] | None = None

    def reflectance(self, band: str, wanted: Sequence[str]) -> Lazy:
        """Reflectance [1] of one band, NaN where there is none."""
        if self._stacked is None:
            assets = [{name: scene.bands[name] for name in wanted if name in scene.bands} for scene in self.scenes]
            reader = partial(WindowReader, provider=self.provider, mean=True)
            self._stacked = _stacked(self.scenes, assets, self.grid, self.blocks, pad=0, fill=0, reader=reader)
        numbers = self._stacked.get(band)
        if numbers is None:
            return da.full(self.shape, np.float32(np.nan), chunks=self.chunks, dtype=np.float32)
        scale, offset = (
            da.from_array(
                np.array(
                    [getattr(scene.bands[band], field) if band in scene.bands else 0.0 for scene in self.scenes],
                    dtype=np.float32,
                ).reshape(-1, 1, 1),
                chunks=(1, 1, 1),
            )
            for field in ("scale", "offset")
        )
        return da.map_blocks(_reflectance, numbers, scale, offset, self.sensor.nodata, dtype=np.float32)

    def clear(self, purpose: str) -> Lazy:
        """Where a scene is clear; nowhere if it has no mask."""
        # Masks whose pixels nest in the grid are grown on their own pixels, as jobs do; the others on the grid's.
        groups: dict[tuple[int, tuple[int, int]], list[int]] = {}
        for index, scene in enumerate(self.scenes):
            groups.setdefault(_nesting(scene.mask, self.grid), []).append(index)
        order = np.argsort([index for indices in groups.values() for index in indices])
        return _joined([self._clear_group(*how, indices, purpose) for how, indices in groups.items()], order)

    def _clear_group(self, factor: int, phase: tuple[int, int], indices: list[int], purpose: str) -> Lazy:
        policy = clear_policy(self.sensor.name, purpose, resolution_m=self.grid.resolution_m * factor)
        # Clouds beyond the grid's edge reach into it too, so the mask is read that much wider.
        pad = policy.halo_px
        scenes = [self.scenes[index] for index in indices]
        masks = [{} if scene.mask is None else {_MASK: scene.mask} for scene in scenes]
        grid = _coarser(self.grid, factor, phase)
        blocks = tuple(
            _edges(length, max(1, sum(edges[:1]) // factor))
            for length, edges in zip(grid.shape, self.blocks, strict=True)
        )
        reader = partial(WindowReader, provider=self.provider)
        fill = self.sensor.mask_nodata
        quality = _stacked(scenes, masks, grid, blocks, pad=pad, fill=fill, reader=reader).get(_MASK)
        chunks = ((1,) * len(scenes), *self.blocks)
        if quality is None:
            return da.zeros((len(scenes), *self.grid.shape), chunks=chunks, dtype=bool)
        clear = da.map_overlap(
            _clear, quality, policy=policy, depth={0: 0, 1: pad, 2: pad}, boundary="none", dtype=bool
        )
        rows, columns = grid.shape
        clear = clear[:, pad : pad + rows, pad : pad + columns]
        if factor > 1:
            clear = da.repeat(da.repeat(clear, factor, axis=1), factor, axis=2)
        top, left = phase
        return clear[:, top : top + self.grid.shape[0], left : left + self.grid.shape[1]].rechunk(chunks)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Time, rows and columns."""
        return (len(self.scenes), *self.grid.shape)

    @property
    def chunks(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Blocks along time, rows and columns."""
        return (1,) * len(self.scenes), *self.blocks


def _nesting(asset: Asset | None, grid: Grid) -> tuple[int, tuple[int, int]]:
    """Grid pixels per pixel of an asset, and by how many the grid's corner lies inside one, as its item says."""
    if asset is None or asset.crs is None or asset.transform is None or asset.shape is None:
        return 1, (0, 0)
    place = Placement.of(Geometry(asset.crs, Affine(*asset.transform), asset.shape), grid)
    return (place.factor, place.phase(Tile(0, 0, *grid.shape))) if place.kind == "nested" else (1, (0, 0))


def _coarser(grid: Grid, factor: int, phase: tuple[int, int]) -> Grid:
    """Grid of pixels `factor` times as large that covers another, whose corner lies `phase` pixels inside it."""
    coarse = grid.resolution_m * factor
    west, north = grid.bounds[0] - phase[1] * grid.resolution_m, grid.bounds[3] + phase[0] * grid.resolution_m
    rows, columns = (-(-(ahead + length) // factor) for ahead, length in zip(phase, grid.shape, strict=True))
    return Grid(grid.crs, coarse, (west, north - rows * coarse, west + columns * coarse, north))


def _edges(length: int, size: int) -> tuple[int, ...]:
    whole, rest = divmod(length, size)
    return (size,) * whole + ((rest,) if rest else ())


def _reflectance(
    numbers: NDArray[np.uint16], scale: NDArray[np.float32], offset: NDArray[np.float32], nodata: float
) -> NDArray[np.float32]:
    reflectance = numbers.astype(np.float32) * scale + offset
    reflectance[numbers == nodata] = np.nan
    return reflectance


def _clear(quality: NDArray[np.uint16], policy: ClearPolicy) -> NDArray[np.bool_]:
    return np.stack([clear_mask(one, policy).astype(bool) for one in quality])


def _stacked(
    scenes: Sequence[Scene],
    assets: Sequence[Mapping[str, Asset]],
    grid: Grid,
    edges: Sequence[tuple[int, ...]],
    *,
    pad: int,
    fill: float,
    reader: Any,
) -> dict[str, Lazy]:
    """Stack each named asset of the scenes on the padded grid as uint16 (time, y, x), `fill` where there is none."""
    names = sorted({name for scene in assets for name in scene})
    if grid.epsg is None:
        raise ConfigError(f"the grid's system {grid.crs[:60]!r} has no EPSG code, which a cube needs")
    if not names:
        return {}
    margin = pad * grid.resolution_m
    west, south, east, north = grid.bounds
    blocks = tuple(_padded(along, pad) for along in edges)
    stack = stackstac.stack(
        [_plain_item(index, scene, own) for index, (scene, own) in enumerate(zip(scenes, assets, strict=True))],
        assets=names,
        epsg=grid.epsg,
        bounds=(west - margin, south - margin, east + margin, north + margin),
        resolution=grid.resolution_m,
        snap_bounds=False,
        chunksize=(1, 1, *blocks),
        dtype=np.dtype("uint16"),
        fill_value=np.uint16(fill),
        rescale=False,
        sortby_date=False,
        xy_coords=False,
        properties=False,
        band_coords=False,
        errors_as_nodata=(),
        reader=reader,
    )
    # stackstac leaves out items and assets that do not reach the grid; each scene keeps its time step here.
    present = [int(index) for index in stack["id"].values]
    steps = len(scenes)
    if present != list(range(steps)):
        absent = [index for index in range(steps) if index not in set(present)]
        empty = da.full((len(absent), *stack.shape[1:]), np.uint16(fill), chunks=(1, 1, *blocks), dtype=np.uint16)
        data = da.concatenate([stack.data, empty], axis=0)[np.argsort(present + absent)]
    else:
        data = stack.data
    return {str(name): data[:, index] for index, name in enumerate(stack["band"].values)}


def _padded(edges: tuple[int, ...], pad: int) -> tuple[int, ...]:
    if len(edges) == 1:
        return (edges[0] + 2 * pad,)
    return (edges[0] + pad, *edges[1:-1], edges[-1] + pad)


def _plain_item(index: int, scene: Scene, assets: Mapping[str, Asset]) -> dict[str, Any]:
    """Describe a scene as a plain STAC 1.0 item, with the fields stackstac knows and no others."""
    return {
        "id": str(index),
        "bbox": list(scene.footprint.bounds),
        "geometry": mapping(scene.footprint),
        "properties": {"datetime": scene.datetime.isoformat()} | _projection(next(iter(assets.values()), None)),
        "assets": {name: {"href": asset.href} | _projection(asset) for name, asset in assets.items()},
    }


def _projection(asset: Asset | None) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if asset is not None and asset.crs is not None:
        fields["proj:epsg"] = int(asset.crs.removeprefix("EPSG:"))
        if asset.transform is not None and asset.shape is not None:
            fields |= {"proj:transform": list(asset.transform), "proj:shape": list(asset.shape)}
    return fields
