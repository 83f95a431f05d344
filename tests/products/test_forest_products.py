"""Forest products on a tiny twin whose summer is late May: by rules, with labels, and what they refuse."""

from __future__ import annotations

import csv
import json
import shutil

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from shapely.geometry import Point

from habitat import twin
from habitat.contracts import Area, Period, Zone
from habitat.contracts.errors import InputError, NoScenes, NotPossible, TooMuchMissing
from habitat.contracts.grid import Tile
from habitat.forest.definition import forest_mask
from habitat.products import Workshop
from habitat.products.building.forest_build import build_map
from habitat.products.building.forest_inputs import season_spans
from habitat.products.forest_cover import FOREST_COVER, ForestCoverParams
from habitat.products.forest_type import FOREST_TYPE, ForestTypeParams, kind_areas
from habitat.store import Store

MAY = Period("2025-05")
SUMMER = {"summer": ("05-20", "09-10"), "grow_m": 0.0}
WHOLE = Tile(0, 0, 44, 44)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return twin.make(tmp_path_factory.mktemp("twin"), size="tiny")


@pytest.fixture
def shop(tmp_path, made):
    # The twin's own zones are its two sides.
    return Workshop(made.area, Store(tmp_path / "store"), workers=2)


@pytest.fixture
def build(shop, made):
    def run(product, period=MAY, **params):
        settings = {"catalogue": str(made.catalog), **SUMMER, **params}
        return product.build(product.params(**settings), shop, period)

    return run


def read(published, asset, band=None):
    with published.open_window(asset) as reader:
        return reader.read(WHOLE, (band or asset,))[0]


def table(published, name):
    path = published.path(name)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_cover_by_rules_with_areas_by_definition(build, shop):
    outcome = build(FOREST_COVER)
    gaps = dict(outcome.gaps)
    assert gaps["cover, labels"] == "none given: rules, not trained"
    assert gaps["period"] == "the state of 2025 as far as seen by 2025-05-31"
    assert gaps["gold, unseen"] == "100.0% of the ground, in both years"
    cover, error, forest = (read(outcome.published, name) for name in ("cover", "uncertainty", "forest"))
    known = cover != 255
    assert known.mean() > 0.9
    assert cover[known].max() <= 100
    assert error[known].min() >= 10
    assert set(np.unique(forest)) <= {0, 1, 255}
    rows = table(outcome.published, "areas")
    assert [row["zone"] for row in rows[:3]] == ["twin-tiny", "west-side", "east-side"]
    area = {(row["zone"], row["definition"]): float(row["forest_ha"]) for row in rows}
    # Pixels of 20 m; the projection stretches by 0.03 %.
    assert area["twin-tiny", "fao"] == pytest.approx(0.04 * (forest == 1).sum(), rel=1e-3)
    assert area["twin-tiny", "cn-coverage"] > area["twin-tiny", "cn-forest"]
    sides = area["west-side", "fao"] + area["east-side", "fao"]
    assert sides == pytest.approx(area["twin-tiny", "fao"], rel=0.05)
    assert {row["estimator"] for row in rows} == {"pixel count, unvalidated"}
    assert "by fao" in outcome.summary
    assert "rules, not trained" in outcome.summary
    item = shop.store.get("forest-cover", shop.area, MAY)
    assert item.record.params["definition"] == "fao"
    assert {entry.id for entry in item.record.inputs} == {
        entry.id for entry in FOREST_COVER.inputs(params(shop, outcome), shop, MAY)
    }


def params(shop, outcome):
    source = outcome.published.record.params
    catalogue = next(key[-1][0] for key in shop.found if key[0] == "forest")
    return ForestCoverParams(catalogue=catalogue, **SUMMER, definition=source["definition"])


def test_own_definition_changes_mask_and_nothing_else(build):
    plain, own = build(FOREST_COVER), build(FOREST_COVER, min_cover_percent=60.0, min_area_ha=2.0)
    cover = read(plain.published, "cover")
    assert np.array_equal(cover, read(own.published, "cover"))
    chosen = ForestCoverParams(min_cover_percent=60.0, min_area_ha=2.0).chosen
    assert (chosen.name, chosen.min_height_m) == ("own", 5.0)
    mask = read(own.published, "forest")
    assert (mask == 1).sum() < (read(plain.published, "forest") == 1).sum()
    assert not (mask[cover < 60] == 1).any()
    percent = np.where(cover == 255, np.nan, cover)
    looser = ForestCoverParams(min_cover_percent=60.0, min_area_ha=2.0, min_height_m=0.0, shrubs=True).chosen
    assert ((mask == 1) <= (forest_mask(percent, looser, kind=np.full(cover.shape, 3), resolution_m=20.0) == 1)).all()
    assert table(own.published, "areas")[0]["definition"] == "own"


def test_types_by_rules(build):
    outcome = build(FOREST_TYPE)
    kind = read(outcome.published, "type")
    known = kind != 255
    assert set(np.unique(kind[known])) <= set(range(1, 9))
    sure = read(outcome.published, "type-probability", "probability")
    undecided = read(outcome.published, "type-probability", "entropy")
    assert (sure[known] >= 12).all()
    assert (sure[known] <= 100).all()
    # Where one kind is nearly certain, little is left to decide.
    assert undecided[known & (sure > 95)].max() < undecided[known & (sure < 50)].min()
    rows = table(outcome.published, "areas")
    whole = [float(row["area_ha"]) for row in rows if row["zone"] == "twin-tiny"]
    assert sum(whole) == pytest.approx(0.04 * known.sum(), rel=1e-3)
    assert not any(name.startswith("cover") for name, _ in outcome.gaps)


def labels(path, made, *, count=150):
    """Write what a crew saw at points: the truth of the stands."""
    with rasterio.open(made.truth / "stands" / "2025_canopy.tif") as source:
        canopy, transform = source.read(1), source.transform
    with rasterio.open(made.truth / "stands" / "2025_cover.tif") as source:
        cover = source.read(1)
    rng = np.random.default_rng(1)
    rows, columns = rng.integers(0, canopy.shape[0], (2, count))
    x, y = transform.c + 20 * (columns + 0.5), transform.f - 20 * (rows + 0.5)
    points = [Point(*place) for place in zip(x, y, strict=True)]
    names = np.array(
        ["", "water", "Mixed", "broadleaf", "broadleaf", "larch", "shrub", "open", "field", "wetland", "built"]
    )
    data = {"Cover": (100 * canopy[rows, columns]).round(), "Type": names[cover[rows, columns]]}
    gpd.GeoDataFrame(data, geometry=points, crs=made.area.grid.crs).to_file(path, driver="GPKG")
    return canopy


def test_labels_teach_and_are_inputs(build, made, tmp_path, shop, monkeypatch):
    monkeypatch.setattr("habitat.forest.cover.TREES", 40)
    monkeypatch.setattr("habitat.forest.types.TREES", 40)
    path = tmp_path / "crew.gpkg"
    canopy = labels(path, made)
    outcome = build(FOREST_COVER, labels=(str(path),), block_m=200.0)
    assert "trained on" in outcome.summary
    assert "on blocks left out" in outcome.summary
    cover = read(outcome.published, "cover").astype(float)
    known = cover != 255
    plain = read(build(FOREST_COVER).published, "cover").astype(float)
    apart = [np.sqrt(np.mean((one - 100 * canopy)[known] ** 2)) for one in (cover, plain)]
    assert apart[0] < apart[1]
    skill = json.loads(outcome.published.path("skill").read_text(encoding="utf-8"))
    assert set(skill["cover"]["by_country"]) == {"XA", "XB"}
    assert skill["type"]["accuracy"] > 0.5
    record = outcome.published.record
    assert [entry.id for entry in record.inputs][-1] == "labels-1"
    assert "labels" not in record.params
    settings = FOREST_COVER.params(catalogue=str(made.catalog), labels=(str(path),), block_m=200.0, **SUMMER)
    before = FOREST_COVER.inputs(settings, shop, MAY)[-1]
    labels(path, made, count=100)
    assert FOREST_COVER.inputs(settings, shop, MAY)[-1] != before


def test_maps_of_others_teach_where_no_one_walked(build, made, tmp_path):
    world = {1: 80, 2: 10, 3: 10, 4: 10, 5: 10, 6: 20, 7: 30, 8: 40, 9: 90, 10: 50}
    with rasterio.open(made.truth / "stands" / "2025_cover.tif") as source:
        cover, profile = source.read(1), source.profile
    path = tmp_path / "worldcover.tif"
    with rasterio.open(path, "w", **profile) as out:
        out.write(np.vectorize(world.get)(cover).astype(np.uint8), 1)
    outcome = build(FOREST_TYPE, weak_classes=str(path), block_m=200.0)
    gaps = dict(outcome.gaps)
    assert gaps["weak classes"] == "cover and kinds supposed from classes of WorldCover, thinned"
    # 44 x 44 pixels hold few squares of 10 x 10: perhaps too few, which is then said.
    assert ("trained on" in outcome.summary) != ("type, labels" in gaps)


def test_what_is_not_there_is_named(build, made, tmp_path):
    with pytest.raises(InputError, match=r"labels-1: there is no .*nobody\.gpkg"):
        build(FOREST_TYPE, labels=(str(tmp_path / "nobody.gpkg"),))
    with pytest.raises(NotPossible, match="of a summer"):
        build(FOREST_TYPE, summer=("06-10", "09-10"))
    with pytest.raises(NoScenes):
        build(FOREST_TYPE, Period("2019"))
    # A definition that asks for heights of today, where there are none.
    with pytest.raises(ValueError, match="did you mean 'fao'"):
        ForestCoverParams(definition="fa0")
    with pytest.raises(ValueError, match="month-day"):
        ForestTypeParams(gold=("October", "11-01"))
    with pytest.raises(ValueError, match="turn them round"):
        ForestTypeParams(late=("11-30", "10-20"))


def test_seasons_of_a_month_are_those_that_have_begun():
    spans = {
        f"{name} {span.first_day.year}": span for name, span in season_spans(ForestTypeParams(), Period("2025-07"))
    }
    assert list(spans) == ["summer 2025", "summer 2024", "spring 2025", "spring 2024", "gold 2024", "late 2024"]
    assert str(spans["summer 2025"]) == "2025-06-10 to 2025-07-31"
    assert str(spans["summer 2024"]) == "2024-06-10 to 2024-09-10"


def test_areas_of_kinds_by_hand(shop):
    grid = shop.area.grid
    kind = np.full(grid.shape, 3, np.uint8)
    kind[0, :10] = 255
    corner = np.zeros(grid.shape, bool)
    corner[0, :20] = True
    rows = kind_areas(kind, grid, {"corner": corner}, {"corner": "RU"})
    assert [row["code"] for row in rows] == list(range(1, 9))
    assert rows[2]["area_ha"] == pytest.approx(10 * 0.04, rel=2e-3, abs=0.006)
    assert (rows[2]["share_of_known"], rows[0]["area_ha"], rows[2]["country"]) == (1.0, 0.0, "RU")


def test_names_of_zones_are_kept_apart(shop):
    from habitat.sources.zone_masks import zone_masks

    west = shop.area.zones[0]
    area = Area(
        shop.area.name,
        shop.area.polygon,
        shop.area.grid,
        zones=(Zone("a", west.polygon), Zone("twin-tiny", west.polygon)),
    )
    masks = zone_masks(area)
    assert list(masks) == ["twin-tiny", "a"]
    assert masks["twin-tiny"].sum() > masks["a"].sum() > 0


def test_both_products_name_themselves():
    assert (FOREST_COVER.name, FOREST_TYPE.name) == ("forest-cover", "forest-type")
    assert callable(build_map)


def test_a_scene_that_cannot_be_read_is_missing_and_said_to_be(made, shop, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(made.root, copy)
    lost = next(path for path in sorted((copy / "scenes").rglob("*.tif")) if "20240523" in str(path))
    shutil.rmtree(lost.parent)
    settings = {"catalogue": str(copy / "catalog.json"), "max_missing_share": 0.5, **SUMMER}
    outcome = FOREST_TYPE.build(ForestTypeParams(**settings), shop, MAY)
    assert outcome.missing == 1
    assert "1 missing" in outcome.summary
    told = {entry["scene"]: entry["outcome"] for entry in outcome.published.record.ledger["observations"]}
    assert [word for name, word in told.items() if "20240523" in name] == ["missing:missing"]
    assert not any("20240523" in entry.id for entry in outcome.published.record.inputs)
    with pytest.raises(TooMuchMissing, match="max_missing_share allows 0%"):
        FOREST_TYPE.build(ForestTypeParams(**settings | {"max_missing_share": 0.0}), shop, MAY)


def test_heights_and_terrain_of_the_user_are_read(build, made):
    heights = str(made.truth / "stands" / "2025_tree_height.tif")
    relief = str(made.root / "elevation" / "dem.tif")
    plain = read(build(FOREST_COVER).published, "forest") == 1
    outcome = build(FOREST_COVER, min_height_m=19.0, min_area_ha=0.0, height=heights, elevation=relief)
    tall = read(outcome.published, "forest") == 1
    with rasterio.open(heights) as source:
        height = source.read(1)
    every = read(build(FOREST_COVER, min_area_ha=0.0).published, "forest") == 1
    # Trees that may reach 19 m where they stand count whatever their height; what is added is tall and of no tree's kind.
    assert (tall >= every).all()
    assert (height[tall & ~every] >= 19).all()
    assert (plain <= every).all()
    assert [entry.id for entry in outcome.published.record.inputs][-1] == "elevation"
