"""Real scenes, where they are at hand: products align with their sources pixel for pixel and make sense."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
import shapely
from pyproj import Transformer
from rasterio.windows import Window
from shapely.geometry import box

from habitat.contracts import Area, Grid, Period
from habitat.contracts.errors import OffsetDisagreement
from habitat.products import PRODUCTS, Workshop
from habitat.sources import search
from habitat.store import Store


def area_of(name, crs, resolution, west, north, rows, columns):
    grid = Grid(crs, resolution, (west, north - rows * resolution, west + columns * resolution, north))
    to_wgs84 = Transformer.from_crs(crs, 4326, always_xy=True)
    outline = shapely.transform(
        shapely.segmentize(box(*grid.bounds), 5000), lambda xy: np.column_stack(to_wgs84.transform(xy[:, 0], xy[:, 1]))
    )
    if outline.bounds[2] - outline.bounds[0] > 180:
        outline = shapely.transform(outline, lambda xy: np.column_stack([xy[:, 0] % 360, xy[:, 1]]))
    return Area(name, outline, grid)


pytestmark = pytest.mark.filterwarnings("ignore:All-NaN slice")


@pytest.fixture
def month(tmp_path, shared):
    """month(folder, area, period, **composite settings) -> workshop with composite and indices built."""

    def run(folder, area, period, *products, **params):
        shop = Workshop(area, Store(tmp_path / "store"), workers=2)
        params = {"catalogue": str(shared / "imagery" / folder / "catalog.json"), "max_cloud_cover": None} | params
        outcomes = {"composite": PRODUCTS["composite"].build(PRODUCTS["composite"].params(**params), shop, period)}
        for name in products:
            outcomes[name] = PRODUCTS[name].build(PRODUCTS[name].params(), shop, period)
        return shop, outcomes

    return run


def test_slovenia_aligns_pixel_for_pixel(month, shared):
    # The area begins 31 rows and 17 columns inside the tile, off every block.
    area = area_of("slovenia", "EPSG:32633", 120.0, 499980 + 17 * 120, 5200020 - 31 * 120, 400, 500)
    period = Period("2023-08")
    shop, outcomes = month("s2-l2a-33twm-slovenia", area, period, "indices", grow_m=0)
    layers = shop.store.read("composite", area, period, "median")
    scenes = search("sentinel2", area, period, catalogue=shared / "imagery/s2-l2a-33twm-slovenia/catalog.json").scenes
    assert len(scenes) == 5
    stack = []
    for scene in scenes:
        assert scene.offset_present is False
        with rasterio.open(scene.mask.href) as scl, rasterio.open(scene.bands["nir"].href) as nir:
            window = Window(17, 31, 500, 400)
            clear = np.isin(scl.read(1, window=window), (4, 5, 7))
            dn = nir.read(1, window=window).astype(float)
            stack.append(np.where(clear & (dn != 0), dn / 10000, np.nan))
    with np.errstate(all="ignore"):
        expected = np.nanmedian(np.stack(stack), axis=0)
    found = layers["nir"].values
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, atol=0.51e-4)
    assert set(outcomes["indices"].published.rasters) == {"ndvi", "evi2", "kndvi", "ndwi"}
    assert {name for name, _ in outcomes["indices"].gaps} >= {"index nbr", "index ndmi", "index mirbi"}
    # Forested hills in August.
    assert 0.75 < np.nanmedian(shop.store.read("indices", area, period, "ndvi").values) < 0.95


def test_chukotka_across_the_antimeridian_with_the_offset_in(month):
    area = area_of("chukotka", "EPSG:32601", 120.0, 300000, 7600020, 915, 915)
    assert area.polygon.bounds[0] < 180 < area.polygon.bounds[2]
    period = Period("2023-06")
    shop, outcomes = month("s2-l2a-01wcr-chukotka", area, period, purpose="snow")
    assert outcomes["composite"].missing == 0
    record = outcomes["composite"].published.record
    assert len(record.inputs) == 2
    assert all("-0.1" in entry.radiometry for entry in record.inputs)
    red = shop.store.read("composite", area, period, "median").values
    # Snow and dark water: nothing far below zero, as a second offset would give.
    assert np.nanpercentile(red, 1) > -0.03
    assert 0.3 < np.nanmedian(red) < 1.2


def test_colombia_by_its_quality_bits(month, shared):
    area = area_of("colombia", "EPSG:32618", 450.0, 378450, 275850, 512, 512)
    period = Period("2019-12")
    shop, outcomes = month("landsat-c2l2-008059-colombia", area, period, "indices", sensors=("landsat",), grow_m=0)
    ledger = json.loads(outcomes["composite"].published.path("ledger").read_text())
    (scene,) = ledger["observations"]
    # 81 % of the valid pixels are cloud and 15.8 % clear; a third of the square is outside the swath.
    assert 0.05 < scene["clear_share"] < 0.16
    ndvi = shop.store.read("indices", area, period, "ndvi").values
    assert np.nanmedian(ndvi) > 0.75
    assert "tcw" in outcomes["indices"].published.rasters


def test_mini_with_bands_of_three_resolutions(month, shared):
    area = area_of("mini", "EPSG:32629", 100.0, 199980, 2800020, 1098, 1098)
    period = Period("2020-02")
    bands = ("coastal", "blue", "green", "red", "rededge2", "rededge3", "nir", "nir_narrow", "swir1", "swir2")
    shop, outcomes = month("s2-l2a-29rkh-mini", area, period, "indices", bands=bands, grow_m=0, geometric_median=False)
    assert len(outcomes["indices"].published.rasters) == 15
    assert abs(np.nanmedian(shop.store.read("indices", area, period, "ndvi").values)) < 0.15
    layers = shop.store.read("composite", area, period, "median")
    (scene,) = search("sentinel2", area, period, catalogue=shared / "imagery/s2-l2a-29rkh-mini/catalog.json").scenes
    for band, factor in (("coastal", 6), ("swir2", 2), ("nir", 1)):
        with rasterio.open(scene.bands[band].href) as source:
            dn = source.read(1).repeat(factor, 0).repeat(factor, 1)[:1098, :1098]
        known = np.isfinite(layers[band].values)
        np.testing.assert_allclose(layers[band].values[known], dn[known] / 10000, atol=0.51e-4)


def test_a_wrong_flag_on_a_real_scene_is_found(month, shared, tmp_path):
    """The Slovenian items with their flag turned round: the pixels say that the offset is gone."""
    source = shared / "imagery" / "s2-l2a-33twm-slovenia"
    folder = tmp_path / "catalogue"
    for path in source.rglob("*"):
        target = folder / path.relative_to(source)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif path.suffix == ".json":
            target.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8")
            target.write_text(text.replace('boa_offset_applied": true', 'boa_offset_applied": false'), "utf-8")
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path) if path.stat().st_dev == folder.stat().st_dev else target.write_bytes(
                path.read_bytes()
            )
    area = area_of("slovenia", "EPSG:32633", 120.0, 499980, 5200020, 200, 200)
    shop = Workshop(area, Store(tmp_path / "store"), workers=2)
    params = PRODUCTS["composite"].params(catalogue=str(folder / "catalog.json"), max_cloud_cover=None)
    with pytest.raises(OffsetDisagreement, match=r"metadata say the \+1000 offset is present"):
        PRODUCTS["composite"].build(params, shop, Period("2023-08"))
