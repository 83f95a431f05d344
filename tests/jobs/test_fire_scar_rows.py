"""Rows of the fire scars: a map that is the truth scores best, an empty one misses all, a full one errs."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import rasterio

from habitat import twin
from habitat.contracts import Period
from habitat.jobs.evidence import SceneReader
from habitat.jobs.rows.fire_scars import fire_scar_rows
from habitat.jobs.truth_folder import TruthFolder
from habitat.sources import search
from habitat.sources.scenes.rasters import Rasters

MAY = Period("2025-05")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return twin.make(tmp_path_factory.mktemp("twin"), size="tiny")


@pytest.fixture(scope="module")
def truth(tiny):
    with rasterio.open(tiny.root / "truth" / "fires" / "2025_spring.tif") as source:
        day = source.read(1).astype(np.int64)
    return np.where(day <= 151, day, 0)


@pytest.fixture
def rows(tiny, truth):
    """Rows of a made-up map of what burnt: rows(mapped, shift of the dates in days)."""
    found = search(("sentinel2", "landsat"), tiny.area, Period("2025"), catalogue=str(tiny.catalog))
    inputs = [SimpleNamespace(id=scene.id) for scene in found.scenes]
    record = SimpleNamespace(inputs=inputs, params={"days_after": 20})

    def made(mapped, shift=0):
        layers = {
            "status": np.where(mapped, 1, 0).astype(np.uint8),
            "last-unburnt": np.where(mapped, truth - 2 + shift, -32768).astype(np.int16),
            "first-burnt": np.where(mapped, truth + 3 + shift, -32768).astype(np.int16),
        }

        def codes(product, asset, band, tile):
            return layers[band][tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]

        with Rasters(found.provider) as rasters:
            evidence = SimpleNamespace(
                area=tiny.area,
                period=MAY,
                published=lambda product: SimpleNamespace(record=record),
                codes=codes,
                scenes=SceneReader(rasters, tiny.area, 0.0),
                truth=TruthFolder(tiny.truth, tiny.area.grid),
                tiles=tuple(tiny.area.grid.tiles(1024)),
            )
            evidence.truly_clear = lambda scene, tile: (
                evidence.truth.sky(scene.id, tile).clear & evidence.truth.sky(scene.id, tile).bare
            )
            return {row.measure: row for row in fire_scar_rows(evidence)}

    return made


def test_the_truth_itself_scores_best(rows, truth):
    found = rows(truth > 0)
    assert found["spring, omission"].value == 0
    assert found["spring, omission"].n > 100
    assert found["spring, commission"].value == 0
    assert found["spring, fires found"].value == 100
    assert found["spring, days outside the interval"].value == 0
    assert found["spring, days outside the interval"].note == "median width of the interval 5 d"
    assert abs(found["spring, burnt area, bias"].value) < 5
    assert "autumn, omission" not in found


def test_an_empty_map_misses_all_and_has_no_commission(rows, truth):
    found = rows(np.zeros_like(truth, bool))
    assert found["spring, omission"].value == 100
    assert found["spring, commission"].value is None
    assert found["spring, fires found"].value == 0
    assert found["spring, burnt area, bias"].value == -100


def test_a_full_map_errs_by_what_did_not_burn_and_dates_by_the_days_outside(rows, truth):
    found = rows(np.ones_like(truth, bool), shift=5)
    assert found["spring, omission"].value == 0
    assert found["spring, commission"].value == pytest.approx(100 * (truth == 0).mean())
    # The interval begins three days after the fire.
    assert found["spring, days outside the interval"].value == pytest.approx(3)
