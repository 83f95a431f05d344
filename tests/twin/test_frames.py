"""Frames: real tile names and corners, blocks that tile them, and the windows of the world they need."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from habitat.contracts.errors import ConfigError
from habitat.twin.sensors.frames import (
    MARGIN,
    TILE_M,
    blocks_of,
    landsat_frame,
    misplaced,
    positions,
    radar_frame,
    sentinel2_frames,
    square_letters,
    tile_corner,
    window_of,
)
from habitat.twin.sensors.shots import Frame, Overpass
from habitat.twin.world import CRS, NEIGHBOUR_CRS, world_of

TINY, DEMO, FULL = (world_of(size, 1) for size in ("tiny", "demo", "full"))


def features(node):
    if isinstance(node, dict):
        if node.get("type") == "Feature":
            yield node
        else:
            for value in node.values():
                yield from features(value)
    elif isinstance(node, list):
        for value in node:
            yield from features(value)


def real_tiles(shared):
    """Tile name to west and north [m], from the items of three catalogues."""
    stac = shared / "imagery" / "stac-api"
    found = {}
    for path in stac.rglob("*.json"):
        for item in features(json.loads(path.read_text())):
            told, assets = item["properties"], item.get("assets", {})
            corner = (assets.get("blue") or assets.get("B02") or {}).get("proj:transform")
            square = "".join(str(told.get(f"mgrs:{key}", "")) for key in ("utm_zone", "latitude_band", "grid_square"))
            name = told.get("s2:mgrs_tile") or square
            if name and corner and not str(told.get("proj:epsg", "")).startswith("327"):
                found[name.zfill(5)] = corner[2], corner[5]
    table = pq.read_table(
        stac / "planetary-computer" / "1000-sentinel-2-items.parquet", columns=["s2:mgrs_tile", "assets"]
    )
    for row in table.to_pylist():
        corner = row["assets"]["B02"]["proj:transform"]
        found[row["s2:mgrs_tile"]] = corner[2], corner[5]
    return found


def test_names_and_corners_are_those_of_all_real_tiles_at_hand(shared):
    tiles = real_tiles(shared)
    assert len(tiles) > 60
    for name, (west, north) in tiles.items():
        column, row = math.ceil(west / 1e5), math.floor(north / 1e5) - 1
        assert tile_corner(column, row) == (west, north), name
        assert square_letters(int(name[:2]), column, row) == name[3:], name


def test_tile_corners_lie_on_the_60_m_lattice_and_never_inside_their_square():
    # 500,000 / 60 = 8333.3: the corner is the pixel edge before it; 4,800,000 / 60 = 80,000 is an edge itself.
    assert tile_corner(5, 47) == (499980, 4800000)
    for square in range(1, 10):
        west, north = tile_corner(square, square + 40)
        assert west % 60 == north % 60 == 0
        assert 0 <= square * 100_000 - west < 60
        assert 0 <= north - (square + 41) * 100_000 < 60


def test_a_small_world_lies_in_two_tiles_of_either_zone_and_one_holds_all_of_it():
    for world in (TINY, DEMO):
        south, north = sentinel2_frames(world, CRS)
        assert (south.tile, north.tile) == ("52TGN", "52TGP")
        assert (north.west, north.north, north.rows, north.columns) == (
            world.west, world.north, world.pixels, world.pixels
        )  # fmt: skip
        # 52TGN ends at 4,800,000, the middle of the world.
        assert (south.north, south.rows) == (4_800_000, world.pixels // 2)
        assert [frame.tile for frame in sentinel2_frames(world, NEIGHBOUR_CRS)] == ["53TKH", "53TKJ"]


def test_a_full_world_lies_in_the_tiles_its_zones_have():
    assert [frame.tile for frame in sentinel2_frames(FULL, CRS)] == ["52TFN", "52TFP", "52TGN", "52TGP"]
    assert [frame.tile for frame in sentinel2_frames(FULL, NEIGHBOUR_CRS)] == ["53TKH", "53TKJ", "53TLH", "53TLJ"]


@pytest.mark.parametrize("world", [TINY, DEMO, FULL])
@pytest.mark.parametrize("crs", [CRS, NEIGHBOUR_CRS])
def test_frames_stay_in_their_tiles_on_the_lattice(world, crs):
    for frame in sentinel2_frames(world, crs):
        assert frame.west % 60 == frame.north % 60 == 0
        assert frame.rows % 6 == frame.columns % 6 == 0
        assert max(frame.rows, frame.columns) * 10 <= TILE_M


def test_frames_of_the_next_zone_hold_the_whole_world():
    to_next = Transformer.from_crs(CRS, NEIGHBOUR_CRS, always_xy=True)
    along = np.linspace(0, DEMO.width_m, 50)
    x, y = to_next.transform(*(DEMO.west + along, DEMO.north - along))
    for easting, northing in zip(x, y, strict=True):
        assert any(
            frame.west <= easting <= frame.west + frame.columns * 10
            and frame.north - frame.rows * 10 <= northing <= frame.north
            for frame in sentinel2_frames(DEMO, NEIGHBOUR_CRS)
        )


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32700", "EPSG:32661", "EPSG:326"])
def test_frames_want_a_northern_utm_zone(crs):
    with pytest.raises(ConfigError, match="no northern UTM zone"):
        sentinel2_frames(TINY, crs)


@pytest.mark.parametrize("world", [TINY, DEMO, FULL])
def test_landsat_corners_lie_at_15_m_past_30_and_cover_the_world(world):
    frame = landsat_frame(world, 114, 30)
    assert frame.tile == "114030"
    assert frame.west % 30 == frame.north % 30 == 15
    east, south = frame.west + frame.columns * 30, frame.north - frame.rows * 30
    for outside in (world.west - frame.west, frame.north - world.north, east - world.west - world.width_m):
        assert 0 <= outside < 30
    assert 0 <= world.north - world.width_m - south < 30


def test_real_landsat_corners_lie_there_too(shared):
    folder = shared / "imagery" / "stac-api"
    item = json.loads((folder / "odc-stac" / "LE07_L2SP_044033_20210329_20210424_02_T1_SR.json").read_text())
    _, _, west, _, _, north = item["properties"]["proj:transform"]
    assert west % 30 == north % 30 == 15


def test_radar_has_no_tile_and_the_worlds_box():
    assert radar_frame(TINY) == Frame("", CRS, TINY.west, TINY.north, TINY.pixels, TINY.pixels)


@pytest.mark.parametrize("world", [TINY, DEMO, FULL])
def test_blocks_tile_every_frame_once(world):
    for frame in [
        *sentinel2_frames(world, CRS),
        *sentinel2_frames(world, NEIGHBOUR_CRS),
        landsat_frame(world, 114, 30),
    ]:
        cuts = list(blocks_of(frame))
        assert sum(cut.rows * cut.columns for cut in cuts) == frame.rows * frame.columns
        assert len({(cut.row, cut.column) for cut in cuts}) == len(cuts)
        for cut in cuts:
            assert cut.row % 6 == cut.column % 6 == 0
            assert max(cut.rows, cut.columns) * frame.resolution_m <= 1.1 * 15_000 + 60


def test_small_worlds_are_one_block_everywhere():
    for world in (TINY, DEMO):
        for frame in [
            *sentinel2_frames(world, CRS),
            *sentinel2_frames(world, NEIGHBOUR_CRS),
            landsat_frame(world, 1, 1),
        ]:
            assert len(list(blocks_of(frame))) == 1


@given(st.integers(0, 87), st.integers(0, 108))
def test_windows_hold_their_block_with_its_margin(block_row, block_column):
    frame = sentinel2_frames(FULL, CRS)[3]
    row, column = 60 * block_row, 60 * block_column
    window = window_of(FULL, frame, (row, column, 120, 60))
    left = round((frame.west - FULL.west) / 10) + column
    assert window.rows % 6 == window.columns % 6 == window.row % 6 == window.column % 6 == 0
    assert (window.row, window.column) == (row - MARGIN, left - MARGIN)
    assert (window.rows, window.columns) == (120 + 2 * MARGIN, 60 + 2 * MARGIN)


def test_a_landsat_window_reaches_past_the_dilated_mask():
    frame = landsat_frame(DEMO, 114, 30)
    window = window_of(DEMO, frame, (100, 100, 50, 50))
    corner = DEMO.transform(window)
    # Four pixels of 30 m for the mask and three of 10 m for blur.
    assert frame.west + 100 * 30 - corner.c >= 4 * 30 + 30
    assert corner.f - (frame.north - 100 * 30) >= 4 * 30 + 30


def test_no_window_reaches_past_the_world_by_more_than_the_margin():
    for frame in sentinel2_frames(DEMO, NEIGHBOUR_CRS):
        for cut in blocks_of(frame):
            window = window_of(DEMO, frame, cut)
            assert window.row >= -MARGIN
            assert window.column >= -MARGIN
            assert window.row + window.rows <= DEMO.pixels + MARGIN
            assert window.column + window.columns <= DEMO.pixels + MARGIN


def test_a_block_beside_the_world_needs_nothing_of_it():
    beside = Frame("52TGP", CRS, DEMO.west - 6000, DEMO.north, 60, 60)
    assert window_of(DEMO, beside, (0, 0, 60, 60)).columns == 0


def test_knots_say_where_pixels_of_the_next_zone_lie():
    frame = sentinel2_frames(DEMO, NEIGHBOUR_CRS)[1]
    cut = (330, 660, 300, 306)
    rows, columns = positions(DEMO, frame, cut, 10.0, 32)
    to_world = Transformer.from_crs(NEIGHBOUR_CRS, CRS, always_xy=True)
    # 330 = 10 x 32 + 10: the block's first pixel is 10 of 32 ways from the first knot to the next.
    for down, right in ((0, 0), (17, 150), (299, 305)):
        x, y = to_world.transform(frame.west + (660 + right + 0.5) * 10, frame.north - (330 + down + 0.5) * 10)
        i, u = divmod(10 + down, 32)
        j, v = divmod(660 % 32 + right, 32)
        u, v = u / 32, v / 32
        for knots, truth in ((rows, (DEMO.north - y) / 10), (columns, (x - DEMO.west) / 10)):
            upper = knots[i, j] * (1 - v) + knots[i, j + 1] * v
            lower = knots[i + 1, j] * (1 - v) + knots[i + 1, j + 1] * v
            assert upper * (1 - u) + lower * u == pytest.approx(truth, abs=1e-3)


def test_images_are_misplaced_as_often_as_said_and_alike_for_both_processings():
    when = datetime(2025, 5, 18, 2, 2, 41, tzinfo=UTC)
    first = Overpass("S2B", when, 103, baseline="05.10", superseded=True)
    assert misplaced(DEMO, first, 3.0) == misplaced(DEMO, Overpass("S2B", when, 103, sequence=1), 3.0)
    moves = np.array(
        [
            misplaced(DEMO, Overpass("S2B", when.replace(second=s, minute=m), 103), 3.0)
            for s in range(60)
            for m in range(10)
        ]
    )
    assert moves.std() == pytest.approx(3.0, rel=0.1)
    assert abs(moves).max() <= 9.0
