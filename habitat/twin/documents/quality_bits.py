"""What the bits of Landsat's quality files mean, as ``classification:bitfields`` says it."""

from __future__ import annotations

from typing import Any

# Name, meaning, bit, then name and meaning of 0 and of 1.
_FLAGS = (
    ("fill", "Image or fill data", 0, ("not_fill", "Image data"), ("fill", "Fill data")),
    (
        "dilated_cloud", "Dilated cloud", 1, ("not_dilated", "Cloud is not dilated or no cloud"),
        ("dilated", "Cloud dilation"),
    ),
    (
        "cirrus", "Cirrus mask", 2, ("not_cirrus", "Cirrus confidence is not high"),
        ("cirrus", "High confidence cirrus"),
    ),
    ("cloud", "Cloud mask", 3, ("not_cloud", "Cloud confidence is not high"), ("cloud", "High confidence cloud")),
    (
        "cloud_shadow", "Cloud shadow mask", 4, ("not_shadow", "Cloud shadow confidence is not high"),
        ("shadow", "High confidence cloud shadow"),
    ),
    (
        "snow", "Snow/Ice mask", 5, ("not_snow", "Snow/Ice confidence is not high"),
        ("snow", "High confidence snow cover"),
    ),
    (
        "clear", "Clear mask", 6, ("not_clear", "Cloud or dilated cloud bits are set"),
        ("clear", "Cloud and dilated cloud bits are not set"),
    ),
    ("water", "Water mask", 7, ("not_water", "Land or cloud"), ("water", "Water")),
)  # fmt: skip
_CONFIDENCES = (
    ("cloud_confidence", "Cloud confidence levels", 8, "cloud"),
    ("cloud_shadow_confidence", "Cloud shadow confidence levels", 10, "cloud shadow"),
    ("snow_confidence", "Snow/Ice confidence levels", 12, "snow/ice"),
    ("cirrus_confidence", "Cirrus confidence levels", 14, "cirrus"),
)
_OCCLUSION = (
    "occlusion", "Terrain not visible from sensor due to intervening terrain", 11,
    ("not_occluded", "Terrain is not occluded"), ("occluded", "Terrain is occluded"),
)  # fmt: skip
_DROPPED = (
    "dropped", "Dropped pixel", 9,
    ("not_dropped", "Detector has a value - pixel present"), ("dropped", "Detector does not have a value - no data"),
)  # fmt: skip
_SATURATED = {
    "L5": (("1", 0), ("2", 1), ("3", 2), ("4", 3), ("5", 4), ("6", 5), ("7", 6)),
    "L7": (("1", 0), ("2", 1), ("3", 2), ("4", 3), ("5", 4), ("6L", 5), ("7", 6), ("6H", 8)),
    "L8": (("1", 0), ("2", 1), ("3", 2), ("4", 3), ("5", 4), ("6", 5), ("7", 6), ("9", 8)),
}
_GAINS = {"6L": "6 low-gain", "6H": "6 high-gain"}


def pixel_bits(platform: str) -> list[dict[str, Any]]:
    """Return the meaning of QA_PIXEL; the thematic mappers of Landsat 5 and 7 see no cirrus.

    Examples
    --------
    >>> [field["offset"] for field in pixel_bits("L9")]
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14]
    """
    fields = [_flag(*entry) for entry in _FLAGS] + [_confidence(*entry) for entry in _CONFIDENCES]
    return [field for field in fields if platform not in ("L5", "L7") or not field["name"].startswith("cirrus")]


def saturation_bits(platform: str) -> list[dict[str, Any]]:
    """Return the meaning of QA_RADSAT.

    Examples
    --------
    >>> saturation_bits("L7")[-1]["name"], saturation_bits("L9")[-1]["offset"]
    ('dropped', 11)
    """
    fields = []
    for band, bit in _SATURATED["L8" if platform == "L9" else platform]:
        number = _GAINS.get(band, band)
        states = ("not_saturated", f"Band {number} not saturated"), ("saturated", f"Band {number} saturated")
        fields.append(_flag(f"band{band}", f"Band {number} radiometric saturation", bit, *states))
    return [*fields, _flag(*(_DROPPED if platform in ("L5", "L7") else _OCCLUSION))]


def _flag(name: str, meaning: str, bit: int, unset: tuple[str, str], is_set: tuple[str, str]) -> dict[str, Any]:
    return _field(name, meaning, bit, 1, (unset, is_set))


def _confidence(name: str, meaning: str, bit: int, of: str) -> dict[str, Any]:
    middle = ("medium", f"Medium confidence {of}") if of == "cloud" else ("reserved", "Reserved - value not used")
    levels = (
        ("not_set", "No confidence level set"), ("low", f"Low confidence {of}"), middle,
        ("high", f"High confidence {of}"),
    )  # fmt: skip
    return _field(name, meaning, bit, 2, levels)


def _field(name: str, meaning: str, bit: int, length: int, classes: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    return {
        "name": name,
        "description": meaning,
        "offset": bit,
        "length": length,
        "classes": [{"value": k, "name": word, "description": text} for k, (word, text) in enumerate(classes)],
    }
