"""Files of delivered scenes: cloud-optimised GeoTIFFs laid out as providers lay them out, written block by block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window as FileWindow

from habitat.contracts.errors import ConfigError
from habitat.twin.sensors.shots import AssetFile, Frame
from habitat.twin.world import Size

CACHE_BYTES = 64 * 2**20
"""Memory GDAL may keep of a scene written in blocks; left alone it takes a twentieth of the machine's."""
_LEVEL = 6
_SCRATCH_BLOCK = 512
_LANDSAT_BLOCK = 256


@dataclass(frozen=True)
class Layout:
    """How a provider's files are laid out inside."""

    block: int
    """Edge of the tiles inside the file [pixels]."""
    overviews: bool
    """Whether the files hold reduced copies."""
    nodata: Mapping[str, float | None] = field(default_factory=dict)
    """Asset key to the value that means no data, where that is not 0; None where the file names none."""


def sentinel2_layout(size: Size) -> Layout:
    """Return how Earth Search lays out its Sentinel-2 files."""
    return Layout(size.file_block, size.overviews)


def landsat_layout(size: Size) -> Layout:
    """Return how the USGS lays out its Landsat files: fill is bit 0 of QA_PIXEL, and QA_RADSAT names no fill."""
    return Layout(min(size.file_block, _LANDSAT_BLOCK), size.overviews, {"qa_pixel": 1, "qa_radsat": None})


def radar_layout(size: Size) -> Layout:
    """Return how the Planetary Computer lays out its radar files."""
    return Layout(size.file_block, size.overviews, {"vv": -32768, "vh": -32768})


class SceneFiles:
    """The files of one scene, filled block by block in bounded memory.

    A scene of one block goes to its files at once; of larger ones a plain copy is kept beside each file until the
    scene is complete. Left with an error, no file of the scene stays behind.

    Examples
    --------
    >>> import tempfile
    >>> from habitat.twin.world import world_of
    >>> frame = Frame("52TGP", "EPSG:32652", 742680.0, 4800720.0, 12, 12)
    >>> with tempfile.TemporaryDirectory() as root:
    ...     with SceneFiles(Path(root), frame, {"scl": "x/SCL.tif"}, Layout(16, overviews=False)) as files:
    ...         files.write((0, 0, 12, 12), {"scl": np.full((6, 6), 4, np.uint8)})
    ...     files.written["scl"].shape
    (6, 6)
    """

    def __init__(self, root: Path, frame: Frame, paths: Mapping[str, str], layout: Layout) -> None:
        """Prepare the files.

        Parameters
        ----------
        root : Path
            The twin's root.
        frame : Frame
            Where the scene lies.
        paths : mapping of str to str
            Asset key to path, relative to the root, with forward slashes. Assets without a path are not written.
        layout : Layout
            How the files are laid out.
        """
        self._root, self._frame, self._paths, self._layout = root, frame, paths, layout
        self._open: dict[str, Any] = {}
        self.written: dict[str, AssetFile] = {}
        """Asset key to its file."""

    def write(self, cut: tuple[int, int, int, int], pixels: Mapping[str, NDArray[Any]]) -> None:
        """Write one block: every asset's pixels (y, x) at its own resolution.

        Parameters
        ----------
        cut : tuple of int
            Row, column, rows and columns of the block in the frame's finest pixels.
        pixels : mapping of str to array (y, x)
            Asset key to digital numbers or codes.

        Raises
        ------
        ConfigError
            If an asset's pixels are no whole number of times as large as the frame's.
        """
        for key in (key for key in pixels if key in self._paths):
            values = pixels[key]
            asset = self._asset(key, cut, values)
            self.written.setdefault(key, asset)
            if values.shape == asset.shape:
                self._write_whole(key, values)
            else:
                factor = self._frame.rows // asset.shape[0]
                self._write_part(key, values, cut[0] // factor, cut[1] // factor)

    def finish(self) -> dict[str, AssetFile]:
        """Complete the files and return them."""
        for key in list(self._open):
            self._open.pop(key).close()
            scratch = self._scratch(key)
            with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
                rasterio.shutil.copy(scratch, self._target(key), driver="COG", **self._options(key))
            scratch.unlink()
        return self.written

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.finish()
            return
        for key, target in self._open.items():
            target.close()
            self._scratch(key).unlink(missing_ok=True)
        self._open.clear()
        for asset in self.written.values():
            (self._root / asset.path).unlink(missing_ok=True)

    def _asset(self, key: str, cut: tuple[int, int, int, int], values: NDArray[Any]) -> AssetFile:
        factor = cut[2] / values.shape[0]
        whole = round(factor)
        if not np.isclose(factor, whole) or cut[3] != whole * values.shape[1] or self._frame.rows % whole:
            raise ConfigError(
                f"{key!r} has {values.shape} pixels for a block of {cut[2:]}; wants a whole number of times fewer"
            )
        shape = self._frame.rows // whole, self._frame.columns // whole
        corner = self._frame.transform(self._frame.resolution_m * whole)
        return AssetFile(self._paths[key], shape, corner, str(values.dtype))

    def _write_whole(self, key: str, values: NDArray[Any]) -> None:
        with rasterio.open(self._target(key), "w", driver="COG", **self._profile(key), **self._options(key)) as target:
            target.write(values, 1)

    def _write_part(self, key: str, values: NDArray[Any], row: int, column: int) -> None:
        if key not in self._open:
            self._target(key)
            edge = {"blockxsize": _SCRATCH_BLOCK, "blockysize": _SCRATCH_BLOCK}
            self._open[key] = rasterio.open(
                self._scratch(key), "w", driver="GTiff", tiled=True, **edge, **self._profile(key)
            )
        with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
            self._open[key].write(values, 1, window=FileWindow(column, row, values.shape[1], values.shape[0]))

    def _target(self, key: str) -> Path:
        target = self._root / self._paths[key]
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _scratch(self, key: str) -> Path:
        target = self._target(key)
        return target.with_name(f".{target.name}.part.tif")

    def _profile(self, key: str) -> dict[str, Any]:
        asset = self.written[key]
        transform: Affine = asset.transform
        return {
            "height": asset.shape[0],
            "width": asset.shape[1],
            "count": 1,
            "dtype": asset.dtype,
            "crs": self._frame.crs,
            "transform": transform,
            "nodata": self._layout.nodata.get(key, 0),
        }

    def _options(self, key: str) -> dict[str, Any]:
        asset = self.written[key]
        # Codes must not be averaged; numbers are, as the providers do.
        codes = asset.dtype == "uint8" or key.startswith("qa_")
        return {
            "compress": "DEFLATE",
            "level": _LEVEL,
            "predictor": 3 if asset.dtype == "float32" else 2,
            "blocksize": self._layout.block,
            "overviews": "AUTO" if self._layout.overviews else "NONE",
            "overview_resampling": "NEAREST" if codes else "AVERAGE",
            "num_threads": 1,
        }
