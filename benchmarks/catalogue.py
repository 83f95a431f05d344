"""Catalogue: Sentinel-2-like scenes of one tile over two months, as COGs with a static STAC catalogue.

python -m benchmarks.catalogue /tmp/bench/catalogue-10980 --size 10980
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from pyproj import Transformer

COLLECTION = "sentinel-2-c1-l2a"
FULL_SIZE = 10980
HOME, NEIGHBOUR = "53TKH", "52TGN"
"""Two tiles over one strip of Primorye, where UTM zones 52 and 53 meet."""
_EPSG = {HOME: 32653, NEIGHBOUR: 32652}
_WEST, _NORTH = 199980, 4800000
DAYS = tuple(datetime(2023, 5, 2, 2, 8, 1, tzinfo=UTC) + timedelta(days=5 * i) for i in range(12))
"""Six in May, six in June."""
_COVER = (0.1, 0.55, 0.3, 0.8, 0.2, 0.4)
_CLOUD_BLOCK = 4
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"


@lru_cache
def corner_of(tile: str, size: int) -> tuple[int, int]:
    """Upper left corner [m] of a tile in its own zone; the neighbour's middle lies where the home tile's does."""
    if tile == HOME:
        return _WEST, _NORTH
    half = size * 5
    to_neighbour = Transformer.from_crs(_EPSG[HOME], _EPSG[tile], always_xy=True)
    x, y = to_neighbour.transform(_WEST + half, _NORTH - half)
    return round((x - half) / 60) * 60, round((y + half) / 60) * 60


@dataclass(frozen=True)
class Band:
    """How one band looks: digital numbers of ground, its land cover, its texture and the sensor's noise."""

    file: str
    resolution: int
    mean: float
    structure: float
    texture: float
    noise: float


BANDS = {
    "blue": Band("B02", 10, 400, 90, 30, 11),
    "red": Band("B04", 10, 550, 180, 50, 14),
    "nir": Band("B08", 10, 2900, 500, 110, 22),
    "swir22": Band("B12", 20, 900, 260, 70, 16),
}
"""Asset key to looks. With these DEFLATE packs as it does real scenes: 1.6 times in the near infrared, 2 in blue."""


@dataclass(frozen=True)
class Settings:
    """What a catalogue on disk was made with; another one is made when they differ."""

    size: int = FULL_SIZE
    bands: tuple[str, ...] = ("nir", "swir22")
    seed: int = 7
    version: int = 1


_ground: dict[str, NDArray[np.float32]] = {}
"""Land cover and texture, made once and inherited by the processes that paint the scenes."""


def ensure(folder: Path, settings: Settings) -> Path:
    """Make the catalogue unless it is there already, made with the same settings; return its entry file."""
    said = json.loads(json.dumps(asdict(settings)))
    stamp = folder / "settings.json"
    if stamp.is_file() and json.loads(stamp.read_text()) == said:
        return folder / "catalog.json"
    if folder.exists() and not stamp.is_file() and any(folder.iterdir()):
        raise SystemExit(f"{folder} is not empty and no catalogue of this benchmark; name another folder")
    shutil.rmtree(folder, ignore_errors=True)
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    _make(part, settings)
    stamp_text = json.dumps(said)
    (part / "settings.json").write_text(stamp_text)
    part.rename(folder)
    return folder / "catalog.json"


def _make(root: Path, settings: Settings) -> None:
    _ground["cover"] = fractal(settings.size, 3.0, settings.seed)
    _ground["texture"] = fractal(settings.size, 1.6, settings.seed + 1)
    scenes = [(HOME, day) for day in range(len(DAYS))] + [(NEIGHBOUR, day) for day in range(1, len(DAYS), 2)]
    # Forked, so that the ground is shared; each process keeps one core busy with DEFLATE.
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=get_context("fork")) as pool:
        items = list(pool.map(_scene, *zip(*((root, settings, tile, day) for tile, day in scenes), strict=True)))
    home, other = items[: len(DAYS)], items[len(DAYS) :]
    for item in items:
        folder = _folder(root, item)
        (folder / f"{item['id']}.json").write_text(json.dumps(item, indent=1))
    mixed = [item for pair in zip(home[::2], other, strict=True) for item in pair]
    for name, members in (("home", home), ("zone", mixed)):
        (root / f"{name}.collection.json").write_text(json.dumps(_collection(members), indent=1))
    # Both lie in one folder because a catalogue may not lead out of its own.
    for entry, name in (("catalog.json", "home"), ("zone.json", "zone")):
        (root / entry).write_text(json.dumps(_catalog(name), indent=1))
    (root / "many.json").write_text(json.dumps({"type": "FeatureCollection", "features": list(many_items())}))


def fractal(size: int, steepness: float, seed: int) -> NDArray[np.float32]:
    """Random field whose power falls as frequency to the minus `steepness`; mean 0, deviation 1."""
    side = scipy.fft.next_fast_len(size, real=True)
    noise = np.random.default_rng(seed).standard_normal((side, side), dtype=np.float32)
    spectrum = scipy.fft.rfft2(noise, workers=-1, overwrite_x=True)
    rows = scipy.fft.fftfreq(side)[:, None].astype(np.float32)
    columns = scipy.fft.rfftfreq(side)[None, :].astype(np.float32)
    power = rows**2 + columns**2
    power[0, 0] = np.inf
    spectrum *= power ** np.float32(-steepness / 4)
    field: NDArray[np.float32] = scipy.fft.irfft2(spectrum, s=(side, side), workers=-1)[:size, :size]
    return np.ascontiguousarray(field / field.std(), dtype=np.float32)


def classes_of(day: int, size_20m: int, seed: int) -> NDArray[np.uint8]:
    """Scene classification (SCL) of a day: forest, open ground, water, clouds, their shadows, a swath edge."""
    cover = _ground["cover"][::2, ::2][:size_20m, :size_20m]
    scl = np.where(cover > 1.2, 5, np.where(cover < -1.9, 6, 4)).astype(np.uint8)
    clouds = fractal(math.ceil(size_20m / _CLOUD_BLOCK), 2.6, seed + 100 + day)
    share = _COVER[day % len(_COVER)]
    thick, thin = (_grown(clouds > np.quantile(clouds, 1 - part * share), size_20m) for part in (0.8, 1.0))
    shadow = np.roll(thin, (12, -10), (0, 1)) & ~thin
    scl[shadow] = 3
    scl[thin] = 8
    scl[thick] = 9
    if day % 5 == 4:
        down, across = np.ogrid[:size_20m, :size_20m]
        scl[across + 0.3 * down > 0.9 * size_20m] = 0
    return scl


def _grown(coarse: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    return coarse.repeat(_CLOUD_BLOCK, 0).repeat(_CLOUD_BLOCK, 1)[:size, :size]


def pixels_of(key: str, day: int, scl: NDArray[np.uint8], seed: int) -> NDArray[np.uint16]:
    """Digital numbers of one band of a day; the offset of +1000 is not in them, and 0 is no data."""
    band = BANDS[key]
    step = band.resolution // 10
    cover, texture = (_ground[name][::step, ::step] for name in ("cover", "texture"))
    noise = np.random.default_rng([seed, day, sum(map(ord, key))])
    light = np.float32(1 + 0.04 * math.sin(day))
    dn: NDArray[np.float32] = (band.mean + band.structure * cover + band.texture * texture) * light
    dn += noise.standard_normal(dn.shape, dtype=np.float32) * np.float32(band.noise)
    classes = scl if step == 2 else scl.repeat(2, 0).repeat(2, 1)[: dn.shape[0], : dn.shape[1]]
    cloudy = classes >= 8
    dn[cloudy] = dn[cloudy] * np.float32(0.35) + 5200
    dn[classes == 3] *= np.float32(0.45)
    whole = np.clip(np.rint(dn), 1, 16000).astype(np.uint16)
    whole[classes == 0] = 0
    return whole


def _scene(root: Path, settings: Settings, tile: str, day: int) -> dict[str, Any]:
    item = item_of(tile, day, settings.size, settings.bands)
    folder = _folder(root, item)
    folder.mkdir(parents=True)
    scl = classes_of(day, settings.size // 2, settings.seed)
    _write(folder / "SCL.tif", scl, tile, 20)
    for key in settings.bands:
        _write(folder / f"{BANDS[key].file}.tif", pixels_of(key, day, scl, settings.seed), tile, BANDS[key].resolution)
    return item


def _folder(root: Path, item: dict[str, Any]) -> Path:
    return root / COLLECTION / str(item["id"])


def _write(path: Path, pixels: NDArray[Any], tile: str, resolution: int) -> None:
    import rasterio
    from rasterio.transform import from_origin

    west, north = corner_of(tile, pixels.shape[0] * resolution // 10)
    classes = pixels.dtype == np.uint8
    profile = {
        "driver": "COG",
        "dtype": pixels.dtype,
        "count": 1,
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "crs": f"EPSG:{_EPSG[tile]}",
        "transform": from_origin(west, north, resolution, resolution),
        "nodata": 0,
        "compress": "DEFLATE",
        "level": 6,
        "predictor": 1 if classes else 2,
        "blocksize": 1024,
        "overviews": "AUTO",
        "overview_resampling": "mode" if classes else "average",
        "num_threads": 1,
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(pixels, 1)


def item_of(tile: str, day: int, size: int, bands: tuple[str, ...]) -> dict[str, Any]:
    """STAC item of a day, as Earth Search serves its second Sentinel-2 collection."""
    item = _bare_item(tile, DAYS[day], size)
    item["assets"] = {key: _asset(key, tile, size, f"./{BANDS[key].file}.tif") for key in bands}
    item["assets"]["scl"] = _asset("scl", tile, size, "./SCL.tif")
    return item


@lru_cache
def _ring(tile: str, size: int) -> tuple[tuple[float, float], ...]:
    """Outline of a tile in WGS 84, counterclockwise and closed."""
    west, north = corner_of(tile, size)
    east, south = west + size * 10, north - size * 10
    to_wgs84 = Transformer.from_crs(_EPSG[tile], 4326, always_xy=True)
    corners = ((west, north), (west, south), (east, south), (east, north), (west, north))
    projected = (to_wgs84.transform(x, y) for x, y in corners)
    return tuple((round(longitude, 6), round(latitude, 6)) for longitude, latitude in projected)


def _bare_item(tile: str, when: datetime, size: int) -> dict[str, Any]:
    ring = _ring(tile, size)
    longitudes, latitudes = zip(*ring, strict=True)
    extensions = ("eo/v1.1.0", "grid/v1.1.0", "projection/v1.1.0", "raster/v1.1.0")
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [f"https://stac-extensions.github.io/{name}/schema.json" for name in extensions],
        "id": f"S2B_T{tile}_{when:%Y%m%dT%H%M%S}_L2A",
        "collection": COLLECTION,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(longitudes), min(latitudes), max(longitudes), max(latitudes)],
        "properties": {
            "datetime": f"{when:%Y-%m-%dT%H:%M:%S.000000Z}",
            "created": f"{when + timedelta(hours=6):%Y-%m-%dT%H:%M:%S.000Z}",
            "platform": "sentinel-2b",
            "eo:cloud_cover": 35.0,
            "proj:epsg": _EPSG[tile],
            "grid:code": f"MGRS-{tile}",
            "view:sun_elevation": 62.0,
            "s2:product_type": "S2MSI2A",
            "s2:processing_baseline": "05.09",
            "earthsearch:boa_offset_applied": True,
        },
        "links": [],
        "assets": {},
    }


_RESOLUTIONS = {
    **dict.fromkeys(("blue", "green", "red", "nir"), 10),
    **dict.fromkeys(("rededge1", "rededge2", "rededge3", "nir08", "swir16", "swir22", "scl", "aot", "wvp"), 20),
    **dict.fromkeys(("coastal", "nir09", "cloud", "snow"), 60),
}


def _asset(key: str, tile: str, size: int, href: str) -> dict[str, Any]:
    resolution = _RESOLUTIONS[key]
    west, north = corner_of(tile, size)
    side = size * 10 // resolution
    numbers: dict[str, Any] = {"nodata": 0, "data_type": "uint8" if key == "scl" else "uint16"}
    asset = {
        "href": href,
        "type": _COG,
        "roles": ["data"] if key == "scl" else ["data", "reflectance"],
        "gsd": resolution,
        "proj:shape": [side, side],
        "proj:transform": [resolution, 0, west, 0, -resolution, north],
        "raster:bands": [numbers | {"spatial_resolution": resolution}],
    }
    if key != "scl":
        asset["raster:bands"][0] |= {"scale": 0.0001, "offset": 0}
        asset["eo:bands"] = [{"name": key, "common_name": key}]
    return asset


def many_items(count: int = 1000) -> Iterator[dict[str, Any]]:
    """Yield items with every asset of the real collection and addresses nobody fetches, for planning alone."""
    host = f"https://e84-earth-search-sentinel-data.s3.us-west-2.amazonaws.com/{COLLECTION}"
    first = datetime(2023, 1, 1, 2, 8, 1, tzinfo=UTC)
    for number in range(count):
        tile = (HOME, NEIGHBOUR)[number % 2]
        item = _bare_item(tile, first + timedelta(hours=17 * (number // 2)), FULL_SIZE)
        item["assets"] = {key: _asset(key, tile, FULL_SIZE, f"{host}/{item['id']}/{key}.tif") for key in _RESOLUTIONS}
        yield item


def _collection(items: list[dict[str, Any]]) -> dict[str, Any]:
    boxes = np.array([item["bbox"] for item in items])
    times = [item["properties"]["datetime"] for item in items]
    extent = [*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()]
    links = [{"rel": "item", "href": f"./{COLLECTION}/{item['id']}/{item['id']}.json"} for item in items]
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": COLLECTION,
        "description": "Made-up scenes for the benchmark",
        "license": "Apache-2.0",
        "extent": {"spatial": {"bbox": [extent]}, "temporal": {"interval": [[min(times), max(times)]]}},
        "links": links,
    }


def _catalog(name: str) -> dict[str, Any]:
    return {
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": f"benchmark-{name}",
        "description": "Made-up scenes for the benchmark",
        "links": [{"rel": "child", "href": f"./{name}.collection.json"}],
    }


def main(arguments: list[str] | None = None) -> None:
    """Make a catalogue from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=FULL_SIZE, help="pixels of 10 m along the side of a tile")
    parser.add_argument("--bands", default="nir,swir22", help=f"of {', '.join(BANDS)}")
    given = parser.parse_args(arguments)
    entry = ensure(given.folder, Settings(given.size, tuple(given.bands.split(","))))
    sys.stdout.write(f"{entry}\n")


if __name__ == "__main__":
    main()
