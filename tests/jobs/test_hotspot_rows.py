"""Rows of the hotspots, from a made-up list whose measures are worked out by hand."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from habitat.contracts.errors import InputError
from habitat.jobs.rows import hotspots as room
from habitat.jobs.rows.hotspots import hotspot_rows

HEADER = "latitude,longitude,bright_ti4,scan,track,acq_date,acq_time,satellite,instrument,confidence,version,bright_ti5,frp,daynight,type"
KILN = np.arange("2023-01-05", "2025-01-01", 20, dtype="datetime64[D]")
FIRES = {1: ("2024-04-20T03:00:00Z", 40.0), 2: ("2024-04-20T04:00:00Z", 6.0), 3: ("2024-05-01T00:00:00Z", 9.0)}
OLD = {4: ("2011-04-20T03:00:00Z", 90.0)}


def line(y, x, day, clock, kind=0):
    return f"{y},{x},330,0.4,0.4,{day},{clock},N,VIIRS,n,2,295,5,D,{kind}"


@pytest.fixture
def twin(tmp_path):
    """Two fires that burn near each other for two days, one nobody saw, and a kiln half of which the archive names."""
    rows = [(line(43.5, 131.5, day, "1700", 2 * (place % 2)), "static", 0) for place, day in enumerate(KILN)]
    for number, x in ((1, 131.0), (2, 131.03)):
        rows += [(line(43.0, x, f"2024-04-{day}", "0500"), "fire", number) for day in (20, 21)]
    rows.sort(key=lambda row: row[0].split(",")[5:7])
    (tmp_path / "hotspots").mkdir()
    (tmp_path / "truth" / "fires").mkdir(parents=True)
    (tmp_path / "hotspots" / "viirs.csv").write_text("\n".join([HEADER, *(row for row, _, _ in rows)]) + "\n")
    truth = ["source,fire", *(f"{source},{fire}" for _, source, fire in rows)]
    (tmp_path / "truth" / "fires" / "hotspots.csv").write_text("\n".join(truth) + "\n")
    features = [
        {
            "type": "Feature",
            "properties": {"id": number, "start": start, "area_ha": area},
            "geometry": {"type": "Point", "coordinates": [131.0, 43.0]},
        }
        for number, (start, area) in (FIRES | OLD).items()
    ]
    collection = {"type": "FeatureCollection", "features": features}
    (tmp_path / "truth" / "fires" / "fires.geojson").write_text(json.dumps(collection))
    return SimpleNamespace(folder=tmp_path, area=SimpleNamespace(grid=SimpleNamespace(crs="EPSG:32652")))


def found(evidence):
    return {row.measure: row for row in hotspot_rows(evidence)}


def test_static_sources(twin):
    rows = found(twin)
    assert (rows["fires kept"].value, rows["fires kept"].n) == (100.0, 4)
    removed = rows["static removed"]
    assert (removed.value, removed.n) == (100.0, len(KILN))
    assert removed.baseline == pytest.approx(100 * (len(KILN) // 2) / len(KILN))
    assert (rows["static among removed"].value, rows["static among removed"].n) == (100.0, len(KILN))
    assert all(row.reached for row in rows.values() if row.goal is not None)


def test_events_against_fires(twin):
    # 2.4 km apart less 0.4 km of pixel: two events of ours; the naive method cuts each fire in two days.
    rows = found(twin)
    assert (rows["F1 of pairs"].value, rows["F1 of pairs"].n) == (1.0, 4)
    assert rows["F1 of pairs"].note.endswith("2 fires in 2 events")
    assert rows["F1 of pairs"].baseline == 0.0
    assert (rows["homogeneity"].value, rows["completeness"].value) == (1.0, 1.0)
    assert rows["homogeneity"].baseline == pytest.approx(1.0)
    # Two fires, four events of one detection: H(event | fire) is half of H(event).
    assert rows["completeness"].baseline == pytest.approx(0.5)


def test_fires_with_an_event(twin):
    large = found(twin)["fires of 5 ha and more with an event"]
    # Of three that burnt while satellites looked, one was not seen.
    assert (large.n, large.value, large.floor) == (3, pytest.approx(200 / 3), pytest.approx(200 / 3))
    delay = found(twin)["median delay of the first detection"]
    # 05:00 less 03:00 and 04:00.
    assert (delay.value, delay.n, delay.unit) == (1.5, 2, "h")


def test_merged_fires_by_hand(twin):
    path = twin.folder / "hotspots" / "viirs.csv"
    path.write_text(path.read_text().replace("131.03,", "131.015,"))
    rows = found(twin)
    # One event of 4 detections has 6 pairs, the fires 1 each: 2 * 2 / (2 + 6).
    assert rows["F1 of pairs"].value == pytest.approx(0.5)
    assert (rows["homogeneity"].value, rows["completeness"].value) == (0.0, 1.0)


def test_agreement_of_nothing():
    assert all(math.isnan(value) for value in room._agreement(np.empty(0, int), np.empty(0, int)))
    assert room._agreement(np.array([1, 1]), np.array([3, 3])) == (1.0, 1.0, 1.0)


def test_a_twin_without_truth(twin):
    truth = twin.folder / "truth" / "fires" / "hotspots.csv"
    truth.write_text("source,fire\nfire,1\n")
    with pytest.raises(InputError, match="knows the truth of 1; make it anew"):
        hotspot_rows(twin)
    truth.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        hotspot_rows(twin)
