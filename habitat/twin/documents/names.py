"""Names as the providers give them: products, items and the files of every scene."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from habitat.twin.sensors.orbits import datatake_start
from habitat.twin.sensors.shots import Scene

SENTINEL2_FILES: MappingProxyType[str, str] = MappingProxyType(
    {
        "coastal": "B01", "blue": "B02", "green": "B03", "red": "B04", "rededge1": "B05", "rededge2": "B06",
        "rededge3": "B07", "nir": "B08", "nir08": "B8A", "nir09": "B09", "swir16": "B11", "swir22": "B12", "scl": "SCL",
    }
)  # fmt: skip
"""Asset key of Earth Search to band and file name of Sentinel-2."""

LANDSAT_FILES: MappingProxyType[str, MappingProxyType[str, str]] = MappingProxyType(
    {
        instrument: MappingProxyType(
            {key: f"SR_B{number}" for key, number in numbers.items()}
            | {"qa_pixel": "QA_PIXEL", "qa_radsat": "QA_RADSAT"}
        )
        for instrument, numbers in (
            ("oli", {"coastal": 1, "blue": 2, "green": 3, "red": 4, "nir08": 5, "swir16": 6, "swir22": 7}),
            ("tm", {"blue": 1, "green": 2, "red": 3, "nir08": 4, "swir16": 5, "swir22": 7}),
        )
    }
)
"""Instrument (the thematic mappers of Landsat 5 and 7 are alike) to asset key to the end of the file's name."""

_REPROCESSED = timedelta(days=400)
_COLLECTION_2 = datetime(2020, 8, 20, tzinfo=UTC)
"""When the USGS began to process its whole archive anew."""
_LANDSAT_DELAY_DAYS = {"L5": 17, "L7": 26, "L8": 8, "L9": 1}
_CLOUDY = 0.9
_SLICE_S = 12.5
_FIRST_DATATAKE, _DATATAKE_ORBIT, _DATATAKES_PER_ORBIT = 0x067DF2, 53498, 9.65


def share_of(scene: Scene, word: str) -> float:
    """Return a number from 0 to 1 that belongs to a scene and a word: what no truth decides."""
    one, tile = scene.overpass, scene.frame.tile
    return zlib.crc32(f"{word}/{one.platform}/{one.day}/{tile}/{one.baseline}/{one.sequence}".encode()) / 2**32


def landsat_files(scene: Scene) -> MappingProxyType[str, str]:
    """Return the files of a Landsat scene by asset key: the ends of their names."""
    return LANDSAT_FILES["tm" if scene.overpass.platform in ("L5", "L7") else "oli"]


def processed_at(scene: Scene) -> datetime:
    """Return when the provider made a scene's product, UTC, in whole seconds.

    Sentinel-2 and Sentinel-1 take some hours, a later processing a year; Landsat takes days, and everything from
    before August 2020 was made anew for Collection 2.
    """
    one = scene.overpass
    if one.sensor == "landsat":
        made = one.when + timedelta(days=_LANDSAT_DELAY_DAYS[one.platform] + share_of(scene, "made") * 0.5)
        if one.when < _COLLECTION_2:
            made = _COLLECTION_2 + timedelta(days=1 + 30 * share_of(scene, "made"))
    else:
        made = one.when + timedelta(hours=2.6 + 2.8 * share_of(scene, "made")) + one.sequence * _REPROCESSED
    return made.replace(microsecond=0)


def sentinel2_id(scene: Scene) -> str:
    """Return the identifier of a Sentinel-2 scene at Earth Search: S2B_52TGP_20240508_0_L2A."""
    one = scene.overpass
    return f"{one.platform}_{scene.frame.tile}_{one.when:%Y%m%d}_{one.sequence}_L2A"


def sentinel2_product(scene: Scene) -> str:
    """Return the name ESA gives a Sentinel-2 product, without its ending."""
    one = scene.overpass
    number = one.baseline.replace(".", "")
    return (
        f"{one.platform}_MSIL2A_{datatake_start(one):%Y%m%dT%H%M%S}_N{number}_R{one.orbit:03d}_T{scene.frame.tile}_"
        f"{processed_at(scene):%Y%m%dT%H%M%S}"
    )


def landsat_product(scene: Scene) -> str:
    """Return the name the USGS gives a Landsat product: LC08_L2SP_114030_20240511_20240519_02_T1.

    Cloudy scenes lack the ground points for Tier 1.
    """
    one = scene.overpass
    letter = {"L5": "T", "L7": "E"}.get(one.platform, "C")
    tier = "T2" if one.cloud >= _CLOUDY else "T1"
    day, made = (f"{time:%Y%m%d}" for time in (one.when, processed_at(scene)))
    return f"L{letter}0{one.platform[1]}_L2SP_{one.orbit:03d}{one.row:03d}_{day}_{made}_02_{tier}"


def landsat_id(scene: Scene) -> str:
    """Return the identifier of a Landsat scene at Earth Search and the Planetary Computer: without the date made."""
    parts = landsat_product(scene).split("_")
    return "_".join([*parts[:4], *parts[5:]])


def datatake_number(scene: Scene) -> int:
    """Return the number of a Sentinel-1 data take, as far as it follows from the orbit's."""
    return _FIRST_DATATAKE + round(_DATATAKES_PER_ORBIT * (scene.overpass.absolute_orbit - _DATATAKE_ORBIT))


def slice_times(scene: Scene) -> tuple[datetime, datetime]:
    """Return beginning and end of the slice of 25 seconds a Sentinel-1 product shows."""
    half = timedelta(seconds=_SLICE_S)
    return scene.overpass.when - half, scene.overpass.when + half


def sentinel1_id(scene: Scene) -> str:
    """Return the identifier of a terrain-corrected Sentinel-1 scene at the Planetary Computer."""
    start, end = (f"{time:%Y%m%dT%H%M%S}" for time in slice_times(scene))
    orbit = scene.overpass.absolute_orbit
    return f"{scene.overpass.platform}_IW_GRDH_1SDV_{start}_{end}_{orbit:06d}_{datatake_number(scene):06X}_rtc"


def paths_of(scene: Scene) -> dict[str, str]:
    """Return where the files of a scene lie: asset key to path relative to the twin's root, with forward slashes.

    Catalogues share the files; only Sentinel-2 has folders of its own for each, as pixel conventions differ.
    """
    one = scene.overpass
    if one.sensor == "sentinel2":
        folder = f"scenes/{scene.provider or 'earth-search'}/{sentinel2_id(scene)}"
        return {key: f"{folder}/{name}.tif" for key, name in SENTINEL2_FILES.items()}
    if one.sensor == "landsat":
        product = landsat_product(scene)
        return {key: f"scenes/landsat/{product}/{product}_{ending}.TIF" for key, ending in landsat_files(scene).items()}
    folder = f"scenes/sentinel-1-rtc/{sentinel1_id(scene).removesuffix('_rtc')}"
    return {key: f"{folder}/iw-{key}.rtc.tiff" for key in ("vv", "vh")}


def planetary_computer_id(scene: Scene) -> str:
    """Return the identifier of a Sentinel-2 scene at the Planetary Computer: the product's without its baseline."""
    parts = sentinel2_product(scene).split("_")
    return "_".join([*parts[:3], *parts[4:]])


def item_id(scene: Scene) -> str:
    """Return the identifier of a scene in the first catalogue that lists it; the truth about it has the same name."""
    sensor = scene.overpass.sensor
    if sensor == "sentinel2":
        return planetary_computer_id(scene) if scene.provider == "planetary-computer" else sentinel2_id(scene)
    return landsat_id(scene) if sensor == "landsat" else sentinel1_id(scene)
