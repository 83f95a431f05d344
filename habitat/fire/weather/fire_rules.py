"""The choices behind the numbers: which standard, which season, which winter, and what gaps do."""

from __future__ import annotations

from dataclasses import dataclass, field

from habitat.contracts.errors import ConfigError
from habitat.fire.weather.fire_season import GapRule, SeasonRule, Winter, always, by_snow
from habitat.fire.weather.moisture_codes import (
    DEFAULT_CONSTANT,
    DUFF_EQUATIONS,
    START_CODES,
    DuffEquation,
    ffmc_constant,
)


@dataclass(frozen=True)
class FireRules:
    """All that decides the numbers beside the weather.

    Parameters
    ----------
    constant : {'147.2', '147.27723'}
        Constant of the fine fuel scale by its name; see `FFMC_CONSTANTS`.
    duff : {'1985', '1987'}
        Rain equation of the duff moisture code; see `DUFF_EQUATIONS`.
    start : (float, float, float)
        FFMC, DMC and DC a season starts with.
    season : SeasonRule
        When codes are computed.
    winter : Winter or None
        How the drought code comes through the off-season; None: every season starts with the start code.
    gaps : GapRule
        What days without weather do.
    latitude_adjust : bool
        Whether day lengths follow the latitude, or are those of 46 N everywhere.

    Raises
    ------
    ConfigError
        If there is no such standard or a start code is out of range.

    Examples
    --------
    >>> FireRules().season.kind, station_rules("147.27723").season.kind
    ('snow', 'always')
    """

    constant: str = DEFAULT_CONSTANT
    duff: DuffEquation = "1985"
    start: tuple[float, float, float] = START_CODES
    season: SeasonRule = field(default_factory=by_snow)
    winter: Winter | None = field(default_factory=Winter)
    gaps: GapRule = field(default_factory=GapRule)
    latitude_adjust: bool = True

    def __post_init__(self) -> None:
        ffmc_constant(self.constant)
        if self.duff not in DUFF_EQUATIONS:
            raise ConfigError(f"there is no duff equation {self.duff!r}; write {' or '.join(DUFF_EQUATIONS)}")
        ffmc, dmc, dc = self.start
        if not (0 <= ffmc <= 101 and dmc >= 0 and dc >= 0):
            raise ConfigError(f"start codes are {self.start}, want FFMC of 0 to 101, DMC and DC of 0 or more")

    @property
    def limits(self) -> tuple[int, ...]:
        """Numbers of `habitat.fire.weather.fire_season.season_day`."""
        season, gaps = self.season, self.gaps
        runs = season.start_days, season.stop_days, int(season.today_counts)
        return *runs, gaps.bridge_days, gaps.dmc_days, gaps.dc_days

    @property
    def numbers(self) -> tuple[float, ...]:
        """Numbers of `habitat.fire.weather.fast_codes.run_course`."""
        winter = self.winter
        spring: tuple[float, ...] = (-1.0, 0.0, 0.0, 0.0, 0.0)
        if winter:
            spring = (
                winter.carry_over,
                winter.wetting,
                winter.lowest,
                *map(float, (winter.short_days, winter.gap_days)),
            )
        return ffmc_constant(self.constant), *DUFF_EQUATIONS[self.duff], *map(float, self.start), *spring


def station_rules(constant: str = DEFAULT_CONSTANT, season: SeasonRule | None = None) -> FireRules:
    """Rules of station tables: a season without an end unless another is asked for, as cffdrs has it."""
    return FireRules(constant, season=season or always())
