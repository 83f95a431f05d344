"""Phenology: when leaves came, stood highest and went at each pixel in a year, with uncertainties and reasons."""

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
from habitat.imagery.phenology import MIDSUMMER, REASONS, TOLD, LeafTurn, greenness, leaf_turn, peak
from habitat.imagery.seasons import usual_range
from habitat.imagery.snow import BARE, ground_states
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
_COLOURS = ("#2f7d4f", "#e8dfc8", "#c9c9c9", "#c0504d", "#e6a532")
_CLASSES = tuple((code, colour, REASONS[code]) for code, colour in zip(REASONS, _COLOURS, strict=True))
_TURNS = ("green_up", "senescence")
DATES = RasterSpec(
    "dates",
    "Leaves",
    (
        BandSpec("green_up", f"leaves half out, {_DAY}", "d"),
        BandSpec("green_up_uncertainty", "days to the farther of the two looks", "d"),
        BandSpec("peak", f"middle of the greenest time, {_DAY}", "d"),
        BandSpec("peak_uncertainty", "half of the greenest time", "d"),
        BandSpec("senescence", f"leaves half gone, {_DAY}", "d"),
        BandSpec("senescence_uncertainty", "days to the farther of the two looks", "d"),
    ),
    "int16",
    INDEX_NODATA,
    description="NDVI half way between its values without and with leaves. No data: see the reasons.",
)
REASON_RASTERS = tuple(
    RasterSpec(
        f"{name.replace('_', '-')}-reason",
        f"Why {name.replace('_', '-')} is known or not",
        (BandSpec("reason", "reason"),),
        "uint8",
        CLASS_NODATA,
        overview="mode",
        classes=_CLASSES,
        description="No data: not seen without snow in two years.",
    )
    for name in _TURNS
)
LOOKS = RasterSpec(
    "looks",
    "Looks without snow",
    (
        BandSpec("looks", "clear looks without snow in the year"),
        BandSpec("gap", "longest time without one", "d"),
    ),
    "int16",
    INDEX_NODATA,
    description="The gap counts from 1 March to 30 November, as far as the period has come.",
)
_GAP_DAYS = (60, 334)


class PhenologyParams(SeasonParams):
    """Settings of the phenology."""

    least_span: float = Field(0.15, gt=0, lt=1)
    """Range of NDVI between winter and summer [1] below which there is no season of leaves."""
    widest_days: float = Field(60.0, gt=0, le=200)
    """Days between the looks on either side of a turn above which it gets no date [d]."""


def _span(period: Period) -> Span:
    # The year before tells how bare and how green a pixel gets, also in spring when the summer is still to come.
    return Span(date(period.year - 1, 1, 1), period.last_day)


def _inputs(params: PhenologyParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    return season_inputs("phenology", params, workshop, _span(period))


class _Leaves:
    """Judge of leaves: what it wrote, counted."""

    def __init__(self, params: PhenologyParams, workshop: Workshop, period: Period) -> None:
        self.params, self.area, self.period = params, workshop.area, period
        self.total = self.seen = 0
        self.known = dict.fromkeys(_TURNS, 0)
        self.sums = {name: np.zeros(2) for name in _TURNS}
        self._lock = threading.Lock()

    def judge(self) -> Judge:
        """Return what the build asks for."""
        return Judge((DATES, *REASON_RASTERS, LOOKS), _span(self.period), self.tile, self.told)

    def tile(self, series: Series, sheets: Sheets) -> None:
        """Judge one tile."""
        codes = series.codes
        states = ground_states(codes["green"], codes["nir"], codes["swir1"], series.clear)
        green = greenness(codes["red"], codes["nir"], states == BARE)
        lowest, highest = usual_range(green[:, np.newaxis])
        low, high = lowest[0], highest[0]
        first = date(self.period.year, 1, 1).toordinal()
        own = series.days >= first
        days, green = (series.days[own] - first + 1).astype(np.int64), green[own]
        turns = {
            name: self._turn(days, green, (low, high), falling=name == "senescence") for name in _TURNS
        }  # fmt: skip
        top = peak(days, green, low, high, least_span=self.params.least_span)
        unseen = ~np.isfinite(low)
        bands = [*turns["green_up"][:2], *top, *turns["senescence"][:2]]
        dates = np.stack([_whole(band, up=number % 2 == 1) for number, band in enumerate(bands)])
        sheets.write("dates", series.tile, dates.reshape(6, *series.shape))
        for spec, name in zip(REASON_RASTERS, _TURNS, strict=True):
            reason = np.where(unseen, CLASS_NODATA, turns[name].reason).astype(np.uint8)
            sheets.write(spec.name, series.tile, reason.reshape(1, *series.shape))
        sheets.write("looks", series.tile, self._looks(days, np.isfinite(green)).reshape(2, *series.shape))
        self._count(turns, unseen)

    def _turn(
        self,
        days: NDArray[np.int64],
        green: NDArray[np.float32],
        span: tuple[NDArray[np.float32], ...],
        *,
        falling: bool,
    ) -> LeafTurn:
        half = days >= MIDSUMMER if falling else days <= MIDSUMMER
        options = {"least_span": self.params.least_span, "widest": self.params.widest_days}
        return leaf_turn(days[half], green[half], span[0], span[1], falling=falling, **options)

    def _looks(self, days: NDArray[np.int64], seen: NDArray[np.bool_]) -> NDArray[np.int16]:
        """Return the number of looks and the longest gap between them, each (pixel,)."""
        last = min(_GAP_DAYS[1], (self.period.last_day - date(self.period.year, 1, 1)).days + 1)
        gap = np.zeros(seen.shape[1], np.int64)
        before = np.full(seen.shape[1], _GAP_DAYS[0], np.int64)
        for day, here in zip(days.tolist(), seen, strict=True):
            if _GAP_DAYS[0] <= day <= last:
                gap = np.where(here, np.maximum(gap, day - before), gap)
                before = np.where(here, day, before)
        gap = np.maximum(gap, max(last, _GAP_DAYS[0]) - before)
        return np.stack([seen.sum(axis=0), gap]).astype(np.int16)

    def _count(self, turns: dict[str, LeafTurn], unseen: NDArray[np.bool_]) -> None:
        with self._lock:
            self.total += unseen.size
            self.seen += int((~unseen).sum())
            for name, turn in turns.items():
                told = turn.reason == TOLD
                self.known[name] += int(told.sum())
                self.sums[name] += np.nansum(turn.date[told]), np.nansum(turn.uncertainty[told])

    def told(self) -> Told:
        """Return what the rasters say."""
        refuse_nothing_seen(self.seen, self.area.name, _span(self.period))
        words, properties = [], {}
        for name, title in (("green_up", "leaves half out"), ("senescence", "leaves half gone")):
            count = self.known[name]
            share = count / self.total
            if not count:
                words.append(f"{title} nowhere yet")
                continue
            day, error = self.sums[name] / count
            when = date.fromordinal(date(self.period.year, 1, 1).toordinal() + round(day) - 1)
            words.append(f"{title} on {when:%d %B} on the mean of {share:.0%} of the ground, ±{error:.0f} d by pixel")
            properties[name] = {"mean_day": round(day, 1), "uncertainty_d": round(error, 1), "share": round(share, 4)}
        basis = {"basis": UNVALIDATED}
        return Told(f"{'; '.join(words)} ({UNVALIDATED})", {"habitat:phenology": properties | basis})


def _whole(values: NDArray[np.float32], *, up: bool) -> NDArray[np.int16]:
    """Return whole days; uncertainties are rounded up, and by one more for the rounding of the date."""
    whole = np.ceil(values) + 1 if up else np.rint(values)
    return np.where(np.isfinite(values), np.nan_to_num(whole), INDEX_NODATA).astype(np.int16)


def build(params: PhenologyParams, workshop: Workshop, period: Period) -> Outcome:
    """Tell when the leaves of a period's year came and went, as far as seen by its end, and publish it.

    Raises
    ------
    InputError
        If there is no scene, too many cannot be read, or nothing was seen.
    """
    return build_season(
        PHENOLOGY, (params, workshop, period), lambda: _Leaves(params, workshop, period).judge()
    )  # fmt: skip


PHENOLOGY = Product(
    name="phenology",
    title="Phenology",
    description=(
        "Green-up, peak and senescence of the period's year at each pixel from all clear looks of both satellites, "
        "with uncertainties, reasons where a date is not known, and the longest gap between looks."
    ),
    method="1",
    params=PhenologyParams,
    inputs=_inputs,
    build=build,
)
