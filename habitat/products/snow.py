"""Snow: where snow lay when the ground was last seen in a period, how often, and when it went and came that year."""

from __future__ import annotations

import threading
from datetime import date

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from habitat.contracts import Period
from habitat.contracts.estimate import UNVALIDATED
from habitat.contracts.raster_spec import CLASS_NODATA, INDEX_NODATA, BandSpec, RasterSpec
from habitat.contracts.span import Span
from habitat.imagery.seasons import ALREADY, NOT_YET, UNKNOWN, snow_off, turn_of
from habitat.imagery.snow import BARE, SNOW, UNSEEN, UNSURE, ground_states, last_look
from habitat.products.building.season_build import (
    Judge,
    SeasonParams,
    Series,
    Told,
    build_season,
    refuse_nothing_seen,
    season_inputs,
)
from habitat.products.product import Outcome, Product, Sheets, Workshop
from habitat.store import Input

_DAY = "day of the year"
_MOST = 254
STATE = RasterSpec(
    "state",
    "Snow",
    (BandSpec("state", "snow in the latest sure look of the period"),),
    "uint8",
    CLASS_NODATA,
    overview="mode",
    classes=((0, "#b9a27c", "no snow"), (1, "#dff1fb", "snow"), (2, "#a58fc4", "unsure")),
    description="No data: not seen clear in the period. Unsure: all of its looks were patches of snow or thin cloud.",
)
LOOKS = RasterSpec(
    "looks",
    "Looks of the period",
    (BandSpec("seen", "clear looks"), BandSpec("snow", "clear looks with snow")),
    "uint8",
    CLASS_NODATA,
    description="Looks in a period that sees some ground twice are counted twice; 254 stands for more, too.",
)
SEASON = RasterSpec(
    "season",
    "Snow-off and snow-on",
    (
        BandSpec("last_seen", f"latest sure look of the period, {_DAY}", "d"),
        BandSpec("snow_off", f"last snow of the winter gone, {_DAY}", "d"),
        BandSpec("snow_off_uncertainty", "half of the interval between two looks", "d"),
        BandSpec("snow_on", f"first snow that stayed, {_DAY}", "d"),
        BandSpec("snow_on_uncertainty", "half of the interval between two looks", "d"),
    ),
    "int16",
    INDEX_NODATA,
    description="Of the period's year as far as seen; no data where either side of a turn was not seen.",
)


class SnowParams(SeasonParams):
    """Settings of the snow."""

    midsummer: int = Field(213, ge=150, le=260)
    """Day of the year [d] before which snow goes and after which it comes."""


def _span(period: Period) -> Span:
    return Span(date(period.year, 1, 1), period.last_day)


def _inputs(params: SnowParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    return season_inputs("snow", params, workshop, _span(period))


class _Snow:
    """Judge of snow: what it wrote, counted."""

    def __init__(self, params: SnowParams, workshop: Workshop, period: Period) -> None:
        self.params, self.area, self.period = params, workshop.area, period
        self.counts = np.zeros(256, np.int64)
        self.gone = 0
        self._lock = threading.Lock()

    def judge(self) -> Judge:
        """Return what the build asks for."""
        return Judge((STATE, LOOKS, SEASON), _span(self.period), self.tile, self.told)

    def tile(self, series: Series, sheets: Sheets) -> None:
        """Judge one tile."""
        codes = series.codes
        states = ground_states(codes["green"], codes["nir"], codes["swir1"], series.clear)
        days = (series.days - date(self.period.year, 1, 1).toordinal() + 1).astype(np.int64)
        within = series.days >= self.period.first_day.toordinal()
        told, look = last_look(states[within])
        state = _coded(told)
        last = np.where(look >= 0, np.append(days[within], 0)[look], INDEX_NODATA)
        seen, snowy = ((part > 0).sum(axis=0) for part in (states[within], states[within] == SNOW))
        turns = self._turns(days, states)
        sheets.write("state", series.tile, state.reshape(1, *series.shape))
        looks = np.minimum(np.stack([seen, snowy]), _MOST).astype(np.uint8)
        sheets.write("looks", series.tile, looks.reshape(2, *series.shape))
        sheets.write("season", series.tile, np.stack([last.astype(np.int16), *turns]).reshape(5, *series.shape))
        with self._lock:
            self.counts += np.bincount(state, minlength=256)
            self.gone += int((turns[0] != INDEX_NODATA).sum())

    def _turns(self, days: NDArray[np.int64], states: NDArray[np.uint8]) -> list[NDArray[np.int16]]:
        """Return snow-off, snow-on and their uncertainties (pixel,), rounded so that intervals keep what they hold."""
        pixels = states.shape[1]
        spring = days <= self.params.midsummer
        # In spring patches are snow that is not gone yet; a thin cloud in between is outvoted by bare ground around it.
        lying = np.isin(states[spring], (SNOW, UNSURE))
        off = snow_off(days[spring].tolist(), lying[:, np.newaxis], (states[spring] != UNSEEN)[:, np.newaxis])
        autumn = states[~spring]
        came = np.where(autumn == SNOW, ALREADY, np.where(autumn == BARE, NOT_YET, UNKNOWN)).astype(np.uint8)
        on = turn_of(days[~spring].tolist(), came[:, np.newaxis])
        layers = []
        for turn in (off, on):
            known = np.isfinite(turn.date)
            for values in (np.floor(turn.date), np.ceil(turn.uncertainty)):
                layers.append(np.where(known, np.nan_to_num(values), INDEX_NODATA).astype(np.int16).reshape(pixels))
        return layers

    def told(self) -> Told:
        """Return what the rasters say."""
        bare, snow, unsure = (int(self.counts[code]) for code in range(3))
        total = int(self.counts.sum())
        seen = bare + snow + unsure
        refuse_nothing_seen(seen, self.area.name, Span(self.period.first_day, self.period.last_day))
        shares = {"snow": snow / seen, "no snow": bare / seen, "unsure": unsure / seen, "not seen": 1 - seen / total}
        text = (
            f"snow on {shares['snow']:.0%} of the ground that was seen, {shares['unsure']:.0%} unsure, "
            f"{shares['not seen']:.0%} not seen; snow-off known on {self.gone / total:.0%} ({UNVALIDATED})"
        )
        rounded = {name: round(share, 4) for name, share in shares.items()}
        return Told(text, {"habitat:snow": rounded | {"basis": UNVALIDATED}})


def _coded(told: NDArray[np.uint8]) -> NDArray[np.uint8]:
    table = np.full(256, CLASS_NODATA, np.uint8)
    table[BARE], table[SNOW], table[UNSURE], table[UNSEEN] = 0, 1, 2, CLASS_NODATA
    return table[told]


def build(params: SnowParams, workshop: Workshop, period: Period) -> Outcome:
    """Tell the snow of a period and the year's snow-off and snow-on so far, and publish them.

    Raises
    ------
    InputError
        If there is no scene, too many cannot be read, or nothing was seen in the period.
    """
    return build_season(
        SNOW_PRODUCT, (params, workshop, period), lambda: _Snow(params, workshop, period).judge()
    )  # fmt: skip


SNOW_PRODUCT = Product(
    name="snow",
    title="Snow",
    description=(
        "Snow on the ground in the latest sure look of the period, with unsure and unseen ground kept apart, how often "
        "it was seen, and when snow went and came in the period's year."
    ),
    method="1",
    params=SnowParams,
    inputs=_inputs,
    build=build,
)
