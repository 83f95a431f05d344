"""Legend: colours of a raster as plain data, read alike by QGIS styles, colour tables and pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from habitat.contracts.errors import ConfigError

Stop = tuple[float, str, str]
"""Physical value, colour ``#rrggbb``, label (empty: none is shown)."""

ClassEntry = tuple[int, str, str]
"""Code as stored, colour ``#rrggbb``, label."""

Channel = tuple[str, float, float]
"""Band name, and the values shown darkest and brightest."""

# Schemes of ColorBrewer 2 (C. Brewer, Apache-2.0) that it marks as safe for colour-blind readers, and viridis (CC0).
YELLOW_GREEN = ("#ffffe5", "#f7fcb9", "#d9f0a3", "#addd8e", "#78c679", "#41ab5d", "#238443", "#006837", "#004529")
BLUES = ("#f7fbff", "#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b")
YELLOW_RED = ("#ffffcc", "#ffeda0", "#fed976", "#feb24c", "#fd8d3c", "#fc4e2a", "#e31a1c", "#bd0026", "#800026")
BROWN_TEAL = (
    "#543005",
    "#8c510a",
    "#bf812d",
    "#dfc27d",
    "#f6e8c3",
    "#f5f5f5",
    "#c7eae5",
    "#80cdc1",
    "#35978f",
    "#01665e",
    "#003c30",
)
RED_BLUE = (
    "#67001f",
    "#b2182b",
    "#d6604d",
    "#f4a582",
    "#fddbc7",
    "#f7f7f7",
    "#d1e5f0",
    "#92c5de",
    "#4393c3",
    "#2166ac",
    "#053061",
)
ORANGE_PURPLE = (
    "#7f3b08",
    "#b35806",
    "#e08214",
    "#fdb863",
    "#fee0b6",
    "#f7f7f7",
    "#d8daeb",
    "#b2abd2",
    "#8073ac",
    "#542788",
    "#2d004b",
)
RED_YELLOW_BLUE = (
    "#a50026",
    "#d73027",
    "#f46d43",
    "#fdae61",
    "#fee090",
    "#ffffbf",
    "#e0f3f8",
    "#abd9e9",
    "#74add1",
    "#4575b4",
    "#313695",
)
VIRIDIS = (
    "#440154",
    "#482475",
    "#414487",
    "#355f8d",
    "#2a788e",
    "#21918c",
    "#22a884",
    "#44bf70",
    "#7ad151",
    "#bddf26",
    "#fde725",
)
OKABE_ITO = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#000000")
"""Eight class colours of Okabe and Ito (2008), told apart under every common colour blindness."""

NODATA_COLOUR = "#d9d9d9"
"""Light grey for pixels without a value: darker than the middle of the diverging palettes, and hatched in pictures."""

_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class Legend:
    """How a raster is coloured: exactly one of stops, classes or channels is filled.

    Parameters
    ----------
    name, title : str
        Key for programs and heading for people.
    units : str
        Units of the stops, empty for ratios.
    stops : tuple of (value, colour, label)
        Physical values (after scale and offset), ascending, with colours blended between them.
    classes : tuple of (code, colour, label)
        Codes as stored in a class raster.
    channels : tuple of three (band name, low, high)
        Bands shown as red, green and blue, and the physical values stretched to black and full.

    Raises
    ------
    ConfigError
        If none or several of the three are filled, or a colour or order is wrong.

    Examples
    --------
    >>> legend_for("ndvi").stops[0]
    (0.0, '#ffffe5', 'bare, water, snow')
    """

    name: str
    title: str
    units: str = ""
    stops: tuple[Stop, ...] = ()
    classes: tuple[ClassEntry, ...] = ()
    channels: tuple[Channel, ...] = ()

    def __post_init__(self) -> None:
        filled = [kind for kind in ("stops", "classes", "channels") if getattr(self, kind)]
        if len(filled) != 1:
            raise ConfigError(f"legend {self.name!r} has {filled or 'no colours'}, wants stops, classes or channels")
        for colour in (entry[1] for entry in (*self.stops, *self.classes)):
            if not _COLOUR.fullmatch(colour):
                raise ConfigError(f"legend {self.name!r} has colour {colour!r}, wants #rrggbb in lower case")
        values = [entry[0] for entry in self.stops] or [entry[0] for entry in self.classes]
        if not all(low < high for low, high in pairwise(values)):
            raise ConfigError(f"legend {self.name!r} has values {values}, wants them ascending and each once")
        if self.stops and (len(self.stops) < 2 or not all(map(math.isfinite, values))):
            raise ConfigError(f"legend {self.name!r} wants at least two finite stops, has {values}")
        if self.channels and (len(self.channels) != 3 or not all(low < high for _, low, high in self.channels)):
            raise ConfigError(f"legend {self.name!r} wants three channels with low < high, has {self.channels}")

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest stop; (0, 1) for legends without stops."""
        return (self.stops[0][0], self.stops[-1][0]) if self.stops else (0.0, 1.0)

    def stretched(self, low: float, high: float) -> Legend:
        """Return the same colours over another range of values, labelled at the ends only."""
        if not (self.stops and math.isfinite(low) and math.isfinite(high) and low < high):
            raise ConfigError(f"legend {self.name!r} cannot be stretched to {low}..{high}; wants stops and low < high")
        colours = tuple(colour for _, colour, _ in self.stops)
        return replace(self, stops=ramp(colours, low, high))


def ramp(colours: Sequence[str], low: float, high: float, labels: tuple[str, str] = ("", "")) -> tuple[Stop, ...]:
    """Return stops of equal distance from `low` to `high`, labelled at the two ends."""
    last = len(colours) - 1
    values = [round(low + (high - low) * i / last, 10) for i in range(last)] + [high]
    texts = [labels[0], *[""] * (last - 1), labels[1]]
    return tuple(zip(map(float, values), colours, texts, strict=True))


def class_legend(name: str, title: str, classes: Iterable[ClassEntry]) -> Legend:
    """Return a legend of classes in the order of their codes."""
    return Legend(name, title, classes=tuple(sorted(classes)))


_LEAVES = ("bare, water, snow", "dense leaves")
_COMPOSITES = (
    Legend("false-colour", "SWIR2, NIR, red", channels=(("swir2", 0.0, 0.35), ("nir", 0.0, 0.5), ("red", 0.0, 0.25))),
    Legend("true-colour", "red, green, blue", channels=(("red", 0.0, 0.2), ("green", 0.0, 0.2), ("blue", 0.0, 0.2))),
    Legend("infrared", "NIR, red, green", channels=(("nir", 0.0, 0.5), ("red", 0.0, 0.25), ("green", 0.0, 0.25))),
)
_RADAR = Legend(
    "backscatter", "VV, VH, VH/VV", channels=(("vv", -18.0, -3.0), ("vh", -25.0, -10.0), ("ratio", -12.0, -2.0))
)

LEGENDS: dict[str, Legend] = {
    legend.name: legend
    for legend in (
        *_COMPOSITES,
        _RADAR,
        Legend("decibels", "backscatter", "dB", ramp(VIRIDIS, -25.0, -3.0, ("smooth, water", "rough, buildings"))),
        Legend("passes", "passes with data", "1", ramp(VIRIDIS, 0.0, 10.0, ("none", "10 or more"))),
        Legend("reflectance", "reflectance", "1", ramp(VIRIDIS, 0.0, 0.5)),
        Legend("ndvi", "NDVI", "1", ramp(YELLOW_GREEN, 0.0, 0.9, _LEAVES)),
        Legend("evi2", "EVI2", "1", ramp(YELLOW_GREEN, 0.0, 0.7, _LEAVES)),
        Legend("kndvi", "kNDVI", "1", ramp(YELLOW_GREEN, 0.0, 0.7, _LEAVES)),
        Legend("ndmi", "NDMI", "1", ramp(BROWN_TEAL, -0.5, 0.5, ("dry", "moist"))),
        Legend("nbr", "NBR", "1", ramp(RED_YELLOW_BLUE, -0.5, 0.9, ("char, bare", "dense leaves"))),
        Legend("nbr2", "NBR2", "1", ramp(RED_YELLOW_BLUE, -0.2, 0.5, ("char, dry", "moist leaves"))),
        Legend("mirbi", "MIRBI", "1", ramp(RED_YELLOW_BLUE[::-1], 0.5, 2.5, ("unburned", "burned"))),
        Legend("csi", "CSI", "1", ramp(RED_YELLOW_BLUE, 0.0, 6.0, ("char", "dense leaves"))),
        Legend("ndsi", "NDSI", "1", ramp(BLUES, -0.2, 1.0, ("no snow", "snow"))),
        Legend("ndwi", "NDWI", "1", ramp(BROWN_TEAL, -0.8, 0.8, ("dry land", "open water"))),
        Legend("difference", "difference", "1", ramp(RED_BLUE, -0.5, 0.5, ("less", "more"))),
        Legend("burn-severity", "dNBR", "1", ramp(RED_BLUE[::-1], -1.0, 1.0, ("regrowth", "burned"))),
        Legend("z-score", "z-score", "1", ramp(ORANGE_PURPLE, -5.0, 5.0, ("unusually low", "unusually high"))),
        Legend("clear-count", "clear observations", "1", ramp(VIRIDIS, 0.0, 10.0, ("never clear", "10 or more"))),
        Legend("date-spread", "days between first and last", "d", ramp(VIRIDIS[::-1], 0.0, 30.0, ("one day", ""))),
        Legend("canopy-cover", "crown cover", "%", ramp(YELLOW_GREEN, 0.0, 100.0, ("open", "closed"))),
        Legend("fwi", "fire weather index", "1", ramp(YELLOW_RED, 0.0, 40.0, ("", "very dangerous"))),
        Legend("codes", "fine fuel moisture code", "1", ramp(YELLOW_RED, 70.0, 95.0, ("moist", "dry"))),
        Legend("danger-days", "days of high danger or more", "d", ramp(YELLOW_RED, 0.0, 31.0)),
        Legend("kpo-days", "days in classes IV and V", "d", ramp(YELLOW_RED, 0.0, 31.0)),
        Legend("season-days", "days in season", "d", ramp(VIRIDIS, 0.0, 31.0)),
        Legend("percentile", "percentile", "%", ramp(BROWN_TEAL[::-1], 0.0, 100.0, ("mild", "severe"))),
        Legend("confidence", "confidence", "%", ramp(YELLOW_GREEN, 0.0, 100.0, ("unsure", "sure"))),
        Legend("generic", "value", "", ramp(VIRIDIS, 0.0, 1.0)),
        class_legend(
            "change-classes",
            "change",
            (
                (1, "#b35806", "strong decrease"),
                (2, "#fdb863", "decrease"),
                (3, "#f7f7f7", "stable"),
                (4, "#92c5de", "increase"),
                (5, "#2166ac", "strong increase"),
            ),
        ),
    )
}
"""Every named legend."""

_ALIASES = {
    "moisture": "ndmi",
    "burn": "nbr",
    "dnbr": "burn-severity",
    "mndwi": "ndwi",
    "zscore": "z-score",
    "change": "change-classes",
    "true-color": "true-colour",
    "false-color": "false-colour",
}
_SUFFIXES = {
    "difference": "difference",
    "diff": "difference",
    "change": "difference",
    "z-score": "z-score",
    "zscore": "z-score",
    "count": "clear-count",
    "spread": "date-spread",
}


def legend_for(name: str) -> Legend:
    """Return the legend of a name; what is not known is coloured by its ending, else by ``generic``.

    Examples
    --------
    >>> legend_for("moisture").name, legend_for("ndvi-difference").name, legend_for("xyz").name
    ('ndmi', 'difference', 'generic')
    """
    key = name.lower().replace("_", "-")
    key = _ALIASES.get(key, key)
    if key in LEGENDS:
        return LEGENDS[key]
    ending = next((legend for suffix, legend in _SUFFIXES.items() if key.endswith(f"-{suffix}")), None)
    return LEGENDS[ending or "generic"]


def composite_legend(bands: Sequence[str]) -> Legend:
    """Return the colour composite that shows the given bands best.

    Short-wave infrared over near infrared and red sets burns, bare ground and leaves apart; without those
    bands natural colours, then colour infrared, then the first three bands as they come; one or two bands
    are shown as a ramp.

    Examples
    --------
    >>> composite_legend(["blue", "green", "red", "nir"]).name
    'true-colour'
    """
    for legend in _COMPOSITES:
        if {channel[0] for channel in legend.channels} <= set(bands):
            return legend
    if len(bands) >= 3:
        first = tuple((band, 0.0, 0.4) for band in bands[:3])
        return Legend("first-bands", ", ".join(bands[:3]), channels=first)
    return LEGENDS["reflectance"]
