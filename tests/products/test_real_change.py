"""A real loss through the run that the how-to tells of: departures, confirmation, one alert, and breaks looking back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from habitat.contracts import Period
from habitat.contracts.grid import Tile
from habitat.jobs.config import load
from habitat.products import PRODUCTS, Workshop
from habitat.sources.areas.reading import read_area
from habitat.store import Store

HERE = Path(__file__).parent.parent / "change"
LOST = np.zeros((5, 5), bool)
LOST[3:], LOST[2, 3:] = True, True
MIXED = (2, 2)


@pytest.fixture(scope="module")
def shop(tmp_path_factory, request):
    shared = request.getfixturevalue("shared")
    if not (shared / "imagery" / "landsat-stack-p035r032-colorado").exists():
        pytest.skip("the series is not here")
    return Workshop(read_area(HERE / "colorado.yaml"), Store(tmp_path_factory.mktemp("store")), workers=2)


@pytest.fixture(scope="module")
def build(shop, request):
    settings = load(HERE / "real-change.yaml").products
    series = request.getfixturevalue("shared") / "imagery" / "landsat-stack-p035r032-colorado" / "catalog.json"

    def run(name, period):
        params = settings[name]
        if "catalogue" in type(params).model_fields:
            params = params.model_copy(update={"catalogue": str(series)})
        return PRODUCTS[name].build(params, shop, Period(period))

    return run


def read(published, asset, *bands):
    with published.open_window(asset) as reader:
        return reader.read(Tile(0, 0, 5, 5), bands)


def days_of(codes, year):
    first = np.datetime64(f"{year}-01-01", "D")
    return np.where(codes == -32768, np.datetime64("NaT", "D"), first + (codes - 1).astype("timedelta64[D]"))


def test_the_twelve_pixels_depart_by_july_and_no_other(build):
    found = build("forest-change", "1999-07").published
    first, confirmed = (days_of(codes, 1998) for codes in read(found, "dates", "first_departure", "confirmed"))
    departed = ~np.isnat(first)
    departed[MIXED] = False
    np.testing.assert_array_equal(departed, LOST)
    assert set(np.unique(first[LOST]).astype(str)) <= {"1999-06-30", "1999-07-16"}
    # Two looks in a row are no three.
    assert np.isnat(confirmed).all()


def test_in_october_one_alert_of_the_twelve_stands(build):
    found = build("forest-change", "1999-10").published
    (reason,) = read(found, "reason", "reason")
    assert ((reason == 6) & LOST).sum() >= 10
    assert ((reason == 6) & ~LOST).sum() <= 1
    outcome = build("alerts", "1999-10")
    (status,) = read(outcome.published, "status", "status")
    assert np.isin(status[LOST], (2, 3, 5, 6)).all()
    # The twelve and the mixed pixel beside them.
    assert outcome.summary.startswith("1999-10: 1 new alert (1.17 ha, pixel count, unvalidated)")


def test_breaks_are_found_looking_back(build):
    found = build("change-history", "2002").published
    year, day = read(found, "breaks", "year", "day")
    assert (year[LOST] == 1999).all()
    assert (day[LOST] >= 181).all()
    assert (day[LOST] <= 197).all()
    standing = ~LOST
    standing[2] = False
    assert (year[standing] != 1999).all()
