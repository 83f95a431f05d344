"""Fire: weather to moisture codes and danger classes, season by season."""

from habitat.fire.weather.carried_state import State, fresh_state
from habitat.fire.weather.crosswalk import crosswalk, matched_limits
from habitat.fire.weather.danger_classes import DANGER_CLASSES, EFFIS_LIMITS, danger_classes, local_limits
from habitat.fire.weather.fire_rules import FireRules, station_rules
from habitat.fire.weather.fire_season import (
    SEASON_STATES,
    GapRule,
    SeasonRule,
    Winter,
    always,
    by_dates,
    by_mask,
    by_snow,
    by_temperature,
    spring_drought_code,
)
from habitat.fire.weather.kpo_scales import KPO_CLASSES, NATIONAL_LIMITS, KpoTable, kpo_classes, kpo_table
from habitat.fire.weather.moisture_codes import FFMC_CONSTANTS
from habitat.fire.weather.nesterov import NesterovState, nesterov_index
from habitat.fire.weather.season_dates import season_dates
from habitat.fire.weather_index import CODES, fire_weather

__all__ = [
    "CODES",
    "DANGER_CLASSES",
    "EFFIS_LIMITS",
    "FFMC_CONSTANTS",
    "KPO_CLASSES",
    "NATIONAL_LIMITS",
    "SEASON_STATES",
    "FireRules",
    "GapRule",
    "KpoTable",
    "NesterovState",
    "SeasonRule",
    "State",
    "Winter",
    "always",
    "by_dates",
    "by_mask",
    "by_snow",
    "by_temperature",
    "crosswalk",
    "danger_classes",
    "fire_weather",
    "fresh_state",
    "kpo_classes",
    "kpo_table",
    "local_limits",
    "matched_limits",
    "nesterov_index",
    "season_dates",
    "spring_drought_code",
    "station_rules",
]
