"""Segments of pixel series whose breaks others have published or found with COLD."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from habitat.change.segments import segments

NAMES = (
    "forest_fire_hls",
    "landsat_one_break",
    "landsat_several_breaks",
    "landsat_persistent_snow",
    "bark_beetle_landsat",
)
BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
_PACKED = {1: 0, 2: 1, 4: 3, 3: 2, 5: 4, 0: 255}
"""Bits of packed quality to classes, the later overrule the earlier."""


@pytest.fixture(scope="module")
def published(shared):
    folder = shared / "reference" / "change_detection" / "ccdc_cold"
    return folder, json.loads((folder / "expected.json").read_text())


def series(folder, name):
    """Return days, codes (band, time, 1) and classes (time, 1) of a series."""
    with (folder / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    days = np.array([int(row["date_ordinal"]) for row in rows])
    codes = np.array([[int(row[band]) for row in rows] for band in BANDS], np.int16)
    if "qa" in rows[0]:
        return days, codes[..., None], np.array([int(row["qa"]) for row in rows], np.uint8)[:, None]
    packed = np.array([int(row["pixel_qa"]) for row in rows])
    classes = np.full(len(rows), 255, np.uint8)
    for bit, told in _PACKED.items():
        classes[(packed < 0) | ((packed >> bit) & 1 == 1)] = told
    return days, codes[..., None], classes[:, None]


@pytest.mark.parametrize("name", NAMES)
def test_breaks_are_where_they_are_published(published, name):
    folder, told = published
    days, codes, classes = series(folder, name)
    found = segments(codes, days, qa=classes, workers=1)
    wanted = [one["t_break"] for one in told[name]["cold_segments"] if one["t_break"]]
    clear = days[(classes[:, 0] < 2) & ((codes[..., 0] > 0) & (codes[..., 0] < 10_000)).all(axis=0)]
    breaks = found.break_day[found.break_day > 0]
    assert len(breaks) == len(wanted)
    assert (np.abs(np.searchsorted(clear, breaks) - np.searchsorted(clear, wanted)) <= 2).all()


def test_segments_of_the_forest_fire_are_those_of_cold(published):
    folder, told = published
    days, codes, classes = series(folder, "forest_fire_hls")
    found = segments(codes, days, qa=classes, workers=1)
    first = told["forest_fire_hls"]["cold_segments"][0]
    assert found.start.tolist() == [735600, 738968]
    assert found.end.tolist() == [738960, 739252]
    assert found.code.tolist() == [8, 24]
    assert found.n[0] == first["num_obs"]
    assert found.rmse[0] == pytest.approx(first["rmse"][:6], rel=0.01)
    assert found.magnitude[0] == pytest.approx(first["magnitude"][:6], rel=0.02)


def test_a_break_at_the_end_is_only_probable(published):
    folder, _ = published
    days, codes, classes = series(folder, "landsat_one_break")
    found = segments(codes, days, qa=classes, workers=1)
    assert found.probability.tolist() == [100, 16]


def test_permanent_snow_has_one_model_and_no_break(published):
    folder, _ = published
    days, codes, classes = series(folder, "ard_permanent_snow")
    found = segments(codes, days, qa=classes, workers=1)
    assert found.code.tolist() == [54]
    assert found.break_day.tolist() == [0]


def test_disturbed_forest_of_colorado(shared):
    xr = pytest.importorskip("xarray")
    cube = xr.open_dataset(shared / "imagery" / "landsat-stack-p035r032-colorado" / "cube.nc")["sr"].transpose(
        "band", "time", "y", "x"
    )
    values = cube.values
    classes = np.where(values[7] < 0, 255, values[7]).astype(np.uint8)
    found = segments(values[:6], cube["time"].values, qa=classes, workers=2)
    assert found.reason.reshape(5, 5)[0, 0] == 1
    # Rows 3 and 4 lost their forest between the last clear look of 1998 and mid-July 1999.
    lost = [found.break_day[found.pixel == pixel] for pixel in range(15, 25)]
    assert all(((days >= 729600) & (days <= 729960)).any() for days in lost)
    # Upper rows lost none: no break that takes the green away.
    kept = np.isin(found.pixel, range(1, 10)) & (found.break_day > 0) & (found.probability == 100)
    assert (found.magnitude[kept, 3] > -1000).all()
