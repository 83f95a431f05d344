"""Written tables: the same bytes each time, the same numbers to what instruments can tell, and small enough."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from habitat.contracts.errors import ConfigError
from habitat.twin.land.climate import climate_grid, normals_of
from habitat.twin.land.hours import daily_of, hours_of, station_table, stations_of
from habitat.twin.land.weather import weather_of
from habitat.twin.tables import PACKING, write_csv, write_geojson, write_netcdf
from habitat.twin.world import world_of


@pytest.fixture(scope="module")
def delivered() -> dict[str, xr.Dataset]:
    world = world_of("tiny", 1)
    weather = weather_of(world)
    return {
        "daily": daily_of(weather),
        "hourly": hours_of(weather, *world.size.hourly),
        "normals": normals_of(world, np.full(climate_grid(world).shape, 120, np.float32)),
    }


def one_variable(values: object, standard_name: str, units: str) -> xr.Dataset:
    attrs = {"standard_name": standard_name, "units": units}
    return xr.Dataset({"it": ("x", np.asarray(values, np.float64), attrs)})


def test_same_content_same_bytes(delivered: dict[str, xr.Dataset], tmp_path: Path) -> None:
    for name, dataset in delivered.items():
        first, second = tmp_path / "one" / f"{name}.nc", tmp_path / "two" / f"{name}.nc"
        write_netcdf(first, dataset)
        write_netcdf(second, dataset.copy(deep=True))
        assert first.read_bytes() == second.read_bytes()
        # The magic of classic NetCDF with 64-bit offsets.
        assert first.read_bytes()[:4] == b"CDF\x02"


def test_read_back_within_half_a_step(delivered: dict[str, xr.Dataset], tmp_path: Path) -> None:
    for name, dataset in delivered.items():
        write_netcdf(tmp_path / f"{name}.nc", dataset)
        with xr.open_dataset(tmp_path / f"{name}.nc", engine="scipy") as found:
            assert set(found.variables) == set(dataset.variables)
            assert found.attrs == dataset.attrs
            for key, values in dataset.data_vars.items():
                scale, _ = PACKING[values.attrs["standard_name"], values.attrs["units"]]
                assert found[key].encoding["dtype"] == np.int16
                apart = np.abs(found[key].values - values.values.astype(np.float64)).max()
                assert apart <= scale / 2 * (1 + 1e-6), key
                assert found[key].attrs == values.attrs
            for key, values in dataset.coords.items():
                np.testing.assert_array_equal(found[key].values, values.values)


def test_dry_hours_stay_exactly_dry(delivered: dict[str, xr.Dataset], tmp_path: Path) -> None:
    write_netcdf(tmp_path / "hourly.nc", delivered["hourly"])
    with xr.open_dataset(tmp_path / "hourly.nc", engine="scipy") as found:
        dry = delivered["hourly"].tp.values == 0
        assert dry.mean() > 0.8
        assert (found.tp.values[dry] == 0).all()


def test_a_tiny_worlds_weather_is_small(delivered: dict[str, xr.Dataset], tmp_path: Path) -> None:
    for name in ("daily", "hourly"):
        write_netcdf(tmp_path / f"{name}.nc", delivered[name])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 350_000


def test_a_demonstrations_weather_fits(tmp_path: Path) -> None:
    world = world_of("demo", 1)
    weather = weather_of(world)
    write_netcdf(tmp_path / "daily.nc", daily_of(weather))
    write_netcdf(tmp_path / "hourly.nc", hours_of(weather, *world.size.hourly))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 40_000_000


def test_time_is_told_in_whole_hours_or_days(delivered: dict[str, xr.Dataset], tmp_path: Path) -> None:
    units = {}
    for name in ("daily", "hourly"):
        write_netcdf(tmp_path / f"{name}.nc", delivered[name])
        with xr.open_dataset(tmp_path / f"{name}.nc", engine="scipy", decode_times=False) as found:
            units[name] = found.time.attrs["units"]
            assert found.time.dtype.kind == "i"
    assert units["daily"].startswith("days since 1970-01-01")
    assert units["hourly"].startswith("hours since 1970-01-01")
    crooked = delivered["hourly"].isel(time=slice(0, 2))
    crooked = crooked.assign_coords(time=crooked.time + np.timedelta64(30, "m"))
    with pytest.raises(ValueError, match="time has times between full hours"):
        write_netcdf(tmp_path / "crooked.nc", crooked)


def test_missing_values_come_back_missing_and_other_kinds_unpacked(tmp_path: Path) -> None:
    dataset = one_variable([271.3, np.nan], "air_temperature", "K")
    dataset["other"] = ("x", np.array([1.23456789, np.nan]))
    dataset["count"] = ("x", np.array([1, 2], np.int32))
    write_netcdf(tmp_path / "gaps.nc", dataset)
    with xr.open_dataset(tmp_path / "gaps.nc", engine="scipy") as found:
        assert found["it"].values[0] == pytest.approx(271.3, abs=0.005)
        assert np.isnan(found["it"].values[1])
        assert found["other"].values[0] == 1.23456789
        assert found["count"].dtype.kind == "i"


def test_values_too_large_for_their_packing_are_refused(tmp_path: Path) -> None:
    # 12 mm written as if they were metres: 32767 steps of 4 micrometres are 0.131 m.
    with pytest.raises(ValueError, match=r"it reaches 12, its packing only 0\.131068; is the unit right"):
        write_netcdf(tmp_path / "wrong.nc", one_variable([0.0, 12.0], "lwe_thickness_of_precipitation_amount", "m"))
    assert not (tmp_path / "wrong.nc").exists()


@settings(max_examples=30)
@given(st.lists(st.floats(200, 330), min_size=1, max_size=20))
def test_any_temperature_comes_back_to_half_a_hundredth(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.nc"
    write_netcdf(path, one_variable(values, "air_temperature", "K"))
    with xr.open_dataset(path, engine="scipy") as found:
        np.testing.assert_allclose(found["it"].values, values, atol=0.00501)


def test_csv_has_the_same_bytes_and_numbers(tmp_path: Path) -> None:
    world = world_of("tiny", 1)
    table = station_table(weather_of(world), stations_of(world))
    for name in ("one.csv", "two.csv"):
        write_csv(tmp_path / "deep" / name, table)
    content = (tmp_path / "deep" / "one.csv").read_bytes()
    assert content == (tmp_path / "deep" / "two.csv").read_bytes()
    assert content.startswith(b"id,lat,long,yr,mon,day,temp,rh,ws,prec\nXA-01,")
    assert b"\r" not in content
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "deep" / "one.csv"), table, check_dtype=False)


def test_csv_by_hand(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"name": ["Ёж", "b,c"], "when": pd.to_datetime(["2025-04-24T05:00", None]), "n": [0.1, np.nan]}
    )
    write_csv(tmp_path / "it.csv", table)
    assert (tmp_path / "it.csv").read_text("utf-8") == 'name,when,n\nЁж,2025-04-24T05:00:00Z,0.1\n"b,c",,\n'


def features() -> gpd.GeoDataFrame:
    clockwise = Polygon([(743000, 4800000), (743000, 4801000), (744000, 4801000), (744000, 4800000)])
    return gpd.GeoDataFrame(
        {
            "number": np.array([2, 1, 3], np.int64),
            "area_ha": [100.0, np.nan, 1.5],
            "day": [date(2025, 4, 24), None, date(2024, 10, 5)],
            "start": [datetime(2025, 4, 24, 5, tzinfo=UTC), pd.NaT, datetime(2024, 10, 5, 3, tzinfo=UTC)],
            "kinds": [["ground"], ["crown", "ground"], []],
            "_hidden": [1, 2, 3],
        },
        geometry=[
            clockwise,
            LineString([(743000, 4800000), (743500, 4800500)]),
            MultiPolygon([clockwise, box(745000, 4800000, 745100, 4800100)]),
        ],
        crs="EPSG:32652",
    )


def test_geojson_is_rfc_7946(tmp_path: Path) -> None:
    write_geojson(tmp_path / "it.geojson", features())
    write_geojson(tmp_path / "again.geojson", features())
    assert (tmp_path / "it.geojson").read_bytes() == (tmp_path / "again.geojson").read_bytes()
    told = json.loads((tmp_path / "it.geojson").read_text("utf-8"))
    assert set(told) == {"type", "features"}
    assert [feature["properties"]["number"] for feature in told["features"]] == [2, 1, 3]
    assert told["features"][0]["properties"] == {
        "number": 2, "area_ha": 100.0, "day": "2025-04-24", "start": "2025-04-24T05:00:00Z", "kinds": ["ground"],
    }  # fmt: skip
    empty = told["features"][1]["properties"]
    assert (empty["area_ha"], empty["day"], empty["start"]) == (None, None, None)
    for feature in (told["features"][0], told["features"][2]):
        rings = feature["geometry"]["coordinates"]
        for ring in [rings[0]] if feature["geometry"]["type"] == "Polygon" else [part[0] for part in rings]:
            assert Polygon(ring).exterior.is_ccw
            for longitude, latitude in ring:
                assert 131.9 < longitude < 132.1
                assert 43.2 < latitude < 43.4
                assert longitude == round(longitude, 7)


def test_geojson_places_are_right_to_a_centimetre(tmp_path: Path) -> None:
    there = gpd.GeoDataFrame({"n": [1]}, geometry=[Point(743400, 4800000)], crs="EPSG:32652")
    write_geojson(tmp_path / "it.geojson", there)
    back = gpd.read_file(tmp_path / "it.geojson").to_crs("EPSG:32652")
    assert back.geometry[0].distance(there.geometry[0]) < 0.01
    assert back["n"][0] == 1


def test_geojson_without_properties_or_shape(tmp_path: Path) -> None:
    write_geojson(tmp_path / "it.geojson", gpd.GeoDataFrame(geometry=[Point(), None, Point(1, 2)], crs="EPSG:4326"))
    told = json.loads((tmp_path / "it.geojson").read_text())
    assert [feature["geometry"] for feature in told["features"]] == [
        None,
        None,
        {"type": "Point", "coordinates": [1.0, 2.0]},
    ]
    assert told["features"][0]["properties"] == {}


def test_geojson_wants_a_coordinate_system(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"it\.geojson have no coordinate system"):
        write_geojson(tmp_path / "it.geojson", gpd.GeoDataFrame({"n": [1]}, geometry=[Point(1, 2)]))
