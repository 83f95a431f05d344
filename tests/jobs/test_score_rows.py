"""Rows of the scorecard, each made from a world of a few pixels whose measures are worked out by hand."""

from __future__ import annotations

import math
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from habitat.contracts import Period
from habitat.contracts.grid import Tile
from habitat.jobs.rows import ROWS
from habitat.jobs.rows.change import change_rows
from habitat.jobs.rows.clear_mask import mask_rows
from habitat.jobs.rows.composite import composite_rows
from habitat.jobs.rows.indices import index_rows
from habitat.jobs.truth_folder import Sky
from habitat.twin.land.landscape import Cover

MAY, BEFORE = Period("2025-05"), Period("2024-05")
NAN = math.nan


class Raster:
    """Stands for an open window: what a row maker asks of it are its bands."""

    def __init__(self, bands):
        self.bands = bands

    def __enter__(self):
        return self

    def __exit__(self, *about):
        pass


class World:
    """Stands for the evidence: every layer is one row of pixels, given as a list, the same in two tiles."""

    def __init__(self, **given):
        self.given = {"months": {MAY: (), BEFORE: ()}, "rasters": (), "bands": (), "products": {}, "params": {}} | given
        self.period, self.before, self.months = MAY, BEFORE, self.given["months"]
        self.tiles = (Tile(0, 0, 1, 4), Tile(1, 0, 1, 4))
        self.truth = SimpleNamespace(
            reflectance=lambda period, band, tile: self.line(self.given["true"][period][band]),
            layer=lambda name, tile, band=1: np.array([self.given["cover"]], np.uint8),
            burnt=self.burnt,
        )
        self.scenes = SimpleNamespace(
            grow_m=120.0,
            readable=lambda scene: scene.readable,
            seen=lambda scene, tile: self.mask(scene.seen),
            quality=lambda scene, tile: np.array([scene.quality], np.uint16),
            clear=lambda scene, purpose, tile: self.mask(scene.clear[purpose]),
            reflectance=lambda scene, band, tile: self.line(scene.values[band]),
        )

    @staticmethod
    def line(values):
        return np.array([values], np.float32)

    @staticmethod
    def mask(values):
        return np.array([values], bool)

    def burnt(self, tile, first, last):
        line = np.full(4, -1, np.int16)
        for pixel, day, severity in self.given["fires"]:
            if first <= day <= last:
                line[pixel] = severity
        return line[np.newaxis]

    def published(self, product, period=None):
        record = SimpleNamespace(params=self.given["params"])
        return SimpleNamespace(
            rasters=self.given["rasters"], record=record, open_window=lambda asset: Raster(self.given["bands"])
        )

    def values(self, product, asset, band, tile, period=None):
        return self.line(self.given["products"][asset, band])

    def codes(self, product, asset, band, tile, period=None):
        return np.array([self.given["products"][asset, band]], np.uint8)

    def clear_sky_medians(self, period, bands, tile):
        return {band: self.line(self.given["clear_sky"][period][band]) for band in bands}

    def unmasked_medians(self, period, bands, tile):
        return {band: self.line(self.given["unmasked"][period][band]) for band in bands}

    def clearest(self, period):
        return self.given["clearest"][period]

    def observed(self, period):
        return self.months[period]

    def sky(self, scene, tile):
        return Sky(
            **{name: np.array([getattr(scene, name)], np.uint8) for name in Sky.__dataclass_fields__ if name != "near"},
            near=self.mask(scene.near),
        )

    def truly_clear(self, scene, tile):
        return self.mask(scene.truly_clear)


def found(rows):
    return {row.measure: row for row in rows}


def test_the_list():
    assert [name for name, _ in ROWS] == [
        "composite",
        "clear mask",
        "indices",
        "change",
        "fire weather",
        "hotspots",
        "fire scars",
        "fire risk",
        "forest",
        "area intervals",
    ]


@pytest.fixture
def composite():
    true = {"red": [0.1, 0.1, 0.1, 0.1], "nir": [0.3, 0.3, 0.3, 0.3]}
    return World(
        true={MAY: true},
        bands=("red", "nir"),
        rasters=("median", "geomedian", "quality"),
        # The last pixel has no clear observation, the third is water.
        cover=[Cover.OAK, Cover.OAK, Cover.WATER, Cover.GRASS],
        products={
            ("quality", "clear-count"): [2, 1, 1, 0],
            ("median", "red"): [0.1, 0.13, 0.1, NAN],
            ("median", "nir"): [0.3, 0.26, 0.3, NAN],
            ("geomedian", "red"): [0.1, 0.1, 0.1, NAN],
            ("geomedian", "nir"): [0.3, 0.3, 0.36, NAN],
        },
        clear_sky={MAY: {"red": [0.11, NAN, 0.1, 0.9], "nir": [0.3, NAN, 0.3, 0.9]}},
        unmasked={MAY: {"red": [0.4, 0.1, 0.1, 0.9], "nir": [0.3, 0.3, 0.6, 0.9]}},
        clearest={MAY: SimpleNamespace(values={"red": [0.1, 0.1, 0.16, 0.9], "nir": [NAN, 0.3, 0.3, 0.9]})},
        months={
            MAY: (
                SimpleNamespace(truly_clear=[True, False, True, False]),
                SimpleNamespace(truly_clear=[False, True, True, True]),
            ),
            BEFORE: (),
        },
    )


def test_composite_rows(composite):
    rows = found(composite_rows(composite))
    assert list(rows) == [
        *("RMSE visible", "bias visible", "RMSE visible, geomedian"),
        *("RMSE nir", "bias nir", "RMSE nir, geomedian"),
        "land filled",
    ]
    visible, nir = rows["RMSE visible"], rows["RMSE nir"]
    # Two tiles of three pixels; one of three is 0.03 off.
    assert visible.n == 6
    assert visible.value == pytest.approx(0.03 / math.sqrt(3), rel=1e-5)
    assert rows["bias visible"].value == pytest.approx(0.01, rel=1e-5)
    assert visible.baseline == pytest.approx(0.3 / math.sqrt(3), rel=1e-5)
    assert rows["bias visible"].baseline == pytest.approx(0.1, rel=1e-5)
    assert visible.floor == pytest.approx(0.01 / math.sqrt(2), rel=1e-5)
    assert visible.goal == pytest.approx(0.005 + 0.05 * 0.1, rel=1e-5)
    assert "0.0346" in visible.note
    assert nir.value == pytest.approx(0.04 / math.sqrt(3), rel=1e-5)
    assert rows["bias nir"].better == "zero"
    assert rows["bias nir"].value == pytest.approx(-0.04 / 3, rel=1e-5)
    assert nir.goal == pytest.approx(0.02, rel=1e-5)
    assert rows["RMSE nir, geomedian"].value == pytest.approx(0.06 / math.sqrt(3), rel=1e-5)
    assert rows["RMSE visible, geomedian"].value == pytest.approx(0.0, abs=1e-7)


def test_coverage_counts_land(composite):
    filled = found(composite_rows(composite))["land filled"]
    assert (filled.n, filled.better) == (6, "higher")
    assert filled.value == pytest.approx(200 / 3)
    assert filled.floor == pytest.approx(100.0)
    assert "66.7 % of so many pixels are filled" in filled.note


def test_composite_without_geomedian(composite):
    composite.given["rasters"] = ("median", "quality")
    assert "RMSE nir, geomedian" not in found(composite_rows(composite))


def scene(sensor="sentinel2", **given):
    none = [0, 0, 0, 0]
    about = {"cloud": none, "shadow": none, "cirrus": none, "snow": none, "near": none, "seen": [1, 1, 1, 1]}
    about |= {"readable": True, "quality": [4, 4, 4, 4], "clear": {"forest": [1] * 4, "burn": [1] * 4}}
    return SimpleNamespace(sensor=sensor, **about | given)


def masks(*scenes, cover=(Cover.OAK,) * 4, before=()):
    return found(mask_rows(World(months={MAY: scenes, BEFORE: before}, cover=cover)))


def test_omission_and_commission_by_hand():
    rows = masks(
        scene(
            cloud=[100, 60, 0, 0],
            shadow=[0, 0, 90, 0],
            near=[1, 1, 1, 0],
            quality=[9, 4, 3, 4],
            # Forest drops everything; burn keeps the second cloud, the shadow and the clear pixel.
            clear={"forest": [0, 0, 0, 0], "burn": [0, 1, 1, 1]},
        )
    )
    forest, burn = rows["omission, forest"], rows["omission, burn"]
    assert (forest.value, forest.n) == (0.0, 6)
    assert burn.value == pytest.approx(200 / 3)
    assert burn.note == "1 scene; of cloud 50.00 %, of shadow 100.00 %"
    assert forest.baseline == pytest.approx(200 / 3), "SCL 8 to 10 knows neither the thin cloud nor the shadow"
    assert rows["commission, forest"].value == 100.0
    assert rows["commission, burn"].value == 0.0
    assert rows["commission, burn"].n == 2
    assert rows["commission, burn"].baseline == 0.0


def test_commission_far_from_clouds_is_counted_apart():
    rows = masks(scene(cloud=[80, 0, 0, 0], near=[1, 1, 0, 0], clear={"forest": [0, 0, 0, 1], "burn": [0, 0, 1, 1]}))
    assert (rows["commission, forest"].n, rows["commission (far), forest"].n) == (6, 4)
    assert rows["commission, forest"].value == pytest.approx(200 / 3)
    assert rows["commission (far), forest"].value == 50.0
    assert rows["commission (far), burn"].value == 0.0
    assert rows["commission (far), burn"].note == "farther than 120 m from cloud and shadow"


def test_what_is_between_clear_and_cloudy_and_what_is_not_seen_do_not_count():
    rows = masks(
        scene(cloud=[3, 49, 0, 100], cirrus=[0, 0, 3, 0], seen=[1, 1, 1, 0], clear={"forest": [0] * 4, "burn": [1] * 4})
    )
    assert {row.n for row in rows.values()} == {0}
    assert {row.value for row in rows.values()} == {None}


def test_water_and_snow_may_be_dropped():
    cover = (Cover.WATER, Cover.OAK, Cover.OAK, Cover.OAK)
    dropped = {"forest": [0, 0, 1, 1], "burn": [0, 0, 1, 1]}
    rows = masks(scene(snow=[0, 60, 0, 0], clear=dropped), cover=cover)
    assert "commission, forest" not in rows, "the only scene has snow"
    assert (rows["commission, forest, snow"].n, rows["commission, forest, snow"].value) == (4, 0.0)
    assert rows["omission, forest, snow"].note.startswith("1 scene with snow; ")


def test_scenes_of_both_months_count_and_those_with_snow_apart():
    rows = masks(
        scene(cloud=[100, 0, 0, 0], near=[1, 1, 1, 1]),
        scene(cloud=[100, 0, 0, 0], snow=[0, 50, 0, 0], clear={"forest": [0, 0, 1, 1], "burn": [1] * 4}),
        scene(readable=False),
        before=(scene(cloud=[100, 100, 0, 0], clear={"forest": [0, 0, 1, 1], "burn": [0, 0, 1, 1]}),),
    )
    assert rows["omission, burn"].n == 6
    assert rows["omission, burn"].value == pytest.approx(100 / 3)
    assert rows["omission, burn, snow"].value == 100.0
    assert rows["omission, forest, snow"].value == 0.0
    assert rows["omission, burn"].note.startswith("2 scenes; ")


def test_landsat_has_rows_of_its_own():
    quality = [0, 1 << 3, 1 << 2, 1 << 4]
    world = World(
        months={MAY: (scene("landsat", cloud=[0, 100, 0, 0], shadow=[0, 0, 0, 70], quality=quality),), BEFORE: ()},
        cover=[Cover.OAK] * 4,
    )
    rows = mask_rows(world)
    assert {row.product for row in rows} == {"Landsat mask"}
    by_name = found(rows)
    assert by_name["omission, forest"].value == 100.0
    assert by_name["omission, forest"].baseline == 50.0, "the naive mask knows the cloud and not the shadow"
    assert by_name["commission, forest"].baseline == 50.0, "the cirrus bit stands on a pixel without cirrus"
    assert "QA_PIXEL" in by_name["commission, forest"].baseline_method


def test_index_rows():
    ground = {"red": [0.1] * 4, "nir": [0.3, 0.3, 0.3, NAN], "swir2": [0.1] * 4}
    cloudy = {"red": [0.3] * 4, "nir": [0.3] * 4, "swir2": [0.1] * 4}
    world = World(
        true={MAY: ground},
        rasters=("ndvi", "evi2"),
        products={("ndvi", "ndvi"): [0.5, 0.7, NAN, 0.5]},
        clear_sky={MAY: ground},
        unmasked={MAY: cloudy},
    )
    (row,) = index_rows(world)
    assert row.measure == "RMSE NDVI"
    # Truth is 0.5 where it is known; the third pixel has no index, the fourth no truth.
    assert row.n == 4
    assert row.value == pytest.approx(0.2 / math.sqrt(2), rel=1e-5)
    assert row.floor == pytest.approx(0.0, abs=1e-6)
    assert row.baseline == pytest.approx(0.5, rel=1e-5)


def nbr(values):
    """Bands whose NBR has these values."""
    values = np.array(values, float)
    return {"nir": (0.2 * (1 + values)).tolist(), "swir2": (0.2 * (1 - values)).tolist()}


@pytest.fixture
def change():
    # From 0.5 everywhere: the first two pixels fell, the third stayed, the fourth rose.
    return World(
        true={BEFORE: nbr([0.5] * 4), MAY: nbr([0.1, 0.3, 0.5, 0.7])},
        params={"thresholds": [0.1, 0.25]},
        products={
            ("nbr-class", "nbr-class"): [1, 3, 2, 4],
            ("nbr-difference", "nbr-difference"): [-0.4, 0.0, -0.2, 0.2],
        },
        clear_sky={BEFORE: nbr([0.5] * 4), MAY: nbr([0.1, 0.3, 0.5, NAN])},
        clearest={
            BEFORE: SimpleNamespace(values=nbr([0.5] * 4)),
            MAY: SimpleNamespace(values=nbr([0.5, 0.5, 0.5, 0.3])),
        },
        fires=((0, date(2025, 4, 24), 60), (1, date(2024, 10, 9), 30)),
    )


def test_change_classes_and_difference(change):
    rows = found(change_rows(change))
    f1 = rows["F1 of decreases"]
    # Found fell: pixels 0 and 2; true: 0 and 1.
    assert (f1.value, f1.n) == (0.5, 8)
    assert f1.baseline == 0.0
    assert f1.floor == 1.0
    # Agree 2 of 4; chance (2 * 2 + 1 * 1 + 1 * 1) / 16.
    assert rows["kappa, 3 classes"].value == pytest.approx((2 / 4 - 6 / 16) / (1 - 6 / 16))
    assert rows["RMSE dNBR"].value == pytest.approx(math.sqrt((0.2**2 + 0.2**2) / 4), rel=1e-4)
    assert rows["RMSE dNBR"].floor == pytest.approx(0.0, abs=1e-6)


def test_burnt_pixels(change):
    rows = found(change_rows(change))
    assert (rows["burnt, omission"].value, rows["burnt, omission"].n) == (50.0, 4)
    assert rows["burnt this spring, omission"].value == 0.0
    assert rows["burnt this spring, omission"].n == 2
    assert (rows["burnt, commission"].value, rows["burnt, commission"].n) == (50.0, 4)
    assert rows["burnt area, bias"].value == 0.0
    assert rows["burnt, omission"].baseline == 100.0
    assert rows["burnt area, bias"].baseline == -50.0
    assert rows["burnt, omission"].goal == 15.0
    assert [rows[name].reached for name in ("burnt, omission", "burnt this spring, omission")] == [False, True]


def test_burnt_pixels_that_were_never_clear_are_missed(change):
    change.given["products"] = {
        ("nbr-class", "nbr-class"): [255, 2, 3, 4],
        ("nbr-difference", "nbr-difference"): [NAN, -0.2, 0.0, 0.2],
    }
    rows = found(change_rows(change))
    assert rows["burnt, omission"].value == 50.0
    assert rows["burnt this spring, omission"].value == 100.0
    assert "50.0 % of the burnt pixels are not seen" in rows["burnt this spring, omission"].note
    assert rows["F1 of decreases"].n == rows["RMSE dNBR"].n == 6
    assert rows["F1 of decreases"].value == 1.0


@pytest.mark.parametrize("day", [date(2024, 5, 20), date(2025, 5, 3)])
def test_fires_within_one_of_the_months_are_not_judged(change, day):
    change.given["fires"] += ((2, day, 80),)
    rows = found(change_rows(change))
    assert rows["burnt, omission"].n == 4
    assert rows["burnt, commission"].value == 0.0, "that the third pixel fell is neither right nor wrong"


def test_fires_before_the_first_month_are_none(change):
    change.given["fires"] = ((0, date(2024, 4, 24), 60),)
    rows = found(change_rows(change))
    assert (rows["burnt, omission"].value, rows["burnt, omission"].n) == (None, 0)
    assert rows["burnt area, bias"].value is None
    assert rows["burnt, commission"].value == 100.0
