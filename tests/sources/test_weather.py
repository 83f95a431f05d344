"""Weather files of every kind to daily weather at noon: names, units, hours, rain, gaps, and what is refused."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import xarray as xr

from habitat.contracts.errors import InputError
from habitat.fire.weather.daily_weather import WEATHER_UNITS, checked_days
from habitat.sources.weather import NOON_SHARE, read_weather, relative_humidity
from habitat.sources.weather_units import converted, spelled_plainly


def hours(first="2025-04-01", days=3, step=1):
    """Hours as ERA5-Land names them; tp in metres of the step, 1 mm in every hour of a tenth of the day's number."""
    times = np.datetime64(first, "ns") + np.arange(0, 24 * days, step).astype("timedelta64[h]")
    hour = (times - times.astype("datetime64[D]")).astype("timedelta64[h]").astype(float)
    shape = (times.size, 2, 2)

    def field(values, units, **more):
        column = np.broadcast_to(np.asarray(values, float)[..., None, None], shape).astype(np.float32)
        return ("time", "latitude", "longitude"), column, {"units": units} | more

    return xr.Dataset(
        {
            "t2m": field(283.15 + hour, "K"),
            "d2m": field(np.full(times.size, 278.15), "K"),
            "u10": field(np.full(times.size, -3.0), "m s**-1"),
            "v10": field(np.full(times.size, 4.0), "m s**-1"),
            "tp": field(1e-3 * np.arange(times.size), "m", cell_methods="time: sum (interval: 1 hour)"),
            "sde": field(np.full(times.size, 0.05), "m"),
        },
        {"time": times, "latitude": [43.5, 43.4], "longitude": [131.0, 131.1]},
    )


def daily(days=4):
    """Days as climate models name them."""
    times = np.datetime64("2025-04-01T12:00", "ns") + np.arange(days).astype("timedelta64[D]")
    shape = (days, 2, 2)

    def field(value, units, **more):
        return ("time", "lat", "lon"), np.full(shape, value, np.float32), {"units": units} | more

    return xr.Dataset(
        {
            "tas": field(283.15, "K", cell_methods="time: mean"),
            "tasmax": field(287.15, "K", cell_methods="time: maximum"),
            "hurs": field(55.0, "%"),
            "sfcWind": field(5.0, "m s-1"),
            "pr": field(1e-4, "kg m-2 s-1"),
            "snd": field(0.2, "m"),
        },
        {"time": times, "lat": [43.5, 43.4], "lon": [131.0, 131.1]},
    )


def test_hours_become_days_at_solar_noon():
    found = read_weather(hours())
    values = found.values
    # Of 1 April there is no rain from noon to noon.
    assert values["time"].values.astype("datetime64[D]").astype(str).tolist() == ["2025-04-02", "2025-04-03"]
    # 03 UTC is nearest to 03:15: 283.15 K + 3.
    assert values["temperature"].values == pytest.approx(13.0, abs=1e-4)
    assert values["wind"].values == pytest.approx(18.0)
    # Hours 4 to 27 of the record, from 1 April 04 UTC to 2 April 03 UTC: their numbers in millimetres add up to 372.
    assert values["rain"].values[:, 0, 0] == pytest.approx([sum(range(4, 28)), sum(range(28, 52))], rel=1e-5)
    expected = float(relative_humidity(xr.DataArray(13.0), xr.DataArray(5.0)))
    assert values["humidity"].values == pytest.approx(expected, rel=1e-4)
    assert values["snow_depth"].values == pytest.approx(0.05)
    assert "t2m: K to degC" in found.notes
    assert "humidity is computed from the dew point" in found.notes
    assert any("days before 2025-04-02" in note for note in found.notes)


def test_what_is_read_is_what_the_fire_weather_wants():
    values = read_weather(hours()).values
    assert {name: values[name].attrs["units"] for name in WEATHER_UNITS} == WEATHER_UNITS
    assert str(checked_days(values)[0]) == "2025-04-02"
    assert values["temperature"].dims == ("time", "y", "x")
    assert values["latitude"].values.tolist() == [43.5, 43.4]
    assert values["temperature"].dtype == np.float32


def test_rain_since_midnight_is_taken_apart():
    by_hour = hours(days=4)
    amounts = by_hour["tp"].values.astype(float)
    since = amounts.copy()
    for number in range(1, len(since)):
        # The value of 00 UTC ends the day before; that of 01 UTC begins the new one.
        if number % 24 != 1:
            since[number] += since[number - 1]
    land = by_hour.assign(tp=(by_hour["tp"].dims, since, {"units": "m", "GRIB_stepType": "accum"}))
    found = read_weather(land)
    assert found.values["rain"].values == pytest.approx(read_weather(by_hour).values["rain"].values, rel=1e-5)
    assert any("added up since 00 UTC" in note for note in found.notes)
    told = read_weather(land, rain_adds_up="by-day")
    assert told.values["rain"].values == pytest.approx(found.values["rain"].values)
    assert read_weather(land, rain_adds_up="by-step").values["rain"].values[0, 0, 0] > 1000
    # Hourly rain without words, which falls within days as well as rises.
    plain = by_hour["tp"].values.copy()
    plain[5::7] = 0
    silent = by_hour.assign(tp=(by_hour["tp"].dims, plain, {"units": "m", "GRIB_stepType": "accum"}))
    assert read_weather(silent).values["rain"].values[0, 0, 0] == pytest.approx(
        plain[4:28, 0, 0].sum() * 1000, rel=1e-4
    )


def test_hours_of_several_files_and_other_steps(tmp_path):
    whole = hours(days=4)
    whole.isel(time=slice(50)).to_netcdf(tmp_path / "one.nc", engine="scipy")
    whole.isel(time=slice(50, None)).to_netcdf(tmp_path / "two.nc", engine="scipy")
    found = read_weather([tmp_path / "one.nc", tmp_path / "two.nc"])
    assert found.values.identical(read_weather(whole).values)
    with pytest.raises(InputError, match="do not ascend"):
        read_weather([tmp_path / "two.nc", tmp_path / "one.nc"])
    # Every third hour: noon is 03 UTC again, and eight steps make a day.
    third = read_weather(hours(days=3, step=3)).values
    assert third["temperature"].values == pytest.approx(13.0, abs=1e-4)
    assert third["rain"].values[0, 0, 0] == pytest.approx(sum(range(2, 10)), rel=1e-5)


def test_missing_hours_leave_days_unknown():
    whole = hours(days=6)
    # No noon on 3 April; an hour of rain lacks on 4 April, which the sum of 5 April wants.
    without = whole.isel(time=[number for number in range(144) if number not in (50, 51, 52, 53, 80)])
    found = read_weather(without)
    rain = found.values["rain"].values[:, 0, 0]
    assert found.values.sizes["time"] == 5
    assert np.isnan(rain).tolist() == [False, True, True, True, False]
    assert np.isnan(found.values["temperature"].values[:, 0, 0]).tolist() == [False, True, False, False, False]
    assert "1 days without weather were put in as unknown" in found.notes


def test_another_noon_and_chosen_days():
    found = read_weather(hours(days=4), noon_utc="18:00", first_day="2025-04-03", last_day="2025-04-03")
    assert found.values["temperature"].values == pytest.approx(28.0, abs=1e-4)
    assert found.values.sizes["time"] == 1
    with pytest.raises(InputError, match="days from 2025-04-02 to 2025-04-04, none from 2026"):
        read_weather(hours(days=4), first_day="2026-01-01", last_day="2026-02-01")
    with pytest.raises(InputError, match="noon is 'noon'"):
        read_weather(hours(), noon_utc="noon")
    with pytest.raises(InputError, match=r"within 1\.5 hours of noon"):
        read_weather(hours(step=12), noon_utc="06:00")
    with pytest.raises(InputError, match="24 hours of rain"):
        read_weather(hours(days=1))


def test_days_of_climate_models():
    found = read_weather(daily())
    values = found.values
    assert values["temperature"].values == pytest.approx(10 + NOON_SHARE * 4, abs=1e-4)
    assert values["temperature_max"].values == pytest.approx(14.0, abs=1e-4)
    assert values["rain"].values == pytest.approx(8.64, rel=1e-5)
    assert values["humidity"].values == pytest.approx(55)
    assert str(values["time"].values[0])[:16] == "2025-04-01T00:00"
    assert any("0.75 of the way" in note for note in found.notes)
    assert any("not of the 24 hours up to noon" in note for note in found.notes)
    cool = read_weather(daily().drop_vars("tasmax"))
    assert cool.values["temperature"].values == pytest.approx(10, abs=1e-4)
    assert any("codes come out too low" in note for note in cool.notes)


def test_names_by_standard_name_and_other_coordinates():
    odd = daily().rename({"tas": "a", "hurs": "b", "sfcWind": "c", "pr": "d", "lat": "north", "lon": "east"})
    odd = odd.drop_vars(["tasmax", "snd"])
    words = {"a": "air_temperature", "b": "relative_humidity", "c": "wind_speed", "d": "precipitation_flux"}
    for name, word in (words | {"north": "latitude", "east": "longitude"}).items():
        odd[name].attrs["standard_name"] = word
    assert read_weather(odd).values["rain"].values == pytest.approx(8.64, rel=1e-5)
    valid = daily().rename(time="valid_time").expand_dims(member=1)
    assert read_weather(valid).values["rain"].values == pytest.approx(8.64, rel=1e-5)
    turned = daily().rename({"lat": "yc", "lon": "xc"}).drop_vars(["yc", "xc"])
    north, east = np.meshgrid([43.5, 43.4], [131.0, 131.1], indexing="ij")
    turned = turned.assign_coords(latitude=(("yc", "xc"), north), longitude=(("yc", "xc"), east))
    assert read_weather(turned).values["latitude"].dims == ("y", "x")


def test_snow_of_its_water_and_humidity_above_saturation():
    weather = daily().drop_vars("snd")
    weather["sd"] = weather["tas"] * 0 + 0.05
    weather["sd"].attrs["units"] = "m of water equivalent"
    weather["hurs"] = weather["hurs"] + 48
    weather["hurs"].attrs["units"] = "%"
    weather["pr"][0] = -1e-9
    found = read_weather(weather)
    assert found.values["snow_depth"].values == pytest.approx(0.2)
    assert found.values["humidity"].values == pytest.approx(100)
    assert float(found.values["rain"].min()) == 0
    told = " ".join(found.notes)
    assert "250 kg m-3" in told
    assert "above 100 % was taken as 100 % 16 times" in told
    assert "rain below zero" in told


def test_southern_cells_are_told_of():
    south = daily().assign_coords(lat=[-33.0, -34.0])
    assert any("south of the equator" in note for note in read_weather(south).notes)
    assert not any("south" in note for note in read_weather(daily()).notes)


def told_in(weather, name, units):
    weather = weather.copy(deep=True)
    weather[name].attrs["units"] = units
    return weather


def without_units(weather, name):
    weather = weather.copy(deep=True)
    del weather[name].attrs["units"]
    return weather


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda w: w.drop_vars("hurs"), "lacks humidity or dew point"),
        (lambda w: w.drop_vars(["pr", "sfcWind"]), "lacks rain, wind, or both its components"),
        (lambda w: without_units(w, "tas"), "tas does not tell its units"),
        (lambda w: told_in(w, "tas", "degC"), "tas runs from 283.15 to 283.15 degC.*is it Kelvin"),
        (lambda w: told_in(w, "tas", "furlongs"), "tas is in 'furlongs', wants degC"),
        (lambda w: told_in(w, "hurs", "1"), "is it a share"),
        (lambda w: told_in(w, "pr", "m s-1"), "is it metres, or a rate"),
        (lambda w: w.assign(hurs=(w["hurs"] / 100).assign_attrs(units="%")), r"never above 0\.55 %"),
        (lambda w: w.assign(sfcWind=(-w["sfcWind"]).assign_attrs(units="m s-1")), "wants a speed; is it a component"),
        (lambda w: w.assign(pr=(-w["pr"]).assign_attrs(units="kg m-2 s-1")), "runs from -8.64"),
        (lambda w: w.isel(time=[0, 2, 1]), "2025-04-02T12:00 follows 2025-04-03T12:00"),
        (lambda w: w.isel(time=[0, 1, 1]), "2025-04-02T12:00 is there twice"),
        (lambda w: w.isel(time=[0]), "has 1 time"),
        (lambda w: w.isel(time=[0, 3]), "step of 72 hours"),
        (lambda w: w.rename(time="when"), "none of them time"),
        (lambda w: w.drop_vars("lat"), "no latitude"),
        (lambda w: w.isel(lat=0), "give a single point as a grid"),
        (lambda w: w.assign_coords(lat=[4800000.0, 4800020.0]), "are the coordinates metres"),
        (lambda w: w.expand_dims(member=3), r"further dimension member \(3\)"),
        pytest.param(
            lambda w: w.convert_calendar("noleap"),
            "wants the usual calendar",
            marks=pytest.mark.skipif(find_spec("cftime") is None, reason="other calendars want cftime"),
        ),
    ],
)
def test_weather_that_cannot_be_used_is_refused(change, text):
    with pytest.raises(InputError, match=text):
        read_weather(change(daily()))


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(InputError, match="there is no weather"):
        read_weather(tmp_path / "none.nc")
    (tmp_path / "table.csv").write_text("id,lat\n")
    with pytest.raises(InputError, match="neither NetCDF nor GRIB"):
        read_weather(tmp_path / "table.csv")
    (tmp_path / "broken.nc").write_bytes(b"CDF\x01 and then nothing")
    with pytest.raises(InputError, match="cannot be read as scipy"):
        read_weather(tmp_path / "broken.nc")
    (tmp_path / "forecast.grib").write_bytes(b"GRIB....")
    if "cfgrib" not in xr.backends.list_engines():
        with pytest.raises(InputError, match="needs the package cfgrib"):
            read_weather(tmp_path / "forecast.grib")
    with pytest.raises(InputError, match="no file of weather"):
        read_weather([])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("°C", "degc"),
        ("degrees_C", "degc"),
        ("Celsius", "degc"),
        ("Kelvin", "k"),
        ("km/h", "km h-1"),
        ("kmh-1", "km h-1"),
        ("mm hr-1", "mm h-1"),
        ("mm/day", "mm d-1"),
        ("kg/m2/s", "kg m-2 s-1"),
        ("kg m**-2 s**-1", "kg m-2 s-1"),
    ],
)
def test_units_are_known_however_spelled(text, plain):
    assert spelled_plainly(text) == plain


def test_rates_hold_for_their_step():
    def rain(value, units):
        return xr.DataArray([value], dims="time", name="pr", attrs={"units": units})

    assert converted(rain(2.0, "mm/h"), "mm", step_hours=3).values.item() == pytest.approx(6)
    assert converted(rain(5.0, "mm/day"), "mm", step_hours=24).values.item() == pytest.approx(5)
    assert converted(rain(1e-7, "m s-1"), "mm", step_hours=24).values.item() == pytest.approx(8.64)
    assert converted(rain(5.0, "mm"), "mm").note == ""
    with pytest.raises(InputError, match="how long it holds is not known"):
        converted(rain(2.0, "mm/h"), "mm")


def test_made_up_hours_and_days_tell_of_the_same_weather(tmp_path):
    hourly = pytest.importorskip("habitat.twin.land.hours")
    from habitat.twin.land.weather import weather_of
    from habitat.twin.world import world_of

    weather = weather_of(world_of("tiny", 1))
    hourly.hours_of(weather, "2025-03-20", "2025-04-20").to_netcdf(tmp_path / "hourly.nc", engine="scipy")
    hourly.daily_of(weather).to_netcdf(tmp_path / "daily.nc", engine="scipy")
    by_hour, by_day = (read_weather(tmp_path / f"{name}.nc") for name in ("hourly", "daily"))
    assert by_hour.values.sizes["time"] == 31
    same = by_day.values.sel(time=by_hour.values["time"])
    for name in (*WEATHER_UNITS, "snow_depth"):
        assert by_hour.values[name].values == pytest.approx(same[name].values, abs=2e-3), name
    kept = {"time": slice("2025-04-01", None)}
    month = read_weather(tmp_path / "hourly.nc", first_day="2025-04-01").values
    assert month.identical(by_hour.values.sel(kept))
