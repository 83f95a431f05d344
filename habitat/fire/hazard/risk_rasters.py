"""Risk rasters: how probabilities, classes and errors are stored, and what is said of them in one sentence."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.legend import ClassEntry
from habitat.contracts.raster_spec import CLASS_NODATA, INDEX_NODATA, BandSpec, RasterSpec
from habitat.fire.hazard.known import WeatherSource
from habitat.fire.hazard.skill import Bin

SCALE = 2e-5
"""Of stored probabilities: rare events need small steps."""
NODATA = 65535
RISK_LIMITS = (0.5, 1.5, 4.0, 10.0)
"""Where classes of risk begin, as multiples of the year-round mean probability of burning of a cell and month."""
_NAMES = ("low", "moderate", "high", "very high", "extreme")
_COLOURS = ("#ffffb2", "#fecc5c", "#fd8d3c", "#f03b20", "#7a0177")
RISK_CLASSES: tuple[ClassEntry, ...] = tuple(
    (code, colour, name) for code, (colour, name) in enumerate(zip(_COLOURS, _NAMES, strict=True), 1)
)
"""Classes in the order of EFFIS, from low to extreme."""
SOURCES = {
    "forecast": "forecast: the month's own weather in the files, taken as a perfect forecast",
    "climatology": "climatology: the same month of earlier years",
}


def risk_specs(source: WeatherSource) -> list[RasterSpec]:
    """Return the rasters of probability, class and error."""
    about = f"from what was known before the month; weather is {SOURCES[source]}"
    burning = BandSpec("burning", "probability that hotspots tell of fire in the cell in the month", scale=SCALE)
    ignition = BandSpec("ignition", "probability that a fire is first detected in the cell in the month", scale=SCALE)
    errors = (
        BandSpec("burning", "standard error of the probability of burning", scale=SCALE),
        BandSpec("ignition", "standard error of the probability of ignition", scale=SCALE),
    )
    return [
        RasterSpec(
            "probability",
            "Probability of fire",
            (burning, ignition),
            "uint16",
            NODATA,
            description=f"Probability {about}",
        ),
        RasterSpec(
            "risk-class",
            "Fire risk",
            (BandSpec("risk-class", "risk of burning against the year-round mean"),),
            "uint8",
            CLASS_NODATA,
            overview="mode",
            classes=RISK_CLASSES,
            description=f"Class of the probability of burning by multiples {RISK_LIMITS} of its mean; {about}",
        ),
        RasterSpec(
            "uncertainty",
            "Standard error of the probability of fire",
            errors,
            "uint16",
            NODATA,
            description="Jackknife over models that each lack one year; it does not know what all years lack",
        ),
    ]


def index_spec(used: Mapping[str, float]) -> RasterSpec:
    """Return the raster of the index, which calls itself none of a probability."""
    about = "weighted mean of " + ", ".join(f"{name} {share:.2f}" for name, share in used.items())
    band = BandSpec("index", "index of fire danger, 0 least to 1 most; not a probability", scale=1e-4)
    return RasterSpec(
        "index",
        "Fire danger index, not a probability",
        (band,),
        "int16",
        INDEX_NODATA,
        description=f"Index, not a probability: {about}",
    )


def risk_sentence(period: str, source: WeatherSource, burning: NDArray[np.float32], pooled: Mapping[str, Any]) -> str:
    """Return one sentence about a month's probability of burning (y, x) and the skill of the method."""
    values = burning[np.isfinite(burning)]
    least, most = pooled["skill_90"]
    return (
        f"In {period} a cell burns with a probability of {np.mean(values):.2%} in the mean and {np.max(values):.1%} at "
        f"most (weather: {source}); on years left out the skill over climatology is "
        f"{pooled['skill_over_climatology']:.3f} ({least:.3f} to {most:.3f})."
    )


def reliability_table(curves: Mapping[str, Sequence[Bin]]) -> str:
    """Return reliability as CSV."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("label", "low", "high", "cell_months", "told", "happened"))
    for label, bins in curves.items():
        for one in bins:
            rows.writerow((label, one.low, one.high, one.number, f"{one.told:.6f}", f"{one.happened:.6f}"))
    return text.getvalue()
