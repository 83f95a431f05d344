"""Coverage and tallies of zones: against shapely, against counting points, and parts against the whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from shapely.geometry import MultiPolygon, Polygon, box

from habitat.contracts.grid import Grid, Tile
from habitat.imagery.zones.coverage import coverage
from habitat.imagery.zones.tables import Band, column_of, doubled_hectares, number_rows, wide_table, zone_row
from habitat.imagery.zones.tallies import BINS, Coding, Tally

GRID = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 600240.0, 4800200.0))
WHOLE = Tile(0, 0, 10, 12)


def on_map(points):
    """Turn pixels from the lower left corner into metres of the grid."""
    return Polygon([(600000 + 20 * x, 4800000 + 20 * y) for x, y in points])


def star(rays, seed):
    """Make an outline with as many corners as one likes, around the middle of the grid."""
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, rays))
    reach = random.uniform(1, 5, rays)
    return on_map(np.column_stack([6 + reach * np.cos(angles), 5 + reach * np.sin(angles)])).buffer(0)


def cells(tile=WHOLE):
    west, _, _, north = GRID.tile_bounds(tile)
    row, column = np.indices((tile.height, tile.width))
    return shapely.box(west + 20 * column, north - 20 * (row + 1), west + 20 * (column + 1), north - 20 * row)


@settings(max_examples=40)
@given(st.integers(4, 60), st.integers(0, 10**6))
def test_shares_are_areas_of_intersections(rays, seed):
    outline = star(rays, seed)
    exact = shapely.area(shapely.intersection(cells(), outline)) / 400
    found = coverage(outline, GRID, WHOLE)
    np.testing.assert_allclose(np.zeros_like(exact) if found is None else found, exact, atol=1.2e-7)


def test_shares_are_those_of_many_points():
    outline = star(25, 3)
    hole = outline.buffer(-25)
    ring = outline.difference(hole)
    assert not hole.is_empty
    side = (np.arange(100) + 0.5) / 5
    x, y = (
        600000 + np.add.outer(20 * np.arange(12), side).ravel(),
        4800200 - np.add.outer(20 * np.arange(10), side).ravel(),
    )
    inside = shapely.contains_xy(ring, *np.meshgrid(x, y))
    counted = inside.reshape(10, 100, 12, 100).mean(axis=(1, 3))
    np.testing.assert_allclose(coverage(ring, GRID, WHOLE), counted, atol=0.01)


def test_tiles_are_cut_out_of_the_whole():
    outline = MultiPolygon([star(30, 8), on_map([(0, 0), (2, 0), (2, 1.5), (0, 1.5)])]).buffer(0)
    shapely.prepare(outline)
    whole = coverage(outline, GRID, WHOLE)
    for tile in GRID.tiles(3, (1, 2)):
        found = coverage(outline, GRID, tile)
        part = whole[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
        np.testing.assert_allclose(np.zeros_like(part) if found is None else found, part, atol=1.2e-7)


def test_all_none_and_nothing_but_a_corner():
    assert (coverage(box(599000, 4799000, 601000, 4801000), GRID, WHOLE) == 1.0).all()
    assert (coverage(box(*GRID.bounds), GRID, WHOLE) == 1.0).all()
    assert coverage(box(0, 0, 10, 10), GRID, WHOLE) is None
    # It touches the grid along its western edge.
    assert coverage(box(599000, 4800000, 600000, 4800200), GRID, WHOLE) is None
    # A cut that leaves an area and a line.
    comb = Polygon([(599980, 4800000), (600010, 4800000), (600010, 4800020), (600000, 4800020), (600000, 4800060),
                    (599980, 4800060)])  # fmt: skip
    found = coverage(comb, GRID, WHOLE)
    assert found[9, 0] == pytest.approx(0.5)
    assert found.sum() == pytest.approx(0.5)


@settings(max_examples=40)
@given(st.integers(2, 40), st.integers(0, 10**6), arrays(np.int16, (10, 12), elements=st.integers(-3, 4)))
def test_zones_that_partition_add_up(rays, seed, codes):
    outline = star(rays + 3, seed)
    rest = box(*GRID.bounds).difference(outline)
    coding = Coding(-3, 4, nodata=-3, scale=0.5, offset=1.0)
    areas = np.linspace(399.0, 401.0, 120).reshape(10, 12)

    def tallied(zone):
        tally, shares = Tally(coding), coverage(zone, GRID, WHOLE)
        if shares is not None:
            inside = shares > 0
            tally.add(codes[inside], shares[inside], (shares * areas)[inside])
        return tally

    one, other, joint = tallied(outline), tallied(rest), tallied(box(*GRID.bounds))
    assert one.known_m2 + other.known_m2 == pytest.approx(joint.known_m2, abs=1e-3)
    assert one.unknown_m2 + other.unknown_m2 == pytest.approx(joint.unknown_m2, abs=1e-3)
    assert one.count + other.count == pytest.approx(joint.count, abs=1e-5)
    for code in range(-2, 5):
        assert one.area_of(code) + other.area_of(code) == pytest.approx(joint.area_of(code), abs=1e-3)
    one.merge(other)
    assert {name: pytest.approx(value, abs=1e-6) for name, value in joint.moments().items()} == one.moments()


@settings(max_examples=60)
@given(arrays(np.float64, 25, elements=st.integers(1, 9)), arrays(np.int64, 25, elements=st.integers(0, 12)))
def test_moments_and_percentiles_are_those_of_repeated_values(weights, codes):
    tally = Tally(Coding(0, 12, nodata=12, scale=-0.1, offset=2.0))
    tally.add(codes, np.ones(25), weights)
    held = codes != 12
    values = np.repeat((codes * -0.1 + 2.0)[held], weights[held].astype(int))
    assert tally.unknown_m2 == weights[~held].sum()
    if not values.size:
        assert tally.moments() == {}
        assert tally.percentiles([50]) == []
        return
    told = tally.moments()
    assert told["mean"] == pytest.approx(values.mean())
    assert told["sd"] == pytest.approx(values.std(), abs=1e-9)
    assert (told["min"], told["max"]) == pytest.approx((values.min(), values.max()))
    ranks = [0, 5, 25, 50, 95, 100]
    np.testing.assert_allclose(tally.percentiles(ranks), np.percentile(values, ranks, method="inverted_cdf"))


def test_values_beyond_16_bits_have_exact_moments_and_near_percentiles():
    random = np.random.default_rng(4)
    values = random.normal(100, 20, 5000)
    values[:50] = np.nan
    known = values[50:]
    coding = Coding(known.min(), known.max(), whole=False, nodata=np.nan)
    assert not coding.exact
    tally, halves = Tally(coding), [Tally(coding), Tally(coding)]
    tally.add(values, np.ones(5000), np.full(5000, 400.0))
    for half, part in zip(halves, np.array_split(values, 2), strict=True):
        half.add(part, np.ones(2500), np.full(2500, 400.0))
    halves[0].merge(halves[1])
    for each in (tally, halves[0]):
        assert each.unknown_m2 == 50 * 400.0
        assert each.moments()["mean"] == pytest.approx(known.mean(), rel=1e-12)
        assert each.moments()["sd"] == pytest.approx(known.std(), rel=1e-6)
        assert (each.moments()["min"], each.moments()["max"]) == (known.min(), known.max())
        width = (known.max() - known.min()) / BINS
        assert each.percentiles([5, 95]) == pytest.approx(
            np.percentile(known, [5, 95], method="inverted_cdf"), abs=width
        )
    flat = Tally(Coding(3.5, 3.5, whole=False))
    flat.add(np.full(3, 3.5), np.ones(3), np.ones(3))
    assert flat.percentiles([50]) == [3.5]
    wide = Tally(Coding(0, 10**6))
    wide.add(np.array([0, 10**6]), np.ones(2), np.ones(2))
    assert wide.moments()["max"] == 10**6


def test_numbers_of_classes_and_values():
    classes = Tally(Coding(1, 3, nodata=255))
    classes.add(np.array([1, 1, 2, 255]), np.array([1, 0.5, 1, 1]), np.array([400.0, 200.0, 400.0, 400.0]))
    band = Band("change", "2025-05", "change_x_202505_v1", "nbr-class", "nbr-class", "", {1: "less", 3: "more"})
    rows = number_rows(band, classes, (50.0,), outside_m2=600.0)
    told = {(row["statistic"], row["class"]): row["value"] for row in rows}
    assert told == {
        ("known area", ""): pytest.approx(0.1),
        ("unknown area", ""): pytest.approx(0.1),
        ("count", ""): 2.5,
        ("known share", ""): pytest.approx(0.5),
        ("area", "less"): pytest.approx(0.06),
        ("area", "code 2"): pytest.approx(0.04),
        ("area", "more"): 0.0,
    }
    assert {row["estimator"] for row in rows} == {"pixel count, unvalidated"}
    assert {(row["low"], row["high"]) for row in rows} == {(None, None)}
    measured = Band("indices", "2025-05", "i", "ndvi", "ndvi")
    names = [row["statistic"] for row in number_rows(measured, classes, (2.5, 50.0))]
    assert names[4:] == ["mean", "sd", "min", "max", "p2.5", "p50"]
    # Nothing of an empty zone has a mean, nor is a share of nothing known.
    assert [row["statistic"] for row in number_rows(measured, Tally(Coding(0, 1)), (50.0,))] == [
        "known area", "unknown area", "count",
    ]  # fmt: skip


def test_a_row_for_each_zone_and_what_lies_in_two():
    sizes = [("area", "zone", "a", 3.0), ("area", "zone", "b", 2.0), ("area", "joint", "all-zones", 4.5)]
    band = Band("change", "2025", "i", "ndvi", "mean", "d")
    rows = pd.DataFrame(
        [
            {"origin": origin, "kind": kind, "zone": zone} | row
            for origin, kind, zone, size in sizes
            for row in (zone_row(size * 1e4), *number_rows(band, Tally(Coding(0, 1)), ()))
        ]
    )
    assert doubled_hectares(rows) == {"area": pytest.approx(0.5)}
    wide = wide_table(rows, "zone")
    assert list(wide.index) == ["a", "b", "all-zones"]
    assert list(wide.columns)[:3] == [
        "zone-area [ha]",
        "change ndvi mean known-area [ha]",
        "change ndvi mean unknown-area [ha]",
    ]
    assert wide["zone-area [ha]"].tolist() == [3.0, 2.0, 4.5]
    assert (
        column_of({"product": "p", "asset": "a", "band": "a", "statistic": "known share", "unit": "1"})
        == "p a known-share"
    )
