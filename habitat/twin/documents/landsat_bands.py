"""What items say of Landsat's bands: titles, names and wavelengths by instrument."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, NamedTuple

from habitat.twin.documents.names import landsat_files
from habitat.twin.documents.quality_bits import pixel_bits, saturation_bits
from habitat.twin.sensors.shots import Delivered


class Band(NamedTuple):
    """One reflectance band."""

    title: str
    description: str
    center_wavelength: float
    full_width_half_max: float


class Quality(NamedTuple):
    """One file of quality bits."""

    title: str
    description: str
    roles: list[str]
    bits: list[dict[str, Any]]


_OLI = {
    "coastal": Band("Coastal/Aerosol Band", "Coastal/Aerosol", 0.44, 0.02),
    "blue": Band("Blue Band", "Visible blue", 0.48, 0.06),
    "green": Band("Green Band", "Visible green", 0.56, 0.06),
    "red": Band("Red Band", "Visible red", 0.65, 0.04),
    "nir08": Band("Near Infrared Band 0.8", "Near infrared", 0.87, 0.03),
    "swir16": Band("Short-wave Infrared Band 1.6", "Short-wave infrared", 1.61, 0.09),
    "swir22": Band("Short-wave Infrared Band 2.2", "Short-wave infrared", 2.2, 0.19),
}
_WIDTHS_ETM = {
    "blue": (0.48, 0.07), "green": (0.56, 0.08), "red": (0.66, 0.06), "nir08": (0.84, 0.13), "swir16": (1.65, 0.2),
    "swir22": (2.2, 0.28),
}  # fmt: skip
_WIDTHS_TM = {
    "blue": (0.49, 0.07), "green": (0.56, 0.08), "red": (0.66, 0.06), "nir08": (0.83, 0.14), "swir16": (1.65, 0.2),
    "swir22": (2.22, 0.27),
}  # fmt: skip

BANDS: MappingProxyType[str, dict[str, Band]] = MappingProxyType(
    {"L8": _OLI, "L9": _OLI}
    | {
        platform: {key: Band(*_OLI[key][:2], *width) for key, width in widths.items()}
        for platform, widths in (("L5", _WIDTHS_TM), ("L7", _WIDTHS_ETM))
    }
)
"""Satellite to asset key to band [µm]."""

INSTRUMENTS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {"L5": ("tm",), "L7": ("etm+",), "L8": ("oli", "tirs"), "L9": ("oli", "tirs")}
)
"""Satellite to what it carries."""

DOIS: MappingProxyType[str, str] = MappingProxyType(
    {"L5": "10.5066/P9IAXOVV", "L7": "10.5066/P9C7I13B", "L8": "10.5066/P9OGBGM6", "L9": "10.5066/P9OGBGM6"}
)
"""Satellite to the reference of the real product."""

QUALITY = ("qa_pixel", "qa_radsat")
"""Assets of quality bits."""

CLOUD_BIT = 1 << 3
"""Bit of QA_PIXEL that counts as cloud cover."""

_PREFIXES = {"L5": "TM", "L7": "ETM", "L8": "OLI", "L9": "OLI"}
_STATIONS = {"L5": "BJC00", "L7": "EDC00", "L8": "LGN00", "L9": "LGN00"}


def eo_band(platform: str, key: str, number: str) -> dict[str, Any]:
    """Return ``eo:bands`` of one band; the number is the file's, ``B4``."""
    band = BANDS[platform][key]
    return {
        "name": f"{_PREFIXES[platform]}_{number}",
        "common_name": key,
        "description": band.description,
        "center_wavelength": band.center_wavelength,
        "full_width_half_max": band.full_width_half_max,
    }


def quality(key: str, platform: str) -> Quality:
    """Return what Earth Search and the Planetary Computer say of a file of quality bits.

    Examples
    --------
    >>> quality("qa_radsat", "L7").title
    'Radiometric Saturation and Dropped Pixel Quality Assessment Band'
    """
    if key == "qa_pixel":
        roles, bits = ["cloud", "cloud-shadow", "snow-ice", "water-mask"], pixel_bits(platform)
        title = "Pixel Quality Assessment Band"
    else:
        roles, bits = ["saturation"], saturation_bits(platform)
        what = "Dropped Pixel" if platform in ("L5", "L7") else "Terrain Occlusion"
        title = f"Radiometric Saturation and {what} Quality Assessment Band"
    return Quality(title, f"Collection 2 Level-1 {title} ({key.upper()})", roles, bits)


def endings_of(delivered: Delivered) -> dict[str, str]:
    """Return the assets a scene has files for, in the providers' order: key to the end of the file's name."""
    return {key: ending for key, ending in landsat_files(delivered.scene).items() if key in delivered.files}


def landsat_fields(delivered: Delivered) -> dict[str, Any]:
    """Return the ``landsat:`` properties every provider tells alike."""
    one = delivered.scene.overpass
    letter = {"L5": "T", "L7": "E"}.get(one.platform, "C")
    day = f"{one.when.year}{one.when.timetuple().tm_yday:03d}"
    name = f"L{letter}{one.platform[1]}{one.orbit:03d}{one.row:03d}{day}{_STATIONS[one.platform]}"
    return {
        # Cloud over land is not told apart: water covers little of these scenes.
        "landsat:cloud_cover_land": cloud_cover(delivered),
        "landsat:wrs_type": "2",
        "landsat:wrs_path": f"{one.orbit:03d}",
        "landsat:wrs_row": f"{one.row:03d}",
        "landsat:scene_id": name,
        "landsat:collection_number": "02",
        "landsat:correction": "L2SP",
    }


def cloud_cover(delivered: Delivered) -> float:
    """Return ``eo:cloud_cover`` [percent]."""
    return round(delivered.percent(CLOUD_BIT), 2)


def outline_file(delivered: Delivered) -> str:
    """Return the asset whose shape and transform hold for all."""
    return "qa_pixel" if "qa_pixel" in delivered.files else next(iter(delivered.files))
