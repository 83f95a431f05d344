"""Composite: the month's median against plain NumPy on the files, its counts, its record and its refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from rasterio.windows import from_bounds

from habitat import twin
from habitat.contracts import Period
from habitat.contracts.errors import (
    AllMasked,
    AreaOutsideData,
    MixedRadiometry,
    NoScenes,
    OffsetDisagreement,
    TooMuchMissing,
)
from habitat.products import PRODUCTS
from habitat.sources import search
from habitat.store import Store

MAY = Period("2025-05")
KEEP = (4, 5, 7)
BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")


def read(asset, bounds):
    with rasterio.open(asset.href) as source:
        return source.read(1, window=from_bounds(*bounds, transform=source.transform))


def plain_month(catalogue, area, period, band):
    """Stack of one band, NaN where not clear, by plain NumPy: 10 m bands are means of their valid pixels."""
    layers = []
    for scene in search("sentinel2", area, period, catalogue=catalogue):
        dn = read(scene.bands[band], area.grid.bounds).astype(float)
        dn[dn == 0] = np.nan
        if dn.shape != area.grid.shape:
            with np.errstate(all="ignore"):
                mean = np.nanmean(np.stack([dn[0::2, 0::2], dn[0::2, 1::2], dn[1::2, 0::2], dn[1::2, 1::2]]), axis=0)
            dn = np.floor(mean + 0.5)
        clear = np.isin(read(scene.mask, area.grid.bounds), KEEP)
        layers.append(np.where(clear, dn * scene.bands[band].scale + scene.bands[band].offset, np.nan))
    return np.stack(layers)


@pytest.mark.filterwarnings("ignore:All-NaN slice", "ignore:Mean of empty slice")
@pytest.mark.parametrize("quirks", [twin.NO_QUIRKS, twin.Quirks(keep_offset=(twin.ALWAYS,))])
def test_median_equals_plain_numpy_on_the_files(build, shop, twin_of, quirks):
    build("composite", quirks=quirks, grow_m=0, max_cloud_cover=None)
    layers = shop.store.read("composite", shop.area, MAY, "median")
    for band in ("nir", "swir2"):
        stack = plain_month(twin_of(quirks).catalog, shop.area, MAY, band)
        expected = np.nanmedian(stack, axis=0)
        found = layers[band].values
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        # Published codes are rounded to 0.0001.
        np.testing.assert_allclose(found, expected, atol=0.51e-4)
    quality = shop.store.read("composite", shop.area, MAY, "quality")
    np.testing.assert_array_equal(quality["clear-count"].values, np.isfinite(stack).sum(axis=0))


def test_assets_and_what_the_item_says(build, shop):
    outcome = build("composite")
    published = outcome.published
    assert set(published.rasters) == {"median", "geomedian", "quality"}
    assert outcome.summary == (
        "2025-05: 4 of 4 scenes used, 0 masked, 0 missing; bands blue, green, red, nir, swir1, swir2"
    )
    assert outcome.missing == 0
    assert published.item["properties"]["habitat:summary"] == outcome.summary
    ledger = json.loads(published.path("ledger").read_text())
    assert ledger["counts"] == {"expected": 4, "used": 4, "masked": 0, "missing": 0}
    assert all(0 < row["clear_share"] <= 1 for row in ledger["observations"])
    # The superseded copy and the overcast date are accounted for.
    reasons = dict(row.values() for row in ledger["dropped"])
    assert reasons["S2C_52TGP_20250508_0_L2A"] == "cloud cover above 90 %"
    assert reasons["S2C_52TGP_20250518_0_L2A"].startswith("another copy of S2C_52TGP_20250518_1_L2A")
    assert [entry.id for entry in published.record.inputs] == [row["scene"] for row in ledger["observations"]]
    assert all("0.0001 * DN" in entry.radiometry for entry in published.record.inputs)
    derived = [link for link in published.item["links"] if link["rel"] == "derived_from"]
    assert len(derived) == 4
    assert not any(link["href"].startswith("/") for link in derived)
    for name in ("median", "geomedian", "quality"):
        assert published.path(f"{name}-quicklook").read_bytes().startswith(b"\x89PNG")


def test_derived_from_links_lead_to_the_scenes(build, shop):
    published = build("composite").published
    folder = published.path("ledger").parent
    for link in published.item["links"]:
        if link["rel"] == "derived_from":
            assert json.loads((folder / link["href"]).resolve().read_text())["id"] == link["title"]


def test_geometric_median_is_near_the_median_and_the_purposes_differ(build, shop):
    build("composite", purpose="burn")
    burn = shop.store.read("composite", shop.area, MAY, "median")["nir"].values
    several = shop.store.read("composite", shop.area, MAY, "geomedian")["nir"].values
    both = np.isfinite(burn) & np.isfinite(several)
    assert both.mean() > 0.5
    assert np.median(np.abs(several - burn)[both]) < 0.01
    build("composite", purpose="forest", geometric_median=False)
    forest = shop.store.read("composite", shop.area, MAY)
    assert "geomedian_nir" not in forest
    assert np.isfinite(forest["nir"]).sum() < np.isfinite(burn).sum()


def test_tiles_and_workers_change_no_pixel(build, shop, tmp_path, monkeypatch):
    one = build("composite").published
    monkeypatch.setattr("habitat.sources.scenes.pixels.SMALLEST_TILE", 16)
    other = type(shop)(shop.area, Store(tmp_path / "other"), workers=1)
    two = build("composite", workshop=other, memory_mb_per_worker=16).published
    monkeypatch.setattr("habitat.sources.scenes.pixels.LARGEST_TILE", 16)
    third = type(shop)(shop.area, Store(tmp_path / "third"), workers=2)
    three = build("composite", workshop=third).published
    assert one.as_input().checksum == two.as_input().checksum == three.as_input().checksum


def test_one_task_a_tile_whatever_the_scenes_and_bands(build, monkeypatch):
    import dask

    sizes = []
    compute = dask.compute
    monkeypatch.setattr(dask, "compute", lambda *tasks, **how: sizes.append(len(tasks)) or compute(*tasks, **how))
    monkeypatch.setattr("habitat.sources.scenes.pixels.LARGEST_TILE", 16)
    build("composite", bands=("nir", "swir2"))
    build("composite", bands=BANDS)
    # Each time: one task a scene to look at its files, then one a tile (the blocks are laid from the scenes' corner).
    assert sizes == [4, 9, 4, 9]


def test_other_zone_gives_nearly_the_same_month(build, shop, twin_of):
    quirks = twin.Quirks(other_zone=("2025-05",))
    build("composite", quirks=quirks, grow_m=60)
    warped = shop.store.read("composite", shop.area, MAY, "median")["nir"].values
    build("composite", grow_m=60)
    plain = shop.store.read("composite", shop.area, MAY, "median")["nir"].values
    both = np.isfinite(warped) & np.isfinite(plain)
    assert both.mean() > 0.5
    assert np.median(np.abs(warped - plain)[both]) < 0.02


def test_clip_leaves_what_is_outside_the_polygon_empty(build, shop, twin_of):
    from dataclasses import replace

    west, south, east, north = shop.area.polygon.bounds
    from shapely.geometry import box

    half = replace(shop.area, polygon=box(west, south, (west + east) / 2, north))
    clipped = replace(shop, area=half)
    build("composite", workshop=clipped, clip=True, grow_m=60)
    nir = clipped.store.read("composite", half, MAY, "median")["nir"].values
    assert np.isnan(nir[:, 30:]).all()
    assert np.isfinite(nir[:, :14]).mean() > 0.5


def test_no_scenes_says_what_was_searched_and_what_removed_them(build, shop):
    with pytest.raises(NoScenes, match=r"2019-05.*answered \d+ items, of which .*period removed \d+"):
        build("composite", Period("2019-05"))
    with pytest.raises(NoScenes, match="cloud cover removed 5"):
        build("composite", max_cloud_cover=1)
    assert shop.store.list() == []


def test_an_overcast_month_is_refused_or_published_empty(build, shop):
    quirks = twin.Quirks(all_cloud=("2025-05",))
    with pytest.raises(AllMasked, match="on_all_cloud"):
        build("composite", quirks=quirks, max_cloud_cover=None)
    assert shop.store.list() == []
    outcome = build("composite", quirks=quirks, max_cloud_cover=None, on_all_cloud="publish")
    assert np.isnan(shop.store.read("composite", shop.area, MAY, "median")["nir"].values).all()
    assert (shop.store.read("composite", shop.area, MAY, "quality")["clear-count"].values == 0).all()
    counts = json.loads(outcome.published.path("ledger").read_text())["counts"]
    assert counts == {"expected": 5, "used": 0, "masked": 5, "missing": 0}
    assert outcome.published.item["properties"]["habitat:all_masked"] is True


def test_a_lost_file_takes_its_scene_out_and_is_told(build, shop):
    quirks = twin.Quirks(lost_files=(("2025-05-13", "nir"),))
    with pytest.raises(TooMuchMissing, match=r"1 of 4 scenes cannot be read, 2[0-9]% .*missing:missing"):
        build("composite", quirks=quirks)
    outcome = build("composite", quirks=quirks, max_missing_share=0.4)
    assert outcome.missing == 1
    ledger = json.loads(outcome.published.path("ledger").read_text())
    assert ledger["counts"]["missing:missing"] == 1
    assert ledger["counts"]["used"] == 3
    assert outcome.published.item["properties"]["habitat:partial"] is True
    assert len(outcome.published.record.inputs) == 3


def test_a_scene_that_breaks_while_it_is_read_is_taken_out_whole(build, shop, twin_of, tmp_path):
    made = twin.make(tmp_path / "twin", size="tiny")
    (path,) = (made.root / "scenes" / "earth-search").rglob("S2C_52TGP_20250528_0_L2A/B12.tif")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = b"\0" * (len(content) - len(content) // 2)
    path.write_bytes(content)
    outcome = build("composite", catalogue=str(made.catalog), max_missing_share=0.4)
    ledger = json.loads(outcome.published.path("ledger").read_text())
    assert ledger["counts"] | {"used": 3, "missing": 1} == ledger["counts"]
    (lost,) = [row for row in ledger["observations"] if row["outcome"].startswith("missing")]
    assert lost["scene"] == "S2C_52TGP_20250528_0_L2A"
    # The same month without that scene at all has the same pixels.
    quirks = twin.Quirks(lost_files=(("2025-05-28", "swir22"),))
    again = build("composite", quirks=quirks, max_missing_share=0.4)
    assert again.published.as_input().checksum == outcome.published.as_input().checksum


@pytest.mark.parametrize(
    ("asset", "reason"), [("scl", "missing:no-mask"), ("red", "missing:asset")], ids=["absent SCL", "absent band"]
)
def test_an_item_without_an_asset_is_missing(build, asset, reason):
    quirks = twin.Quirks(without_assets=(("2025-05-13", asset),))
    outcome = build("composite", quirks=quirks, max_missing_share=0.4)
    counts = json.loads(outcome.published.path("ledger").read_text())["counts"]
    assert counts[reason] == 1


def test_every_scene_without_scl_is_refused(build, shop):
    with pytest.raises(TooMuchMissing, match="no quality mask"):
        build("composite", quirks=twin.Quirks(without_assets=((twin.ALWAYS, "scl"),)), max_missing_share=1)
    assert shop.store.list() == []


def test_a_catalogue_without_swir_names_the_bands_as_gaps(build):
    outcome = build("composite", quirks=twin.Quirks(without_assets=twin.NO_SWIR))
    assert outcome.gaps == (("band swir1", "no scene has it"), ("band swir2", "no scene has it"))
    assert "bands blue, green, red, nir" in outcome.summary


def test_metadata_that_lie_about_the_offset_stop_the_run(build, shop):
    with pytest.raises(OffsetDisagreement, match="scene S2"):
        build("composite", quirks=twin.Quirks(lying_flags=("2025-05-13",)))
    assert shop.store.list() == []


def test_mixed_offsets_are_harmonised_and_said_or_refused(build, shop):
    quirks = twin.Quirks(keep_offset=("2025-05-18",))
    outcome = build("composite", quirks=quirks)
    (gap,) = outcome.gaps
    assert gap[0] == "one radiometry"
    assert "each was brought to reflectance by its own offset" in gap[1]
    mixed = shop.store.read("composite", shop.area, MAY, "median")["nir"].values
    build("composite")
    plain = shop.store.read("composite", shop.area, MAY, "median")["nir"].values
    np.testing.assert_allclose(mixed, plain, atol=1.01e-4)
    with pytest.raises(MixedRadiometry, match="mixed_offsets"):
        build("composite", quirks=quirks, mixed_offsets="refuse")


def test_an_area_outside_the_data_is_refused(build, shop):
    from dataclasses import replace

    from shapely.affinity import translate

    from habitat.contracts import Area, Grid

    west, south, east, north = shop.area.grid.bounds
    far = Grid(shop.area.grid.crs, 20.0, (west + 200_000, south, east + 200_000, north))
    away = replace(shop, area=Area("away", translate(shop.area.polygon, 2.5, 0), far))
    with pytest.raises((NoScenes, AreaOutsideData), match="footprint removed"):
        build("composite", workshop=away)


def test_parameters_are_checked():
    params = PRODUCTS["composite"].params
    for wrong in ({"grow_m": -1}, {"purpose": "sea"}, {"sensors": ()}, {"max_cloud_cover": 101}, {"colour": "red"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            params(**wrong)
    assert "catalogue" not in params().deciding()
    assert params().deciding()["grow_m"] == 120.0


def test_a_band_nobody_has_is_a_gap_and_no_band_at_all_a_refusal(build):
    quirks = twin.Quirks(without_assets=((twin.ALWAYS, "coastal"),))
    with pytest.raises(NoScenes, match="none of the bands wanted"):
        build("composite", quirks=quirks, bands=("coastal",))
    outcome = build("composite", quirks=quirks, bands=("nir", "coastal"))
    assert outcome.gaps[0] == ("band coastal", "no scene has it")
    with pytest.raises(ValueError, match="there is no band 'ultraviolet'"):
        build("composite", bands=("nir", "ultraviolet"))


def test_locked_product_is_left_alone(build, shop):
    from habitat.contracts.errors import Locked

    with shop.store.begin("composite", shop.area, MAY), pytest.raises(Locked):
        build("composite")
