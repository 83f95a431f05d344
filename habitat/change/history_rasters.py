"""History rasters: what the rasters of a pixel's history hold, and how found layers become their codes."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from habitat.change.history_layers import HISTORY_CODES, LOSS, NO_BREAK, OTHER, BreakLayers
from habitat.change.trajectories import FITTED, TRAJECTORY_CODES, GreatestLoss
from habitat.contracts.legend import OKABE_ITO
from habitat.contracts.raster_spec import CLASS_NODATA, INDEX_NODATA, BandSpec, RasterSpec

_GREY = ("#f7f7f7", "#cccccc", "#969696", "#636363", "#525252")
_YEAR = "year of the calendar"


def _classes(codes: dict[int, str], colours: dict[int, str]) -> tuple[tuple[int, str, str], ...]:
    greys = iter(_GREY[1:])
    return tuple((code, colours.get(code) or next(greys), label) for code, label in codes.items())


def history_specs(index: str, scale: float) -> tuple[RasterSpec, ...]:
    """Return what the rasters of the product hold.

    Parameters
    ----------
    index : str
        Name of the index whose changes are told.
    scale : float
        Value of one code of the index.
    """
    name = index.upper()

    def change(what: str, when: str) -> tuple[BandSpec, BandSpec]:
        return (
            BandSpec("change", f"change of {name} {what}", scale=scale),
            BandSpec("before", f"{name} {when}", scale=scale),
        )

    breaks = _classes(HISTORY_CODES, {NO_BREAK: _GREY[0], LOSS: OKABE_ITO[5], OTHER: OKABE_ITO[2]})
    traced = _classes(TRAJECTORY_CODES, {FITTED: OKABE_ITO[2]})
    return (
        RasterSpec(
            "reason", "Breaks", (BandSpec("reason", "what the segments say"),), "uint8", CLASS_NODATA,
            overview="mode", classes=breaks, description="Whether the history broke, and why nothing can be said.",
        ),
        RasterSpec(
            "breaks", "Last break",
            (BandSpec("year", f"{_YEAR} of the last break", "a"), BandSpec("day", "day of that year", "d")),
            "int16", INDEX_NODATA, overview="mode",
            description="First look that departed from the model of the last confirmed break; no data: none.",
        ),
        RasterSpec(
            "break-count", "Number of breaks", (BandSpec("count", "confirmed breaks"),), "uint8", CLASS_NODATA,
            overview="mode", description="Confirmed breaks of the history; no data: no model.",
        ),
        RasterSpec(
            "magnitude", "Magnitude of the last break", change("at the last break", "expected then"), "int16",
            INDEX_NODATA, "difference",
            description="Median of the looks that departed against the model; an index of leaves falls with loss.",
        ),
        RasterSpec(
            "trajectory", "Trajectory", (BandSpec("reason", "what became of the years"),), "uint8", CLASS_NODATA,
            overview="mode", classes=traced, description="Whether the summers make a trajectory, and why not.",
        ),
        RasterSpec(
            "loss-year", "Greatest loss",
            (BandSpec("year", "first summer that shows the loss", "a"), BandSpec("duration", "years it went on", "a")),
            "int16", INDEX_NODATA, overview="mode",
            description="It was lost between the summer before that year and the summer of it, or goes on from there.",
        ),
        RasterSpec(
            "loss-magnitude", "Magnitude of the greatest loss",
            (*change("over the loss", "the summer before"), BandSpec("recovery", "share regained since", scale=1e-4)),
            "int16", INDEX_NODATA, "difference",
            description="Fitted change; recovery is no data where the loss ends in the last year known.",
        ),
    )  # fmt: skip


def break_codes(found: BreakLayers, scale: float) -> dict[str, NDArray[np.generic]]:
    """Return the codes (band, pixel) of the rasters of breaks."""
    chosen = np.flatnonzero(found.day)
    days = [date.fromordinal(int(day)) for day in found.day[chosen]]
    when = np.full((2, len(found.day)), INDEX_NODATA, np.int16)
    when[0, chosen] = [day.year for day in days]
    when[1, chosen] = [day.timetuple().tm_yday for day in days]
    modelled = np.isin(found.reason, (NO_BREAK, LOSS, OTHER))
    count = np.where(modelled, np.minimum(found.count, CLASS_NODATA - 1), CLASS_NODATA).astype(np.uint8)
    size = np.stack([_codes(found.after - found.before, scale), _codes(found.before, scale)])
    return {"reason": found.reason[None], "breaks": when, "break-count": count[None], "magnitude": size}


def loss_codes(loss: GreatestLoss, code: NDArray[np.uint8], scale: float) -> dict[str, NDArray[np.generic]]:
    """Return the codes (band, pixel) of the rasters of trajectories."""
    year, duration = loss.year.reshape(-1), loss.duration.reshape(-1)
    when = np.where(year > 0, np.stack([year, duration]), INDEX_NODATA).astype(np.int16)
    change, before = (_codes(layer.reshape(-1), scale) for layer in (loss.magnitude, loss.level))
    size = np.stack([change, before, _codes(loss.recovery.reshape(-1), 1e-4)])
    return {"trajectory": code.reshape(1, -1), "loss-year": when, "loss-magnitude": size}


def _codes(values: NDArray[np.floating], scale: float) -> NDArray[np.int16]:
    known = np.isfinite(values)
    codes = np.clip(np.rint(np.where(known, values, 0.0) / scale), -32767, 32767)
    return np.where(known, codes, INDEX_NODATA).astype(np.int16)
