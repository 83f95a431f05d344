"""Fire scars of real fires of which there is one picture before and one after, where the imagery is at hand."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.features import rasterize

from habitat.contracts import Period
from habitat.contracts.errors import InputError
from habitat.products.fire_scars import FIRE_SCARS
from habitat.products.product import Workshop
from habitat.sources import load_cube, read_area, search
from habitat.store import Store

BEFORE = 5


def settings(folder, **more):
    picked = {"sensors": ("landsat",), "max_cloud_cover": None, "without_mask": "all-clear", "bandpass": "none"}
    return FIRE_SCARS.params(catalogue=str(folder / "catalog.json"), **picked | more)


@pytest.fixture(scope="module")
def folder(shared):
    folder = shared / "imagery" / "landsat-fires-usgs-basins"
    if not folder.is_dir():
        pytest.skip(f"{folder.name} is not at hand")
    return folder


def poomacha() -> str:
    text = "name: poomacha\nboundary: bounds of the basins\ngrid: {crs: 'EPSG:32611', resolution_m: 30}\n"
    return text + "bbox: [-116.8830356, 33.2739574, -116.8280587, 33.3208495]\n"


class Fire:
    def __init__(self, folder, name, area, period, years, out):
        self.area = area
        shop = Workshop(area, Store(out), workers=2)
        self.outcome = FIRE_SCARS.build(settings(folder), shop, Period(period))
        with rasterio.open(self.outcome.published.path("status")) as source:
            self.status = source.read(1)
        with rasterio.open(self.outcome.published.path("dates")) as source:
            self.dates = source.read()
        ratios = []
        for year in years:
            found = search("landsat", area, Period(year), catalogue=folder / "catalog.json").require()
            cube = load_cube(found, area, bands=["nir", "swir2"], without_mask="all-clear").compute()
            nir, swir2 = (cube[band].where(cube["clear"]) for band in ("nir", "swir2"))
            ratios += list(((nir - swir2) / (nir + swir2)).values)
        self.dnbr = ratios[0] - ratios[1]
        table = gpd.read_file(folder / name / "basins.geojson").to_crs(area.grid.crs)
        inside = rasterize(table.geometry, area.grid.shape, transform=area.grid.transform).astype(bool)
        self.judged = inside & np.isfinite(self.dnbr) & (self.status != 255)
        self.mapped = self.status == BEFORE

    def wrong(self, least):
        """Omission and commission [1] within the basins against dNBR from a limit on."""
        truth, mapped = (layer[self.judged] for layer in (self.dnbr >= least, self.mapped))
        return (truth & ~mapped).sum() / truth.sum(), (mapped & ~truth).sum() / mapped.sum()


@pytest.fixture(scope="module")
def waldo(folder, tmp_path_factory):
    area = read_area(Path(__file__).parents[1] / "fire" / "waldo-canyon.yaml")
    return Fire(folder, "wal-waldo-canyon", area, "2012-09", ["2012"], tmp_path_factory.mktemp("waldo"))


def test_waldo_canyon_from_two_pictures(waldo):
    """The fire of June is black when autumn begins; nothing that a moderate burn would not explain is mapped."""
    assert (waldo.judged.sum() / (waldo.status != 255).sum()) > 0.5
    omission, commission = waldo.wrong(0.27)
    assert omission < 0.12
    assert commission < 0.02
    # Ground of moderate to high severity is found nearly whole.
    assert waldo.wrong(0.44)[0] < 0.02
    assert set(np.unique(waldo.status)) <= {0, BEFORE, 255}


def test_what_few_pictures_cannot_tell_is_named(waldo):
    gaps = dict(waldo.outcome.gaps)
    assert gaps["few references (autumn)"] == "1 date before the last look; only severe burns can be told"
    assert gaps["fields (autumn)"].startswith("never seen in full leaf")
    assert "2 of 2 scenes have none" in gaps["quality mask"]
    assert "0 ha burnt in autumn" in waldo.outcome.summary
    assert "black already when it began" in waldo.outcome.summary


def test_burns_before_the_season_are_dated_and_outlined(waldo):
    days = {int(day) for day in np.unique(waldo.dates[0][waldo.mapped])}, set(waldo.dates[1][waldo.mapped].tolist())
    # 23 April and 8 September, as the catalogue says: midnight of these items stands for a day of which no hour is known.
    assert days == ({114}, {252})
    assert (waldo.dates[:, ~waldo.mapped] == -32768).all()
    table = gpd.read_file(waldo.outcome.published.path("scars"))
    told = waldo.outcome.published.item["properties"]["habitat:black_before_ha"]
    assert told["autumn"] == pytest.approx(waldo.mapped.sum() * 0.09, rel=2e-3)
    assert table["area_ha"].sum() == pytest.approx(told["autumn"], abs=0.01)
    assert set(table["season"]) == {"before autumn"}
    assert table["fire_year"].isna().all()
    assert (table["probability_mean"] > 0.7).all()


def test_poomacha_from_two_pictures(folder, tmp_path):
    """Chaparral, August against January: light burns are not told, and nothing else is mapped."""
    (tmp_path / "area.yaml").write_text(poomacha())
    area = read_area(tmp_path / "area.yaml")
    fire = Fire(folder, "poo-poomacha", area, "2008-01", ["2007", "2008"], tmp_path / "store")
    omission, commission = fire.wrong(0.27)
    assert omission < 0.45
    assert commission < 0.02
    # Soil laid bare is brighter in SWIR2 than char, which hides some of the worst.
    assert fire.wrong(0.66)[0] < 0.25


def test_pictures_without_a_mask_are_refused_unless_allowed(folder, tmp_path):
    area = read_area(Path(__file__).parents[1] / "fire" / "waldo-canyon.yaml")
    with pytest.raises(InputError, match="no-mask"):
        FIRE_SCARS.build(
            settings(folder, without_mask="refuse"), Workshop(area, Store(tmp_path / "store")), Period("2012-09")
        )
