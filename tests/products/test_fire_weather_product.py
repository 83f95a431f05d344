"""Fire weather as a product: months in a row against one long run, what is refused, and what is told."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from pyproj import Transformer

from habitat import twin
from habitat.contracts import Area, Period
from habitat.contracts.errors import AreaOutsideData, ConfigError, InputError, NotPossible, TooMuchMissing
from habitat.contracts.grid import Grid
from habitat.fire.weather.danger_classes import danger_classes
from habitat.fire.weather.kpo_scales import kpo_classes
from habitat.fire.weather.nesterov import nesterov_index
from habitat.fire.weather_index import fire_weather
from habitat.products import Workshop
from habitat.products.fire_weather import FIRE_WEATHER
from habitat.products.product import Sheets
from habitat.sources.weather import read_weather
from habitat.store import Store, area_digest, changes

CELLS = {"latitude": [43.3225, 43.3165, 43.3105], "longitude": [131.989, 131.997, 132.005]}
"""Three by three cells, much smaller than any reanalysis has, so that the tiny area lies in several."""


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch, request):
    # Drawing takes longer than everything else.
    if "pictures" not in request.node.name:
        monkeypatch.setattr(Sheets, "draw", lambda self, title: None)


def made_weather(first, last, *, seed=3, cells=CELLS):
    """Days with cold snowy winters, wet summers and dry springs, different in every cell."""
    days = np.arange(np.datetime64(first), np.datetime64(last) + np.timedelta64(1, "D"))
    random = np.random.default_rng(seed)
    shape = (days.size, len(cells["latitude"]), len(cells["longitude"]))
    of_year = (days - days.astype("datetime64[Y]")).astype(int)[:, None, None]
    wave = -np.cos(2 * np.pi * (of_year - 15) / 365)
    rain = random.gamma(0.4, 8, shape) * (random.random(shape) < 0.25 + 0.15 * wave)
    fields = {
        "tas": (6 + 16 * wave + random.normal(0, 3, shape) + 273.15, "K"),
        "hurs": (np.clip(55 + 15 * wave + random.normal(0, 12, shape), 8, 100), "%"),
        "sfcWind": (np.abs(random.normal(3, 1.5, shape)), "m s-1"),
        "pr": (rain / 86400, "kg m-2 s-1"),
        "snd": (np.where(wave < -0.75 + random.normal(0, 0.02, shape), 0.15, 0.0), "m"),
    }
    dims = ("time", "latitude", "longitude")
    made = {name: (dims, np.broadcast_to(values, shape), {"units": units}) for name, (values, units) in fields.items()}
    return xr.Dataset(made, {"time": days.astype("datetime64[ns]")} | cells)


@pytest.fixture(scope="module")
def years(tmp_path_factory):
    path = tmp_path_factory.mktemp("weather") / "days.nc"
    made_weather("2013-01-01", "2025-06-30").to_netcdf(path, engine="h5netcdf")
    return path


@pytest.fixture
def weather(tmp_path):
    path = tmp_path / "days.nc"
    made_weather("2023-06-01", "2024-05-31").to_netcdf(path, engine="h5netcdf")
    return path


@pytest.fixture
def make(shop):
    def run(period, source, *, workshop=shop, **params):
        params.setdefault("cell_m", 200.0)
        asked = replace(workshop, found={})
        return FIRE_WEATHER.build(
            FIRE_WEATHER.params(weather=str(source) if source else None, **params), asked, Period(period)
        )

    return run


def state_of(outcome):
    with np.load(outcome.published.path("state"), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def origin(outcome):
    return outcome.published.item["properties"]["habitat:state_from"]


def assert_the_same(one, other):
    assert one.published.rasters == other.published.rasters
    for name in one.published.rasters:
        ours, theirs = (
            each.published.open_window(name).read(next(each.published.grid.tiles(4096))) for each in (one, other)
        )
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
    ours, theirs = state_of(one), state_of(other)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    for name in ("daily", "crosswalk"):
        assert one.published.path(name).read_bytes() == other.published.path(name).read_bytes()


def test_months_in_a_row_are_one_long_run(make, shop, weather, tmp_path):
    # February is not built, and March runs through it.
    months = ["2023-11", "2023-12", "2024-01", "2024-03", "2024-04"]
    outcomes = [make(month, weather) for month in months]
    assert [origin(outcome) for outcome in outcomes] == [
        "the first day of the weather",
        *(str(outcome.published.id) for outcome in outcomes[:-1]),
    ]
    alone = replace(shop, store=Store(tmp_path / "alone"))
    for place in (2, 4):
        long = make(months[place], weather, workshop=alone)
        assert_the_same(outcomes[place], long)
    # The winter was one: cells went out of season and came back.
    days = [outcome.published.read("season-days")["off-season"].values for outcome in outcomes]
    assert days[2].min() == 31
    assert days[4].max() == 0
    assert origin(make("2024-05", weather)) == str(outcomes[-1].published.id)


def test_quarters_and_years_hand_on_their_state_too(make, weather, shop, tmp_path):
    quarter = make("2024-Q1", weather)
    month = make("2024-04", weather)
    assert origin(month) == str(quarter.published.id)
    assert_the_same(month, make("2024-04", weather, workshop=replace(shop, store=Store(tmp_path / "alone"))))
    total = sum(quarter.published.read("season-days")[name].values for name in ("in-season", "off-season", "settling"))
    assert (total == 91).all()


def test_codes_are_those_of_the_functions(make, shop, weather):
    outcome = make("2024-04", weather)
    daily = read_weather(weather, last_day="2024-04-30").values
    found, _ = fire_weather(daily)
    index, _ = nesterov_index(daily, found["season"])
    april = found.sel(time="2024-04")
    stored = outcome.published.read()
    # Interpolation lies between the smallest and largest of the cells, and is smooth.
    for band, values in (("mean", np.nanmean(april["fwi"], axis=0)), ("max", np.nanmax(april["fwi"], axis=0))):
        found_here = stored[band].values
        assert np.isfinite(found_here).all()
        assert found_here.min() >= np.nanmin(values) - 1e-4
        assert found_here.max() <= np.nanmax(values) + 1e-4
    nearest = nearest_cells(outcome.published.grid)
    p90 = np.nanpercentile(april["fwi"].values, 90, axis=0).astype(np.float32)
    classes = outcome.published.read("danger-class").values
    np.testing.assert_array_equal(classes, danger_classes(p90)[nearest])
    high = (danger_classes(april["fwi"].values) >= 4) & np.isfinite(april["fwi"].values)
    np.testing.assert_array_equal(stored["high-or-more"].values, high.sum(axis=0)[nearest])
    russian = kpo_classes(index.sel(time="2024-04").values)
    np.testing.assert_array_equal(stored["days-iv-v"].values, ((russian >= 4) & (russian < 255)).sum(axis=0)[nearest])
    # The table weighs the cells by how much of the area is nearest to them.
    table = pd.read_csv(outcome.published.path("daily"))
    weights = np.zeros((3, 3))
    np.add.at(weights, tuple(part[within(outcome.published.grid)] for part in nearest), 1)
    assert (weights > 0).sum() > 3
    expected = (np.nan_to_num(april["fwi"].values) * weights).sum(axis=(1, 2)) / weights.sum()
    whole = np.isfinite(april["fwi"].values[:, weights > 0]).all(axis=1)
    assert whole.sum() > 10
    np.testing.assert_allclose(table["fwi"].values[whole], expected[whole], rtol=1e-5)
    assert table.filter(["not_started", "in_season", "off_season", "missing", "settling"]).sum(axis=1).unique() == [
        weights.sum()
    ]
    rows = pd.read_csv(outcome.published.path("crosswalk"))
    both = ((danger_classes(april["fwi"].values) != 255) & (russian != 255))[:, weights > 0]
    assert rows.iloc[:, 3:].to_numpy().sum() == both.sum()
    assert "highest" in outcome.summary
    assert outcome.missing == 0


def places(grid):
    x, y = np.meshgrid(grid.coords["x"], grid.coords["y"])
    return Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)


def within(grid):
    return shapely.contains_xy(twin.area("tiny").polygon, *places(grid))


def nearest_cells(grid):
    east, north = places(grid)
    rows = np.abs(north[..., None] - np.array(CELLS["latitude"])).argmin(-1)
    columns = np.abs(east[..., None] - np.array(CELLS["longitude"])).argmin(-1)
    return rows, columns


def test_off_season_is_nothing_and_never_zero(make, weather):
    outcome = make("2024-01", weather)
    stored = outcome.published.read()
    for band in ("mean", "p90", "max", "ffmc", "dc-end", "high-or-more", "very-low", "days-iv-v", "nesterov-max"):
        assert np.isnan(stored[band].values).all(), band
    assert np.isnan(stored["danger-class"].values).all()
    assert (stored["season-state"].values == 2).all()
    assert (stored["off-season"].values == 31).all()
    assert outcome.summary == "2024-01: no day in fire season; most of the area is off-season."
    table = pd.read_csv(outcome.published.path("daily"))
    assert table["fwi"].isna().all()
    assert table["danger_class"].isna().all()
    assert len(pd.read_csv(outcome.published.path("crosswalk"))) == 0


def current(outcome, params, workshop):
    inputs = FIRE_WEATHER.inputs(params, replace(workshop, found={}), outcome.published.period)
    digest = area_digest(workshop.area)
    return changes(outcome.published.record, FIRE_WEATHER.method, params.deciding(), inputs, digest)


def test_changed_weather_and_settings_build_anew(make, shop, weather, tmp_path):
    params = FIRE_WEATHER.params(weather=str(weather), cell_m=200.0)
    march, april = make("2024-03", weather), make("2024-04", weather)
    assert current(april, params, shop) == []
    moved = tmp_path / "elsewhere" / "days.nc"
    moved.parent.mkdir()
    moved.write_bytes(weather.read_bytes())
    assert current(april, params.model_copy(update={"weather": str(moved)}), shop) == []
    changed = made_weather("2023-06-01", "2024-05-31")
    changed = changed.assign(pr=changed["pr"].copy(data=np.roll(changed["pr"].values, 1, axis=0)))
    weather.unlink()
    changed.to_netcdf(weather, engine="h5netcdf")
    (told,) = current(april, params, shop)
    assert told == "inputs changed (0 new, 0 gone, 1 altered: ~days.nc)"
    # The state of March was made of other weather.
    assert origin(make("2024-04", weather)) == "the first day of the weather"
    for setting in ({"wetting": 0.5}, {"spinup_years": 1}):
        assert origin(make("2024-04", moved, **setting)) == "the first day of the weather", setting
        assert current(april, params.model_copy(update=setting | {"weather": str(moved)}), shop)
    # What is only shown otherwise does not touch the state.
    for setting in ({"cell_m": 300.0, "percentile_years": 5}, {"max_missing_days": 1}):
        assert origin(make("2024-04", moved, **setting)) == str(march.published.id)


def test_a_damaged_state_is_not_used(make, weather):
    march = make("2024-03", weather)
    path = march.published.path("state")
    path.write_bytes(path.read_bytes()[:-40])
    assert origin(make("2024-04", weather)) == "the first day of the weather"


def test_files_of_months_come_one_by_one(make, shop, weather, tmp_path):
    whole = made_weather("2023-06-01", "2024-05-31")
    folder = tmp_path / "months"
    folder.mkdir()
    for month, part in whole.groupby("time.month"):
        if month != 5:
            part.to_netcdf(folder / f"era5_{month:02d}.nc", engine="h5netcdf")
    params = FIRE_WEATHER.params(weather=f"{folder}/era5_*.nc", cell_m=200.0)
    april = make("2024-04", folder / "era5_*.nc")
    assert len(april.published.record.inputs) == 11
    whole.sel(time="2024-05").to_netcdf(folder / "era5_05.nc", engine="h5netcdf")
    # A later file says nothing about April, and its state is still that of all before.
    assert current(april, params, shop) == []
    may = make("2024-05", folder / "era5_*.nc")
    assert origin(may) == str(april.published.id)
    one_file = make("2024-05", weather, workshop=replace(shop, store=Store(tmp_path / "alone")))
    ours, theirs = (each.published.read("fwi")["mean"].values for each in (may, one_file))
    np.testing.assert_array_equal(ours, theirs)


def test_hours_are_read_at_noon_whatever_the_pieces(make, shop, tmp_path, monkeypatch):
    from habitat.sources import weather_files

    days = made_weather("2024-02-20", "2024-04-30")
    times = np.arange("2024-02-20", "2024-05-01", dtype="datetime64[h]").astype("datetime64[ns]")
    of_day = np.repeat(np.arange(days.sizes["time"]), 24)
    hour = np.tile(np.arange(24), days.sizes["time"])[:, None, None]
    dims = ("time", "latitude", "longitude")
    tas, rain = days["tas"].values[of_day], days["pr"].values[of_day]
    fields = {
        "t2m": (tas + 4 * np.cos((hour - 6) / 24 * 2 * np.pi), "K"),
        "d2m": (tas - 8, "K"),
        "u10": (days["sfcWind"].values[of_day], "m s**-1"),
        "v10": (0 * tas, "m s**-1"),
        "tp": (rain * 3.6 * (1 + np.sin(hour)), "m"),
        "sde": (days["snd"].values[of_day], "m"),
    }
    made = {name: (dims, values, {"units": units}) for name, (values, units) in fields.items()}
    path = tmp_path / "hours.nc"
    xr.Dataset(made, {"time": times} | CELLS).to_netcdf(path, engine="h5netcdf")
    april = make("2024-04", path)
    daily = read_weather(path).values
    assert str(daily["time"].values[0])[:10] == "2024-02-21"
    codes, _ = fire_weather(daily)
    table = pd.read_csv(april.published.path("daily"))
    assert table["fwi"].max() <= float(codes["fwi"].sel(time="2024-04").max()) + 1e-4
    monkeypatch.setattr(weather_files, "PIECE_BYTES", 1.0)
    in_pieces = make("2024-04", path, workshop=replace(shop, store=Store(tmp_path / "alone")))
    assert_the_same(april, in_pieces)
    notes = april.published.item["properties"]["habitat:weather_notes"]
    assert "humidity is computed from the dew point" in notes
    assert ("spin-up", "the codes began 40 days before, with the values a season starts with") in april.gaps


def test_percentiles_want_ten_years(make, years):
    outcome = make("2025-06", years)
    assert not [what for what, _ in outcome.gaps if what == "percentile"]
    values = outcome.published.read("percentile").values
    june = fire_weather(read_weather(years).values)[0]["fwi"]
    june = june.sel(time=june["time"].dt.month == 6).groupby("time.year").mean().values
    share = 100 * (june[:-1] < june[-1]).mean(axis=0)
    assert share.min() - 1e-3 <= values.min() <= values.max() <= share.max() + 1e-3
    fewer = make("2020-06", years)
    assert "percentile" not in fewer.published.rasters
    assert dict(fewer.gaps)["percentile"] == "7 earlier years with enough days in season, wants 10"
    assert "percentile" in make("2020-06", years, percentile_years=7).published.rasters


def test_local_classes_are_of_the_years_before(make, years, weather):
    outcome = make("2025-05", years, classes="local", extreme_days=10.0)
    limits = outcome.published.item["properties"]["habitat:danger_limits"]
    codes = fire_weather(read_weather(years, last_day="2024-12-31").values)[0]["fwi"]
    tops = [float(np.quantile(np.nan_to_num(part.values), 1 - 10 / 365)) for _, part in codes.groupby("time.year")]
    assert limits[-1] == pytest.approx(np.median(tops), rel=1e-3)
    assert outcome.published.record.params["classes"] == "local"
    with pytest.raises(InputError, match="want 5 whole years of weather before 2024, and there are 0"):
        make("2024-05", weather, classes="local")


def test_a_part_of_a_month_is_named_and_much_of_it_refused(make, shop, weather, tmp_path):
    short = tmp_path / "short.nc"
    made_weather("2023-06-01", "2024-05-28").to_netcdf(short, engine="h5netcdf")
    outcome = make("2024-05", short)
    assert outcome.missing == 3
    assert dict(outcome.gaps)["days"] == "3 without weather: 2024-05-29, 2024-05-30, 2024-05-31"
    assert outcome.published.record.ledger["counts"] == {"expected": 31, "used": 28, "masked": 0, "missing": 3}
    assert outcome.published.item["properties"]["habitat:partial"]
    stored = outcome.published.read()
    assert (stored["missing"].values == 3).all()
    assert np.isfinite(stored["dc-end"].values).all()
    with pytest.raises(TooMuchMissing, match="3 of 31 days of 2024-05 have no weather"):
        make("2024-05", short, max_missing_days=2)
    with pytest.raises(InputError, match="days from 2023-06-01 to 2024-05-28, none of 2024-06"):
        make("2024-06", short)
    with pytest.raises(InputError, match=r"none of 2023-05"):
        make("2023-05", short)
    # A whole day that came later makes the month anew.
    assert current(outcome, FIRE_WEATHER.params(weather=str(weather), cell_m=200.0), shop)


def test_a_month_before_which_the_weather_begins(make, tmp_path):
    late = tmp_path / "late.nc"
    made_weather("2024-04-04", "2024-05-31").to_netcdf(late, engine="h5netcdf")
    outcome = make("2024-04", late)
    assert outcome.missing == 3
    assert "the codes began 0 days before" in dict(outcome.gaps)["spin-up"]


def without_values(weather):
    return weather.where(weather["time"] < np.datetime64("2024-04-01"))


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (without_values, TooMuchMissing, "30 of 30 days of 2024-04 have no weather"),
        (lambda w: w.assign_coords(latitude=[53.4, 53.3, 53.2]), AreaOutsideData, "reaches no cell of the area"),
        (lambda w: w.assign_coords(longitude=[11.9, 12.0, 12.1]), AreaOutsideData, "11.90 to 12.10 E"),
        (lambda w: w.drop_vars("snd"), InputError, "rule 'snow' reads snow_cover or snow_depth"),
        (lambda w: w.drop_vars("hurs"), InputError, "lacks humidity or dew point"),
        (lambda w: w.assign(tas=w["tas"].assign_attrs(units="degC")), InputError, "is it Kelvin"),
        (lambda w: w.isel(latitude=[0, 2, 1]), InputError, "neither ascend nor descend"),
    ],
)
def test_weather_that_cannot_be_used_is_refused(make, shop, tmp_path, change, error, text):
    path = tmp_path / "odd.nc"
    with xr.set_options(keep_attrs=True):
        change(made_weather("2023-06-01", "2024-05-31")).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(error, match=text):
        make("2024-04", path, max_missing_days=366)
    assert shop.store.list("fire-weather") == []


def test_settings_that_lead_nowhere(make, weather, tmp_path):
    with pytest.raises(NotPossible, match=r"no weather given: set fire-weather\.weather"):
        make("2024-04", None)
    with pytest.raises(InputError, match=r"there is no weather .*none\.nc"):
        make("2024-04", tmp_path / "none.nc")
    with pytest.raises(InputError, match="no file is named like"):
        make("2024-04", tmp_path / "none_*.nc")
    with pytest.raises(InputError, match=r"kpo_scales: there is no .*kpo\.yaml"):
        make("2024-04", weather, kpo_scales=str(tmp_path / "kpo.yaml"))
    with pytest.raises(ConfigError, match="no district 'nowhere'"):
        make("2024-04", weather, kpo_district="nowhere")
    with pytest.raises(ValueError, match="season_start"):
        FIRE_WEATHER.params(season_start="13-01")
    with pytest.raises(ConfigError, match="start wants the higher limit"):
        make("2024-04", weather, season="temperature", start_above_c=3.0)


def test_weather_of_a_part_of_the_area(make, tmp_path):
    cells = {"latitude": [43.36, 43.31, 43.26]}
    area = twin.area("tiny")
    middle = (area.polygon.bounds[0] + area.polygon.bounds[2]) / 2
    cells["longitude"] = [middle - 0.125, middle - 0.075, middle - 0.025]
    path = tmp_path / "west.nc"
    made_weather("2023-06-01", "2024-05-31", cells=cells).to_netcdf(path, engine="h5netcdf")
    outcome = make("2024-04", path, cell_m=100.0)
    share = np.isnan(outcome.published.read("fwi")["mean"].values).mean()
    assert 0.3 < share < 0.7
    assert dict(outcome.gaps)["part of the area"] == f"{share:.1%} of its cells lie beyond the weather"


def test_scales_of_a_district(make, weather, tmp_path):
    scales = tmp_path / "kpo.yaml"
    periods = "periods: [{from: '04-01', to: '04-30', limits: [1, 2, 3, 4]}]"
    scales.write_text(f"districts:\n  here:\n    source: made up\n    {periods}\n", encoding="utf-8")
    plain = make("2024-04", weather)
    assert ("KPO scales of districts", "no kpo_scales given: the national scale holds") in plain.gaps
    strict = make("2024-04", weather, kpo_scales=str(scales), kpo_district="here")
    assert "KPO scales of districts" not in dict(strict.gaps)
    more, less = (each.published.read("kpo")["days-iv-v"].values for each in (strict, plain))
    assert (more > less).all()
    assert [entry.id for entry in strict.published.record.inputs] == ["days.nc", "kpo_scales"]


def test_seasons_by_other_rules(make, weather):
    by_date = make("2024-04", weather, season="dates", season_start="04-11")
    assert (by_date.published.read("season-days")["in-season"].values == 20).all()
    always = make("2024-01", weather, season="always", overwinter=False)
    assert (always.published.read("season-days")["in-season"].values == 31).all()
    warm = make("2024-04", weather, season="temperature", start_above_c=-50.0, stop_below_c=-60.0)
    assert (warm.published.read("season-days")["in-season"].values == 30).all()


def test_stations_reach_as_far_as_they_are_said_to(make, tmp_path):
    values = made_weather("2023-06-01", "2024-05-31").isel(longitude=[0], latitude=[0, 2])
    rows = []
    for number, (latitude, longitude) in enumerate(((43.30, 131.95), (43.33, 132.02))):
        one = values.isel(latitude=number, longitude=0)
        day = pd.DatetimeIndex(one["time"].values)
        rows.append(
            pd.DataFrame(
                {"id": f"S{number}", "lat": latitude, "long": longitude, "yr": day.year, "mon": day.month}
                | {"day": day.day, "temp": (one["tas"].values - 273.15).round(2), "rh": one["hurs"].values.round(1)}
                | {"ws": (one["sfcWind"].values * 3.6).round(2), "prec": (one["pr"].values * 86400).round(2)}
                | {"snd": one["snd"].values}
            )
        )
    path = tmp_path / "stations.csv"
    pd.concat(rows).to_csv(path, index=False)
    outcome = make("2024-04", path)
    assert outcome.published.item["properties"]["habitat:mapping"] == "inverse squared distance of up to four stations"
    fwi = outcome.published.read("fwi")["mean"].values
    assert np.isfinite(fwi).all()
    assert fwi.std() > 0
    with pytest.raises(AreaOutsideData):
        make("2024-04", path, station_range_km=0.5)
    pd.concat(rows).drop(columns="long").to_csv(path, index=False)
    with pytest.raises(InputError, match="no longitude"):
        make("2024-04", path)


def test_pictures_are_drawn_and_the_record_tells_no_folder(make, weather, tmp_path):
    outcome = make("2024-04", weather)
    keys = outcome.published.item["assets"]
    assert {"fwi-quicklook", "danger-class-quicklook", "season-state-quicklook"} <= set(keys)
    assert outcome.published.grid == twin.area("tiny").grid.coarser(200)
    text = json.dumps(outcome.published.item) + outcome.published.path("record").read_text()
    assert str(tmp_path) not in text


def test_real_days_of_a_reanalysis(shared, tmp_path, make):
    source = shared / "imagery" / "aux-climate" / "era5_daily_surface_canadian_cities_1990-1993.nc"
    if not source.exists():
        pytest.skip("the cities' days are not at hand")
    grid = Grid("EPSG:32618", 100.0, (615000.0, 5030000.0, 635000.0, 5050000.0))
    area = Area("montreal", shapely.box(-73.52, 45.42, -73.28, 45.58), grid)
    place = Workshop(area, Store(tmp_path / "city"), workers=2)
    july = make("1992-07", source, workshop=place, cell_m=2000.0)
    stored = july.published.read()
    # One point stands for the whole map: ERA5 of Montreal in a cool and wet July.
    assert np.ptp(stored["mean"].values) == 0
    assert 1 < stored["mean"].values[0, 0] < 15
    assert (stored["in-season"].values == 31).all()
    january = make("1992-01", source, workshop=place, cell_m=2000.0)
    assert (january.published.read("season-days")["off-season"].values > 20).all()
    notes = july.published.item["properties"]["habitat:weather_notes"]
    assert "hurs does not tell its units and was left away" in notes
    assert dict(july.gaps)["percentile"].startswith("2 earlier years")
    with pytest.raises(InputError, match="want 5 whole years"):
        make("1993-07", source, workshop=place, classes="local")


def test_a_season_of_the_global_fire_weather_database(shared, tmp_path, make):
    """From NASA's weather at one cell the product finds NASA's codes, season by snow and all."""
    source = shared / "reference" / "fire_weather" / "gfwed2017_montreal_47N.csv"
    if not source.exists():
        pytest.skip("the tables of the Global Fire Weather Database are not at hand")
    theirs = pd.read_csv(source)
    day = pd.to_datetime(theirs["date"])
    table = {"id": "cell", "lat": 47.0, "long": -73.5, "yr": day.dt.year, "mon": day.dt.month, "day": day.dt.day}
    table |= {"temp": theirs["temp_c"], "rh": theirs["rh_pct"].clip(upper=100), "ws": theirs["wind_kmh"]}
    table |= {"prec": theirs["rain_mm"], "snd": theirs["snow_m"]}
    path = tmp_path / "cell.csv"
    pd.DataFrame(table).to_csv(path, index=False)
    grid = Grid("EPSG:32618", 100.0, (600000.0, 5200000.0, 620000.0, 5215000.0))
    area = Area("cell", shapely.box(-73.6, 46.95, -73.4, 47.05), grid)
    place = Workshop(area, Store(tmp_path / "cell"), workers=2)
    # GFWED has the duff equation of 1987. It starts drier after a dry spring, which July has forgotten.
    outcome = make("2017-07", path, workshop=place, cell_m=2000.0, duff="1987")
    ours, wanted = pd.read_csv(outcome.published.path("daily")), theirs[theirs["date"].str.startswith("2017-07")]
    for name in ("FFMC", "DMC", "DC", "ISI", "BUI", "FWI"):
        np.testing.assert_allclose(ours[name.lower()], wanted[name], rtol=1e-3, atol=5e-3, err_msg=name)
    assert outcome.published.read("fwi")["max"].values.max() == pytest.approx(wanted["FWI"].max(), abs=5e-3)
