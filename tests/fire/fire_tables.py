"""Reference tables of fire weather, and made-up weather for the tests of this room."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

STATION_COLUMNS = {"temp_c": "TEMP", "rh_pct": "RH", "wind_kmh": "WS", "rain_mm": "PREC"}


def table(shared, name):
    return pd.read_csv(shared / "reference" / "fire_weather" / f"{name}.csv")


def close(found, expected, *, absolute=0.006, relative=6e-4):
    """Tables of four significant digits, never finer than 0.01: either tolerance is enough."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    apart = np.abs(found - expected)
    wrong = ~((apart <= absolute) | (apart <= relative * np.abs(expected)))
    assert not wrong.any(), (int(wrong.sum()), found[wrong][:5], expected[wrong][:5])
    return len(expected)


def grid_of(columns, days, latitude, shape=(1, 1)):
    """Weather (time, y, x) of columns (time,) or arrays (time, y, x)."""
    values = {}
    for name, column in columns.items():
        column = np.asarray(column)
        column = np.broadcast_to(column[:, None, None], (len(column), *shape)) if column.ndim == 1 else column
        values[name] = (("time", "y", "x"), column)
    where = np.broadcast_to(np.asarray(latitude, float), shape[:1])
    return xr.Dataset(values, {"time": np.asarray(days, "datetime64[ns]"), "latitude": ("y", where)})


def station_weather(rows, latitude=40.0, first="1985-04-13"):
    """Weather of a printed table of 1985."""
    names = {"temperature": "TEMP", "humidity": "RH", "wind": "WS", "rain": "PREC"}
    rows = rows.rename(columns=STATION_COLUMNS)
    days = np.datetime64(first) + np.arange(len(rows))
    return grid_of({ours: rows[theirs].to_numpy(float) for ours, theirs in names.items()}, days, latitude)


def made_up(days, shape=(3, 4), seed=1, first="2023-01-01", gaps=0.0):
    """Weather of years with frost, snow, dry springs and wet summers, as float32."""
    rng = np.random.default_rng(seed)
    dates = np.datetime64(first) + np.arange(days)
    of_year = (dates - dates.astype("datetime64[Y]")).astype(int)
    full = (days, *shape)
    warmth = (8 - 20 * np.cos((of_year - 15) / 365 * 2 * np.pi))[:, None, None]
    columns = {
        "temperature": warmth + rng.normal(0, 4, full),
        "humidity": np.clip(60 + rng.normal(0, 18, full), 3, 100),
        "wind": np.abs(rng.normal(12, 7, full)),
        "rain": np.where(rng.random(full) < 0.3, rng.gamma(0.7, 6, full), 0),
    }
    columns["snow_depth"] = np.clip(-warmth / 40 + rng.normal(0, 0.03, full), 0, None)
    columns = {name: values.astype(np.float32) for name, values in columns.items()}
    for name in columns:
        columns[name][rng.random(full) < gaps] = np.nan
    return grid_of(columns, dates, np.linspace(44, 42, shape[0]), shape)
