"""Recurrence: counts and intervals a hand can check, and what was not observed is never unburnt."""

from __future__ import annotations

from datetime import date

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from habitat.contracts.errors import ConfigError
from habitat.fire.recurrence import burnt_in, by_fire_year, fire_rotation, fire_year, recurrence, season_fire_year

NO = 255


def pixels(*series):
    """Seasons (season, 1, pixel) of pixels given one after another."""
    return np.array(series, np.uint8).T[:, None, :]


def test_every_case_by_hand():
    years = [2013, 2014, 2016, 2018, 2020]
    layers = recurrence(
        pixels(
            (1, 0, 1, 0, 1),  # 2013, 2016, 2020: mean of 3 and 4
            (0, 1, NO, 1, NO),  # 2014 and 2018, 2016 not seen between, last seen in the year of the fire
            (0, 1, 0, NO, 0),  # once, in 2014; seen until 2020
            (0, 0, NO, 0, NO),  # never, seen 2013 to 2018
            (NO, NO, NO, NO, NO),
            (NO, NO, 0, NO, NO),  # one look
            (1, NO, NO, NO, 1),  # three seasons not seen between
        ),
        years,
    )
    found = {name: layer.values[0].tolist() for name, layer in layers.items()}
    nan = float("nan")
    assert found["count"] == [3, 2, 1, 0, 0, 0, 2]
    assert found["observed"] == [5, 3, 4, 3, 0, 1, 2]
    assert found["interval"] == pytest.approx([3.5, 4, nan, nan, nan, nan, 7], nan_ok=True)
    assert found["interval_gaps"] == [0, 1, 0, 0, 0, 0, 3]
    assert found["since_last"] == pytest.approx([0, 0, 6, nan, nan, nan, 0], nan_ok=True)
    assert found["unburnt_span"] == pytest.approx([nan, nan, nan, 5, nan, 0, nan], nan_ok=True)
    assert found["censoring"] == [0, 0, 1, 2, NO, 2, 0]
    assert {str(layer.dtype) for layer in layers.values()} == {"uint16", "float32", "uint8"}
    assert layers["interval"].attrs["units"] == "a"


def test_dates_count_in_parts_of_years():
    # Autumn 2023 and spring 2025: 18 months; two dates of one calendar year are two seasons.
    seasons = pixels((1, 0, 0, 1))
    when = [date(2023, 11, 1), date(2024, 5, 1), date(2024, 11, 1), date(2025, 5, 1)]
    layers = recurrence(seasons, when)
    assert layers["interval"].item() == pytest.approx(1.5, abs=0.01)
    np.testing.assert_array_equal(recurrence(seasons, np.array(when, "datetime64[D]"))["interval"], layers["interval"])


def test_fire_years_run_from_october():
    assert fire_year(["2024-09-30", "2024-10-01", "2024-12-31", "2025-01-01"]).tolist() == [2024, 2025, 2025, 2025]
    assert fire_year(np.array(["1969-12-31", "1970-01-01"], "datetime64[D]")).tolist() == [1970, 1970]
    assert (season_fire_year(2024, "autumn"), season_fire_year(2025, "spring"), season_fire_year(2025, "summer")) == (
        2025,
        2025,
        2025,
    )
    with pytest.raises(ConfigError, match="winter"):
        season_fire_year(2024, "winter")


def test_a_fire_year_with_an_unseen_season_is_not_unburnt():
    seasons = pixels((0, 0, 1), (0, NO, 1), (1, NO, NO), (NO, NO, 0), (1, 1, 0))
    years, names = by_fire_year(seasons, [2025, 2025, 2024])
    assert names == [2024, 2025]
    # Of 2024 one season only is known, so nothing in it is known to be unburnt.
    assert years.values[:, 0].tolist() == [[1, 1, NO, NO, NO], [0, NO, 1, NO, 1]]
    years, names = by_fire_year(seasons, [2025, 2025, 2024], seasons_per_year=1)
    assert years.values[:, 0].tolist() == [[1, 1, NO, 0, 0], [0, NO, 1, NO, 1]]
    assert years.dtype == np.uint8
    assert recurrence(years, names)["count"].values[0].tolist() == [1, 1, 1, 0, 1]


def test_statuses_of_scars_become_seasons():
    from habitat.fire.scars import BURNT_BEFORE, NOT_BURNABLE, FireSeason

    status = np.array([[0, 1, 3], [NOT_BURNABLE, BURNT_BEFORE, NO]], np.uint8)
    spring = burnt_in(status, FireSeason(2025, "spring").code)
    assert spring.tolist() == [[0, 1, 0], [NO, NO, NO]]
    assert spring.dtype == np.uint8
    lazy = burnt_in(xr.DataArray(da.from_array(status), dims=("y", "x")), FireSeason(2025, "autumn").code)
    assert isinstance(lazy.data, da.Array)
    assert lazy.values.tolist() == [[0, 0, 1], [NO, NO, NO]]


def test_rotation_counts_open_intervals():
    # Four pixels seen for ten years each, two fires in all: forty pixel-years over two.
    assert fire_rotation(np.array([[2, 0], [0, 0]]), np.full((2, 2), 10)) == 20.0
    assert fire_rotation(np.zeros(3), np.ones(3)) == float("inf")
    assert np.isnan(fire_rotation(np.zeros(3), np.zeros(3)))


@given(arrays.arrays(np.uint8, (6, 2, 3), elements=st.sampled_from([0, 1, 1, NO, 7])))
def test_what_must_always_hold(burnt):
    layers = recurrence(burnt, range(2000, 2006))
    count, observed = layers["count"].values, layers["observed"].values
    np.testing.assert_array_equal(count, (burnt == 1).sum(0))
    np.testing.assert_array_equal(observed, (burnt <= 1).sum(0))
    interval = layers["interval"].values
    np.testing.assert_array_equal(np.isnan(interval), count < 2)
    known = count >= 2
    assert ((interval[known] >= 1) & (interval[known] <= 5)).all()
    np.testing.assert_array_equal(np.isnan(layers["since_last"]), count == 0)
    np.testing.assert_array_equal(np.isnan(layers["unburnt_span"]), (count > 0) | (observed == 0))
    # Seasons between the first and the last fire are fires, seen or gaps.
    assert (layers["interval_gaps"].values[known] <= (interval * (count - 1) + 1 - count)[known] + 1e-4).all()
    assert (layers["interval_gaps"].values[~known] == 0).all()


def test_lazy_stays_lazy():
    burnt = np.random.default_rng(3).choice(np.array([0, 1, NO], np.uint8), (4, 6, 5))

    def refuse(*about, **more):
        raise AssertionError("something was computed")

    with dask.config.set(scheduler=refuse):
        years, names = by_fire_year(da.from_array(burnt, chunks=(1, 3, 5)), [2020, 2020, 2021, 2022])
        lazy = recurrence(years, names)
    eager = recurrence(by_fire_year(burnt, [2020, 2020, 2021, 2022])[0], names)
    for name in eager:
        assert isinstance(lazy[name].data, da.Array)
        np.testing.assert_array_equal(lazy[name], eager[name])


def test_what_is_refused():
    with pytest.raises(TypeError, match="int64"):
        recurrence(np.zeros((2, 1, 1), np.int64), [2020, 2021])
    with pytest.raises(ConfigError, match="ascending"):
        recurrence(pixels((0, 1)), [2021, 2020])
    with pytest.raises(ConfigError, match="ascending"):
        recurrence(pixels((0, 1)), [2020, 2020])
    with pytest.raises(ConfigError, match="one date for each season"):
        recurrence(pixels((0, 1)), [2020])
    with pytest.raises(ConfigError, match="one date for each season"):
        by_fire_year(np.zeros((0, 1, 1), np.uint8), [])
