"""Thumbnail: every so many-th pixel, whatever the tiles it came in."""

from __future__ import annotations

import numpy as np
import pytest

from habitat.contracts.grid import Grid
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.reports.thumbnail import Thumbnail

GRID = Grid("EPSG:32652", 10.0, (0.0, 0.0, 700.0, 500.0))
SPEC = RasterSpec("index", "Index", (BandSpec("index", "an index", scale=0.1, offset=1.0),), "int16", -32768)


@pytest.mark.parametrize("size", [7, 16, 70])
def test_equals_the_strided_raster_whatever_the_tiles(size):
    codes = np.arange(3500, dtype=np.int16).reshape(1, 50, 70)
    small = Thumbnail(GRID, SPEC, longest=24)
    for tile in GRID.tiles(size, (3, 5)):
        small.add(tile, codes[:, tile.row : tile.row + tile.height, tile.column : tile.column + tile.width])
    np.testing.assert_array_equal(small.codes(), codes[0, ::3, ::3])
    np.testing.assert_allclose(small.values(), codes[0, ::3, ::3] * 0.1 + 1.0, rtol=1e-5)


def test_what_never_came_is_unknown_and_the_legend_fits_what_did():
    small = Thumbnail(GRID, SPEC, longest=70)
    assert np.isnan(small.values()).all()
    assert small.legend().name == "generic"
    tile = next(GRID.tiles(50))
    small.add(tile, np.linspace(-1000, 1000, 2500).astype(np.int16).reshape(1, 50, 50))
    stops = [stop[0] for stop in small.legend().stops]
    # 2nd and 98th percentile of codes -1000..1000 are -960 and 960: values -95 and 97.
    assert stops[0] == pytest.approx(-95, abs=0.5)
    assert stops[-1] == pytest.approx(97, abs=0.5)


def test_a_composite_is_three_bands():
    bands = tuple(BandSpec(name, name, scale=1e-4) for name in ("red", "nir", "swir2"))
    small = Thumbnail(GRID, RasterSpec("median", "Median", bands, "int16", -32768, "reflectance"), longest=10)
    assert small.picture().shape == (3, 8, 10)
