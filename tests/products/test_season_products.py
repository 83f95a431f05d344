"""Snow and phenology on a tiny twin: against its truth, unseen ground, what is refused, and the account of scenes."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from habitat.contracts import Period
from habitat.contracts.errors import AllMasked, ConfigError, NoScenes
from habitat.contracts.grid import Tile
from habitat.products.phenology import PHENOLOGY
from habitat.products.snow import SNOW_PRODUCT

WHOLE = Tile(0, 0, 44, 44)
NODATA = -32768


@pytest.fixture
def make(shop, twin_of):
    def run(product, period="2025-05", **params):
        settings = {"catalogue": str(twin_of().catalog), "grow_m": 0.0} | params
        return product.build(product.params(**settings), shop, Period(period))

    return run


def read(published, asset, *bands):
    with published.open_window(asset) as reader:
        return reader.read(WHOLE, bands)


def test_snow_of_winter_and_of_may(make):
    winter = make(SNOW_PRODUCT, "2025-01")
    (state,) = read(winter.published, "state", "state")
    seen = state != 255
    assert seen.any()
    assert np.isin(state[seen], (1, 2)).mean() > 0.9
    may = make(SNOW_PRODUCT)
    (state,) = read(may.published, "state", "state")
    assert (state[state != 255] == 0).mean() > 0.9
    looks, snowy = read(may.published, "looks", "seen", "snow")
    assert looks.max() <= 14
    assert (snowy <= looks).all()
    (last,) = read(may.published, "season", "last_seen")
    told = last[last != NODATA]
    assert 121 <= told.min() <= told.max() <= 151
    assert "pixel count, unvalidated" in may.summary


def test_snow_off_lies_between_the_looks_of_winter_and_of_may(make):
    off, error = read(make(SNOW_PRODUCT).published, "season", "snow_off", "snow_off_uncertainty")
    known = off != NODATA
    assert known.mean() > 0.3
    assert (off[known] - error[known] >= 1).all()
    assert (off[known] + error[known] <= 152).all()
    assert (error[~known] == NODATA).all()


def test_a_month_without_a_clear_pixel_is_refused(make):
    with pytest.raises(AllMasked, match=r"no pixel of .* was seen clear in 2025-03-01 to 2025-03-31"):
        make(SNOW_PRODUCT, "2025-03")
    with pytest.raises(NoScenes):
        make(SNOW_PRODUCT, "2019-03")


def test_leaves_of_may_against_the_truth(make, twin_of):
    outcome = make(PHENOLOGY)
    up, error = read(outcome.published, "dates", "green_up", "green_up_uncertainty")
    (reason,) = read(outcome.published, "green-up-reason", "reason")
    with rasterio.open(twin_of().catalog.parent / "truth" / "seasons" / "2025_leaf_out.tif") as file:
        truth = file.read(1).astype(float)
    known = up != NODATA
    assert known.mean() > 0.2
    assert ((reason == 0) == known).all()
    off = np.abs(up[known] - truth[known])
    assert np.median(off) < 10
    assert (off <= error[known]).mean() > 0.7
    down, peak = read(outcome.published, "dates", "senescence", "peak")
    assert (down == NODATA).all()
    assert peak[peak != NODATA].size
    (autumn,) = read(outcome.published, "senescence-reason", "reason")
    assert set(np.unique(autumn)) <= {1, 2, 255}
    assert "leaves half gone nowhere yet" in outcome.summary
    looks, gap = read(outcome.published, "looks", "looks", "gap")
    assert looks.min() >= 0
    # From 1 March to the first look of May at least two months pass without one.
    assert gap.min() >= 61 - 1


def test_what_no_setting_may_be(make):
    with pytest.raises(ValueError, match="least_span"):
        PHENOLOGY.params(least_span=0)
    with pytest.raises(ConfigError, match="not known"):
        make(SNOW_PRODUCT, catalogue="nowhere.json")
