"""Alerts as a product: names over months, finished and withdrawn ones, agents, expected false ones, empty months."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import box

from habitat.contracts import Area, Period
from habitat.contracts.area import Zone
from habitat.contracts.errors import InputError, NotInStore, NotPossible
from habitat.contracts.grid import Grid
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.products import Workshop
from habitat.products.alerts import ALERTS
from habitat.products.product import Sheets
from habitat.store import Input, Record, Store, area_digest

GRID = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 601200.0, 4801000.0))
APRIL, MAY, JUNE = (Period(f"2025-0{n}") for n in (4, 5, 6))
NOTHING = -32768


def raster(name, *bands, dtype="int16", nodata=-32768, scale=1.0, unit="1"):
    kind = {"overview": "mode"} if dtype == "uint8" else {}
    specs = tuple(BandSpec(band, band, unit, scale) for band in bands)
    return RasterSpec(name, name, specs, dtype, nodata, **kind)


REASON = raster("reason", "reason", dtype="uint8", nodata=255)
DATES = raster("dates", "first_departure", "confirmed")
MAGNITUDE = raster("magnitude", "magnitude", "usual", scale=1e-4)
COURSE = raster("course", "departures", "returned", dtype="uint8", nodata=255)
EVIDENCE = raster(
    "evidence", *(f"{b}_{w}" for w in ("before", "after") for b in ("red", "nir", "swir1", "swir2")), scale=1e-4
)
SCAR = raster("status", "status", dtype="uint8", nodata=255)
SCAR_DATES = raster("dates", "last-unburnt", "first-burnt")
LEAVES, CHAR, SOIL = (300, 3500, 1600, 800), (500, 1000, 1300, 1200), (1100, 2200, 2600, 1900)


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch):
    monkeypatch.setattr(Sheets, "draw", lambda self, title: None)


def in_degrees(west, south, east, north):
    back = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True)
    return shapely.transform(
        shapely.segmentize(box(west, south, east, north), 50), lambda xy: np.column_stack(back.transform(*xy.T))
    )


@pytest.fixture
def shop(tmp_path):
    zones = (
        Zone("west", in_degrees(600000, 4800000, 600600, 4801000), "West park", "CN"),
        Zone("east", in_degrees(600600, 4800000, 601200, 4801000), "East park", "RU"),
    )
    return Workshop(Area("forest", in_degrees(*GRID.bounds), GRID, zones=zones), Store(tmp_path / "store"), workers=2)


@dataclass
class World:
    """What forest-change tells of a month."""

    reason: np.ndarray = field(default_factory=lambda: np.zeros(GRID.shape, np.uint8))
    dates: np.ndarray = field(default_factory=lambda: np.full((2, *GRID.shape), NOTHING, np.int16))
    magnitude: np.ndarray = field(default_factory=lambda: np.full((2, *GRID.shape), NOTHING, np.int16))
    course: np.ndarray = field(default_factory=lambda: np.zeros((2, *GRID.shape), np.uint8))
    evidence: np.ndarray = field(default_factory=lambda: np.full((8, *GRID.shape), NOTHING, np.int16))

    def change(self, where, first, *, confirmed=None, looks=3, returned=0, lost=0.7, after=SOIL):
        """Change pixels of a rectangle (row, row, column, column)."""
        top, bottom, left, right = where
        here = slice(top, bottom), slice(left, right)
        self.dates[(0, *here)] = first
        self.dates[(1, *here)] = NOTHING if confirmed is None else confirmed
        self.reason[here] = 0 if confirmed is None else 6
        self.magnitude[(0, *here)], self.magnitude[(1, *here)] = -7000 * lost, 7000
        self.course[(0, *here)], self.course[(1, *here)] = looks, returned
        self.evidence[(slice(None), *here)] = np.array([*LEAVES, *after], np.int16)[:, None, None]
        return self


def put(shop, world, period, **more):
    layers = [(REASON, world.reason[None]), (DATES, world.dates), (MAGNITUDE, world.magnitude), (COURSE, world.course)]
    layers += [(EVIDENCE, world.evidence)]
    return publish(shop, "forest-change", period, layers, **more)


def publish(shop, product, period, layers, *, year=2025, alarms=None, grid=None, index="nbr", inputs=()):
    with shop.store.begin(product, shop.area, period, grid=grid) as stage:
        for spec, codes in layers:
            writer = stage.raster(spec)
            for tile in stage.grid.tiles(512):
                rows = slice(tile.row, tile.row + tile.height)
                writer.write(tile, np.ascontiguousarray(codes[:, rows, tile.column : tile.column + tile.width]))
        if alarms is not None:
            stage.file("false-alarms.json").write_text(json.dumps(alarms))
        made = Record(product, "forest", area_digest(shop.area), str(period), "1", created="2025-06-06T00:00:00+00:00")
        return stage.publish(replace(made, inputs=inputs), {"habitat:year": year, "habitat:index": index})


def built(shop, period, **params):
    return ALERTS.build(ALERTS.params(**params), replace(shop, found={}), period)


def listed(outcome):
    return gpd.read_file(outcome.published.path("alerts"), engine="pyogrio")


def codes(outcome, name):
    return outcome.published.open_window(name).read(next(GRID.tiles(4096)))[0]


FELLING, SECOND = (5, 15, 5, 15), (30, 40, 40, 50)


def test_first_month_by_hand(shop):
    world = World().change(FELLING, 150, looks=2).change((20, 22, 30, 32), 150, looks=2, lost=0.2)
    world.change((0, 1, 59, 60), 150, looks=1)
    world.reason[45:, :] = 20
    put(shop, world, MAY)
    outcome = built(shop, MAY)
    table = listed(outcome)
    assert table["id"].tolist() == ["2025-05-0001"]
    row = table.iloc[0]
    # Ten by ten pixels, and UTM stretches by 2 · 0.9996 - 0.9996² less than a thousandth here: 4.00 ha.
    assert row["area_ha"] == pytest.approx(4.0, rel=1e-3)
    assert row["area_basis"] == "pixel count, unvalidated"
    assert (row["status"], row["stage"], row["loss_percent"]) == (5, "provisional", 70.0)
    assert (row["zone"], row["country"]) == ("west", "CN")
    assert str(row["first_departure"])[:10] == "2025-05-30"
    assert row["confirmed"] is None or str(row["confirmed"]) in ("NaT", "None")
    assert bool(row["new"])
    status = codes(outcome, "status")
    assert (status[8, 8], status[20, 30], status[0, 59], status[49, 0], status[40, 0]) == (5, 2, 4, 255, 0)
    assert codes(outcome, "agent")[49, 0] == 255
    assert (codes(outcome, "number") == 1).sum() == 100
    properties = outcome.published.item["properties"]
    assert properties["habitat:too_small"]["patches"] == 1
    assert properties["habitat:pixels"] == {"none": 2595, "first": 1, "provisional": 104, "confirmed": 0, "finished": 0}
    assert outcome.summary == (
        "2025-05: 1 new alert (4.00 ha, pixel count, unvalidated), 0 earlier ones confirmed by this month's looks, "
        "0 finished; 1 listed; 1 patch below 0.3 ha (0.1601 ha) in the rasters only; nobody knows how many are false"
    )
    assert {"forest", "earlier alerts", "fire scars", "hotspots", "roads", "expected false alarms"} == {
        g[0] for g in outcome.gaps
    }


def test_names_stay_through_confirmation_merge_split_and_end(shop):
    put(
        shop,
        World().change(FELLING, 100, looks=2).change(SECOND, 100, looks=2).change((20, 24, 50, 54), 100, looks=2),
        APRIL,
    )
    april = built(shop, APRIL)
    assert listed(april)["id"].tolist() == ["2025-04-0001", "2025-04-0002", "2025-04-0003"]
    # The first is confirmed and grows over the second's ground; the third was a cloud.
    whole = World().change((5, 15, 5, 15), 100, confirmed=130, looks=5).change((15, 40, 14, 50), 110, looks=2)
    put(shop, whole, MAY)
    may = built(shop, MAY)
    table = listed(may)
    assert table["id"].tolist() == ["2025-04-0001"]
    assert table["formerly"].tolist() == ["2025-04-0003"]
    told = may.published.item["properties"]["habitat:alerts"]
    assert told == {"new": 0, "confirmed": 0, "finished": 0, "withdrawn": 1, "listed": 1}
    # It falls into two: the larger overlap keeps the name.
    two = (
        World()
        .change((5, 15, 5, 15), 100, confirmed=130, looks=7)
        .change((30, 40, 14, 50), 110, confirmed=160, looks=5)
    )
    put(shop, two, JUNE)
    june = built(shop, JUNE)
    table = listed(june).set_index("id")
    assert table["formerly"].to_dict() == {"2025-04-0001": "", "2025-06-0001": "2025-04-0001"}
    assert table.loc["2025-04-0001", "area_ha"] > table.loc["2025-06-0001", "area_ha"]
    assert june.published.item["properties"]["habitat:alerts"]["confirmed"] == 1
    assert str(table.loc["2025-04-0001", "last_seen"])[:10] == "2025-06-30"


def test_finished_ones_stay_listed_for_a_while_and_never_come_back(shop):
    ids, stages = [], []
    for number, period in enumerate((MAY, JUNE, Period("2025-08"), Period("2025-09"))):
        back = 0 if number == 0 else 2
        put(shop, World().change(FELLING, 100, confirmed=130, looks=5, returned=back), period)
        table = listed(built(shop, period, finished_months=2))
        ids.append(table["id"].tolist())
        stages.append(table["status"].tolist())
    assert ids == [["2025-05-0001"], ["2025-05-0001"], [], []]
    assert stages == [[6], [8], [], []]


def test_what_is_left_of_an_alert_stays_listed(shop):
    put(shop, World().change(FELLING, 100, looks=2), APRIL)
    built(shop, APRIL)
    put(shop, World().change((5, 7, 5, 7), 100, looks=5).change((30, 32, 5, 7), 130, looks=2), MAY)
    outcome = built(shop, MAY)
    table = listed(outcome)
    assert table["id"].tolist() == ["2025-04-0001"]
    assert table["area_ha"].iloc[0] == pytest.approx(0.16, rel=1e-3)
    assert outcome.published.item["properties"]["habitat:too_small"]["patches"] == 1
    small = listed(built(shop, MAY, min_area_ha=0.1))
    assert small["id"].tolist() == ["2025-04-0001", "2025-05-0001"]
    assert len(listed(built(shop, MAY, from_stage="confirmed"))) == 0


def test_a_forest_cover_behind_the_changes_closes_a_gap(shop):
    cover = (Input("forest-cover_forest_202410"),)
    put(shop, World().change(FELLING, 130), MAY, inputs=cover)
    assert "forest" not in {gap[0] for gap in built(shop, MAY).gaps}


def test_little_loss_is_no_alert_but_counted(shop):
    world = World().change(FELLING, 130, confirmed=150, lost=0.0999).change(SECOND, 130, confirmed=150, lost=0.1)
    put(shop, world, MAY)
    outcome = built(shop, MAY)
    assert listed(outcome)["loss_percent"].tolist() == [10.0]
    properties = outcome.published.item["properties"]
    assert properties["habitat:too_faint"]["patches"] == 1
    assert properties["habitat:too_small"]["patches"] == 0
    assert "1 patch with less than 10 % lost (4.00 ha) in the rasters only" in outcome.summary
    assert (codes(outcome, "status")[10, 10], codes(outcome, "number")[10, 10]) == (3, 0)
    # An alert that is told is followed, however little it turns out to be; and the limit is the user's.
    put(shop, World().change(FELLING, 130, confirmed=150, looks=9, lost=0.05), JUNE)
    assert len(listed(built(shop, JUNE))) == 0
    assert len(listed(built(shop, MAY, least_loss=0.0))) == 2
    assert listed(built(shop, JUNE))["id"].tolist() == ["2025-05-0001"]


def test_a_quarter_does_not_go_on_from_a_month(shop):
    put(shop, World().change(FELLING, 20, looks=2), Period("2025-03"))
    built(shop, Period("2025-03"))
    put(shop, World().change(FELLING, 20, looks=2), Period("2025-Q2"))
    assert listed(built(shop, Period("2025-Q2")))["id"].tolist() == ["2025-06-0001"]


def test_a_new_year_of_monitoring(shop):
    december, january, february, march = (Period(text) for text in ("2025-12", "2026-01", "2026-02", "2026-03"))
    put(shop, World().change(FELLING, 100, confirmed=130).change(SECOND, 340, looks=2), december)
    built(shop, december)
    put(shop, World().change((5, 10, 5, 15), 20, looks=2), january, year=2026)
    table = listed(built(shop, january, finished_months=2)).set_index("id")
    assert table["status"].to_dict() == {"2025-12-0001": 8, "2026-01-0001": 5}
    assert table.loc["2026-01-0001", "formerly"] == "2025-12-0001"
    assert "2025" in table.loc["2025-12-0001", "note"]
    assert table.loc["2025-12-0001", "area_ha"] == pytest.approx(4.0, rel=1e-3)
    put(shop, World().change((5, 10, 5, 15), 20, looks=3), february, year=2026)
    assert listed(built(shop, february, finished_months=2))["id"].tolist() == ["2025-12-0001", "2026-01-0001"]
    put(shop, World().change((5, 10, 5, 15), 20, looks=4), march, year=2026)
    assert listed(built(shop, march, finished_months=2))["id"].tolist() == ["2026-01-0001"]


def test_agents_from_char_scars_soil_and_roads(shop, tmp_path):
    world = World().change(FELLING, 130, confirmed=150, after=SOIL).change(SECOND, 130, confirmed=150, after=CHAR)
    put(shop, world, MAY)
    burnt, days = np.zeros((1, *GRID.shape), np.uint8), np.full((2, *GRID.shape), NOTHING, np.int16)
    burnt[0, 30:40, 40:48], days[1, 30:40, 40:48] = 1, 115
    publish(shop, "fire-scars", MAY, [(SCAR, burnt), (SCAR_DATES, days)])
    roads = tmp_path / "roads.geojson"
    line = shapely.LineString([(600000, 4800950), (600400, 4800950)])
    gpd.GeoDataFrame({"kind": ["track"]}, geometry=[line], crs=GRID.crs).to_crs("EPSG:4326").to_file(roads)
    outcome = built(shop, MAY, roads=str(roads))
    table = listed(outcome).set_index("id")
    assert table["agent"].to_dict() == {"2025-05-0001": "logging", "2025-05-0002": "fire"}
    assert table.loc["2025-05-0002", "why"].startswith("scar_share 0.8 (+3.0), char_share 1 (+2.0)")
    assert "road_m" in table.loc["2025-05-0001", "why"]
    assert codes(outcome, "agent")[10, 10] == 2
    assert codes(outcome, "agent")[35, 45] == 1
    assert codes(outcome, "confidence")[35, 45] == table.loc["2025-05-0002", "confidence"] > 80
    assert {"fire scars", "roads"}.isdisjoint({gap[0] for gap in outcome.gaps})


def test_hotspots_are_evidence(shop, tmp_path):
    put(shop, World().change(FELLING, 130, confirmed=150, after=SOIL), MAY)
    east, north = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform(600200, 4800800)
    path = tmp_path / "viirs.csv"
    header = "latitude,longitude,bright_ti4,scan,track,acq_date,acq_time,satellite,instrument,confidence,version,bright_ti5,frp,daynight"
    path.write_text(f"{header}\n{north},{east},340,0.4,0.4,2025-05-01,0410,N,VIIRS,n,2.0NRT,290,5.0,D\n")
    near = listed(built(shop, MAY, hotspots=(str(path),))).iloc[0]
    path.write_text(f"{header}\n{north},{east},340,0.4,0.4,2024-05-01,0410,N,VIIRS,n,2.0NRT,290,5.0,D\n")
    far = listed(built(shop, MAY, hotspots=(str(path),))).iloc[0]
    assert "hotspots" not in far["why"]
    assert near["agent"] != far["agent"] or near["confidence"] < far["confidence"]


def test_expected_false_alarms(shop):
    alarms = {
        "months": {"2025-04": {"share": 2e-5, "per_1000km2": 50.0}, "2025-05": {"share": 8e-6, "per_1000km2": 20.0}}
    }
    put(shop, World().change(FELLING, 130, confirmed=150), MAY, alarms=alarms | {"how": "years drawn anew"})
    outcome = built(shop, MAY)
    told = outcome.published.item["properties"]["habitat:expected_false"]
    # 3,000 pixels of 400 m² are 1.2 km²; 0.3 ha are 8 pixels, so 20 false pixels are 2.5 patches at most.
    assert told["pixels_per_1000km2_and_month"] == 20.0
    assert told["patches_per_1000km2_and_month_at_most"] == 2.5
    assert told["monitored_km2"] == pytest.approx(1.2, rel=1e-3)
    assert told["pixels_since_monitoring_began"] == pytest.approx(0.084, abs=1e-3)
    assert told["how"] == "years drawn anew"
    row = listed(outcome).iloc[0]
    assert row["false_per_1000km2"] == 2.5
    assert row["false_share_at_most"] == pytest.approx(0.084 / 8, abs=1e-3)
    assert outcome.summary.endswith("at most about 2.5 false ones per 1,000 km² and month expected")


def test_an_alarm_document_without_months_is_a_gap(shop):
    put(shop, World(), MAY, alarms={"months": {}, "per_1000km2_and_month": None, "why": "no date is monitored yet"})
    outcome = built(shop, MAY)
    assert ("expected false alarms", "forest-change does not say (no date is monitored yet)") in outcome.gaps


def test_an_empty_month_has_all_columns(shop):
    put(shop, World(), APRIL)
    empty = built(shop, APRIL)
    put(shop, World().change(FELLING, 130), MAY)
    full = listed(built(shop, MAY))
    nothing = listed(empty)
    assert len(nothing) == 0
    assert list(nothing.columns) == list(full.columns)
    document = json.loads(empty.published.path("alerts-geojson").read_text())
    assert (document["type"], document["features"]) == ("FeatureCollection", [])
    assert empty.summary.startswith("2025-04: 0 new alerts, 0 earlier ones")
    assert full["id"].tolist() == ["2025-05-0001"]


def test_geojson_is_in_degrees_with_six_digits(shop):
    put(shop, World().change(FELLING, 130), MAY)
    document = json.loads(built(shop, MAY).published.path("alerts-geojson").read_text())
    ring = document["features"][0]["geometry"]["coordinates"][0]
    assert "crs" not in document
    assert all(abs(value * 1e6 - round(value * 1e6)) < 1e-4 for place in ring for value in place)
    assert 129 < ring[0][0] < 131


def test_radar_tells_loss_in_power_and_no_char(shop):
    world = World().change(FELLING, 130, confirmed=150)
    world.magnitude[0, 5:15, 5:15], world.magnitude[1, 5:15, 5:15] = -300, -1350
    spec = raster("magnitude", "magnitude", "usual", scale=0.01, unit="dB")
    layers = [(REASON, world.reason[None]), (DATES, world.dates), (spec, world.magnitude), (COURSE, world.course)]
    publish(shop, "forest-change", MAY, layers)
    outcome = built(shop, MAY, bare=-19.0)
    # P: 10^-1.35 = .04467, 10^-1.65 = .02239, 10^-1.9 = .01259: 69.5 percent.
    assert listed(outcome).iloc[0]["loss_percent"] == pytest.approx(69.5, abs=0.1)
    assert "reflectance" in {gap[0] for gap in outcome.gaps}


def test_an_index_without_a_bare_level_is_a_gap(shop):
    world = World().change(FELLING, 130, confirmed=150)
    put(shop, world, MAY, index="ndsi")
    outcome = built(shop, MAY)
    assert "loss" in {gap[0] for gap in outcome.gaps}
    row = listed(outcome).iloc[0]
    assert row["status"] == 3
    assert np.isnan(row["loss_percent"])
    assert listed(built(shop, MAY, bare=0.0)).iloc[0]["status"] == 6


def test_refusals(shop):
    with pytest.raises(NotInStore, match=r"forest-change of forest, 2025-05"):
        built(shop, MAY)
    other = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 601200.0, 4801020.0))
    larger = World(
        *(
            np.zeros((*shape[:-2], *other.shape), kind)
            for shape, kind in [
                (GRID.shape, np.uint8),
                ((2, *GRID.shape), np.int16),
                ((2, *GRID.shape), np.int16),
                ((2, *GRID.shape), np.uint8),
                ((8, *GRID.shape), np.int16),
            ]
        )
    )
    put(shop, larger, JUNE, grid=other)
    with pytest.raises(NotPossible, match="another grid"):
        built(shop, JUNE)
    put(shop, World(), MAY)
    with pytest.raises(InputError, match="roads: there is no"):
        built(shop, MAY, roads="nowhere.geojson")


def test_a_broken_memory_is_told(shop):
    put(shop, World().change(FELLING, 100), APRIL)
    april = built(shop, APRIL)
    put(shop, World().change(FELLING, 100), MAY)
    april.published.path("memory").write_text('{"format": 9, "alerts": []}')
    with pytest.raises(InputError, match="format 9, wants 1"):
        built(shop, MAY)


def test_another_april_makes_another_may(shop):
    put(shop, World().change(FELLING, 100), MAY)
    may = built(shop, MAY)
    assert listed(may)["id"].tolist() == ["2025-05-0001"]
    now = ALERTS.inputs(ALERTS.params(), shop, MAY)
    assert [entry.identity for entry in now] == [entry.identity for entry in may.published.record.inputs]
    put(shop, World().change(FELLING, 100), APRIL)
    built(shop, APRIL)
    after = ALERTS.inputs(ALERTS.params(), shop, MAY)
    assert len(after) == len(now) + 1
    assert listed(built(shop, MAY))["id"].tolist() == ["2025-04-0001"]
