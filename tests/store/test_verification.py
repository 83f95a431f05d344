"""Verification: whatever differs from what was written is found before it is published."""

from __future__ import annotations

import dataclasses
import logging
import struct

import numpy as np
import pytest
import rasterio
from store_rasters import class_spec, grid_of, index_spec, noise, write_raster

from habitat.contracts.errors import PublishError
from habitat.contracts.grid import Grid
from habitat.store.tiff.directories import (
    GDAL_METADATA,
    TILE_BYTE_COUNTS,
    TILE_OFFSETS,
    Flavour,
    read_directories,
    text_tag,
)
from habitat.store.tiff.pyramid import pyramid
from habitat.store.verification import check_structure, difference_from, verify

GRID, SPEC = grid_of(70, 50), index_spec(2)


@pytest.fixture
def written(tmp_path):
    return write_raster(tmp_path / "a.tif", GRID, SPEC, noise(2, 70, 50), block_size=16)


def test_a_good_file_passes(written):
    verify(written, GRID, SPEC)


def test_every_flipped_byte_is_found(written):
    content = written.path.read_bytes()
    rng = np.random.default_rng(0)
    for position in [0, 5, 20, *rng.integers(0, len(content), 30).tolist(), len(content) - 1]:
        broken = bytearray(content)
        broken[position] ^= 0x10
        written.path.write_bytes(broken)
        with pytest.raises(PublishError, match="has changed"):
            verify(written, GRID, SPEC)


def test_wrong_pixels_under_a_right_checksum_are_found(written):
    # As if memory had changed a pixel after its digest was taken and before it was compressed.
    digests = tuple(level.copy() for level in written.digests)
    digests[1][1, 0, 1, 5] ^= 1
    doubted = dataclasses.replace(written, digests=digests)
    with pytest.raises(PublishError, match="block row 0, column 1 of band 2, level 1"):
        verify(doubted, GRID, SPEC)


def test_truncated_or_missing_files_are_found(written):
    content = written.path.read_bytes()
    written.path.write_bytes(content[:-7])
    with pytest.raises(PublishError, match=f"has {len(content) - 7} bytes, its record says {len(content)}"):
        verify(written, GRID, SPEC)
    written.path.unlink()
    assert "cannot be read: No such file" in difference_from(written.path, 1, "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nodata": -9999}, "nodata -32768.0, wants -9999"),
        ({"nodata": None}, "nodata -32768.0, wants None"),
        ({"dtype": "uint16", "nodata": 0}, "pixel type"),
        ({"bands": index_spec(2, "nbr").bands}, "descriptions"),
    ],
)
def test_another_meaning_is_found(written, change, said):
    with pytest.raises(PublishError, match=said):
        verify(written, GRID, dataclasses.replace(SPEC, **change))


def test_another_place_is_found(written):
    west, south, east, north = GRID.bounds
    moved = Grid(GRID.crs, GRID.resolution_m, (west + 20, south, east + 20, north))
    with pytest.raises(PublishError, match="transform"):
        verify(written, moved, SPEC)
    with pytest.raises(PublishError, match="coordinate system"):
        verify(written, Grid("EPSG:32653", GRID.resolution_m, GRID.bounds), SPEC)


def test_layout_faults_are_found(written):
    levels = pyramid(2, GRID.shape, 16)
    content = written.path.read_bytes()
    _, directories = read_directories(content)
    first = int(directories[0][1][TILE_OFFSETS].values[0])
    sizes = directories[0][1][TILE_BYTE_COUNTS].values

    def broken(position: int, new: bytes) -> None:
        written.path.write_bytes(content[:position] + new + content[position + len(new) :])

    broken(first - 4, struct.pack("<I", int(sizes[0]) + 1))
    with pytest.raises(PublishError, match="badly framed"):
        check_structure(written.path, levels)
    broken(first + int(sizes[0]), b"\xff\xfe\xfd\xfc")
    with pytest.raises(PublishError, match="badly framed"):
        check_structure(written.path, levels)
    broken(8, b"X")
    with pytest.raises(PublishError, match="ghost area"):
        check_structure(written.path, levels)
    broken(0, b"MM")
    with pytest.raises(PublishError, match="little-endian"):
        check_structure(written.path, levels)
    written.path.write_bytes(content + b"rest")
    with pytest.raises(PublishError, match="does not end with its last block"):
        check_structure(written.path, levels)
    written.path.write_bytes(content)
    with pytest.raises(PublishError, match="has 4 directories, wants 3"):
        check_structure(written.path, levels[:-1])


def test_a_ring_of_directories_ends():
    flavour = Flavour(big=False)
    ring = flavour.header(8) + flavour.directory([text_tag(GDAL_METADATA, "x" * 9)], 8, 8)
    with pytest.raises(PublishError, match="ring"):
        read_directories(ring)
    outside = flavour.header(8) + flavour.directory([text_tag(GDAL_METADATA, "x" * 9)], 8, 0)[:-8]
    with pytest.raises(PublishError, match="cannot be read"):
        read_directories(outside)


def test_gdal_sees_a_cog_and_has_nothing_to_complain(written, caplog):
    caplog.set_level(logging.DEBUG, logger="rasterio")
    with rasterio.Env(CPL_DEBUG=True), rasterio.open(written.path, driver="GTiff") as image:
        assert image.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert image.tags(ns="IMAGE_STRUCTURE")["INTERLEAVE"] == "BAND"
        image.read()
        image.read(out_shape=(2, 18, 13))
    assert any("GDAL" in record.getMessage() or "GTiff" in record.getMessage() for record in caplog.records)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    # GDAL guards the layout of the files it takes for COGs.
    with (
        pytest.raises(Exception, match=r"has C\(loud\) O\(ptimized\) G\(eoTIFF\) layout"),
        rasterio.open(written.path, "r+"),
    ):
        pass


def test_other_colours_are_found(tmp_path):
    pixels = np.full((1, 20, 20), 7, dtype=np.uint8)
    spec = class_spec()
    written = write_raster(tmp_path / "c.tif", grid_of(20, 20), spec, pixels, block_size=16)
    verify(written, grid_of(20, 20), spec)
    repainted = dataclasses.replace(spec, classes=(*spec.classes[:2], (7, "#2166ad", "gain")))
    with pytest.raises(PublishError, match="colours"):
        verify(written, grid_of(20, 20), repainted)
