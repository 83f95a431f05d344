"""Fire risk as a product: files of users in, probabilities or an index out, and every bad input named."""

from __future__ import annotations

import json
import shutil

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from pyproj import Transformer
from shapely.geometry import LineString, box

from habitat.contracts import Area, Period
from habitat.contracts.errors import ConfigError, InputError, NotPossible
from habitat.contracts.grid import Grid, Tile
from habitat.fire.burns.scar_rasters import DATES, STATUS
from habitat.products import Workshop
from habitat.products.fire_risk import FIRE_RISK, FireRiskParams, known_before
from habitat.store import Record, Store, area_digest

UTM = "EPSG:32652"
WEST, NORTH, SIDE = 600000.0, 4803000.0, 3000.0
MAY = Period("2024-05")
COLUMNS = "latitude,longitude,bright_ti4,scan,track,acq_date,acq_time,satellite,instrument,confidence,version,bright_ti5,frp,daynight,type"


def to_degrees(x, y):
    return Transformer.from_crs(UTM, "EPSG:4326", always_xy=True).transform(x, y)


def weather(path):
    """Write six years of daily weather in which every second spring is dry."""
    days = np.arange("2018-01-01", "2024-06-01", dtype="datetime64[D]")
    month = days.astype("datetime64[M]").astype(int) % 12
    dry = days.astype("datetime64[Y]").astype(int) % 2 == 0
    shape = (days.size, 2, 2)
    rng = np.random.default_rng(1)
    wet = rng.random(days.size) < np.where(dry, 0.1, 0.4)
    values = {
        "tas": (8 - 20 * np.cos((month + 0.5) * np.pi / 6), "degC"),
        "hurs": (np.where(dry, 35.0, 70.0), "%"),
        "sfcWind": (np.full(days.size, 4.0), "m s-1"),
        "pr": (np.where(wet, 6.0, 0.0), "mm"),
        "snd": (np.where((month < 2) | (month == 11), 0.1, 0.0), "m"),
    }
    data = {
        name: (("time", "latitude", "longitude"), np.broadcast_to(line[:, None, None], shape).copy(), {"units": units})
        for name, (line, units) in values.items()
    }
    east, north = to_degrees(WEST + SIDE / 2, NORTH - SIDE / 2)
    places = {"latitude": [north + 0.05, north - 0.05], "longitude": [east - 0.05, east + 0.05]}
    xr.Dataset(data, {"time": days.astype("datetime64[ns]"), **places}).to_netcdf(path, engine="scipy")
    return path


def hotspots(path, years=range(2018, 2025)):
    """Write fires of every April and May, near the road and more of them in dry years, and one after the month."""
    rng = np.random.default_rng(2)
    lines = [COLUMNS]
    for year in years:
        for _ in range(11 if year % 2 == 0 else 4):
            day = np.datetime64(f"{year}-04-01") + np.timedelta64(int(rng.integers(0, 58)), "D")
            x = WEST + (rng.uniform(0, 1000) if rng.random() < 0.85 else rng.uniform(0, SIDE))
            longitude, latitude = to_degrees(x, NORTH - rng.uniform(0, SIDE))
            lines.append(f"{latitude:.5f},{longitude:.5f},330,0.4,0.4,{day},0400,N,VIIRS,n,2,290,8.1,D,0")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("inputs")
    weather(root / "weather.nc")
    hotspots(root / "viirs.csv")
    ground = box(WEST, NORTH - SIDE, WEST + SIDE, NORTH)
    lines = {"roads": [LineString([(WEST + 300, NORTH - 9000), (WEST + 300, NORTH + 9000)])]}
    lines["border"] = [LineString([(WEST + 1500, NORTH - 9000), (WEST + 1500, NORTH + 9000)])]
    for name, geometry in lines.items():
        gpd.GeoDataFrame(geometry=geometry, crs=UTM).to_crs(4326).to_file(root / f"{name}.geojson")
    gpd.GeoDataFrame(geometry=[ground.centroid.buffer(200)], crs=UTM).to_file(root / "settlements.gpkg")
    # The last strip of 500 m is sea.
    lands = [box(WEST, NORTH - SIDE, WEST + 1500, NORTH), box(WEST + 1500, NORTH - SIDE, WEST + 2500, NORTH)]
    gpd.GeoDataFrame({"country": ["XA", "XB"]}, geometry=lands, crs=UTM).to_file(root / "countries.gpkg")
    heights = (np.arange(150) * 1.5 * np.ones((150, 1))).astype(np.float32)
    about = {"driver": "GTiff", "count": 1, "crs": UTM, "transform": Affine(20, 0, WEST, 0, -20, NORTH)}
    for name, values in (("dem", heights), ("cover", (np.indices((150, 150))[0] // 50).astype(np.uint8))):
        with rasterio.open(root / f"{name}.tif", "w", height=150, width=150, dtype=values.dtype.name, **about) as out:
            out.write(values, 1)
    return root


@pytest.fixture
def shop(tmp_path):
    grid = Grid(UTM, 20.0, (WEST, NORTH - SIDE, WEST + SIDE, NORTH))
    corners = [to_degrees(x, y) for x in (WEST, WEST + SIDE) for y in (NORTH - SIDE, NORTH)]
    outline = box(*np.min(corners, axis=0), *np.max(corners, axis=0))
    return Workshop(Area("here", outline, grid, title="Here"), Store(tmp_path / "store"), workers=1)


def params(folder, **more):
    files = {name: str(folder / f"{name}.geojson") for name in ("roads", "border")}
    files |= {name: str(folder / f"{name}.gpkg") for name in ("settlements", "countries")}
    files |= {"elevation": str(folder / "dem.tif"), "cover": str(folder / "cover.tif")}
    lists = {"weather": (str(folder / "weather.nc"),), "hotspots": (str(folder / "viirs.csv"),)}
    return FireRiskParams(**(files | lists | more))


@pytest.fixture(scope="module")
def built(folder, tmp_path_factory):
    grid = Grid(UTM, 20.0, (WEST, NORTH - SIDE, WEST + SIDE, NORTH))
    east, north = to_degrees(WEST, NORTH - SIDE)
    area = Area("here", box(east, north, east + 0.04, north + 0.03), grid)
    shop = Workshop(area, Store(tmp_path_factory.mktemp("store")), workers=1)
    return FIRE_RISK.build(params(folder, first_year=2018), shop, MAY), shop


def values(published, asset, band):
    with published.open_window(asset) as reader:
        return reader.values(Tile(0, 0, *published.grid.shape), band)


def test_a_month_is_published_on_its_own_cells(built):
    outcome, _ = built
    published = outcome.published
    assert published.grid.shape == (6, 6)
    assert published.rasters == ("probability", "risk-class", "uncertainty")
    burning, ignition = (values(published, "probability", band) for band in ("burning", "ignition"))
    # The sea is unknown, all else is told.
    assert np.isnan(burning[:, 5]).all()
    assert np.isfinite(burning[:, :5]).all()
    assert 0 < np.nanmean(ignition) < np.nanmean(burning) < 0.5
    # Fires began along the road.
    assert np.nanmean(burning[:, :2]) > 2 * np.nanmean(burning[:, 3:5])
    assert np.nanmin(values(published, "uncertainty", "burning")) >= 0


def test_skill_and_model_lie_beside_it(built):
    published = built[0].published
    skill = json.loads(published.path("skill").read_text())
    assert set(skill) == {"burning", "ignition"}
    assert list(skill["burning"]["by_year"]) == [str(year) for year in range(2018, 2025)]
    assert skill["burning"]["by_month"]["Apr"]["cells_with_event"] > 0
    assert published.item["properties"]["habitat:skill"]["burning"] == skill["burning"]["pooled"]
    assert "XB x fire weather" in skill["burning"]["predictors"]
    model = json.loads(published.path("model").read_text())
    assert model["burning"]["predictors"]["cover_1"]["scale"] > 0
    assert published.path("reliability").read_text().startswith("label,low,high,cell_months,told,happened\n")
    assert published.path("reliability-diagram").read_bytes().startswith(b"\x89PNG")


def test_what_it_is_and_what_it_lacks_is_said(built):
    outcome, _ = built
    properties = outcome.published.item["properties"]
    assert properties["habitat:estimate"] == "probability"
    assert properties["habitat:weather_source"].startswith("forecast")
    limits = properties["habitat:class_limits"]
    assert limits == sorted(limits)
    assert dict(outcome.gaps)["fields"].startswith("no fields given")
    assert "skill over climatology" in outcome.summary
    assert outcome.published.record.inputs[0].id == "weather"
    notes = " ".join(outcome.published.record.ledger["notes"])
    assert "of 7 years" in notes


def test_moved_files_change_nothing_and_changed_ones_do(built, folder, tmp_path):
    _, shop = built
    for path in folder.iterdir():
        shutil.copy(path, tmp_path / path.name)
    identities = [entry.identity for entry in FIRE_RISK.inputs(params(folder), shop, MAY)]
    assert [entry.identity for entry in FIRE_RISK.inputs(params(tmp_path), shop, MAY)] == identities
    assert params(folder).deciding() == params(tmp_path).deciding()
    with (tmp_path / "viirs.csv").open("a") as file:
        file.write("\n")
    assert [entry.identity for entry in FIRE_RISK.inputs(params(tmp_path), shop, MAY)] != identities


def test_what_comes_after_the_month_began_is_not_known(folder, shop, tmp_path):
    settings = params(folder, first_year=2018)
    known = known_before(settings, shop, MAY)
    lines = (folder / "viirs.csv").read_text().splitlines()
    earlier = [lines[0], *(line for line in lines[1:] if line.split(",")[5] < "2024-05")]
    assert 1 < len(earlier) < len(lines)
    (tmp_path / "cut.csv").write_text("\n".join(earlier) + "\n")
    cut = known_before(settings.model_copy(update={"hotspots": (str(tmp_path / "cut.csv"),)}), shop, MAY)
    assert known.labels.months[-1] == np.datetime64("2024-04")
    assert np.array_equal(known.labels.burning, cut.labels.burning)
    assert np.array_equal(known.history().recurrence, cut.history().recurrence)


def test_months_beyond_the_weather_take_that_of_earlier_years(folder, shop):
    july = FIRE_RISK.build(params(folder, first_year=2018), shop, Period("2024-07"))
    assert july.published.item["properties"]["habitat:weather_source"].startswith("climatology")
    # The skill that is told is that with the same weather, not that of a perfect forecast.
    usual = july.published.item["properties"]["habitat:skill_usual_weather"]["burning"]["skill_over_climatology"]
    assert f"over climatology is {usual:.3f} " in july.summary
    with pytest.raises(InputError, match="does not hold all days of 2024-07"):
        FIRE_RISK.build(params(folder, weather_source="forecast"), shop, Period("2024-07"))


def test_the_same_again_is_the_same(built, folder, shop):
    again = FIRE_RISK.build(params(folder, first_year=2018), shop, MAY)
    for band in ("burning", "ignition"):
        one, other = (values(entry, "probability", band) for entry in (built[0].published, again.published))
        assert np.array_equal(one, other, equal_nan=True)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"hotspots": ()}, "no hotspots were given"),
        ({"min_years": 20}, "7 years of hotspots and weather are known, wants 20"),
        ({"min_events": 500}, "fire events are known, wants 500"),
    ],
)
def test_without_history_there_is_an_index_that_says_so(folder, shop, more, why):
    outcome = FIRE_RISK.build(params(folder, first_year=2018, **more), shop, MAY)
    published = outcome.published
    assert published.rasters == ("index",)
    assert published.item["properties"]["habitat:estimate"] == "index, not a probability"
    assert "not a probability" in published.item["assets"]["index"]["title"]
    assert why in dict(outcome.gaps)["probability"]
    assert "not a probability" in outcome.summary
    index = values(published, "index", "index")
    assert np.isnan(index[:, 5]).all()
    assert ((index[:, :5] >= 0) & (index[:, :5] <= 1)).all()
    assert index[:, 0].mean() > index[:, 4].mean()


def test_weather_alone_gives_an_index_and_nothing_gives_none(folder, shop):
    alone = FireRiskParams(weather=(str(folder / "weather.nc"),))
    outcome = FIRE_RISK.build(alone, shop, MAY)
    weights = outcome.published.item["properties"]["habitat:index_weights"]
    assert set(weights) == {"weather", "bareness"}
    assert {"roads", "elevation", "countries", "cover"} <= set(dict(outcome.gaps))
    with pytest.raises(NotPossible, match="neither weather nor places"):
        FIRE_RISK.build(FireRiskParams(), shop, MAY)


def test_cells_of_which_nothing_is_known_have_no_index(folder, shop, tmp_path):
    half = tmp_path / "half.tif"
    with rasterio.open(folder / "dem.tif") as whole:
        about = whole.profile | {"width": 75}
        with rasterio.open(half, "w", **about) as out:
            out.write(whole.read(1)[:, :75], 1)
    outcome = FIRE_RISK.build(FireRiskParams(elevation=str(half)), shop, MAY)
    index = values(outcome.published, "index", "index")
    # Six cells of 500 m, of which 75 pixels of 20 m are the western three.
    assert np.isfinite(index[:, :3]).all()
    assert np.isnan(index[:, 3:]).all()
    assert index[:, 0].mean() > index[:, 2].mean()


def test_hotspots_without_weather_still_teach(folder, shop):
    outcome = FIRE_RISK.build(params(folder, first_year=2018, weather=()), shop, MAY)
    assert outcome.published.item["properties"]["habitat:weather_source"].startswith("climatology")
    assert dict(outcome.gaps)["weather"].startswith("no weather given")


def test_bad_inputs_are_refused_by_name(folder, shop, tmp_path):
    def build(period=MAY, **more):
        return FIRE_RISK.build(params(folder, **more), shop, period)

    with pytest.raises(ConfigError, match="for months, not for 2024-Q2"):
        build(Period("2024-Q2"))
    with pytest.raises(InputError, match="begins in 2018-04"):
        build(Period("2018-04"))
    (tmp_path / "empty.csv").write_text(COLUMNS + "\n")
    with pytest.raises(InputError, match="is empty"):
        build(hotspots=(str(tmp_path / "empty.csv"),))
    with pytest.raises(InputError, match="lower first_year"):
        build(first_year=2100)
    with pytest.raises(InputError, match="no field 'land'"):
        build(country_field="land")
    with pytest.raises(InputError, match=r"nowhere\.gpkg"):
        build(roads=str(tmp_path / "nowhere.gpkg"))
    with pytest.raises(InputError, match="holds LineString, wants polygon or point"):
        build(settlements=str(folder / "roads.geojson"))
    gpd.GeoDataFrame({"country": ["XC"]}, geometry=[box(0, 0, 1, 1)], crs=UTM).to_file(tmp_path / "far.gpkg")
    with pytest.raises(InputError, match="do not reach the area"):
        build(countries=str(tmp_path / "far.gpkg"))
    with pytest.raises(InputError, match="weather: there is no"):
        FIRE_RISK.inputs(params(folder, weather=(str(tmp_path / "no.nc"),)), shop, MAY)


def test_hotspots_that_end_early_are_told(folder, shop, tmp_path):
    short = hotspots(tmp_path / "short.csv", range(2018, 2023))
    known = known_before(params(folder, first_year=2018, hotspots=(str(short),)), shop, MAY)
    assert any("ends in 2022" in note for note in known.notes)
    history = known.history()
    assert history.months[np.flatnonzero(history.usable)[-1]] == known.seen_until


def scars(shop, period, *burnt, area=None):
    """Publish fire scars of squares (row, column, last, first) of 10 by 10 pixels: 4 ha, a sixth of a cell."""
    area = area or shop.area
    status, dates = np.zeros((1, *area.grid.shape), np.uint8), np.full((2, *area.grid.shape), -32768, np.int16)
    status[0, :, -5:] = 255
    for row, column, last, first in burnt:
        square = slice(row, row + 10), slice(column, column + 10)
        status[0][square], dates[0][square], dates[1][square] = 1, last, first
    with shop.store.begin("fire-scars", area, Period(period)) as stage:
        whole = Tile(0, 0, *area.grid.shape)
        for spec, codes in ((STATUS, status), (DATES, dates)):
            stage.raster(spec).write(whole, codes)
        record = Record(
            "fire-scars", area.name, area_digest(area), period, method="1", software={}, created="2024-06-01T00:00:00Z"
        )
        return stage.publish(record, {"habitat:year": int(period[:4])})


def identities(settings, shop, period=MAY):
    return [entry.identity for entry in FIRE_RISK.inputs(settings, shop, period)]


def test_scars_in_the_store_are_labels_and_inputs(folder, shop):
    settings = params(folder, first_year=2018)
    without = known_before(settings, shop, MAY)
    assert dict(without.gaps)["scars"].startswith("no fire scars of before 2024-05 in the store")
    # Days 92 to 102 of 2023 are 2 to 12 April; the cell is the last one with land in the first row, far from the road.
    scars(shop, "2023-04", (0, 100, 92, 102))
    scars(shop, "2023-05", (0, 100, 92, 102), (125, 100, 92, 102))
    # Fires of 10 to 20 April, of 22 April to 2 May 2024, first seen in the month that is told.
    scars(shop, "2024-04", (50, 100, 101, 111), (75, 100, 113, 123))
    known = known_before(settings, shop, MAY)
    assert "scars" not in dict(known.gaps)
    new = np.argwhere(known.labels.burning & ~without.labels.burning)
    assert {(str(known.labels.months[month]), int(row), int(column)) for month, row, column in new} <= {
        ("2023-04", 0, 4),
        ("2023-04", 5, 4),
        ("2024-04", 2, 4),
    }
    assert known.labels.burning[known.labels.months == np.datetime64("2023-04"), [0, 5], 4].all()
    assert known.labels.burning[-1, 2, 4]
    assert np.array_equal(known.labels.ignition, without.labels.ignition)
    assert known.history().recurrence[-1].reshape(6, 6)[5, 4] > without.history().recurrence[-1].reshape(6, 6)[5, 4]
    outcome = FIRE_RISK.build(settings, shop, MAY)
    # Of one season the latest label alone is read.
    listed = {entry.id for entry in outcome.published.record.inputs if entry.id.startswith("fire-scars")}
    assert listed == {"fire-scars_here_202305", "fire-scars_here_202404"}
    notes = " ".join(outcome.published.record.ledger["notes"])
    assert "scars of spring 2023 are those of fire-scars_here_202305_v1" in notes
    assert f"scars add {len(new)} burnt cells and months" in notes


def test_a_larger_share_wants_larger_scars(folder, shop):
    scars(shop, "2023-05", (0, 100, 92, 102))
    without = known_before(params(folder, first_year=2018, scar_share=0.17), shop, MAY)
    known = known_before(params(folder, first_year=2018, scar_share=0.16), shop, MAY)
    assert known.labels.burning.sum() - without.labels.burning.sum() == 1


def test_scars_of_the_month_and_after_change_nothing(folder, shop):
    settings = params(folder, first_year=2018)
    scars(shop, "2024-04", (50, 100, 101, 111))
    before, known = identities(settings, shop), known_before(settings, shop, MAY)
    for period in ("2024-05", "2024-06", "2024-Q2", "2024", "2025-04"):
        scars(shop, period, (0, 100, 101, 111), (25, 100, 125, 130))
    assert identities(settings, shop) == before
    after = known_before(settings, shop, MAY)
    assert np.array_equal(after.labels.burning, known.labels.burning)
    assert np.array_equal(after.labels.known, known.labels.known)
    # Another April, the same pixels again, and pixels first seen burnt in May.
    scars(shop, "2024-04", (50, 100, 101, 111))
    assert identities(settings, shop) == before
    scars(shop, "2024-04", (50, 100, 101, 111), (0, 100, 113, 122))
    assert identities(settings, shop) != before
    assert np.array_equal(known_before(settings, shop, MAY).labels.burning, known.labels.burning)
    # June knows them: those of May are of the season to date, and April's are read no more.
    assert [one for one, *_ in identities(settings, shop, Period("2024-06"))][-1] == "fire-scars_here_202405"


def test_scars_on_another_grid_are_not_of_this_area(folder, shop):
    grid = Grid(UTM, 20.0, (WEST, NORTH - SIDE, WEST + SIDE - 20, NORTH))
    scars(shop, "2023-05", (0, 100, 92, 102), area=Area("here", shop.area.polygon, grid))
    assert "scars" in dict(known_before(params(folder, first_year=2018), shop, MAY).gaps)


def test_scars_without_hotspots_order_the_index(folder, shop):
    scars(shop, "2023-05", (0, 100, 92, 102))
    outcome = FIRE_RISK.build(params(folder, hotspots=()), shop, MAY)
    assert "past" in outcome.published.item["properties"]["habitat:index_weights"]
    assert "0 years of hotspots" in dict(outcome.gaps)["probability"]


def test_greenness_is_a_gap_that_counts_the_store(folder, shop):
    def gap():
        return dict(known_before(FireRiskParams(roads=str(folder / "roads.geojson")), shop, MAY).gaps)["greenness"]

    assert "indices of 2024-04: no, of the same month of earlier years: 0; learning from them wants 5 years" in gap()
    for period in ("2022-04", "2023-04", "2024-04"):
        with shop.store.begin("indices", shop.area, Period(period)) as stage:
            stage.raster(STATUS).write(Tile(0, 0, 150, 150), np.zeros((1, 150, 150), np.uint8))
            stage.publish(
                Record(
                    "indices",
                    "here",
                    area_digest(shop.area),
                    period,
                    method="1",
                    software={},
                    created="2024-06-01T00:00:00Z",
                )
            )
    assert "indices of 2024-04: yes, of the same month of earlier years: 2;" in gap()
