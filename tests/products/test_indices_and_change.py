"""Indices and change: what is stored against the functions that compute it, gaps, baseline and summary."""

from __future__ import annotations

import numpy as np
import pytest

from habitat import twin
from habitat.contracts import Period
from habitat.contracts.errors import NotInStore, NotPossible
from habitat.contracts.grid import Tile
from habitat.contracts.pixel_areas import pixel_areas
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.imagery import INDICES, compute
from habitat.products import PRODUCTS
from habitat.store import Record, area_digest

MAY, BEFORE = Period("2025-05"), Period("2024-05")


@pytest.fixture
def months(build):
    for period in (BEFORE, MAY):
        build("composite", period, purpose="burn", grow_m=40)
        build("indices", period)


def test_stored_indices_are_those_of_the_stored_bands(build, shop):
    build("composite")
    outcome = build("indices")
    bands = shop.store.read("composite", shop.area, MAY, "median")
    values = {name: bands[name].values for name in bands.data_vars}
    stored = shop.store.read("indices", shop.area, MAY)
    computed = [name for name in INDICES if set(INDICES[name].bands) <= set(values)]
    assert {name.replace("_", "-") for name in computed} == set(outcome.published.rasters)
    for name in computed:
        expected = compute(name, values)
        found = stored[name.replace("_", "-")].values
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        np.testing.assert_allclose(found, expected, atol=0.51 * INDICES[name].scale)


def test_indices_that_lack_a_band_are_named_and_the_rest_is_built(build):
    build("composite", quirks=twin.Quirks(without_assets=twin.NO_SWIR))
    outcome = build("indices")
    assert set(outcome.published.rasters) == {"ndvi", "evi2", "kndvi", "ndwi"}
    assert dict(outcome.gaps)["index nbr"] == "needs swir2"
    assert outcome.published.record.gaps == outcome.gaps
    assert "not computable: index ndmi, index nbr" in outcome.summary


def test_no_index_at_all_is_not_possible_and_an_unknown_one_a_mistake(build):
    build("composite", bands=("red", "swir1"))
    with pytest.raises(NotPossible, match=r"add bands to composite\.bands"):
        build("indices", names=("ndvi", "nbr"))
    for name in ("indices", "change"):
        with pytest.raises(ValueError, match="there is no index 'nvdi', did you mean 'nd"):
            build(name, names=("nvdi",))
    with pytest.raises(ValueError, match="both above zero"):
        build("change", thresholds=(0.3, 0.1))


def test_indices_without_a_composite(build):
    with pytest.raises(NotInStore, match="composite of twin-tiny, 2025-05 is not in"):
        build("indices")


def test_change_is_now_minus_before_and_finds_the_burn(build, shop, months, twin_of):
    outcome = build("change")
    now = shop.store.read("indices", shop.area, MAY, "nbr").values
    before = shop.store.read("indices", shop.area, BEFORE, "nbr").values
    layers = shop.store.read("change", shop.area, MAY)
    rose = layers["nbr-difference"].values
    np.testing.assert_allclose(rose, now - before, atol=1e-4)
    known = rose[np.isfinite(rose)]
    centre = np.median(known)
    spread = 1.482602218505602 * np.median(np.abs(known - centre))
    z = layers["nbr-difference-z"].values
    near = np.abs((rose - centre) / spread) < 300  # int16 codes of 0.01 end at 327
    np.testing.assert_allclose(z[near], ((rose - centre) / spread)[near], atol=0.03)
    classes = layers["nbr-class"].values
    strong = classes == 1
    assert (rose[strong] <= -0.25 + 1e-4).all()
    assert np.isnan(classes[np.isnan(rose)]).all()
    import rasterio

    with rasterio.open(twin_of().truth / "fires" / "2025_spring.tif") as source:
        story, severity = source.read(1) >= 114, source.read(2)
    burnt = story & (severity >= 50) & np.isfinite(rose)
    assert burnt.sum() > 40
    # By the middle of May herbs hide much of a ground fire; what is left of it still lies below its surroundings.
    assert np.median(rose[burnt]) < np.median(rose[~story & np.isfinite(rose)]) - 0.04
    assert outcome.gaps == (("z-score against earlier years", "1 in the store, wants 3"),)


def test_the_legend_names_the_classes_that_are_computed():
    from habitat.change import CHANGE_CLASSES
    from habitat.contracts.legend import legend_for

    assert {code: label for code, _, label in legend_for("change-classes").classes} == CHANGE_CLASSES


def test_the_sentence_is_counted_from_the_class_raster(build, shop, months):
    outcome = build("change", names=("nbr",))
    classes = shop.store.read("change", shop.area, MAY, "nbr-class").values
    ground = pixel_areas(shop.area.grid, Tile(0, 0, 44, 44)) / 1e4
    hectares = {code: ground[classes == code].sum() for code in range(1, 6)}
    fell, rose = hectares[1] + hectares[2], hectares[4] + hectares[5]
    seen = sum(hectares.values())
    assert outcome.summary == (
        f"From 2024-05 to 2025-05, NBR fell on {fell:,.0f} ha ({fell / seen:.1%} of the {seen:,.0f} ha seen in both "
        f"months), on {hectares[1]:,.0f} ha of them strongly, and rose on {rose:,.0f} ha "
        "(pixel count, unvalidated)."
    )
    stated = outcome.published.item["properties"]["habitat:change_ha"]["nbr"]
    assert stated["strong decrease"] == pytest.approx(hectares[1], abs=0.01)


def test_without_an_earlier_month_there_is_nothing_to_compare(build):
    build("composite")
    build("indices")
    with pytest.raises(NotPossible, match="no indices of 2024-05"):
        build("change")


def test_only_indices_of_both_months_are_compared(build):
    build("composite", BEFORE, quirks=twin.Quirks(without_assets=twin.NO_SWIR))
    build("indices", BEFORE)
    build("composite")
    build("indices")
    outcome = build("change", names=("nbr", "ndvi", "bais2"))
    assert {name.partition("-")[0] for name in outcome.published.rasters} == {"ndvi"}
    assert dict(outcome.gaps)["change of nbr"] == "the earlier months do not have it"
    assert "does not have it" in dict(outcome.gaps)["change of bais2"]
    with pytest.raises(NotPossible, match="none of nbr"):
        build("change", names=("nbr",))


def put_ndvi(shop, period, values):
    """Publish a hand-made NDVI of one month."""
    spec = RasterSpec("ndvi", "NDVI", (BandSpec("ndvi", "NDVI", scale=1e-4),), "int16", -32768, "ndvi")
    with shop.store.begin("indices", shop.area, period) as stage:
        writer = stage.raster(spec)
        for tile in shop.area.grid.tiles(512):
            writer.write(tile, spec.encode(np.broadcast_to(values, (1, 44, 44)).astype(float)))
        record = Record(
            "indices", shop.area.name, area_digest(shop.area), str(period), "1", created=f"{2026}-01-01T00:00:00+00:00"
        )
        return stage.publish(record)


def test_z_score_against_earlier_years_by_hand(build, shop):
    values = np.full((44, 44), 0.5)
    for year, ndvi in ((2021, 0.5), (2022, 0.6), (2023, 0.7)):
        field = values + (ndvi - 0.5)
        field[0, 0] = np.nan if year == 2022 else 0.5
        put_ndvi(shop, Period(f"{year}-05"), field)
    put_ndvi(shop, MAY, values - 0.1)
    outcome = build("change", names=("ndvi",))
    z = shop.store.read("change", shop.area, MAY, "ndvi-z").values
    # Mean 0.6, deviation 0.1: (0.4 - 0.6) / 0.1 = -2; seen in two years only, no score.
    assert z[5, 5] == pytest.approx(-2.0, abs=0.011)
    assert np.isnan(z[0, 0])
    assert outcome.gaps == (("difference", "no indices of 2024-05 in the store"),)
    assert outcome.summary.startswith("2025-05 was compared with 3 earlier years")
    assert len(outcome.published.record.inputs) == 4
    with pytest.raises(NotPossible, match="fewer than 4 earlier years"):
        build("change", names=("ndvi",), min_years=4)


def test_years_of_another_grid_are_left_alone(build, shop):
    from dataclasses import replace

    from habitat.contracts import Grid

    west, south, east, north = shop.area.grid.bounds
    moved = replace(shop.area, grid=Grid(shop.area.grid.crs, 20.0, (west, south + 20, east, north + 20)))
    put_ndvi(replace(shop, area=moved), BEFORE, np.full((44, 44), 0.5))
    put_ndvi(shop, MAY, np.full((44, 44), 0.5))
    with pytest.raises(NotPossible, match="on this grid"):
        build("change", names=("ndvi",))


def test_every_product_is_on_the_list_with_an_explained_setting():
    from pathlib import Path

    import habitat.products

    # What several products share is no product: these may be imported by them, as pyproject.toml says.
    shared = {"__init__", "product"}
    files = {path.stem for path in Path(habitat.products.__file__).parent.glob("*.py")} - shared
    assert {name.replace("-", "_") for name in PRODUCTS} == files
    names = list(PRODUCTS)
    for product in PRODUCTS.values():
        assert all(names.index(need.product) < names.index(product.name) for need in product.needs)
        for name, field in product.params.model_fields.items():
            assert field.description, f"{product.name}.{name} is not explained"
        assert product.params().deciding()
