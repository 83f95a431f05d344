"""Real burns, where the imagery is at hand: severity against what others published, and fields where nothing burned."""

from __future__ import annotations

import itertools
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from rasterio.features import rasterize
from real_burns import USGS, agreement, basins, belgian_fields, burn_ratio, folder_of, raster

from habitat.contracts import Period
from habitat.fire.severity import DOUBTFUL_SHARE, dnbr, severity_classes, unburnt_offset
from habitat.imagery.indices import INDICES
from habitat.sources import load_cube, read_area, search

# Llutxent, Valencia, August 2018: Sentinel-2, Mediterranean shrub and pine.


class Llutxent:
    def __init__(self, folder):
        scene = folder / "sentinel-2-l2a" / "S2_30SYJ_20180804_pre"
        self.nir, profile = raster(scene / "B8A.tif")
        self.swir2, _ = raster(scene / "B12.tif")
        self.before, _ = raster(folder / "derived" / "nbr_before.tif")
        self.after, _ = raster(folder / "derived" / "nbr_after.tif")
        self.change_x1000, _ = raster(folder / "derived" / "dnbr_x1000.tif")
        self.own = burn_ratio({"nir": self.nir, "swir2": self.swir2})
        self.change = dnbr(self.own, self.after)
        perimeter = gpd.read_file(folder / "perimeter.geojson").to_crs(profile["crs"])
        classes = gpd.read_file(folder / "severity_2018.gpkg").to_crs(profile["crs"])
        place = {"out_shape": self.own.shape, "transform": profile["transform"]}
        self.inside = rasterize(perimeter.geometry, **place).astype(bool)
        self.classes = rasterize(zip(classes.geometry, classes["severity_class"], strict=True), **place)
        self.land = np.isfinite(self.change) & ~((self.nir < 500) & (self.swir2 < 300))
        # A degree of latitude is 111.0 km at 39 degrees north, one of longitude 86.6 km.
        self.pixel_ha = profile["transform"].a * 86_600 * -profile["transform"].e * 111_020 / 1e4


@pytest.fixture(scope="module")
def llutxent(shared):
    return Llutxent(folder_of(shared, "s2-fire-llutxent-2018"))


def test_llutxent_burn_ratio_and_difference_are_the_authors(llutxent):
    np.testing.assert_array_equal(np.isnan(llutxent.own), np.isnan(llutxent.before))
    # The author kept float32.
    np.testing.assert_allclose(llutxent.own, llutxent.before, atol=1e-7)
    np.testing.assert_allclose(1000 * llutxent.change, llutxent.change_x1000, atol=0.501)


def test_llutxent_classes_against_the_authors(llutxent):
    codes = severity_classes(llutxent.change, "key-benson-2006")
    # Five classes: unburnt and regrowth, low, moderate-low, moderate-high, high.
    five = np.array([0, 1, 1, 1, 2, 3, 4, 5])[np.where(codes == 255, 0, codes)]
    both = (llutxent.classes > 0) & (five > 0)
    table = np.zeros((6, 6), int)
    np.add.at(table, (llutxent.classes[both], five[both]), 1)
    assert table.sum() > 78_000
    # The author's outlines are generalised, so single pixels differ, mostly by one class.
    assert np.trace(table) / table.sum() == pytest.approx(0.853, abs=0.005)
    near = sum(np.trace(table, step) for step in (-1, 0, 1))
    assert near / table.sum() > 0.99
    own, authors = (table.sum(axis) * llutxent.pixel_ha for axis in (0, 1))
    assert own[2:] == pytest.approx(authors[2:], rel=0.03)
    assert authors[1:] == pytest.approx([19.8, 248.2, 682.9, 1165.7, 1008.6], rel=0.05)


def test_llutxent_perimeter_on_land(llutxent):
    burnt = (llutxent.change >= 0.1) & llutxent.land
    inside = llutxent.inside & llutxent.land
    assert inside.sum() * llutxent.pixel_ha == pytest.approx(3125, rel=0.01)
    omission = (inside & ~burnt).sum() / inside.sum()
    assert omission < 0.02
    # Outside lie harvested fields and bare soil: a sixth of what passes 0.1 on land, and most of it never had leaves.
    outside = burnt & ~inside
    assert 0.1 < outside.sum() / burnt.sum() < 0.2
    assert (outside & (llutxent.own > 0.1)).sum() / burnt.sum() < 0.04
    # The limit of moderate severity trades one for the other.
    severe = (llutxent.change >= 0.27) & llutxent.land
    assert (inside & ~severe).sum() / inside.sum() < 0.1
    assert (severe & ~inside).sum() / severe.sum() < 0.06


def test_llutxent_ground_that_did_not_burn(llutxent):
    unburnt = llutxent.land & ~llutxent.inside & (llutxent.own > 0.1)
    assert unburnt_offset(llutxent.change, unburnt) == pytest.approx(-0.0215, abs=0.002)


def test_llutxent_water_is_why_it_is_masked(llutxent):
    water = np.isfinite(llutxent.change) & ~llutxent.land
    assert (np.abs(llutxent.change[water]) > 0.1).mean() > 2 * (
        np.abs(llutxent.change[llutxent.land & ~llutxent.inside]) > 0.1
    ).mean()


# Six fires in the western United States: Landsat 7, basin means against those the USGS published.

# fire: basins, r, mean difference, RMSE; of plain means, then under one rule for all: without snow and cloud, minus the
# dNBR of ground outside the basins that kept its leaves, basins of which half is usable.
PLAIN = {
    "waldo-canyon": (8, 0.945, 0.039, 0.053),
    "poomacha": (5, 0.959, 0.012, 0.028),
    "coal-seam": (23, 0.890, -0.084, 0.142),
    "little-bear": (12, 0.870, -0.192, 0.218),
    "schultz": (5, 0.645, 0.561, 0.594),
    "station": (130, 0.707, 0.334, 0.347),
}
RULED = {
    "waldo-canyon": (8, 0.941, -0.010, 0.043),
    "poomacha": (5, 0.959, 0.005, 0.026),
    "coal-seam": (18, 0.886, -0.208, 0.230),
    "little-bear": (12, 0.872, -0.106, 0.148),
    "schultz": (3, 0.279, 0.293, 0.365),
    "station": (130, 0.707, 0.300, 0.314),
}
# The same with an offset for each of three kinds of vegetation.
BY_KIND = {
    "waldo-canyon": (8, 0.944, 0.005, 0.043),
    "poomacha": (5, 0.979, 0.026, 0.034),
    "coal-seam": (18, 0.895, -0.213, 0.233),
    "little-bear": (12, 0.923, -0.139, 0.154),
    "schultz": (3, 0.275, 0.293, 0.365),
    "station": (130, 0.699, 0.307, 0.323),
}
# Share of the basins' pixels that shows snow or cloud before the fire.
DOUBT = {"waldo-canyon": 0.05, "poomacha": 0.0, "coal-seam": 0.52, "little-bear": 0.0, "schultz": 0.37, "station": 0.0}


@pytest.fixture(scope="module", params=USGS)
def fire(request, shared):
    return request.param, basins(shared, request.param)


def test_plain_basin_means_are_those_of_the_data(fire):
    name, burn = fire
    assert agreement(burn.means(burn.known), burn.published) == pytest.approx(PLAIN[name], abs=0.002)


def test_basin_means_under_one_rule(fire):
    """What mask and offset give, good or bad: the limits of the two clean fires are in the next test."""
    name, burn = fire
    one = agreement(burn.means(burn.usable, burn.offset()), burn.published)
    assert one == pytest.approx(RULED[name], abs=0.005)
    by_kind = agreement(burn.means(burn.usable, burn.offset_by_kind()), burn.published)
    assert by_kind == pytest.approx(BY_KIND[name], abs=0.005)


@pytest.mark.parametrize(("name", "least_r"), [("waldo-canyon", 0.94), ("poomacha", 0.95)])
def test_clean_fires_agree_with_the_usgs(shared, name, least_r):
    burn = basins(shared, name)
    plain = agreement(burn.means(burn.known), burn.published)
    for offset in (burn.offset(), burn.offset_by_kind()):
        count, r, bias, rmse = agreement(burn.means(burn.usable, offset), burn.published)
        assert count == len(burn.published)
        # Waldo Canyon stays at 0.94 whatever is masked: its basins burnt nearly alike, 0.24 to 0.42.
        assert r >= least_r
        assert rmse <= 0.05
        assert abs(bias) < 0.03
    assert agreement(burn.means(burn.usable, burn.offset()), burn.published)[3] < plain[3]


def test_pictures_with_snow_are_flagged_and_no_others(fire):
    name, burn = fire
    before, after = burn.doubtful_share(burn.before), burn.doubtful_share(burn.after)
    assert before == pytest.approx(DOUBT[name], abs=0.01)
    assert (max(before, after) > DOUBTFUL_SHARE) == (name in ("coal-seam", "schultz"))


def test_the_toolkits_own_reading_gives_the_same_means(shared):
    """Search, read in degrees onto a grid in metres without a mask, burn ratio by the registry: nothing is lost."""
    root = folder_of(shared, "landsat-fires-usgs-basins")
    table = gpd.read_file(root / "wal-waldo-canyon" / "basins.geojson")
    area = read_area(Path(__file__).with_name("waldo-canyon.yaml"))
    grid, on_map = area.grid, table.to_crs(area.grid.crs)
    found = search("landsat", area, Period("2012"), catalogue=root / "catalog.json").require()
    assert [scene.id for scene in found] == ["wal-before", "wal-after"]
    cube = load_cube(found, area, bands=["nir", "swir2"], without_mask="all-clear").compute()
    ratios = INDICES["nbr"].function(cube["nir"].where(cube["clear"]), cube["swir2"].where(cube["clear"]))
    change = dnbr(ratios[0].drop_vars(["time", "id"]), ratios[1].drop_vars(["time", "id"])).values
    place = {"out_shape": grid.shape, "transform": grid.transform}
    means = [np.nanmean(change[rasterize([outline], **place) == 1]) for outline in on_map.geometry]
    burn = basins(shared, "waldo-canyon")
    np.testing.assert_allclose(means, burn.means(burn.known), atol=0.006)
    assert agreement(np.array(means), burn.published) == pytest.approx(PLAIN["waldo-canyon"], abs=0.005)


def test_the_scale_without_its_offset_would_show(shared):
    """Without -0.2 all ratios shrink: basin means come out a third too low."""
    burn = basins(shared, "waldo-canyon")
    early, late = ({band: values + 0.2 for band, values in picture.items()} for picture in (burn.before, burn.after))
    wrong = dnbr(burn_ratio(early), burn_ratio(late))
    means = np.array([wrong[inside & burn.known].mean() for inside in burn.insides])
    assert agreement(means, burn.published)[2] < -0.15


# Fields in Belgium: harvest is not fire.


def test_belgian_harvest_is_not_fire_though_dnbr_says_so(shared):
    """Share of pixels that simple rules call burnt, month after month; nothing burned."""
    months, bands = belgian_fields(shared)
    seen = [index for index in range(len(months)) if np.isfinite(bands["nir"][index]).mean() > 0.5]
    assert [str(months[index]) for index in seen][:2] == ["2020-11", "2021-02"]
    assert len(seen) == 10
    ratio = burn_ratio(bands)
    nbr2 = (bands["swir1"] - bands["swir2"]) / (bands["swir1"] + bands["swir2"])
    mirbi = 10 * bands["swir2"] - 9.8 * bands["swir1"] + 2
    alarms = {}
    for early, late in itertools.pairwise(seen):
        change = dnbr(ratio[early], ratio[late])
        agreed = (change > 0.1) & (nbr2[early] - nbr2[late] > 0.1) & (mirbi[late] - mirbi[early] > 0.3)
        alarms[str(months[late])] = (float((change >= 0.27).mean()), float(agreed.mean()))
    moderate, together = (dict(zip(alarms, shares, strict=True)) for shares in zip(*alarms.values(), strict=True))
    # Grain is cut in July and August: a fifth of the fields look burnt to dNBR alone.
    assert max(moderate, key=moderate.get) == "2021-08"
    assert moderate["2021-08"] == pytest.approx(0.208, abs=0.005)
    assert moderate["2021-07"] == pytest.approx(0.164, abs=0.005)
    # The two short-wave bands leave a sixth of that: straw is dry but bright.
    assert together["2021-08"] == pytest.approx(0.032, abs=0.005)
    # From November to February, with nothing seen between, winter alone looks like fire on an eighth of the fields.
    assert together.pop("2021-02") == pytest.approx(0.118, abs=0.005)
    assert max(together.values()) < 0.06
