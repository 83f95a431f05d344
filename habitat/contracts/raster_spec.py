"""RasterSpec: what a published raster holds, from its bands and codes to its colours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.contracts.legend import ClassEntry, Legend, class_legend, composite_legend, legend_for

INDEX_NODATA = -32768
"""Code of unknown pixels in int16 reflectance, index and difference rasters."""

CLASS_NODATA = 255
"""Code of unknown pixels in uint8 class rasters."""

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
"""Pixel types a published raster may have."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_BAND = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")


@dataclass(frozen=True)
class BandSpec:
    """One band: its name, meaning and how stored codes become physical values.

    Physical value = code * scale + offset.
    """

    name: str
    """Canonical band or layer name."""
    description: str
    """One line for people, shown by GIS programs as the band's name."""
    units: str = "1"
    """Units of the physical value."""
    scale: float = 1.0
    """Multiplied with the stored code."""
    offset: float = 0.0
    """Added after scaling."""
    center_um: float | None = None
    """Centre wavelength [µm] of a reflectance band."""

    def __post_init__(self) -> None:
        if not _BAND.fullmatch(self.name):
            raise ConfigError(f"band name {self.name!r} wants a letter, then letters, digits, _ or -")
        if not (np.isfinite(self.scale) and np.isfinite(self.offset) and self.scale != 0):
            raise ConfigError(
                f"band {self.name!r} has scale {self.scale} and offset {self.offset}, wants finite, not 0"
            )


@dataclass(frozen=True)
class RasterSpec:
    """What one raster of a product holds and how it is shown.

    Parameters
    ----------
    name : str
        Asset key: lower-case letters, digits and hyphens; it becomes part of the file name.
    title : str
        Name for people.
    bands : tuple of BandSpec
        At least one.
    dtype : str
        One of `DTYPES`.
    nodata : float or None
        Stored code of unknown pixels; NaN for floats. None: every pixel is known.
    legend : str
        Name for `legend_for`; ``reflectance`` picks a colour composite by the bands.
    overview : {"average", "mode"}
        How four pixels become one; ``mode`` for codes that cannot be averaged.
    classes : tuple of (code, colour, label)
        Class raster: the codes that occur; the raster gets a colour table. uint8, one band.
    description : str
        What the raster says, with its sign convention.

    Raises
    ------
    ConfigError
        If a name, type, nodata value or class does not fit.

    Examples
    --------
    >>> spec = RasterSpec("ndvi", "NDVI", (BandSpec("ndvi", "NDVI", scale=1e-4),), "int16", -32768, "ndvi")
    >>> spec.styling.name
    'ndvi'
    """

    name: str
    title: str
    bands: tuple[BandSpec, ...]
    dtype: str
    nodata: float | None
    legend: str = "generic"
    overview: Literal["average", "mode"] = "average"
    classes: tuple[ClassEntry, ...] = ()
    description: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"raster name {self.name!r} wants lower-case letters, digits and hyphens")
        names = [band.name for band in self.bands]
        if not names or len(set(names)) != len(names):
            raise ConfigError(f"raster {self.name!r} has bands {names}, wants at least one and each name once")
        if self.dtype not in DTYPES:
            raise ConfigError(f"raster {self.name!r} has dtype {self.dtype!r}, wants one of {', '.join(DTYPES)}")
        if self.overview not in ("average", "mode"):
            raise ConfigError(f"raster {self.name!r} has overview {self.overview!r}, wants average or mode")
        if self.nodata is not None and not _representable(self.nodata, np.dtype(self.dtype)):
            raise ConfigError(f"raster {self.name!r}: nodata {self.nodata} cannot be stored as {self.dtype}")
        if self.classes:
            self._check_classes()

    def _check_classes(self) -> None:
        if self.dtype != "uint8" or len(self.bands) != 1 or self.overview != "mode":
            raise ConfigError(
                f"class raster {self.name!r} has {self.dtype}, {len(self.bands)} bands, {self.overview} overviews; "
                "wants uint8, one band and mode, for averages of codes mean nothing"
            )
        wrong = [code for code, _, _ in self.classes if not 0 <= code <= 255 or code == self.nodata]
        if wrong:
            raise ConfigError(f"class raster {self.name!r}: codes {wrong} are outside 0-255 or mean no data")
        class_legend(self.name, self.title, self.classes)

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands in order."""
        return tuple(band.name for band in self.bands)

    @property
    def styling(self) -> Legend:
        """The legend this raster is drawn with."""
        if self.classes:
            return class_legend(self.name, self.title, self.classes)
        if self.legend == "reflectance":
            return composite_legend(self.band_names)
        return legend_for(self.legend)

    def encode(self, values: NDArray[np.floating], band: int = 0) -> NDArray[np.generic]:
        """Return physical values as the codes stored in a band: rounded to nearest, NaN as nodata.

        Values beyond the range of an integer type are held at its ends, so that nothing wraps round and
        nothing valid turns into nodata.

        Raises
        ------
        ConfigError
            If there are NaNs and the raster has no nodata code.

        Examples
        --------
        >>> spec = RasterSpec("ndvi", "NDVI", (BandSpec("ndvi", "NDVI", scale=1e-4),), "int16", -32768, "ndvi")
        >>> spec.encode(np.array([0.5, np.nan, -9.0])).tolist()
        [5000, -32768, -32767]
        """
        dtype = np.dtype(self.dtype)
        unknown = np.isnan(values)
        codes = (np.asarray(values, dtype=np.float64) - self.bands[band].offset) / self.bands[band].scale
        if unknown.any() and self.nodata is None:
            raise ConfigError(f"raster {self.name!r} has no nodata code for {int(unknown.sum())} unknown pixels")
        if dtype.kind != "f":
            low, high = self._code_range(dtype)
            codes = np.clip(np.rint(codes), low, high)
        if self.nodata is not None:
            codes[unknown] = self.nodata
        encoded: NDArray[np.generic] = codes.astype(dtype)
        return encoded

    def _code_range(self, dtype: np.dtype[Any]) -> tuple[int, int]:
        info = np.iinfo(dtype)
        return info.min + (self.nodata == info.min), info.max - (self.nodata == info.max)


def _representable(value: float, dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "f":
        return bool(np.isnan(value) or np.isinf(value) or float(dtype.type(value)) == value)
    info = np.iinfo(dtype)
    return float(value).is_integer() and info.min <= value <= info.max
