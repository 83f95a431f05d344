"""Sampling: the same points in any tiling, evenly spread, never without data, with true areas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from habitat.accuracy.design import Design, Sampled, StratumDesign
from habitat.accuracy.sampling import Piece, cells_at, drawn, population
from habitat.contracts.errors import ConfigError, InputError
from habitat.contracts.grid import Grid
from habitat.contracts.pixel_areas import pixel_areas

NODATA = 255
GRID = Grid("EPSG:32652", 20.0, (500_000.0, 4_800_000.0, 506_000.0, 4_804_000.0))


@pytest.fixture(scope="module")
def codes():
    """Return 200 × 300 pixels: 1 and 2 at random, a rare 7, and no data along one side."""
    rng = np.random.default_rng(5)
    made = rng.choice([1, 2], size=GRID.shape, p=[0.8, 0.2]).astype(np.uint8)
    made[50:53, 60:63] = 7
    made[:, :20] = NODATA
    return made


def pieces(strata, mapped=None, size=64, grid=GRID, *, reverse=False):
    mapped = strata if mapped is None else mapped
    tiles = list(grid.tiles(size))
    for tile in reversed(tiles) if reverse else tiles:
        part = np.s_[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
        one, other = strata[part], mapped[part]
        yield Piece(tile, one, one if mapped is strata else other, (one != NODATA) & (other != NODATA))


def test_population_counts_pixels_and_ground(codes):
    there = population(pieces(codes), GRID)
    assert there.strata == there.classes == (1, 2, 7)
    assert np.diag(there.pixels).tolist() == [np.count_nonzero(codes == code) for code in (1, 2, 7)]
    assert there.pixels.sum() == 200 * 280
    ground = pixel_areas(GRID, next(GRID.tiles(1000)))
    assert np.diag(there.areas) == pytest.approx([ground[codes == code].sum() for code in (1, 2, 7)], rel=1e-9)
    # Hectares on the map are 0.08 % too few at the middle of the zone.
    assert there.areas.sum() / (200 * 280 * 400) == pytest.approx(1.0008, abs=1e-5)


def test_population_of_strata_that_are_not_the_classes(codes):
    strata = np.where(np.arange(300) < 150, 10, 2000).astype(np.int16) * np.ones((200, 1), np.int16)
    there = population(pieces(strata, codes), GRID)
    assert (there.strata, there.classes) == ((10, 2000), (1, 2, 7))
    assert there.pixels.sum(axis=1).tolist() == [200 * 130, 200 * 150]
    assert there.pixels.sum(axis=0).tolist() == [np.count_nonzero(codes == code) for code in (1, 2, 7)]
    assert there.pixels[:, 2].tolist() == [9, 0]


def test_population_refuses_what_holds_no_classes():
    grid = Grid("EPSG:32652", 20.0, (500_000.0, 4_800_000.0, 500_600.0, 4_800_600.0))
    with pytest.raises(InputError, match="no known pixel"):
        population(pieces(np.full(grid.shape, NODATA), grid=grid), grid)
    with pytest.raises(InputError, match="900 codes in one tile"):
        population(pieces(np.arange(1000, 1900).reshape(grid.shape), grid=grid), grid)
    with pytest.raises(InputError, match="codes run from 0 to 3000000"):
        population(pieces(np.where(np.eye(30) > 0, 3_000_000, 0), grid=grid), grid)


def test_a_sample_depends_on_map_and_seed_only(codes):
    sizes = {1: 40, 2: 30, 7: 5}
    found = drawn(pieces(codes), GRID, sizes, seed=3)
    for other in (
        drawn(pieces(codes, size=17), GRID, sizes, seed=3),
        drawn(pieces(codes, size=1000), GRID, sizes, seed=3),
        drawn(pieces(codes, size=31, reverse=True), GRID, sizes, seed=3),
    ):
        for name in ("cells", "strata", "mapped", "x", "y", "longitude", "latitude", "areas"):
            assert np.array_equal(getattr(found, name), getattr(other, name)), name
    assert not set(found.cells) & set(drawn(pieces(codes), GRID, {1: 40, 2: 30}, seed=4).cells)


def test_a_larger_sample_contains_the_smaller(codes):
    small = drawn(pieces(codes), GRID, {1: 10, 2: 10}, seed=3)
    large = drawn(pieces(codes), GRID, {1: 50, 2: 10}, seed=3)
    assert set(small.cells) < set(large.cells)


def test_points_lie_in_their_strata_each_once_and_never_without_data(codes):
    found = drawn(pieces(codes), GRID, {1: 400, 2: 300, 7: 500}, seed=1)
    assert len(set(found.cells)) == found.cells.size == 400 + 300 + 9
    row, column = np.divmod(found.cells, GRID.shape[1])
    assert np.array_equal(codes[row, column], found.strata)
    assert np.array_equal(found.strata, found.mapped)
    assert column.min() >= 20
    assert np.array_equal(cells_at(found.x, found.y, GRID), found.cells)
    assert found.areas == pytest.approx(400.32, abs=0.01)
    # A pixel centre of UTM zone 52 on its middle meridian lies at 129 degrees east.
    assert found.longitude.min() > 129
    assert 43.3 < found.latitude.min() < found.latitude.max() < 43.5
    # Random order: the rare stratum does not stand together.
    assert np.diff(np.flatnonzero(found.strata == 7)).max() > 1


def test_mapped_codes_come_along(codes):
    strata = np.full(GRID.shape, 3, np.uint8)
    found = drawn(pieces(strata, codes), GRID, {3: 200}, seed=1)
    row, column = np.divmod(found.cells, GRID.shape[1])
    assert np.array_equal(found.mapped, codes[row, column])
    assert NODATA not in found.mapped


def test_every_pixel_is_as_likely_as_any_other():
    grid = Grid("EPSG:32652", 20.0, (500_000.0, 4_800_000.0, 500_160.0, 4_800_160.0))
    ones = np.ones(grid.shape, np.uint8)
    counts = np.zeros(64)
    together = 0
    for seed in range(600):
        cells = drawn(pieces(ones, grid=grid), grid, {1: 8}, seed=seed).cells
        counts[cells] += 1
        together += {0, 1} <= set(cells.tolist())
    # 600 · 8 / 64 = 75 times each; without replacement the spread is 1 - 8/64 of the multinomial one.
    chi = ((counts - 75) ** 2 / 75).sum() / (1 - 8 / 64)
    assert 0.001 < stats.chi2.sf(chi, 63) < 0.999
    # Neighbours together: 600 · (8 · 7) / (64 · 63) = 8.3 times.
    assert 2 <= together <= 17


def test_drawing_refuses_what_is_not_there(codes):
    with pytest.raises(InputError, match="strata 9 do not occur"):
        drawn(pieces(codes), GRID, {1: 5, 9: 5}, seed=1)
    with pytest.raises(ConfigError, match="seed is -1"):
        drawn(pieces(codes), GRID, {1: 5}, seed=-1)
    assert drawn(pieces(codes), GRID, {1: 0}, seed=1).cells.size == 0


def test_designs_come_back_from_their_documents_and_others_are_refused():
    strata = (StratumDesign(1, "burnt", 200, 80_064.1, 2, 0.9),)
    samples = (Sampled("1", 7, "burnt", "burnt"), Sampled("2", 70, "burnt", "burnt"))
    design = Design("a.tif", "d1", "b.tif", "d2", GRID, {1: "burnt", 2: "other"}, strata, "neyman", 5, samples)
    data = design.to_dict()
    assert Design.from_dict(data) == design
    assert strata[0].inclusion == 0.01
    with pytest.raises(InputError, match="of format 2, wants 1"):
        Design.from_dict(data | {"format": 2})
    for wrong in (
        {},
        {"format": 1},
        data | {"strata": [{"code": 1}]},
        data | {"samples": [[1, 2]]},
        data | {"grid": {"crs": "EPSG:4326", "resolution_m": 1, "bounds": [0, 0, 1, 1]}},
        data | {"classes": {"x": "y"}},
    ):
        with pytest.raises(InputError, match="no design of habitat"):
            Design.from_dict(wrong)
