"""The radar product: means in power by orbit, with looks, spread, ledger, gaps and pictures."""

from __future__ import annotations

import json
from pathlib import Path

import made_radar as made
import numpy as np
import pytest
import rasterio
from pydantic import ValidationError

from habitat.contracts import Period
from habitat.contracts.errors import AllMasked, NoScenes, TooMuchMissing
from habitat.contracts.grid import Tile
from habitat.products.product import Workshop
from habitat.products.radar import RADAR, RadarParams
from habitat.sources.areas.reading import read_area
from habitat.store import Store

MAY = Period("2025-05")
WHOLE = Tile(0, 0, 20, 20)


@pytest.fixture
def shop(tmp_path):
    return Workshop(made.area(), Store(tmp_path / "store"), workers=2)


@pytest.fixture
def build(shop, tmp_path):
    def run(items, period=MAY, **params):
        catalogue = str(made.catalogue(tmp_path, items))
        # A run asks a catalogue once; here it changes between two builds.
        fresh = Workshop(shop.area, shop.store, workers=2)
        return RADAR.build(RadarParams(catalogue=catalogue, **params), fresh, period)

    return run


def flat(vv=0.1, vh=0.02, shape=(40, 40)):
    return {"vv": np.full(shape, vv, np.float32), "vh": np.full(shape, vh, np.float32)}


def read(outcome, raster):
    with outcome.published.open_window(raster) as reader:
        return {band: reader.values(WHOLE, band) for band in reader.bands}


def test_looks_of_a_month_are_averaged_in_power(build, tmp_path):
    items = [
        made.scene(tmp_path, "2025-05-08T21:22:25", flat(0.1, 0.03)),
        made.scene(tmp_path, "2025-05-20T21:22:25", flat(0.001, 0.01)),
        made.scene(tmp_path, "2025-06-01T21:22:25", flat(1.0, 1.0)),
    ]
    outcome = build(items)
    level = read(outcome, "backscatter-061d")
    # 10 log 0.0505, 10 log 0.02, and their difference; in decibels VV would be -20.
    assert np.allclose(level["vv"], -12.97)
    assert np.allclose(level["vh"], -16.99)
    assert np.allclose(level["ratio"], -4.02)
    assert np.allclose(read(outcome, "spread-061d")["vv-std"], 14.14)
    assert np.allclose(read(outcome, "spread-061d")["vh-std"], 3.37)
    assert (read(outcome, "looks-061d")["looks"] == 2).all()
    assert outcome.gaps == ()
    assert outcome.summary == (
        "2025-05: relative orbit 61 descending: VV -13.0 dB, VH -17.0 dB (mean power); 2 of 2 scenes used, 0 missing"
    )
    properties = outcome.published.item["properties"]
    assert properties["habitat:orbits"] == {"061D": 2}
    assert properties["habitat:mean_db"] == {"061D": {"vv": -12.97, "vh": -16.99}}
    for raster in ("backscatter", "spread", "looks"):
        assert (outcome.published.paths[f"{raster}-061d-quicklook"]).is_file()


def test_orbits_are_rasters_of_their_own_and_can_be_chosen(build, tmp_path):
    items = [
        made.scene(tmp_path, "2025-05-08T21:22:25", flat(0.1)),
        made.scene(tmp_path, "2025-05-09T09:08:00", flat(0.2), orbit=83, state="ascending"),
    ]
    outcome = build(items)
    assert set(outcome.published.rasters) == {"backscatter-061d", "looks-061d", "backscatter-083a", "looks-083a"}
    assert np.allclose(read(outcome, "backscatter-061d")["vv"], -10)
    assert np.allclose(read(outcome, "backscatter-083a")["vv"], -6.99)
    one = build(items, orbits=("083A",))
    assert set(one.published.rasters) == {"backscatter-083a", "looks-083a"}
    ledger = json.loads(one.published.paths["ledger"].read_text())
    assert ledger["counts"]["expected"] == 1
    assert [entry["reason"] for entry in ledger["dropped"]] == ["of an orbit that is not asked for"]
    with pytest.raises(NoScenes, match="of the orbits wanted \\(054D; there are 061D, 083A\\)"):
        build(items, orbits=("054D",))


def test_a_single_look_has_no_spread_and_says_so(build, tmp_path):
    outcome = build([made.scene(tmp_path, "2025-05-08T21:22:25", flat())])
    assert outcome.gaps == (("spread-061d", "a single pass: its speckle is as it came, spread unknown"),)
    assert "spread-061d" not in outcome.published.rasters


def test_missing_vh_is_a_gap_and_no_ratio_of_nothing(build, tmp_path):
    only = {"vv": np.full((40, 40), 0.1, np.float32)}
    outcome = build([made.scene(tmp_path, "2025-05-08T21:22:25", only)])
    assert ("vh of 061D", "1 of 1 scenes do not have it") in outcome.gaps
    assert set(read(outcome, "backscatter-061d")) == {"vv"}
    items = [
        made.scene(tmp_path, "2025-05-08T21:22:25", only),
        made.scene(tmp_path, "2025-05-20T21:22:25", flat(0.3, 0.02)),
    ]
    mixed = build(items)
    level = read(mixed, "backscatter-061d")
    assert np.allclose(level["vv"], -6.99)
    assert np.allclose(level["vh"], -16.99)
    assert ("vh of 061D", "1 of 2 scenes do not have it") in mixed.gaps
    notes = [entry["note"] for entry in mixed.published.record.ledger["observations"]]
    assert notes == ["relative orbit 61 descending, has no vh", "relative orbit 61 descending"]


def test_scenes_in_both_units_are_averaged_together(build, tmp_path):
    coded = {name: made.codes(values) for name, values in flat(0.3).items()}
    items = [
        made.scene(tmp_path, "2025-05-08T21:22:25", flat(0.1)),
        made.scene(tmp_path, "2025-05-20T21:22:25", coded, unit="dB"),
    ]
    assert np.allclose(read(build(items), "backscatter-061d")["vv"], -6.99, atol=0.011)


def test_a_scene_in_the_wrong_unit_is_missing_with_the_reason(build, tmp_path):
    rng = np.random.default_rng(1)
    wrong = {name: np.full((40, 40), -12.0, np.float32) for name in ("vv", "vh")}
    items = [
        made.scene(tmp_path, "2025-05-08T21:22:25", {"vv": made.speckled(-9, rng), "vh": made.speckled(-15, rng)}),
        made.scene(tmp_path, "2025-05-20T21:22:25", wrong),
    ]
    with pytest.raises(TooMuchMissing, match="missing:unit"):
        build(items)
    outcome = build(items, max_missing_share=0.6)
    assert outcome.missing == 1
    assert outcome.published.item["properties"]["habitat:partial"] is True
    assert len(outcome.published.record.inputs) == 1


def test_scenes_without_a_pixel_in_the_area_make_nothing(build, tmp_path):
    empty = {name: np.full((40, 40), -32768, np.float32) for name in ("vv", "vh")}
    with pytest.raises(AllMasked, match="none of 1 scenes of made, 2025-05 has a pixel with data"):
        build([made.scene(tmp_path, "2025-05-08T21:22:25", empty)])
    items = [
        made.scene(tmp_path, "2025-05-08T21:22:25", empty, id="empty"),
        made.scene(tmp_path, "2025-05-20T21:22:25", flat(), id="full"),
    ]
    outcome = build(items)
    outcomes = {entry["scene"]: entry["outcome"] for entry in outcome.published.record.ledger["observations"]}
    assert outcomes == {"empty": "masked", "full": "used"}
    assert (read(outcome, "looks-061d")["looks"] == 1).all()


def test_ground_nobody_saw_is_no_data(build, tmp_path):
    half = flat()
    half["vv"][:, 20:] = half["vh"][:, 20:] = -32768
    outcome = build([made.scene(tmp_path, "2025-05-08T21:22:25", half)])
    level, looks = read(outcome, "backscatter-061d"), read(outcome, "looks-061d")["looks"]
    assert np.isnan(level["ratio"][:, 10:]).all()
    assert np.isfinite(level["ratio"][:, :10]).all()
    assert np.isnan(looks[:, 10:]).all()


def test_months_before_filter_speckle_and_are_named_as_inputs(build, tmp_path):
    rng = np.random.default_rng(2)
    items = [
        made.scene(
            tmp_path, f"2025-{month:02d}-08T21:22:25", {"vv": made.speckled(-9, rng), "vh": made.speckled(-15, rng)}
        )
        for month in range(1, 6)
    ]
    plain, filtered = build(items), build(items, filter_months=4)
    before, after = (read(outcome, "backscatter-061d")["vv"].std() for outcome in (plain, filtered))
    assert after < 0.6 * before
    assert read(filtered, "backscatter-061d")["vv"].mean() == pytest.approx(-9, abs=0.4)
    assert len(plain.published.record.inputs) == 1
    assert len(filtered.published.record.inputs) == 5
    # Only May's own pass is a look of May.
    assert (read(filtered, "looks-061d")["looks"] == 1).all()


def test_nothing_of_the_period_itself_is_refused(build, tmp_path):
    items = [made.scene(tmp_path, "2025-04-08T21:22:25", flat())]
    with pytest.raises(NoScenes, match="none of 1 scenes"):
        build(items, filter_months=2)
    with pytest.raises(NoScenes):
        build(items)


def test_inputs_change_with_what_is_there(shop, tmp_path):
    items = [made.scene(tmp_path, f"2025-05-{day:02d}T21:22:25", flat()) for day in (8, 20)]
    params = RadarParams(catalogue=str(made.catalogue(tmp_path, items)))
    told = RADAR.inputs(params, shop, MAY)
    assert len(told) == 2
    assert "documented as gamma0 in linear power" in told[0].radiometry


@pytest.mark.parametrize(
    "wrong", [{"orbits": ("61D",)}, {"window": 4}, {"polarisations": ("hh",)}, {"polarisations": ()}, {"orbit": "061D"}]
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValidationError):
        RadarParams(**wrong)


def test_real_months_of_myanmar(shared, tmp_path):
    area = read_area(Path(__file__).parent / "myanmar.yaml")
    shop = Workshop(area, Store(tmp_path / "store"), workers=2)
    params = RadarParams(catalogue=str(shared / "imagery/s1-stack-myanmar"))
    # March 2016 has one pass; 2017 has 27 by UTC, two of them in two slices.
    march = RADAR.build(params, shop, Period("2016-03"))
    (one,) = (shared / "imagery/s1-stack-myanmar/sentinel-1-grd").glob("S1A*_201603*")
    expected = {}
    for name in ("vv", "vh"):
        with rasterio.open(one / f"{name}.tif") as image:
            codes = image.read(1).astype(float)
        expected[name] = 10 * np.log10((10 ** (codes[codes != -32768] / 1000)).mean())
    told = march.published.item["properties"]["habitat:mean_db"]["106D"]
    assert told == pytest.approx(expected, abs=0.006)
    year = RADAR.build(params, shop, Period("2017"))
    assert year.published.item["properties"]["habitat:orbits"] == {"106D": 27}
    with year.published.open_window("looks-106d") as looks, year.published.open_window("backscatter-106d") as level:
        # A strip of two pixels at the edge of the stack has no data, and where two slices meet a row is lost.
        seen = looks.values(Tile(10, 10, 100, 100), "looks")
        assert (seen == 27).mean() > 0.94
        assert seen.min() >= 25
        assert np.nanmedian(level.values(Tile(0, 0, 120, 120), "vh")) == pytest.approx(-13.4, abs=0.1)
    first = RADAR.build(params, shop, Period("2014-10"))
    dropped = first.published.record.ledger["dropped"]
    assert any("taken in the same seconds" in entry["reason"] for entry in dropped)
    assert first.published.item["properties"]["habitat:orbits"] == {"106D": 1}
