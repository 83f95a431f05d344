"""Scar rasters: what the rasters of the fire scars hold and how they are shown."""

from __future__ import annotations

from habitat.contracts.raster_spec import INDEX_NODATA, BandSpec, RasterSpec
from habitat.fire.burns.canopy import MEASURES
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
    "burn-severity",
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
CANOPY = RasterSpec(
    "canopy-effect",
    "Effect on crowns",
    tuple(BandSpec(name, f"change of summer {name} against unburnt ground", scale=1e-4) for name in MEASURES),
    "int16",
    INDEX_NODATA,
    "difference",
    description="Median of 1 July to 10 September after the fire less that before it, less the same of unburnt ground "
    "of like NDMI; negative where crowns dried or leaves were lost. No data where nothing burnt.",
)


def scar_specs(*, recurrence: bool, canopy: bool) -> list[RasterSpec]:
    """Return the rasters that can be made: with earlier years in the store, and with summers before and after.

    Examples
    --------
    >>> [spec.name for spec in scar_specs(recurrence=False, canopy=True)]
    ['status', 'probability', 'dates', 'severity', 'season', 'canopy-effect']
    """
    always = [STATUS, PROBABILITY, DATES, SEVERITY, SEASON]
    return [*always, *([RECURRENCE] if recurrence else []), *([CANOPY] if canopy else [])]
