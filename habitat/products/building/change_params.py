"""Settings of the forest change, and the rules that follow from them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from habitat.change.green_season import GreenRules
from habitat.change.monitoring.monitor_rules import MonitorRules, loss_direction
from habitat.change.pixel_models import ModelRules
from habitat.contracts import Period
from habitat.contracts.errors import ConfigError
from habitat.contracts.span import Span
from habitat.imagery.bandpass import OLI_BANDS
from habitat.imagery.indices import INDICES
from habitat.products.product import Params, known_names

RADAR_INDICES = ("vh", "vv", "ratio", "crowns")
"""What radar monitors."""
_RADAR_INDICES = ("vh", "vv", "ratio", "crowns")
_MONTH_DAY = r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"


class ForestChangeParams(Params):
    """Settings of the forest change."""

    aside: ClassVar[frozenset[str]] = frozenset(
        {"catalogue", "requester_pays", "max_missing_share", "memory_mb_per_worker", "max_mixing_residual"}
    )
    shown: ClassVar[frozenset[str]] = frozenset({"forest"})
    """Fields that decide what is shown, and not what is carried from month to month."""

    catalogue: str = "earth-search"
    """Where scenes are searched, as for the composite."""
    requester_pays: bool = False
    """Whether you agree to pay for transfers from buckets whose reader pays."""
    sensors: tuple[Literal["sentinel2", "landsat", "sentinel1"], ...] = Field(("sentinel2", "landsat"), min_length=1)
    """Which satellites; radar (sentinel1) is monitored alone."""
    index: str = "nbr"
    """What is monitored: an index of blue, green, red, nir, swir1, swir2; of radar vh, vv, ratio or crowns."""
    history_years: int = Field(4, ge=1, le=20)
    """Years before monitoring from which a pixel's usual season is learnt."""
    monitor_from: date | None = None
    """Day on which monitoring begins; null: 1 January of the period's year."""
    order: int = Field(1, ge=0, le=5)
    """Most harmonics of the year; pixels with few looks get fewer."""
    trend: bool = False
    """Whether the usual level may change along a line; four years do not carry one."""
    looks_per_coefficient: int = Field(6, ge=2, le=50)
    """Usable looks a pixel must have for each coefficient beyond its level."""
    min_observations: int = Field(4, ge=3, le=200)
    """Usable looks of the history without which a pixel is not monitored."""
    stable_level: float | None = Field(0.05, gt=0, lt=1)
    """Level of the test that finds the stable end of a history; null takes all of it for stable."""
    robust: bool = False
    """Whether models are fitted robustly, for histories with many missed clouds."""
    least_scatter: float | None = Field(None, ge=0)
    """Least deviation a model is believed to have, in units of the index: few looks may lie together by chance. null:
    0.03 (0.1 of indices in thousandths), of radar 0.5 dB."""
    process: Literal["mosum", "cusum", "ewma", "iqr"] = "ewma"
    """What is watched: the weighted mean of residuals, their moving sum, their sum, or each by itself."""
    limit: float = Field(4.0, gt=0)
    """Boundary of the weighted mean, in its own deviations."""
    level: float = Field(0.05, gt=0, lt=1)
    """Chance that a stable pixel ever departs, for mosum and cusum."""
    confirm: int = Field(3, ge=1, le=20)
    """Usable looks in a row beyond the boundary that confirm a change."""
    direction: Literal["auto", "fall", "rise", "both"] = "auto"
    """Which departures count; auto: the side on which the index shows loss."""
    clip: float | None = Field(6.0, gt=0)
    """Residuals are cut to so many deviations, so that one missed cloud confirms nothing; null leaves them."""
    radar_season: tuple[str, str] | None = ("05-01", "10-31")
    """First and last day (MM-DD) whose radar looks count: frozen crowns look felled; null counts all."""
    season: Literal["own", "usual"] = "own"
    """When pixels are in leaf: learnt from each pixel's own history, or the same days for all."""
    leaf_from: str = Field("06-01", pattern=_MONTH_DAY)
    """First day (MM-DD) in full leaf where a history cannot tell."""
    leaf_until: str = Field("09-20", pattern=_MONTH_DAY)
    """Last day (MM-DD) in full leaf where a history cannot tell."""
    leaf_margin_days: int = Field(15, ge=0, le=60)
    """Days from leaves half out to full leaf [d], and back in autumn."""
    bandpass: Literal["none", "oli"] = "oli"
    """oli: bring all sensors to the bands of Landsat 8 OLI, which two sensors need."""
    max_cloud_cover: float | None = Field(80.0, ge=0, le=100)
    """Scenes that say they have more clouds [percent] are not read; null reads all."""
    without_mask: Literal["refuse", "all-clear"] = "refuse"
    """Scenes without a quality mask: refuse, or all-clear where all bands have data, for composites that are clean."""
    grow_m: float = Field(60.0, ge=0, le=5000)
    """Clouds are widened by this distance [m], specks of less than 3 x 3 pixels are not."""
    forest: bool = True
    """Whether ground that the forest cover of the store calls no forest is left out."""
    max_mixing_residual: float | None = Field(0.03, gt=0)
    """Largest median difference [1] left between Sentinel-2 and Landsat; null refuses nothing."""
    max_missing_share: float = Field(0.2, ge=0, le=1)
    """Share of the expected observations [0 to 1, by area] that may be unreadable before the product is refused."""
    memory_mb_per_worker: int = Field(512, ge=64, le=65536)
    """Memory [MB] for the history of one tile; smaller tiles are read where there are many dates."""

    @model_validator(mode="after")
    def _fits(self) -> ForestChangeParams:
        if self.radar and len(set(self.sensors)) > 1:
            raise ValueError(f"sensors are {', '.join(self.sensors)}; radar is monitored alone: name sentinel1 only")
        fitting = (name for name, entry in INDICES.items() if set(entry.bands) <= set(OLI_BANDS))
        kind = "radar index" if self.radar else "index of the bands all sensors have"
        known_names((self.index,), _RADAR_INDICES if self.radar else fitting, kind)
        if self.bandpass == "none" and {"sentinel2", "landsat"} <= set(self.sensors):
            raise ValueError("bandpass is none with two sensors, whose bands differ; write bandpass: oli")
        try:
            _ = self.rules, self.green, self.models(date(2020, 1, 1))
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def radar(self) -> bool:
        """Whether radar is monitored."""
        return "sentinel1" in self.sensors

    @property
    def scale(self) -> float:
        """Scale of the index's codes: decibels of radar in hundredths."""
        return 0.01 if self.radar else INDICES[self.index].scale

    @property
    def rules(self) -> MonitorRules:
        """What counts as a change."""
        side = self.direction
        if side == "auto":
            side = self._loss_side()  # type: ignore[assignment]
        return MonitorRules(self.process, side, self.confirm, self.level, limit=self.limit, clip=self.clip)

    def _loss_side(self) -> str:
        if self.radar:
            return "both" if self.index == "vv" else "fall"
        return loss_direction(self.index)

    @property
    def green(self) -> GreenRules:
        """How the green season is found."""
        return GreenRules(self.leaf_from, self.leaf_until, self.leaf_margin_days, self.season == "own")

    def models(self, since: date) -> ModelRules:
        """Return how many harmonics pixels get, for monitoring from a day."""
        middle = since - timedelta(days=round(self.history_years * 365.25 / 2))
        return ModelRules(
            self.order,
            self.trend,
            middle.isoformat(),
            self.min_observations,
            self.looks_per_coefficient,
            self.stable_level,
            self.robust,
            self._least_scatter(),
        )

    def _least_scatter(self) -> float:
        if self.least_scatter is not None:
            return self.least_scatter
        return 0.5 if self.radar else 0.03 if self.scale <= 1e-4 else 0.1

    def since(self, period: Period) -> date:
        """Return the day on which monitoring begins."""
        return self.monitor_from or date(period.year, 1, 1)

    def history(self, period: Period) -> Span:
        """Return the days the usual season is learnt from.

        Examples
        --------
        >>> str(ForestChangeParams().history(Period("2025-05")))
        '2021-01-01 to 2024-12-31'
        """
        since = self.since(period)
        first = date(since.year - self.history_years, since.month, min(since.day, 28))
        return Span(first, since - timedelta(days=1))

    def chunks(self, period: Period) -> tuple[Span, ...]:
        """Return the calendar months of monitoring: the state is carried over one after the other.

        Examples
        --------
        >>> [str(span) for span in ForestChangeParams().chunks(Period("2025-02"))]
        ['2025-01-01 to 2025-01-31', '2025-02-01 to 2025-02-28']
        """
        spans, first, last = [], self.since(period), period.last_day
        while first <= last:
            end = min(Period(f"{first:%Y-%m}").last_day, last)
            spans.append(Span(first, end))
            first = end + timedelta(days=1)
        return tuple(spans)
