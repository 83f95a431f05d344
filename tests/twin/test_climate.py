"""The climate rasters: normals the weather agrees with, and futures whose changes are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

from habitat.contracts.errors import ConfigError
from habitat.twin.land.climate import (
    GCMS,
    MEAN_TEMPERATURE,
    PRECIPITATION,
    SCENARIOS,
    SPANS,
    climate_grid,
    daily_normal,
    future_of,
    inland_share,
    known_changes,
    normal_temperature,
    normals_of,
    rain_factor,
)
from habitat.twin.land.weather import weather_of
from habitat.twin.world import World, world_of

ENDS = np.cumsum([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@pytest.fixture(scope="module")
def demo() -> World:
    return world_of("demo", 1)


@pytest.fixture(scope="module")
def normals(demo: World) -> xr.Dataset:
    rows, columns = climate_grid(demo).shape
    heights = np.linspace(50, 650, columns, dtype=np.float32)
    return normals_of(demo, np.broadcast_to(heights, (rows, columns)))


@pytest.mark.parametrize("monthly", [MEAN_TEMPERATURE, PRECIPITATION])
def test_daily_course_keeps_the_monthly_means(monthly: tuple[float, ...]) -> None:
    days = daily_normal(monthly, np.arange(1, 366))
    means = np.array([part.mean() for part in np.split(days, ENDS[:-1])])
    np.testing.assert_allclose(means, monthly, atol=0.04 * np.ptp(monthly))
    # No jump, also not from December to January.
    assert np.abs(np.diff(np.append(days, days[0]))).max() < 0.035 * np.ptp(monthly)


@pytest.mark.parametrize(
    ("size", "shape", "cell"), [("tiny", (5, 5), 220), ("demo", (28, 29), 500), ("full", (260, 261), 500)]
)
def test_grid_holds_the_area_in_whole_pixels(size: str, shape: tuple[int, int], cell: int) -> None:
    world = world_of(size, 1)
    grid = climate_grid(world)
    assert grid.resolution_m == cell
    assert grid.shape == shape
    assert all(bound % cell == 0 for bound in grid.bounds)
    margin = world.size.margin_pixels * 20
    west, south, east, north = grid.bounds
    assert west <= world.west + margin < west + cell
    assert north >= world.north - margin > north - cell
    assert east >= world.west + world.width_m - margin
    assert south <= world.north - world.width_m + margin


def test_coast_lies_in_the_south_east(demo: World) -> None:
    def share(along: float, down: float) -> float:
        return float(inland_share(demo, demo.west + along * demo.width_m, demo.north - down * demo.width_m))

    assert share(1.0, 1.0) == 0
    # Just inside the quarter of a circle that cuts off 8 %.
    assert share(0.78, 0.78) == 0
    assert 0 < share(0.75, 0.75) < 0.2
    assert share(0.0, 0.0) > 0.9
    assert share(-5.0, 0.5) == share(0.0, 0.5)
    along = np.linspace(0, 1, 200)
    sea = inland_share(demo, demo.west + along[None, :] * demo.width_m, demo.north - along[:, None] * demo.width_m) == 0
    assert 0.07 < sea.mean() < 0.09


def test_normals_fall_with_height_and_rain_rises() -> None:
    world = world_of("tiny", 1)
    shape = climate_grid(world).shape
    low, high = (normals_of(world, np.full(shape, height, np.float32)) for height in (50, 350))
    np.testing.assert_allclose(high.tas - low.tas, -1.8, atol=1e-4)
    np.testing.assert_allclose(high.pr / low.pr, 1.15, rtol=1e-5)
    # Inland at 50 m normals are the numbers the module lists; the corner is not wholly inland.
    np.testing.assert_allclose(low.tas[:, 0, 0], MEAN_TEMPERATURE, atol=0.2)
    np.testing.assert_allclose(low.pr[:, 0, 0], PRECIPITATION, rtol=1e-6)


def test_normals_are_cf(normals: xr.Dataset) -> None:
    assert dict(normals.sizes) == {"month": 12, "y": 28, "x": 29}
    assert {name: values.attrs["units"] for name, values in normals.data_vars.items()} == {
        "tas": "degC", "tasmin": "degC", "tasmax": "degC", "pr": "mm",
    }  # fmt: skip
    assert all(values.attrs["grid_mapping"] == "spatial_ref" for values in normals.data_vars.values())
    assert CRS.from_cf(normals.spatial_ref.attrs).to_epsg() == 32652
    assert normals.spatial_ref.attrs["GeoTransform"] == "736000.0 500.0 0.0 4807000.0 0.0 -500.0"
    assert normals.y.values[0] > normals.y.values[-1]
    assert (normals.tasmin < normals.tas).all()
    assert (normals.tas < normals.tasmax).all()
    assert 600 < float(normals.pr.sum("month").min()) < float(normals.pr.sum("month").max()) < 950


def test_heights_off_the_grid_are_refused(demo: World) -> None:
    with pytest.raises(ConfigError, match=r"shape \(2, 2\), wants \(28, 29\)"):
        normals_of(demo, np.zeros((2, 2), np.float32))


def test_weather_varies_around_the_normals() -> None:
    apart, ratio, wide = [], [], []
    for seed in range(6):
        world = world_of("demo", seed)
        weather = weather_of(world)
        month = weather.days.astype("datetime64[M]").astype(int) % 12
        usual = normal_temperature(
            np.array(MEAN_TEMPERATURE)[:, None, None], 0.0, weather.elevation, np.ones_like(weather.elevation)
        )
        rain = np.array(PRECIPITATION)[:, None] * rain_factor(weather.elevation)[0, 0]
        mean = np.array([weather.mean_temperature[month == one, 0, 0].mean() for one in range(12)])
        sums = np.array([weather.precipitation[month == one, 0, 0].sum() / 17 for one in range(12)])
        lowest = np.array([weather.lowest_temperature[month == one, 0, 0].mean() for one in range(12)])
        apart.append(mean - usual[:, 0, 0])
        ratio.append(sums / rain[:, 0])
        wide.append(mean - lowest)
    # 102 years: means of months to about 0.2 K, sums to some 8 %.
    np.testing.assert_allclose(np.mean(apart, axis=0), 0, atol=0.5)
    assert abs(np.mean(apart)) < 0.2
    np.testing.assert_allclose(np.mean(ratio, axis=0), 1, atol=0.22)
    assert abs(np.mean(ratio) - 1) < 0.08
    assert 3.5 < np.min(np.mean(wide, axis=0)) < np.max(np.mean(wide, axis=0)) < 6.5


@pytest.mark.parametrize("gcm", GCMS)
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("span", SPANS)
def test_futures_are_the_normals_and_the_known_changes(normals: xr.Dataset, gcm: str, scenario: str, span: str) -> None:
    future = future_of(normals, gcm, scenario, span)
    change = known_changes()[gcm][scenario][span]
    for name in ("tas", "tasmin", "tasmax"):
        added = (future[name] - normals[name]).transpose("month", "y", "x").values
        np.testing.assert_allclose(
            added, np.broadcast_to(np.array(change[name])[:, None, None], added.shape), atol=1e-4
        )
        assert future[name].attrs == normals[name].attrs
    times = (future.pr / normals.pr).transpose("month", "y", "x").values
    np.testing.assert_allclose(times, np.broadcast_to(np.array(change["pr"])[:, None, None], times.shape), rtol=1e-5)
    assert future.tas.dims == normals.tas.dims
    assert future.attrs["source_id"] == gcm
    assert (future.tasmin < future.tas).all()
    assert (future.tas < future.tasmax).all()


def test_changes_are_those_one_expects() -> None:
    changes = known_changes()
    assert json.loads(json.dumps(changes)) == changes
    for gcm in GCMS:
        for span in SPANS:
            mild, strong = (changes[gcm][scenario][span] for scenario in SCENARIOS)
            assert np.mean(strong["tas"]) > np.mean(mild["tas"]) > 1
            assert np.mean(strong["tas"][:2]) > np.mean(strong["tas"][5:8])
            # The monsoon brings more rain.
            assert min(strong["pr"][5:8]) > 1.02
        assert np.mean(changes[gcm]["ssp585"][SPANS[1]]["tas"]) > np.mean(changes[gcm]["ssp585"][SPANS[0]]["tas"])
    late = [np.mean(changes[gcm]["ssp585"][SPANS[1]]["tas"]) for gcm in GCMS]
    # 5.3 K times 1, 0.78 and 1.24.
    np.testing.assert_allclose(late, [5.3, 4.134, 6.572], atol=0.02)
    assert min(changes["made-c"]["ssp585"][SPANS[1]]["pr"]) < 0.9


@pytest.mark.parametrize(
    "wrong", [("made-z", "ssp245", SPANS[0]), ("made-a", "ssp126", SPANS[0]), ("made-a", "ssp245", "2030")]
)
def test_unknown_futures_are_refused(normals: xr.Dataset, wrong: tuple[str, str, str]) -> None:
    with pytest.raises(ConfigError, match="there is no future"):
        future_of(normals, *wrong)
