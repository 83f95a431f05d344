"""Scar rasters: what the rasters of the fire scars hold and how they are shown."""

from __future__ import annotations

from habitat.contracts.raster_spec import INDEX_NODATA, BandSpec, RasterSpec
from habitat.fire.burns.scar_layers import SEVERITIES
from habitat.fire.burns.scar_rules import SCAR_CLASSES, UNOBSERVED

_DAY = "day of the year"
STATUS = RasterSpec(
    "status",
    "Fire scars",
    (BandSpec("status", "what burnt, by season"),),
    "uint8",
    UNOBSERVED,
    overview="mode",
    classes=SCAR_CLASSES,
    description="What burnt in the fire seasons of the period; no data where nothing was seen, which is not unburnt.",
)
PROBABILITY = RasterSpec(
    "probability", "Burn probability", (BandSpec("probability", "probability of a burn", scale=0.01),), "uint8", 255
)
DATES = RasterSpec(
    "dates",
    "Dates of burning",
    (
        BandSpec("last-unburnt", f"last seen unburnt, {_DAY}", "d"),
        BandSpec("first-burnt", f"first seen burnt, {_DAY}", "d"),
    ),
    "int16",
    INDEX_NODATA,
    description="It burnt after the one and before the other; no data in the first: last seen in an earlier year.",
)
SEVERITY = RasterSpec(
    "severity",
    "Burn severity",
    tuple(BandSpec(name, f"{name}, against what is expected without fire", scale=0.001) for name in SEVERITIES),
    "int16",
    INDEX_NODATA,
    "difference",
    description="dNBR, RdNBR (divided by 1000) and RBR; positive where leaves or litter were lost.",
)
SEASON = RasterSpec(
    "season",
    "Snow-off and green-up",
    (BandSpec("snow-off", f"snow gone, {_DAY}", "d"), BandSpec("green-up", f"leaves half out, {_DAY}", "d")),
    "int16",
    INDEX_NODATA,
    description="Middle of the interval between two clear looks; no data where either side was not seen.",
)
RECURRENCE = RasterSpec(
    "recurrence",
    "Recurrence of fire",
    (
        BandSpec("count", "seasons burnt"),
        BandSpec("observed", "seasons seen"),
        BandSpec("since-last", "years since the last burn", "a"),
    ),
    "uint8",
    255,
    description="Over this and earlier years' versions of the same period in the store.",
)
