"""The land: one ground whatever windows it is cut into, valleys that drain, and covers where they belong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree

from habitat.twin.land.landscape import FORESTS, Country, Cover, Landscape, landscape_in
from habitat.twin.land.terrain import erosion, layout
from habitat.twin.land.terrain.lines import Pieces, beside, smoothed, spaced
from habitat.twin.land.terrain.parcels import parcels_at
from habitat.twin.land.terrain.people import people_of, road_easting
from habitat.twin.land.terrain.relief import FARTHEST_FLOOR, relief_of, summit_m
from habitat.twin.land.terrain.streams import least_area_m2, streams_of
from habitat.twin.land.trees import GROWTH
from habitat.twin.world import Window, World, world_of

FIELDS = [field.name for field in dataclasses.fields(Landscape) if field.name not in ("window", "resolution_m")]


@pytest.fixture(scope="module")
def tiny() -> World:
    return world_of("tiny", 1)


@pytest.fixture(scope="module")
def whole(tiny: World) -> Landscape:
    return landscape_in(tiny, tiny.whole)


@pytest.fixture(scope="module")
def demo() -> World:
    return world_of("demo", 1)


@pytest.fixture(scope="module")
def demo_part(demo: World) -> Landscape:
    """The middle of the demonstration: the ridge with the border."""
    return landscape_in(demo, Window(480, 520, 400, 400))


# One ground -----------------------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(row=st.integers(-8, 90), column=st.integers(-8, 90), rows=st.integers(1, 12), columns=st.integers(1, 12))
def test_any_window_shows_the_same_ground(row: int, column: int, rows: int, columns: int) -> None:
    world = world_of("tiny", 1)
    wide = _wide()
    part = landscape_in(world, Window(row, column, rows, columns))
    for name in FIELDS:
        cut = getattr(wide, name)[row + 10 : row + 10 + rows, column + 10 : column + 10 + columns]
        assert getattr(part, name).tobytes() == np.ascontiguousarray(cut).tobytes(), name


def _wide(cache: dict[str, Landscape] = {}) -> Landscape:  # noqa: B006  drawn once for all examples
    if not cache:
        world = world_of("tiny", 1)
        cache["wide"] = landscape_in(world, world.whole.grown(10))
    return cache["wide"]


def test_windows_of_20_m_pixels_agree_too(tiny: World) -> None:
    whole, part = landscape_in(tiny, tiny.whole, 20.0), landscape_in(tiny, Window(40, 20, 30, 44), 20.0)
    assert whole.elevation.shape == (tiny.pixels // 2, tiny.pixels // 2)
    for name in FIELDS:
        cut = getattr(whole, name)[20:35, 10:32]
        assert getattr(part, name).tobytes() == np.ascontiguousarray(cut).tobytes(), name


def test_coarse_pixels_show_about_what_fine_ones_do(tiny: World, whole: Landscape) -> None:
    coarse = landscape_in(tiny, tiny.whole, 20.0)
    means = whole.elevation.reshape(tiny.pixels // 2, 2, -1, 2).mean(axis=(1, 3))
    assert np.abs(coarse.elevation - means).mean() < 0.5
    for cover in (Cover.OAK, Cover.PINE_BROADLEAF):
        assert (coarse.cover == cover).mean() == pytest.approx((whole.cover == cover).mean(), abs=0.03)


def test_demo_windows_agree_where_blocks_meet(demo: World, demo_part: Landscape) -> None:
    other = landscape_in(demo, Window(600, 860, 90, 120))
    for name in FIELDS:
        ours, theirs = getattr(demo_part, name)[120:210, 340:], getattr(other, name)[:, :60]
        assert np.array_equal(ours, theirs), name


def test_the_same_world_drawn_again_is_the_same(tiny: World) -> None:
    first, again = relief_of(tiny), relief_of.__wrapped__(tiny)
    assert first.height.tobytes() == again.height.tobytes()
    assert first.area.tobytes() == again.area.tobytes()
    other = relief_of(world_of("tiny", 2))
    assert not np.array_equal(first.height, other.height)


def test_types_and_shapes_are_as_agreed(whole: Landscape) -> None:
    kinds = dict.fromkeys(FIELDS, np.float32) | {
        "cover": np.uint8, "country": np.uint8, "parcel": np.uint16
    }  # fmt: skip
    for name, kind in kinds.items():
        values = getattr(whole, name)
        assert values.dtype == kind, name
        assert values.shape == (96, 96), name
        assert values.flags.c_contiguous, name
        assert np.isfinite(values).all(), name


# Covers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(1, 11))
def test_every_tiny_world_has_every_cover_and_both_countries(seed: int) -> None:
    world = world_of("tiny", seed)
    land = landscape_in(world, world.area_window)
    counts = {cover.name: int((land.cover == cover).sum()) for cover in Cover}
    assert min(counts.values()) >= 25, counts
    assert counts["WATER"] > 500
    for side in Country:
        assert 0.3 < (land.country == side).mean() < 0.7
    dry = land.cover != Cover.WATER
    assert 0.6 < np.isin(land.cover, FORESTS)[dry].mean() < 0.88


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_demonstration_is_a_forest_park_with_every_cover(seed: int) -> None:
    world = world_of("demo", seed)
    land = landscape_in(world, world.whole, 20.0)
    shares = {cover.name: float((land.cover == cover).mean()) for cover in Cover}
    assert min(shares.values()) > 0.003, shares
    dry = land.cover != Cover.WATER
    assert 0.60 < np.isin(land.cover, FORESTS)[dry].mean() < 0.88
    # The park's heart is almost nothing but forest: official figures say 85-98 %.
    heart = (land.height > 0.3) & dry
    assert np.isin(land.cover, FORESTS)[heart].mean() > 0.85
    assert 800 < land.elevation.max() < 1100
    slope = np.degrees(np.arctan(np.hypot(land.rise_east, land.rise_north)))[dry]
    assert 9 < np.median(slope) < 18
    assert np.percentile(slope, 99) < 50


@pytest.mark.slow
def test_a_full_world_has_valleys_hills_and_sea() -> None:
    world = world_of("full", 1)
    assert landscape_in(world, Window(12700, 12700, 200, 200)).cover.max() == Cover.WATER
    relief = relief_of(world)
    inside = relief.lattice.inside(world)
    assert relief.sea[inside].mean() == pytest.approx(0.078, abs=0.015)
    large = [stream for stream in streams_of(world) if stream.area[-1] > 3e8]
    assert len(large) >= 6
    assert {stream.west for stream in large} == {True, False}


def test_pine_grows_higher_and_on_cooler_slopes_than_oak(demo_part: Landscape) -> None:
    pine, oak = (demo_part.cover == cover for cover in (Cover.PINE_BROADLEAF, Cover.OAK))
    assert demo_part.elevation[pine].mean() > demo_part.elevation[oak].mean() + 80
    assert demo_part.rise_north[oak].mean() > demo_part.rise_north[pine].mean() + 0.05


def test_fields_and_wetlands_lie_low_and_flat(whole: Landscape) -> None:
    slope = np.hypot(whole.rise_east, whole.rise_north)
    forest = np.isin(whole.cover, FORESTS)
    for cover in (Cover.FIELD, Cover.WETLAND):
        here = whole.cover == cover
        assert slope[here].mean() < 0.5 * slope[forest].mean()
        assert np.median(whole.elevation[here]) < 0.5 * np.median(whole.elevation[forest])


def test_patches_are_patches_and_not_soup(demo_part: Landscape) -> None:
    same = [
        (demo_part.cover[1:] == demo_part.cover[:-1]).mean(),
        (demo_part.cover[:, 1:] == demo_part.cover[:, :-1]).mean(),
    ]
    assert min(same) > 0.93
    labels, count = ndimage.label(demo_part.cover == Cover.BIRCH)
    sizes = np.bincount(labels.ravel())[1:]
    # Most of the birch stands in patches of more than 2 ha.
    assert count > 3
    assert sizes[sizes > 200].sum() > 0.8 * sizes.sum()


def test_trees_are_what_their_cover_has(demo_part: Landscape) -> None:
    for cover, growth in GROWTH.items():
        here = demo_part.cover == cover
        if here.sum() < 2000:
            continue
        assert demo_part.canopy[here].mean() == pytest.approx(growth.canopy, abs=0.05)
        assert demo_part.tree_height[here & (demo_part.canopy > 0)].mean() == pytest.approx(growth.height, rel=0.12)
        low, high = growth.evergreen_range
        assert low <= demo_part.evergreen[here].min() <= demo_part.evergreen[here].max() <= high + 1e-6
    pine = demo_part.evergreen[demo_part.cover == Cover.PINE_BROADLEAF]
    assert 0.38 < pine.mean() < 0.50
    assert pine.std() > 0.04
    bare = np.isin(demo_part.cover, (Cover.WATER, Cover.FIELD))
    for field in (demo_part.canopy, demo_part.tree_height, demo_part.evergreen):
        assert not field[bare].any()
    assert not demo_part.tree_height[demo_part.canopy == 0].any()


def test_grain_is_alike_over_the_distances_of_real_forest(demo_part: Landscape) -> None:
    # Sentinel-2 green and near-infrared over Slovenian forest: 0.84, 0.55, 0.29 at 10, 40 and 120 m.
    grain = demo_part.grain - demo_part.grain.mean()
    for pixels, likeness in ((1, 0.84), (4, 0.55), (12, 0.29)):
        pairs = [grain[:, pixels:] * grain[:, :-pixels], grain[pixels:] * grain[:-pixels]]
        assert float(np.mean([pair.mean() for pair in pairs]) / grain.var()) == pytest.approx(likeness, abs=0.08)
    assert float(demo_part.grain.std()) == pytest.approx(1, abs=0.15)


# Relief ---------------------------------------------------------------------------------------------------------------


def test_slopes_are_those_of_the_elevation(tiny: World, whole: Landscape) -> None:
    grown = landscape_in(tiny, tiny.whole.grown(1)).elevation
    dry = whole.cover != Cover.WATER
    east = (grown[1:-1, 2:] - grown[1:-1, :-2]) / np.float32(20)
    north = (grown[:-2, 1:-1] - grown[2:, 1:-1]) / np.float32(20)
    assert np.array_equal(whole.rise_east[dry], east[dry])
    assert np.array_equal(whole.rise_north[dry], north[dry])
    assert not whole.rise_east[~dry].any()


def test_the_sea_is_level_and_lies_in_the_south_east(whole: Landscape) -> None:
    sea = whole.elevation == 0
    assert 0.05 < sea.mean() < 0.11
    assert (whole.cover[sea] == Cover.WATER).all()
    assert whole.elevation[~sea].min() >= 0.3 - 1e-6
    assert sea[-1, -1]
    rows, columns = np.nonzero(sea)
    assert rows.min() > 48
    assert columns.min() > 48
    assert whole.height.min() == 0
    assert whole.height.max() == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("seed", range(1, 6))
def test_summits_are_as_high_as_planned_and_on_the_ridge(seed: int) -> None:
    world = world_of("tiny", seed)
    relief = relief_of(world)
    inside = relief.lattice.inside(world)
    height = relief.height[inside]
    assert relief.top(world) == pytest.approx(summit_m(world), rel=0.3)
    away = np.abs(relief.eastings - layout.border_easting(world, relief.northings.ravel()).reshape(height_of(relief)))
    near = away[inside] < 0.08 * world.width_m
    assert height[near].mean() > 1.3 * height[~near].mean()


def height_of(relief) -> tuple[int, int]:
    return relief.height.shape


@pytest.mark.parametrize("name", ["tiny", "demo"])
def test_all_land_drains_to_the_sea_or_the_great_river(name: str) -> None:
    relief = relief_of(world_of(name, 1))
    number = np.arange(relief.receiver.size)
    assert np.array_equal(relief.receiver == number, relief.fixed.ravel())
    below = relief.receiver
    for _ in range(12):  # 2 to the 12th steps downstream
        below = below[below]
    assert relief.fixed.ravel()[below].all()


def test_valley_floors_are_flat_and_hillsides_are_not(demo: World) -> None:
    relief = relief_of(demo)
    inside = relief.lattice.inside(demo)
    down, right = np.gradient(relief.height[inside].astype(float), relief.lattice.spacing)
    slope, floor = np.hypot(down, right), relief.floor[inside]
    land = ~relief.sea[inside]
    assert np.median(slope[land & (floor < 0.8)]) < 0.06
    assert np.median(slope[land & (floor > 2.5)]) > 0.2
    assert floor.max() == FARTHEST_FLOOR


def test_hollows_are_filled_to_their_rims() -> None:
    height = np.full((5, 6), 9.0)
    height[2, 1:5] = [1.0, 5.0, 2.0, 3.0]
    fixed = np.zeros((5, 6), bool)
    fixed[2, 1] = True
    bounds = erosion.Bounds(fixed, np.zeros((5, 6), np.int8))
    filled = erosion.drained(height, bounds)
    # Water from 2 and 3 must pass the sill of 5: each node stands a millimetre above the one it drains to.
    assert filled[2, 1:5].tolist() == pytest.approx([1.0, 5.0, 5.001, 5.002])
    assert height[2, 3] == 2.0


def test_water_does_not_cross_the_watershed() -> None:
    height = np.tile(np.arange(8.0), (7, 1))
    fixed = np.zeros((7, 8), bool)
    fixed[:, 1] = fixed[:, 6] = True
    side = np.zeros((7, 8), np.int8)
    side[:, 4:] = 1
    bounds = erosion.Bounds(fixed, side)
    receiver = erosion.receivers(erosion.drained(height, bounds), bounds).reshape(7, 8)
    rows, columns = np.divmod(receiver[1:-1, 1:-1], 8)
    assert (columns[:, :3] <= 3).all()
    assert (columns[:, 3:] >= 4).all()
    assert np.abs(rows - np.arange(1, 6)[:, None]).max() <= 1


def test_steps_of_a_single_stream_follow_its_area() -> None:
    # One row of nodes between walls drains to its first: the k-th from the spring drains k nodes, and at last
    # stands uplift / (softness k^(3/8)) above the next.
    fixed = np.zeros((3, 9), bool)
    fixed[1, 1] = True
    bounds = erosion.Bounds(fixed, np.zeros((3, 9), np.int8))
    height = np.zeros((3, 9))
    height[1, 1:8] = np.arange(7)
    full = np.full((3, 9), 1.0)
    carved = erosion.worn(height, 0.6 * full, 0.3 * full, bounds, rounds=400)
    steps = np.diff(carved[1, 1:8])[::-1]
    assert steps.tolist() == pytest.approx([2.0 / k**0.375 for k in range(1, 7)], rel=1e-4)
    capped = erosion.worn(height, 0.6 * full, 0.3 * full, bounds, rounds=400, steepest=1.2)
    assert np.diff(capped[1, 1:8]).max() == pytest.approx(1.2)


def test_creeping_soil_rounds_summits() -> None:
    height = np.zeros((21, 21))
    height[10, 10] = 10.0
    fixed = np.zeros((21, 21), bool)
    bounds = erosion.Bounds(fixed, np.zeros((21, 21), np.int8))
    still = np.zeros((21, 21))
    crept = erosion.worn(height, still, still, bounds, rounds=12, creep=0.6)
    assert crept[10, 10] < 3
    assert crept[10, 12] > 0.05


# The plan -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tiny", "demo", "full"])
def test_border_river_and_coast_keep_apart(name: str) -> None:
    for seed in range(1, 21):
        world = world_of(name, seed)
        northings = np.linspace(world.north, world.north - world.width_m, 500)
        border, river = layout.border_easting(world, northings), layout.river_easting(world, northings)
        share = (border - world.west) / world.width_m
        assert 0.40 < share.min() < share.max() < 0.64
        assert (border - river).min() > 0.08 * world.width_m
        assert layout.above_coast(world, border, northings).min() > 0
        assert (np.diff(layout.river_height(world, northings)) < 0).all()
        assert river.min() > world.west + 0.12 * world.width_m


def test_the_coast_is_where_the_sea_begins(demo: World) -> None:
    points = layout.coast(demo, 20.0)
    assert np.abs(layout.above_coast(demo, points[:, 0], points[:, 1])).max() < 1e-6
    inland = layout.coast(demo, 20.0, 300.0)
    assert layout.above_coast(demo, inland[:, 0], inland[:, 1]).tolist() == pytest.approx([300.0] * len(inland))
    assert points[0, 1] == pytest.approx(demo.north - demo.width_m)
    assert points[-1, 0] == pytest.approx(demo.west + demo.width_m)
    angle = layout.seen_from_sea(demo, points)
    assert np.allclose(layout.coast_points(demo, angle, 0.0), points, atol=1e-4)


# Lines, streams, people -----------------------------------------------------------------------------------------------


def test_distance_from_a_line_is_measured_from_its_edge() -> None:
    bend = np.array([[0.0, 0.0], [100.0, 0.0], [100.0, -100.0]])
    away = beside(Pieces.of([(bend, 5.0)]), np.arange(-50.0, 151.0, 50.0), np.array([50.0, 0.0, -50.0]), 60.0)
    # 50 m from the middle of a line 10 m wide are 45 m from its edge; a corner's diagonal of 66 m is cut off.
    assert away[0].tolist() == pytest.approx([60.0, 45.0, 45.0, 45.0, 60.0])
    assert away[1].tolist() == pytest.approx([45.0, -5.0, -5.0, -5.0, 45.0])
    assert away[2].tolist() == pytest.approx([60.0, 45.0, 45.0, -5.0, 45.0])


def test_lines_are_painted_the_same_in_every_window() -> None:
    rng = np.random.default_rng(3)
    course = np.cumsum(rng.normal(0, 20, (60, 2)), axis=0)
    pieces = Pieces.of([(course, np.linspace(2, 9, 60)), (course + 30, 4.0)])
    eastings, northings = np.arange(-200.0, 200.0, 10.0), np.arange(200.0, -200.0, -10.0)
    whole = beside(pieces, eastings, northings, 80.0)
    assert np.array_equal(beside(pieces, eastings[7:30], northings[11:25], 80.0), whole[11:25, 7:30])
    assert whole.max() == 80.0
    assert beside(Pieces.of([]), eastings, northings, 80.0).min() == 80.0


def test_smoothing_and_spacing_keep_the_ends() -> None:
    zigzag = np.array([[0.0, 0.0], [10.0, 10.0], [20.0, 0.0], [30.0, 10.0]])
    smooth = smoothed(zigzag, 3)
    assert np.array_equal(smooth[[0, -1]], zigzag[[0, -1]])
    assert np.hypot(*np.diff(smooth, axis=0).T).sum() < np.hypot(*np.diff(zigzag, axis=0).T).sum()
    even = spaced(zigzag, 4.0)
    # 3 times 14.14 m make 42.4 m: eleven steps of 3.86 m.
    assert len(even) == 12
    assert np.array_equal(even[[0, -1]], zigzag[[0, -1]])


@pytest.mark.parametrize("name", ["tiny", "demo"])
def test_streams_gather_water_and_end_in_larger_water(name: str) -> None:
    world = world_of(name, 1)
    streams = streams_of(world)
    assert {stream.mouth for stream in streams} == {"sea", "river", "stream"}
    assert [float(stream.area[-1]) for stream in streams] == sorted((s.area[-1] for s in streams), reverse=True)
    mouths = cKDTree(np.vstack([stream.points for stream in streams]))
    for stream in streams:
        assert (np.diff(stream.area) >= 0).all()
        assert stream.area[0] >= least_area_m2(world)
        end = stream.points[-1:]
        if stream.mouth == "river":
            assert stream.west
            away = abs(end[0, 0] - layout.river_easting(world, end[:, 1])[0])
            assert away < world.scaled(120.0, 0.03)
        elif stream.mouth == "sea":
            assert layout.above_coast(world, end[:, 0], end[:, 1])[0] < 2 * relief_of(world).lattice.spacing
        else:
            others = mouths.query_ball_point(end[0], world.scaled(60.0, 0.02))
            assert len(others) > 1


def test_distance_from_people_is_that_of_the_nearest_road_house_or_field(tiny: World, whole: Landscape) -> None:
    used = np.isin(whole.cover, (Cover.BUILT, Cover.FIELD))
    assert not whole.to_people[used].any()
    wide = _wide()
    true = ndimage.distance_transform_edt(~np.isin(wide.cover, (Cover.BUILT, Cover.FIELD)), sampling=10.0)[
        10:-10, 10:-10
    ]
    error = whole.to_people - true
    assert np.abs(error).max() < 60
    assert np.abs(error).mean() < 12


def test_far_from_people_distances_are_cut_off(demo_part: Landscape) -> None:
    assert demo_part.to_people.min() >= 0
    assert 500 < demo_part.to_people.max() <= 5000


def test_roads_are_unbroken_on_the_ground(tiny: World, whole: Landscape) -> None:
    northings = tiny.coordinates(tiny.whole)[1]
    columns = np.floor((road_easting(tiny, northings) - tiny.west) / 10).astype(int)
    assert (whole.cover[np.arange(tiny.pixels), columns] == Cover.BUILT).all()
    coarse = landscape_in(tiny, tiny.whole, 20.0)
    labels, _ = ndimage.label(coarse.cover == Cover.BUILT, np.ones((3, 3)))
    road = labels[np.arange(tiny.pixels // 2), columns[1::2] // 2]
    assert len(set(road.tolist()) - {0}) == 1


def test_one_road_leads_to_the_coast_and_settlements_are_built(demo: World) -> None:
    people = people_of(demo)
    assert [road.kind for road in people.roads[:2]] == ["highway", "road"]
    assert sum(road.kind == "track" for road in people.roads) >= 5
    coast_road = people.roads[1].points
    others = cKDTree(coast_road)
    to_coast = [road for road in people.roads[2:] if road.kind == "road"]
    assert len(to_coast) == 1
    assert others.query(to_coast[0].points[0])[0] < 60
    place = people.settlements[0]
    row, column = (demo.north - place.centre[1]) / 10, (place.centre[0] - demo.west) / 10
    land = landscape_in(demo, Window(int(row) - 8, int(column) - 8, 16, 16))
    assert (land.cover == Cover.BUILT).mean() > 0.4


def test_parcels_have_straight_edges_and_sizes_as_asked() -> None:
    eastings, northings = np.arange(0.0, 12000.0, 20.0), np.arange(12000.0, 0.0, -20.0)
    land = parcels_at(9, eastings, northings, block_m=3000.0, width_m=80.0, length_m=300.0)
    sizes = np.unique(land.number, return_counts=True)[1] / 25
    # 80 m by 300 m are 2.4 ha; edges of blocks cut parcels, and strips differ by a third each way.
    assert 1.5 < np.median(sizes) < 2.5
    assert np.percentile(sizes, 95) < 80 * 300 * 1.33**2 / 1e4
    assert land.from_edge.min() >= 0
    assert land.from_edge.max() < 0.5 * 80 * 1.34
    draws = land.draw(1)
    assert 0 <= draws.min() < draws.max() < 1
    assert abs(float(np.corrcoef(draws.ravel(), land.draw(2).ravel())[0, 1])) < 0.1
    part = parcels_at(9, eastings[50:80], northings[20:90], block_m=3000.0, width_m=80.0, length_m=300.0)
    assert np.array_equal(part.number, land.number[20:90, 50:80])
    assert np.array_equal(part.from_edge, land.from_edge[20:90, 50:80])
