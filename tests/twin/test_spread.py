"""Fire spread: it keeps to fuel, it takes the quickest way, and wind and slope drive it the right way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from habitat.twin.land.landscape import Country, Cover, Landscape
from habitat.twin.land.spread import FUEL_RATE, arrival_hours, fuel_rate, length_to_breadth, push_of
from habitat.twin.world import Window

Rates = NDArray[np.float32]


def flat(rows: int, columns: int, cover: Cover = Cover.GRASS, **changes: object) -> Landscape:
    zero = np.zeros((rows, columns), np.float32)
    fields: dict[str, object] = {
        "window": Window(0, 0, 2 * rows, 2 * columns), "resolution_m": 20.0, "elevation": zero, "rise_east": zero,
        "rise_north": zero, "height": zero, "cover": np.full((rows, columns), cover, np.uint8), "canopy": zero,
        "tree_height": zero, "evergreen": zero, "parcel": np.zeros((rows, columns), np.uint16), "grain": zero,
        "country": np.full((rows, columns), Country.WEST, np.uint8), "to_people": zero,
    }  # fmt: skip
    return Landscape(**(fields | changes))  # type: ignore[arg-type]


def still(rate: Rates) -> tuple[Rates, Rates]:
    return np.zeros_like(rate), np.zeros_like(rate)


def even(rows: int, columns: int, rate: float = 100.0) -> Rates:
    return np.full((rows, columns), rate, np.float32)


def test_a_step_costs_the_mean_of_the_cells_it_crosses():
    # 20 m at 100 and at 50 m/h: (0.2 + 0.4) / 2 hours; the corner is 20 * sqrt(2) at 100 m/h.
    rate = np.array([[100, 50], [100, 100]], np.float32)
    hours = arrival_hours(rate, still(rate), (0, 0))
    assert hours[0, 1] == pytest.approx(0.3)
    assert hours[1, 1] == pytest.approx(0.2 * math.sqrt(2))
    # A knight's move crosses four cells, a quarter of its length each: 0.2 h * sqrt(5) * (1 + 2 + 1 + 1) / 4.
    rate = np.array([[100, 50, 1], [1, 100, 100]], np.float32)
    knight = 0.2 * math.sqrt(5) * 1.25
    over_the_corner = 0.2 * (math.sqrt(2) + 1)
    assert arrival_hours(rate, still(rate), (0, 0))[1, 2] == pytest.approx(min(knight, over_the_corner))


def test_uniform_fuel_burns_in_a_circle_within_the_error_of_16_directions():
    rate = even(101, 101)
    hours = arrival_hours(rate, still(rate), (50, 50))
    rows, columns = np.mgrid[-50:51, -50:51]
    exact = np.hypot(rows, columns) * 0.2
    away = exact > 0
    late = hours[away] / exact[away] - 1
    assert late.min() > -1e-6
    # Half way between two directions 26.565 degrees apart the way is 1 / cos(13.28) longer.
    assert late.max() == pytest.approx(1 / math.cos(math.atan(0.5) / 2) - 1, abs=1e-3)
    for turned in (hours[::-1], hours[:, ::-1], hours.T, np.rot90(hours)):
        np.testing.assert_allclose(hours, turned, rtol=1e-6)


@given(st.integers(0, 2**31), st.floats(0, 12), st.floats(0, 360))
@settings(max_examples=25)
def test_no_wall_is_crossed(seed: int, speed: float, comes_from: float):
    rng = np.random.default_rng(seed)
    rate = rng.uniform(5, 300, (24, 24)).astype(np.float32)
    # A wall one cell wide from edge to edge that wanders: its cells may touch at their corners only.
    walk = np.clip(12 + np.cumsum(rng.integers(-1, 2, 24)), 2, 21)
    rate[np.arange(24), walk] = 0
    rate[0, 0] = 50
    burnt = np.isfinite(arrival_hours(rate, push_of(flat(24, 24), speed, comes_from), (0, 0)))
    beyond = np.arange(24)[None, :] > walk[:, None]
    assert not burnt[beyond].any()
    assert not burnt[rate == 0].any()
    assert burnt[0, 0]


@given(st.integers(0, 2**31), st.floats(1, 5))
@settings(max_examples=25)
def test_quicker_fuel_never_burns_later(seed: int, factor: float):
    rng = np.random.default_rng(seed)
    rate = (rng.uniform(5, 300, (16, 16)) * (rng.random((16, 16)) > 0.2)).astype(np.float32)
    rate[8, 8] = 10
    push = push_of(flat(16, 16), float(rng.uniform(0, 8)), float(rng.uniform(0, 360)))
    quicker = (rate * np.where(rng.random((16, 16)) < 0.5, factor, 1)).astype(np.float32)
    before, after = (arrival_hours(one, push, (8, 8)) for one in (rate, quicker))
    assert np.array_equal(np.isfinite(before), np.isfinite(after))
    reached = np.isfinite(before)
    assert (after[reached] <= before[reached] * (1 + 1e-6)).all()


def test_wind_from_the_west_drives_fire_east_and_holds_it_back_upwind():
    rate = even(41, 81, 50)
    hours = arrival_hours(rate, push_of(flat(41, 81), 6, 270), (20, 40))
    east, west, north, south = hours[20, 60], hours[20, 20], hours[0, 40], hours[40, 40]
    assert east < north < west
    assert north == pytest.approx(south)
    # Open ground: flame height wind 0.45 * 6 = 2.7 m/s, factor 1 + 1.5 * 2.7^1.2; 400 m at 50 m/h are 8 h.
    assert east == pytest.approx(8 / (1 + 1.5 * 2.7**1.2), rel=1e-4)
    # Backing against the wind: (1 - e) / (1 + e) of the head's rate.
    ratio = float(length_to_breadth(np.array(1.5 * 2.7**1.2, np.float32)))
    off_centre = math.sqrt(1 - 1 / ratio**2)
    assert west / east == pytest.approx((1 + off_centre) / (1 - off_centre), rel=1e-4)


def test_fires_climb_faster_than_they_descend():
    rise = np.full((41, 41), 0.4, np.float32)
    land = flat(41, 41, rise_north=rise)
    hours = arrival_hours(even(41, 41), push_of(land, 0, 0), (20, 20))
    # 5 * 0.4² = 0.8: uphill 1.8 times as fast as on the level, 400 m in 4 / 1.8 h.
    assert hours[0, 20] == pytest.approx(4 / 1.8, rel=1e-4)
    assert hours[0, 20] < hours[20, 0] < hours[40, 20]


def test_trees_break_the_wind():
    open_push = push_of(flat(1, 1), 8, 180)
    under_trees = push_of(flat(1, 1, canopy=np.ones((1, 1), np.float32)), 8, 180)
    # From the south: towards the north.
    assert open_push[1][0, 0] > 2 * under_trees[1][0, 0] > 0
    assert abs(float(open_push[0][0, 0])) < 1e-5


def test_fuels_burn_in_the_order_of_the_field():
    patches = np.zeros((1, len(Cover)), np.float32)
    land = flat(1, len(Cover), cover=Cover.WATER)
    land.cover[0] = list(Cover)
    rates = dict(zip(Cover, fuel_rate(land, patches, 1.0)[0].tolist(), strict=True))
    order = (Cover.GRASS, Cover.SHRUB, Cover.OAK, Cover.BIRCH, Cover.PINE_BROADLEAF)
    assert [rates[cover] for cover in order] == sorted((rates[cover] for cover in order), reverse=True)
    assert rates[Cover.GRASS] == pytest.approx(FUEL_RATE[Cover.GRASS])
    assert [rates[cover] for cover in (Cover.WATER, Cover.BUILT, Cover.FIELD)] == [0, 0, 0]


def test_wet_days_leave_more_patches_unburnt_and_south_slopes_burn_better():
    patches = np.linspace(-3, 3, 601, dtype=np.float32)[None]
    unburnt = [int((fuel_rate(flat(1, 601), patches, dryness) == 0).sum()) for dryness in (0.2, 0.6, 1.0)]
    assert unburnt == sorted(unburnt, reverse=True)
    assert unburnt[0] > unburnt[-1] > 0
    zero = np.zeros((1, 1), np.float32)
    south = fuel_rate(flat(1, 1, rise_north=zero - 0.3), zero, 0.8)
    north = fuel_rate(flat(1, 1, rise_north=zero + 0.3), zero, 0.8)
    assert south > north


def test_a_fire_stops_when_its_time_or_its_size_is_over():
    rate = even(31, 31)
    whole = arrival_hours(rate, still(rate), (15, 15))
    by_time = arrival_hours(rate, still(rate), (15, 15), most_hours=2.01)
    assert np.array_equal(np.isfinite(by_time), whole <= 2.01)
    by_size = arrival_hours(rate, still(rate), (15, 15), most_cells=100)
    assert np.isfinite(by_size).sum() == 100
    # The cells that burnt first are the ones that burnt.
    assert by_size[np.isfinite(by_size)].max() <= np.sort(whole.ravel())[100]
    assert not np.isfinite(arrival_hours(rate, still(rate), (15, 15), most_cells=0)).any()


def test_nothing_burns_from_a_cell_without_fuel():
    rate = even(5, 5)
    rate[2, 2] = 0
    assert not np.isfinite(arrival_hours(rate, still(rate), (2, 2))).any()


def test_length_to_breadth_grows_with_wind_and_is_bounded():
    ratios = length_to_breadth(np.linspace(0, 50, 20).astype(np.float32))
    assert ratios[0] == pytest.approx(1)
    assert (np.diff(ratios) >= 0).all()
    assert ratios[-1] == 3
