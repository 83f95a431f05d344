"""Forest cover from maps of others: hand-made ones number by number, and two real clips."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from habitat import twin
from habitat.contracts import Period
from habitat.contracts.errors import ConfigError, GridMismatch, InputError, NotPossible
from habitat.contracts.grid import Tile
from habitat.forest.given import cover_after_loss, cover_of_classes
from habitat.products import Workshop
from habitat.products.forest_cover import FOREST_COVER
from habitat.sources.areas.reading import read_area
from habitat.store import Store

PLACES = Path(__file__).parent.parent / "forest"


@pytest.fixture
def shop(tmp_path):
    return Workshop(twin.area("tiny"), Store(tmp_path / "store"), workers=2)


def built(shop, period="2012", **params):
    return FOREST_COVER.build(FOREST_COVER.params(**params), shop, Period(period))


def raster(path, values, grid):
    west, _, _, north = grid.bounds
    place = {"transform": from_origin(west, north, grid.resolution_m, grid.resolution_m), "crs": grid.crs}
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": "uint8", "nodata": 255}
    with rasterio.open(path, "w", driver="GTiff", **place, **shape) as file:
        file.write(values.astype(np.uint8), 1)
    return str(path)


def rows_of(outcome, definition):
    with outcome.published.path("areas").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["definition"] == definition]


def test_losses_up_to_the_year_are_taken_off(shop, tmp_path):
    percent, loss = np.full((44, 44), 80), np.zeros((44, 44))
    percent[:4], loss[10:20, :], loss[20:25, :], percent[43] = 20, 12, 13, 255
    settings = {
        "given_percent": raster(tmp_path / "p.tif", percent, shop.area.grid),
        "given_loss": raster(tmp_path / "l.tif", loss, shop.area.grid),
        "definition": "cover-30", "definitions": ("cover-30", "fao"),
    }  # fmt: skip
    outcome = built(shop, **settings)
    with outcome.published.open_window("cover") as reader:
        cover = reader.read(Tile(0, 0, 44, 44), ("cover",))[0]
    assert [cover[0, 0], cover[5, 5], cover[15, 0], cover[22, 0], cover[43, 0]] == [20, 80, 0, 80, 255]
    (whole,) = (row for row in rows_of(outcome, "cover-30") if row["zone"] == shop.area.name)
    # 43 known rows less 4 of low cover and 10 lost, 44 pixels of 0.04 ha each; true areas differ by parts of a thousand.
    assert float(whole["forest_ha"]) == pytest.approx(29 * 44 * 0.04, rel=2e-3)
    assert whole["estimator"] == "pixel count, unvalidated"
    assert rows_of(outcome, "fao") == []
    assert {"kinds", "gain", "areas, fao"} <= {name for name, _ in outcome.gaps}
    assert {entry.id for entry in FOREST_COVER.inputs(FOREST_COVER.params(**settings), shop, Period("2012"))} == {
        "given-percent", "given-loss",
    }  # fmt: skip


def test_classes_of_trees_are_forest_and_no_percent_is_published(shop, tmp_path):
    codes = np.full((44, 44), 30)
    codes[:22], codes[22:24], codes[43] = 10, 20, 0
    path = raster(tmp_path / "c.tif", codes, shop.area.grid)
    outcome = built(shop, "2021", given_classes=path, definition="fao")
    assert "cover" not in outcome.published.rasters
    (whole,) = (row for row in rows_of(outcome, "fao") if row["zone"] == shop.area.name)
    assert float(whole["forest_ha"]) == pytest.approx(22 * 44 * 0.04, rel=2e-3)
    (shrubs,) = (row for row in rows_of(outcome, "cn-coverage") if row["zone"] == shop.area.name)
    assert float(shrubs["forest_ha"]) == pytest.approx(24 * 44 * 0.04, rel=2e-3)


def test_what_is_refused(shop, tmp_path):
    path = raster(tmp_path / "c.tif", np.full((44, 44), 10), shop.area.grid)
    with pytest.raises(ConfigError, match="both set"):
        built(shop, given_classes=path, given_percent=path)
    with pytest.raises(ConfigError, match="give both"):
        built(shop, given_loss=path)
    with pytest.raises(InputError, match=r"there is no .*nowhere\.tif"):
        built(shop, given_percent=str(tmp_path / "nowhere.tif"))
    with pytest.raises(InputError, match=r"classes \[7\], wants those of ESA WorldCover"):
        built(shop, given_classes=raster(tmp_path / "d.tif", np.full((44, 44), 7), shop.area.grid))
    with pytest.raises(NotPossible, match="neither heights nor kinds"):
        built(shop, given_percent=path, definition="fao")
    with pytest.raises(InputError, match="percent of 0 to 100"):
        cover_after_loss(np.array([[101]], np.uint8), None, 2010)
    with pytest.raises(GridMismatch):
        cover_after_loss(np.ones((1, 2), np.uint8), np.ones((2, 1), np.uint8), 2010)
    assert np.isnan(cover_after_loss(np.ones((1, 1), np.uint8), np.full((1, 1), 255, np.uint8), 2010)).all()
    assert cover_of_classes(np.array([[95]], np.uint8))[0].item() == 80


def test_a_real_clip_of_losses(shared, tmp_path):
    clip = shared / "imagery" / "aux-sierra-neiba"
    if not clip.exists():
        pytest.skip("the clip is not here")
    place = Workshop(read_area(PLACES / "sierra-neiba.yaml"), Store(tmp_path / "store"), workers=2)
    (percent,), (loss,) = ((clip / name).glob("*.tif") for name in ("gfw_treecover", "gfw_lossyear"))
    area = {}
    for year in ("2000", "2003", "2012", "2023"):
        outcome = built(place, year, given_percent=str(percent), given_loss=str(loss), definition="cover-30")
        (row,) = rows_of(outcome, "cover-30")
        area[year] = float(row["forest_ha"])
    with rasterio.open(percent) as file:
        cover, x = file.read(1), file.transform
    with rasterio.open(loss) as file:
        lost = file.read(1)
    latitude = np.radians(x.f + x.e * (np.arange(cover.shape[0]) + 0.5))
    hectares = (x.a * 111_320 * np.cos(latitude) * x.a * 110_660 / 1e4)[:, None]
    wooded = (cover >= 30) & (cover != 255)
    for year, told in area.items():
        expected = (hectares * (wooded & ~((lost > 0) & (lost <= int(year) - 2000)))).sum()
        assert told == pytest.approx(expected, rel=0.01)
    # 2,673 ha by the clip's own account of canopy above 30 percent; here 30 counts, too.
    assert area["2000"] == pytest.approx(2673, rel=0.01)
    assert area["2000"] > area["2003"] > area["2012"] > area["2023"]


def test_a_real_island_of_trees(shared, tmp_path):
    clip = shared / "imagery" / "aux-sao-tome"
    if not clip.exists():
        pytest.skip("the clip is not here")
    place = Workshop(read_area(PLACES / "sao-tome.yaml"), Store(tmp_path / "store"), workers=2)
    told = {}
    for year, name in (("2020", "esa_worldcover_2020_v100.tif"), ("2021", "esa_worldcover_2021_v200.tif")):
        outcome = built(place, year, given_classes=str(clip / name), definition="cover-30")
        (row,) = rows_of(outcome, "cn-coverage")
        (trees,) = rows_of(outcome, "fao")
        told[year] = float(trees["forest_ha"])
        assert float(row["forest_ha"]) >= told[year]
    # 9,239,228 and 9,255,908 pixels of 85.6 m2; fao leaves out patches of less than half a hectare.
    assert told["2020"] == pytest.approx(9_239_228 * 85.6 / 1e4, rel=0.005)
    assert told["2021"] == pytest.approx(9_255_908 * 85.6 / 1e4, rel=0.005)
