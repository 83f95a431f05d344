"""Files of a weather record: spans, pieces that join, points, formats, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from habitat.contracts.errors import InputError
from habitat.sources.weather import read_weather
from habitat.sources.weather_files import weather_record

ALL = (slice(None), slice(None))


def daily(first="2025-03-01", days=40, seed=1):
    times = np.datetime64(first, "ns") + np.arange(days).astype("timedelta64[D]")
    random = np.random.default_rng(seed)

    def field(low, high, units):
        return ("time", "lat", "lon"), random.uniform(low, high, (days, 2, 3)).astype(np.float32), {"units": units}

    return xr.Dataset(
        {
            "tas": field(270, 290, "K"),
            "hurs": field(20, 90, "%"),
            "sfcWind": field(0, 9, "m s-1"),
            "pr": field(0, 1e-4, "kg m-2 s-1"),
            "snw": field(0, 50, "kg m-2"),
        },
        {"time": times, "lat": [43.5, 43.4], "lon": [131.0, 131.1, 131.2]},
    )


def hours(days=12, *, since_midnight=False):
    times = np.datetime64("2025-03-30", "ns") + np.arange(24 * days).astype("timedelta64[h]")
    rain = np.zeros(times.size)
    # The first days are dry, and then it rains by the hour.
    rain[24 * 6 :] = np.random.default_rng(2).uniform(0, 1e-3, times.size - 24 * 6)
    if since_midnight:
        # The hour that ends at midnight is the last of its day.
        begins = [(number - 1) // 24 * 24 for number in range(rain.size)]
        rain = np.array([rain[max(begin, 0) + 1 : number + 1].sum() for number, begin in enumerate(begins)])

    def field(values, units):
        return ("time", "latitude", "longitude"), np.broadcast_to(values[:, None, None], (times.size, 2, 2)), units

    made = {
        "t2m": field(280 + np.arange(times.size) % 24, {"units": "K"}),
        "d2m": field(np.full(times.size, 275.0), {"units": "K"}),
        "u10": field(np.full(times.size, 3.0), {"units": "m s-1"}),
        "v10": field(np.full(times.size, 4.0), {"units": "m s-1"}),
        "tp": field(rain, {"units": "m"}),
    }
    return xr.Dataset(made, {"time": times, "latitude": [43.5, 43.4], "longitude": [131.0, 131.1]})


@pytest.mark.parametrize("engine", ["scipy", "h5netcdf"])
def test_pieces_are_what_is_read_at_once(tmp_path, engine):
    path = tmp_path / "days.nc"
    daily().to_netcdf(path, engine=engine)
    record = weather_record([str(path)])
    assert (str(record.first_day), str(record.last_day)) == ("2025-03-01", "2025-04-09")
    assert record.variables == ("temperature", "humidity", "wind", "rain", "snow_depth")
    whole = read_weather(path).values
    piece = record.days(np.datetime64("2025-03-05"), np.datetime64("2025-03-20"), ALL)
    for name in record.variables:
        np.testing.assert_array_equal(piece[name], whole[name].sel(time=slice("2025-03-05", "2025-03-20")))
    part = record.days(np.datetime64("2025-03-05"), np.datetime64("2025-03-06"), (slice(1, 2), slice(0, 2)))
    np.testing.assert_array_equal(part["rain"], whole["rain"].values[4:6, 1:2, 0:2])
    assert part["latitude"].values.tolist() == [43.4]
    assert "snow depth is computed from its water with 250 kg m-3" in record.notes


def test_days_beyond_the_files_are_unknown(tmp_path):
    path = tmp_path / "days.nc"
    daily().to_netcdf(path, engine="h5netcdf")
    record = weather_record([str(path)])
    after = record.days(np.datetime64("2025-04-08"), np.datetime64("2025-04-12"), ALL)
    assert np.isnan(after["rain"].values).all(axis=(1, 2)).tolist() == [False, False, True, True, True]
    nothing = record.days(np.datetime64("2026-01-01"), np.datetime64("2026-01-03"), ALL)
    assert np.isnan(nothing["temperature"].values).all()
    assert nothing["temperature"].attrs["units"] == "degC"
    assert set(nothing) == set(after)


def test_files_follow_each_other_in_any_order(tmp_path):
    whole = daily()
    whole.isel(time=slice(25)).to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    whole.isel(time=slice(25, None)).to_netcdf(tmp_path / "a.nc", engine="scipy")
    record = weather_record([str(tmp_path / "*.nc")])
    assert [file.path.name for file in record.files] == ["b.nc", "a.nc"]
    together = record.days(record.first_day, record.last_day, ALL)
    np.testing.assert_array_equal(together["wind"], read_weather(whole).values["wind"])
    assert list(record.named_files(record.first_day, np.datetime64("2025-03-25"))) == ["b.nc"]
    assert list(record.named_files(np.datetime64("2025-03-29"), record.last_day)) == ["a.nc"]
    folder = tmp_path / "more"
    folder.mkdir()
    daily("2025-04-10").to_netcdf(folder / "a.nc", engine="h5netcdf")
    twice = weather_record([str(tmp_path / "*.nc"), str(folder / "a.nc")])
    assert list(twice.named_files(twice.first_day, twice.last_day)) == ["b.nc", "a.nc", "a.nc #2"]


@pytest.mark.parametrize("since_midnight", [False, True])
def test_rain_of_hours_is_understood_once_for_the_whole_record(tmp_path, since_midnight):
    path = tmp_path / "hours.nc"
    hours(since_midnight=since_midnight).to_netcdf(path, engine="h5netcdf")
    record = weather_record([str(path)])
    assert (str(record.first_day), str(record.last_day)) == ("2025-03-31", "2025-04-10")
    assert record.rain_rule(ALL) == ("by-day" if since_midnight else "by-step")
    whole = read_weather(path).values
    pieces = [
        piece for day in range(11) for piece in record.pieces(*[record.first_day + np.timedelta64(day, "D")] * 2, ALL)
    ]
    joined = xr.concat(pieces, "time")
    for name in ("rain", "temperature", "humidity", "wind"):
        np.testing.assert_array_equal(joined[name], whole[name])
    assert float(joined["rain"].max()) > 5


def test_points_are_a_row_of_cells(tmp_path):
    points = daily().isel(lat=0).drop_vars("lat").rename(lon="site")
    places = {"lat": ("site", [43.5, 43.1, 43.9]), "lon": ("site", [131.0, 131.4, 131.2])}
    path = tmp_path / "sites.nc"
    points.drop_vars("site").assign_coords(places).to_netcdf(path, engine="h5netcdf")
    record = weather_record([str(path)])
    assert record.shape == (1, 3)
    found = record.days(record.first_day, record.last_day, ALL)
    np.testing.assert_array_equal(found["rain"][:, 0], read_weather(daily()).values["rain"][:, 0])
    assert record.longitude.tolist() == [[131.0, 131.4, 131.2]]


def test_humidity_without_a_unit_gives_way_to_the_dew_point():
    weather = daily()
    weather["hurs"].attrs["units"] = ""
    with pytest.raises(InputError, match="hurs is in ''"):
        read_weather(weather)
    weather["tdps"] = weather["tas"] - 10
    weather["tdps"].attrs["units"] = "K"
    found = read_weather(weather)
    assert "hurs does not tell its units and was left away" in found.notes
    assert float(found.values["humidity"].max()) < 60


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    one, other = tmp_path / "one.nc", tmp_path / "other.nc"
    daily().to_netcdf(one, engine="h5netcdf")
    later = daily("2025-04-10")
    later.assign_coords(lat=[43.6, 43.5]).to_netcdf(other, engine="h5netcdf")
    with pytest.raises(InputError, match=r"other\.nc has other cells than .*one\.nc"):
        weather_record([str(one), str(other)])
    later.drop_vars("snw").to_netcdf(other, engine="h5netcdf")
    with pytest.raises(InputError, match="give files of one source"):
        weather_record([str(one), str(other)])
    daily("2025-04-01").to_netcdf(other, engine="h5netcdf")
    with pytest.raises(InputError, match="do not ascend"):
        weather_record([str(one), str(other)])
    (tmp_path / "table.csv").write_text("id\n")
    with pytest.raises(InputError, match="a table of stations among them"):
        weather_record([str(one), str(tmp_path / "table.csv")])
    other.write_bytes(b"\x89HDF and then nothing")
    with pytest.raises(InputError, match="cannot be read as h5netcdf"):
        weather_record([str(other)])
    with pytest.raises(InputError, match="no file is named like"):
        weather_record([str(tmp_path / "none*.nc")])


def test_tables_of_stations_are_a_record(tmp_path):
    path = tmp_path / "stations.csv"
    path.write_text(
        "id,lat,long,yr,mon,day,temp,rh,ws,prec\n"
        "a,43.1,131.1,2025,4,1,10,50,5,0\na,43.1,131.1,2025,4,2,11,50,5,0\nb,43.2,131.2,2025,4,3,12,50,5,1\n"
    )
    record = weather_record([str(path)])
    found = record.days(np.datetime64("2025-04-01"), np.datetime64("2025-04-04"), ALL)
    wanted = [[10, np.nan], [11, np.nan], [np.nan, 12], [np.nan, np.nan]]
    np.testing.assert_array_equal(found["temperature"].values[:, 0], wanted)
    assert record.latitude.tolist() == [[43.1, 43.2]]
    assert found["rain"].attrs["units"] == "mm"
