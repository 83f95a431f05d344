"""Codes of stations in double precision, day by day in plain NumPy: the oracle of the fast kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.fire.weather.fire_rules import FireRules
from habitat.fire.weather.fire_season import (
    AFTER,
    PHASE,
    RESTARTS_DC,
    RESTARTS_DMC,
    RESTARTS_FFMC,
    STARTS,
    STATE_BITS,
    WINTER_DAYS,
    WINTER_GAPS,
    WITH_CODES,
    season_day,
    spring_drought_code,
)
from habitat.fire.weather.moisture_codes import (
    build_up_index,
    daily_severity_rating,
    drought_code,
    duff_moisture_code,
    ffmc_constant,
    fine_fuel_moisture_code,
    fire_weather_index,
    initial_spread_index,
)

Floats = NDArray[np.float64]
_MILD = (15.0, 50.0, 10.0, 0.0)


def run_plainly(
    weather: Sequence[Floats],
    by_day: tuple[Floats, Floats],
    signs: NDArray[np.uint8],
    carried: tuple[Floats, Floats, NDArray[np.int16]],
    rules: FireRules,
    out: Floats,
) -> None:
    """Compute the codes of all days and cells as `habitat.fire.weather.fast_codes.run_course` does, slowly and exactly.

    Parameters
    ----------
    weather : four float64 arrays (time, cell)
        Temperature [degC], humidity [%], wind [km/h] and rain [mm].
    by_day : two float64 arrays (time, cell)
        Day lengths [h] and drying factors.
    signs : uint8 (time, cell)
        Signs of the season's rule; overwritten with the states.
    carried : (codes, winter_rain, counters)
        Of `State`, over flat cells; overwritten.
    rules : FireRules
        What decides.
    out : float64 (6 or 7, time, cell)
        Filled with FFMC, DMC, DC, ISI, BUI, FWI and, if there is room, DSR; NaN on days without codes.
    """
    codes, winter_rain, counters = carried
    known: Any = np.isfinite(np.stack(weather)).all(axis=0)
    for day in range(len(signs)):
        season_day(signs[day], known[day].astype(np.uint8), counters, rules.limits)
        _hibernate(weather[3][day], winter_rain, counters)
        _turn(signs[day], codes, winter_rain, counters, rules)
        signs[day] &= STATE_BITS
        active = np.isin(signs[day], WITH_CODES)
        mild = (np.where(known[day], values[day], calm) for values, calm in zip(weather, _MILD, strict=True))
        results = _results(codes, tuple(mild), (by_day[0][day], by_day[1][day]), rules)
        for number, result in enumerate(results[: len(out)]):
            out[number, day] = np.where(active, result, np.nan)
            if number < 3:
                codes[number] = np.where(active, result, codes[number])


def _results(
    codes: Floats, weather: tuple[Floats, ...], drying: tuple[Floats, Floats], rules: FireRules
) -> tuple[Floats, ...]:
    temperature, humidity, wind, rain = weather
    constant = ffmc_constant(rules.constant)
    ffmc = fine_fuel_moisture_code(codes[0], temperature, humidity, wind, rain, constant)
    dmc = duff_moisture_code(codes[1], temperature, humidity, rain, drying[0], rules.duff)
    dc = drought_code(codes[2], temperature, rain, drying[1])
    isi = initial_spread_index(ffmc, wind, constant)
    bui = build_up_index(dmc, dc)
    fwi = fire_weather_index(isi, bui)
    return ffmc, dmc, dc, isi, bui, fwi, daily_severity_rating(fwi)


def _hibernate(rain: Floats, winter_rain: Floats, counters: NDArray[np.int16]) -> None:
    off = counters[PHASE] == AFTER
    winter_rain[off & (counters[WINTER_DAYS] == 0)] = 0
    counters[WINTER_DAYS] += off & (counters[WINTER_DAYS] < np.int16(30000))
    told = ~np.isnan(rain)
    winter_rain[off & told] += rain[off & told]
    counters[WINTER_GAPS] += off & ~told & (counters[WINTER_GAPS] < np.int16(30000))


def _turn(
    signs: NDArray[np.uint8], codes: Floats, winter_rain: Floats, counters: NDArray[np.int16], rules: FireRules
) -> None:
    starts = (signs & STARTS) > 0
    codes[0][starts | ((signs & RESTARTS_FFMC) > 0)] = rules.start[0]
    codes[1][starts | ((signs & RESTARTS_DMC) > 0)] = rules.start[1]
    spring = np.full(codes[2].shape, rules.start[2])
    winter = rules.winter
    if winter:
        carry_over = np.where(counters[WINTER_DAYS] <= winter.short_days, 1.0, winter.carry_over)
        woken = spring_drought_code(
            codes[2], winter_rain, carry_over=carry_over, wetting=winter.wetting, lowest=winter.lowest
        )
        spring = np.where(np.isnan(codes[2]) | (counters[WINTER_GAPS] > winter.gap_days), spring, woken)
    codes[2][starts] = spring[starts]
    codes[2][(signs & RESTARTS_DC) > 0] = rules.start[2]
