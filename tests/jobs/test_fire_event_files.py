"""The fire event command's work: three forms through files, areas, counts that add up, and refusals."""

from __future__ import annotations

import json
from datetime import date

import geopandas as gpd
import numpy as np
import pytest
import shapely

from habitat.contracts.errors import ConfigError, InputError, PublishError
from habitat.jobs.fire_events import EventSettings, write_fire_events

HEADER = "latitude,longitude,bright_ti4,scan,track,acq_date,acq_time,satellite,instrument,confidence,version,bright_ti5,frp,daynight,type"
AREA = """
name: wood
title: A wood
boundary: made up
grid: {crs: "EPSG:32652", resolution_m: 20.0, bounds: [660000.0, 4760000.0, 680000.0, 4780000.0]}
"""


def row(y=43.1, x=131.1, day="2025-04-24", clock="0512", **told):
    cells = {"scan": 0.4, "confidence": "n", "version": "2", "frp": 12.5, "daynight": "D", "type": 0} | told
    return (
        f"{y},{x},330,{cells['scan']},0.4,{day},{clock},N,VIIRS,{cells['confidence']},{cells['version']},295,"
        f"{cells['frp']},{cells['daynight']},{cells['type']}"
    )


@pytest.fixture
def listed(tmp_path):
    def written(*rows, name="list.csv"):
        path = tmp_path / name
        path.write_text("\n".join([HEADER, *rows]) + "\n")
        return path

    return written


@pytest.fixture
def fires(listed):
    """Three detections of a fire, one of another the next year, a roof in the sun and a flare."""
    return listed(
        row(),
        row(x=131.105, clock="0513", frp=150),
        row(clock="1705", daynight="N", frp=2),
        row(y=43.2, day="2026-10-08"),
        row(y=43.05, confidence="l"),
        row(y=43.0, type=2),
    )


def test_counts_add_up_and_are_told(fires, tmp_path):
    report = write_fire_events([fires], tmp_path / "events.geojson")
    assert report.events == 2
    assert report.rows == {"low confidence": 1, "static source": 1, "in events": 4}
    assert report.crs == "EPSG:32652"
    assert report.text().splitlines() == [
        f"{tmp_path / 'events.geojson'}: 2 fire events",
        "rows of the lists: 1 static source, 1 low confidence, 4 in events",
        *report.notes,
    ]
    assert report.to_dict()["rows"] == report.rows


def test_geojson_for_maps(fires, tmp_path):
    output = tmp_path / "events.geojson"
    write_fire_events([fires], output)
    told = json.loads(output.read_text())
    assert set(told) == {"type", "features"}, "RFC 7946 knows no coordinate system but WGS 84"
    first = told["features"][0]
    assert first["properties"] == {
        "id": 1,
        "first_utc": "2025-04-24T05:12:00Z",
        "last_utc": "2025-04-24T17:05:00Z",
        "first_day": "2025-04-24",
        "last_day": "2025-04-25",
        "days": 2,
        "n": 3,
        "sensors": "viirs",
        "frp_sum_mw": 164.5,
        "frp_max_mw": 150.0,
        "footprint_ha": first["properties"]["footprint_ha"],
        "ignition_lon": 131.1025,
        "ignition_lat": 43.1,
    }
    shape = shapely.from_geojson(json.dumps(first["geometry"]))
    assert shape.geom_type == "MultiPolygon"
    assert all(part.exterior.is_ccw for part in shape.geoms)
    # Day and night pass lean to two sides: more than two footprints of 16 ha, less than three.
    assert 32 < first["properties"]["footprint_ha"] < 48
    there = gpd.GeoSeries([shape], crs=4326).to_crs("EPSG:32652").area.iloc[0] / 1e4
    assert there == pytest.approx(first["properties"]["footprint_ha"], rel=1e-3)
    assert len(output.read_text().splitlines()) == 2 + len(told["features"])


def test_geopackage_for_maps(fires, tmp_path):
    output = tmp_path / "events.gpkg"
    write_fire_events([fires], output, EventSettings(crs="EPSG:32653"))
    layer = gpd.read_file(output)
    assert layer.crs == "EPSG:32653"
    assert str(layer["first_utc"].dtype).startswith("datetime64")
    assert layer["first_utc"].iloc[0].isoformat() == "2025-04-24T05:12:00+00:00"
    assert layer.area.to_numpy() / 1e4 == pytest.approx(layer["footprint_ha"], abs=0.01)
    before = output.read_bytes()
    write_fire_events([fires], output, EventSettings(crs="EPSG:32653"))
    assert output.read_bytes() == before


def test_bodies_for_earthranger(fires, tmp_path):
    output = tmp_path / "events.geojson"
    settings = EventSettings(form="earthranger", zone="Asia/Vladivostok", event_type="hotspot_fire")
    write_fire_events([fires], output, settings)
    bodies = [feature["properties"] for feature in json.loads(output.read_text())["features"]]
    assert bodies[0]["title"] == "Fire 2025-04-24, 3 detections"
    assert bodies[1]["title"] == "Fire 2026-10-08, 1 detection"
    assert bodies[0]["event_type"] == "hotspot_fire"
    assert bodies[0]["time"] == "2025-04-24T15:12:00+10:00"
    assert bodies[0]["location"] == {"latitude": 43.1, "longitude": 131.1025}
    assert [body["priority"] for body in bodies] == [300, 200]
    assert bodies[0]["event_details"]["fire_n"] == 3
    assert bodies[0]["event_details"]["fire_first_utc"] == "2025-04-24T05:12:00Z"
    assert not {"fire_ignition_lon", "fire_geometry"} & set(bodies[0]["event_details"])


@pytest.mark.parametrize("kind", [".geojson", ".gpkg"])
def test_points_for_smart(fires, tmp_path, kind):
    output = tmp_path / f"events{kind}"
    write_fire_events([fires], output, EventSettings(form="smart", zone="Asia/Shanghai"))
    layer = gpd.read_file(output)
    assert layer.crs == "EPSG:4326"
    assert set(layer.geom_type) == {"Point"}
    assert max(len(name) for name in layer.columns if name != "geometry") <= 10
    assert str(layer["time"].iloc[0]) == "13:12:00"
    assert str(layer["date"].iloc[0])[:10] == "2025-04-24"
    assert (layer["x"].iloc[0], layer["y"].iloc[0]) == (131.1025, 43.1)
    assert layer["comment"].iloc[0].startswith("Fire seen by satellite: 3 detections, footprint ")
    assert "not burnt area" in layer["comment"].iloc[0]


def test_an_area_cuts_by_events_and_not_by_hotspots(listed, tmp_path):
    # The area ends at 43.16 N; the fire crosses the border, another one lies beyond it.
    fires = listed(row(y=43.15), row(y=43.162, clock="0513"), row(y=43.2), row(y=43.5), row(x=100.0))
    (tmp_path / "wood.yaml").write_text(AREA)
    report = write_fire_events([fires], tmp_path / "a.geojson", EventSettings(area=str(tmp_path / "wood.yaml")))
    assert report.crs == "EPSG:32652"
    assert report.rows == {"outside": 2, "beyond the area or before the first day": 1, "in events": 2}
    (event,) = json.loads((tmp_path / "a.geojson").read_text())["features"]
    assert event["properties"]["n"] == 2
    outline = tmp_path / "outline.geojson"
    gpd.GeoSeries([shapely.box(131.0, 43.0, 131.2, 43.16)], crs=4326).to_file(outline)
    report = write_fire_events([fires], tmp_path / "b.geojson", EventSettings(area=str(outline)))
    assert (report.events, report.rows["in events"]) == (1, 2)


def test_named_areas(listed, tmp_path):
    (tmp_path / "areas").mkdir()
    (tmp_path / "areas" / "wood.yaml").write_text(AREA)
    settings = EventSettings(area="wood")
    report = write_fire_events([listed(row())], tmp_path / "a.geojson", settings, configs=tmp_path / "areas")
    assert report.events == 1


def test_older_lists_tell_of_kilns(listed, tmp_path):
    days = np.arange("2024-01-05", "2025-04-20", 15, dtype="datetime64[D]")
    old = listed(*(row(y=43.3, day=day, clock="1700", daynight="N") for day in days), name="old.csv")
    new = listed(row(), row(y=43.3, day="2025-04-25", clock="1700", version="2.0NRT", type=""))
    settings = EventSettings(since=date(2025, 4, 24))
    report = write_fire_events([old, new], tmp_path / "events.geojson", settings)
    assert report.rows == {"recurring source": len(days) + 1, "in events": 1}
    assert report.notes == ()
    alone = write_fire_events([new], tmp_path / "events.geojson", settings)
    assert alone.events == 2
    assert "static sources are only known where the archive names them" in alone.notes[0]
    kept = write_fire_events([old, new], tmp_path / "events.geojson", EventSettings(keep_static=True))
    assert kept.rows == {"in events": len(days) + 2}


def test_settings_reach_the_chains_and_the_reader(listed, tmp_path):
    fires = listed(row(), row(x=131.12, day="2025-04-26"), row(y=99), row(confidence="l", clock="0600"))
    output = tmp_path / "events.geojson"
    with pytest.raises(InputError, match="line 4"):
        write_fire_events([fires], output)
    assert not output.exists()
    report = write_fire_events([fires], output, EventSettings(skip_broken=True, low_confidence="drop"))
    assert report.rows == {"broken": 1, "low confidence": 1, "in events": 2}
    assert report.events == 2
    assert write_fire_events([fires], output, EventSettings(skip_broken=True, distance_m=1500)).events == 1
    assert write_fire_events([fires], output, EventSettings(skip_broken=True, distance_m=1500, days=1)).events == 2


@pytest.mark.parametrize("form", ["gis", "earthranger", "smart"])
def test_no_events(listed, tmp_path, form):
    report = write_fire_events([listed()], tmp_path / "events.geojson", EventSettings(form=form))
    assert (report.events, report.rows) == (0, {"in events": 0})
    assert json.loads((tmp_path / "events.geojson").read_text())["features"] == []
    if form != "earthranger":
        write_fire_events([listed()], tmp_path / "events.gpkg", EventSettings(form=form))
        assert len(gpd.read_file(tmp_path / "events.gpkg")) == 0


def test_the_zone_is_that_of_the_middle(listed, tmp_path):
    south = write_fire_events([listed(row(y=-10.0, x=-60.5))], tmp_path / "events.geojson")
    assert south.crs == "EPSG:32720"
    with pytest.raises(ConfigError, match="name an area, or a projected system"):
        write_fire_events([listed(row(), row(x=100.0))], tmp_path / "events.geojson")


@pytest.mark.parametrize(
    ("output", "settings", "words"),
    [
        ("events.shp", {}, "wants .geojson or .gpkg"),
        ("events.gpkg", {"form": "earthranger"}, "write a .geojson"),
        ("events.gpkg", {"form": "excel"}, "cannot be written for 'excel'"),
        ("events.gpkg", {"low_confidence": "some"}, "low confidence is 'some'"),
        ("events.gpkg", {"zone": "Asia/Nowhere"}, "no time zone"),
        ("events.gpkg", {"area": "nowhere"}, "there is no area 'nowhere'"),
        ("events.gpkg", {"area": "nowhere.geojson"}, "there is no file nowhere.geojson"),
        ("events.gpkg", {"crs": "EPSG:4326"}, "in metres"),
        ("events.gpkg", {"distance_m": -1.0}, "want numbers from 0 on"),
    ],
)
def test_refusals(fires, tmp_path, output, settings, words):
    with pytest.raises(ConfigError) as refused:
        write_fire_events([fires], tmp_path / output, EventSettings(**settings))
    assert words in str(refused.value)
    assert not (tmp_path / output).exists()


def test_the_lists_are_not_overwritten(listed, tmp_path):
    path = listed(row(), name="list.geojson")
    with pytest.raises(ConfigError, match="is one of the lists to read"):
        write_fire_events([path], tmp_path / "." / "list.geojson")
    assert path.read_text().startswith("latitude")


def test_an_older_file_stands_until_the_new_one_is_whole(fires, tmp_path):
    output = tmp_path / "events.geojson"
    output.write_text("old")
    output.with_name("events.geojson.part").mkdir()
    with pytest.raises((PublishError, OSError)):
        write_fire_events([fires], output)
    assert output.read_text() == "old"
    output.with_name("events.geojson.part").rmdir()
    write_fire_events([fires], output)
    assert output.read_text().startswith("{")
