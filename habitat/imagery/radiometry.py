"""Radiometry by metadata: which scale and offset turn digital numbers into reflectance, and bandpass adjustment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.contracts.errors import CatalogueError, ConfigError

_SENTINEL2_SCALE = 1e-4
_SENTINEL2_OFFSET = -0.1
_OFFSET_BEGINS = (4, 0)
_LANDSAT_SCALE = 2.75e-5
_LANDSAT_OFFSET = -0.2

_BASELINE = re.compile(r"0?(\d{1,2})\.(\d{2})")
_IN_PRODUCT_NAME = re.compile(r"_N(\d{2})\.?(\d{2})(?:_|\.|$)")
_BASELINE_KEYS = ("s2:processing_baseline", "sentinel:processing_baseline", "processing:version")
_NAME_KEYS = (
    "s2:product_uri",
    "s2:product_title",
    "sentinel:product_id",
    "s2:datatake_id",
    "eopf:datatake_id",
    "s2:granule_id",
    "s2:datastrip_id",
)
_FLAGS = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")

Reflectance = TypeVar("Reflectance", float, NDArray[np.floating], xr.DataArray)


@dataclass(frozen=True, slots=True)
class Radiometry:
    """How one asset's digital numbers become reflectance, and which metadata said so."""

    scale: float
    """Reflectance = DN * scale + offset."""
    offset: float
    """Added after scaling [1]."""
    offset_present: bool | None
    """Sentinel-2: whether +1000 is still in the DN; None where it does not apply."""
    rule: str
    """The metadata that decided, in words."""
    unit: str = ""
    """``power`` or ``dB`` of radar; empty for reflectance."""


def processing_baseline(properties: Mapping[str, Any], item_id: str = "") -> str | None:
    """Sentinel-2 processing baseline of an item, as ``05.09``.

    Taken from the item's own field, else from a product, datatake or granule name; never from a date.

    Examples
    --------
    >>> processing_baseline({"s2:product_uri": "S2B_MSIL2A_20230603T235619_N0509_R116_T01WCR_20230604T002457.SAFE"})
    '05.09'
    """
    for key in _BASELINE_KEYS:
        match = _BASELINE.fullmatch(str(properties.get(key) or ""))
        if match:
            return f"{int(match[1]):02d}.{match[2]}"
    for text in (*(properties.get(key) for key in _NAME_KEYS), item_id):
        match = _IN_PRODUCT_NAME.search(text) if isinstance(text, str) else None
        if match:
            return f"{match[1]}.{match[2]}"
    return None


def baseline_number(baseline: str | None) -> tuple[int, int] | None:
    """Baseline as numbers that compare, ``(5, 9)`` for ``05.09``."""
    match = _BASELINE.fullmatch(baseline) if baseline else None
    return (int(match[1]), int(match[2])) if match else None


def declared_scale(asset: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Scale and offset an asset declares in any version of the raster extension; None where it is silent.

    Raises
    ------
    CatalogueError
        If the declared value is not a number.
    """
    scale, offset = asset.get("raster:scale"), asset.get("raster:offset")
    if scale is None and offset is None:
        prefix, bands = ("", asset["raster:bands"]) if asset.get("raster:bands") else ("raster:", asset.get("bands"))
        if isinstance(bands, list) and bands and isinstance(bands[0], dict):
            scale, offset = bands[0].get(prefix + "scale"), bands[0].get(prefix + "offset")
    try:
        return (None if scale is None else float(scale), None if offset is None else float(offset))
    except (TypeError, ValueError) as error:
        raise CatalogueError(f"an asset declares scale {scale!r} and offset {offset!r}, wants numbers") from error


def sentinel2_radiometry(
    properties: Mapping[str, Any], asset: Mapping[str, Any], baseline: str | None = None
) -> Radiometry:
    """Scale and offset of a Sentinel-2 Level-2A band, by metadata alone.

    In order: the flag of Earth Search (``raster:bands`` of that collection says -0.1 even where the DN
    were corrected already), the scale and offset the asset declares, the processing baseline. The date
    decides nothing: old scenes are reprocessed with new baselines. Metadata can be wrong; compare with pixels.

    Parameters
    ----------
    properties, asset : mapping
        An item's properties and one of its assets, as the catalogue answered them.
    baseline : str, optional
        Processing baseline if known already.

    Raises
    ------
    CatalogueError
        If the metadata decide nothing or declare numbers no Sentinel-2 product has.

    Examples
    --------
    >>> asset = {"raster:bands": [{"scale": 0.0001, "offset": -0.1}]}
    >>> sentinel2_radiometry({"earthsearch:boa_offset_applied": True}, asset, "05.09").offset
    0.0
    >>> sentinel2_radiometry({}, asset, "05.09").offset
    -0.1
    """
    flag = next((properties[key] for key in _FLAGS if properties.get(key) is not None), None)
    scale, offset = declared_scale(asset)
    if baseline is None:
        baseline = processing_baseline(properties)
    return _sentinel2_rule(flag if flag is None else str(flag).lower(), baseline, scale, offset)


@lru_cache(maxsize=1024)
def _sentinel2_rule(flag: str | None, baseline: str | None, scale: float | None, offset: float | None) -> Radiometry:
    # GDAL-made items declare scale 1 and offset 0 for any file; that says nothing about reflectance.
    silent = scale is None or scale == 1.0
    if scale is not None and not silent and abs(scale - _SENTINEL2_SCALE) > 1e-9:
        raise CatalogueError(f"a Sentinel-2 band declares scale {scale}, wants 0.0001; is it a Level-2A reflectance?")
    if offset is not None and not silent and min(abs(offset), abs(offset - _SENTINEL2_OFFSET)) > 1e-9:
        raise CatalogueError(f"a Sentinel-2 band declares offset {offset}, wants 0 or -0.1")
    declared = None if silent or offset is None else offset < -0.05
    number = baseline_number(baseline)
    by_baseline = None if number is None else number >= _OFFSET_BEGINS
    if flag == "true":
        return _sentinel2(0.0, "boa_offset_applied is true: +1000 is out of the DN, declared offset not applied")
    if flag == "false":
        present = declared if by_baseline is None else by_baseline
        if present is not None:
            return _sentinel2(_SENTINEL2_OFFSET * present, f"boa_offset_applied is false, baseline {baseline}")
    elif declared is not None:
        doubt = "" if by_baseline in (None, declared) else f", though baseline {baseline} suggests otherwise"
        return _sentinel2(_SENTINEL2_OFFSET * declared, f"the asset declares offset {offset:g}{doubt}")
    elif by_baseline is not None:
        return _sentinel2(_SENTINEL2_OFFSET * by_baseline, f"baseline {baseline}, no offset declared")
    raise CatalogueError(
        "the item says neither boa_offset_applied, nor an offset, nor a processing baseline, so its reflectance "
        "is unknown by 0.1; use a catalogue that keeps s2:processing_baseline"
    )


def _sentinel2(offset: float, why: str) -> Radiometry:
    return Radiometry(_SENTINEL2_SCALE, offset or 0.0, offset != 0.0, why)


def landsat_radiometry(asset: Mapping[str, Any]) -> Radiometry:
    """Scale and offset of a Landsat Collection 2 Level-2 reflectance band.

    Raises
    ------
    CatalogueError
        If the declared numbers are no surface reflectance.

    References
    ----------
    USGS, Landsat 8-9 Collection 2 Level-2 Science Product Guide: 0.0000275 * DN - 0.2.

    Examples
    --------
    >>> landsat_radiometry({}).offset
    -0.2
    """
    return _landsat_rule(*declared_scale(asset))


@lru_cache(maxsize=256)
def _landsat_rule(scale: float | None, offset: float | None) -> Radiometry:
    if scale is None or scale == 1.0:
        return Radiometry(_LANDSAT_SCALE, _LANDSAT_OFFSET, None, "Landsat Collection 2 constants, none declared")
    offset = 0.0 if offset is None else offset
    # Collection 1 style products (0.0001, 0) are reflectance too; kelvin or raw radiance scales are not.
    if not (1e-5 <= scale <= 2e-4 and -0.3 <= offset <= 0.0):
        raise CatalogueError(
            f"a Landsat reflectance band declares scale {scale} and offset {offset}, wants 0.0000275 and -0.2"
        )
    if abs(scale - _LANDSAT_SCALE) < 1e-9 and abs(offset) < 1e-9:
        raise CatalogueError("a Landsat band declares scale 0.0000275 without the offset -0.2 that belongs to it")
    return Radiometry(scale, offset, None, f"the asset declares scale {scale:g} and offset {offset:g}")


@dataclass(frozen=True, slots=True)
class Bandpass:
    """Line from one sensor's reflectance to that of Landsat 8 OLI: slope * reflectance + intercept."""

    slope: float
    intercept: float
    source: str
    """Where the numbers come from, and what stands in for what."""


_MSI_BANDS = ("coastal", "blue", "green", "red", "nir_narrow", "swir1", "swir2")
_MSI_TO_OLI: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = MappingProxyType(
    {
        "sentinel-2a": (
            (0.9959, 0.9778, 1.0053, 0.9765, 0.9983, 0.9987, 1.0030),
            (-0.0002, -0.0040, -0.0009, 0.0009, -0.0001, -0.0011, -0.0012),
        ),
        "sentinel-2b": (
            (0.9959, 0.9778, 1.0075, 0.9761, 0.9966, 1.0000, 0.9867),
            (-0.0002, -0.0040, -0.0008, 0.0010, 0.0000, -0.0003, 0.0004),
        ),
    }
)
_ETM_BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
_ETM_TO_OLI = (
    (0.8474, 0.8483, 0.9047, 0.8462, 0.8937, 0.9071),
    (0.0003, 0.0088, 0.0061, 0.0412, 0.0254, 0.0172),
)


def msi_to_oli(platform: str, band: str) -> Bandpass:
    """Bandpass line from Sentinel-2 MSI to Landsat 8 OLI.

    Parameters
    ----------
    platform : str
        ``sentinel-2a``, ``sentinel-2b``; others take the numbers of 2A, and `Bandpass.source` says so.
    band : str
        Canonical band; OLI's near infrared corresponds to ``nir_narrow``, not to the broad ``nir``.

    Raises
    ------
    ConfigError
        If OLI has no band like it.

    References
    ----------
    Claverie et al. (2018), Remote Sensing of Environment 219, 145-161.
    """
    if band not in _MSI_BANDS:
        raise ConfigError(f"OLI has no band like Sentinel-2 {band!r}; there is one for {', '.join(_MSI_BANDS)}")
    known = platform if platform in _MSI_TO_OLI else "sentinel-2a"
    slopes, intercepts = _MSI_TO_OLI[known]
    stands_in = "" if known == platform else f"; {known} stands in for {platform}, which has no published numbers"
    where = _MSI_BANDS.index(band)
    return Bandpass(slopes[where], intercepts[where], f"Claverie et al. 2018, {known}{stands_in}")


def etm_to_oli(platform: str, band: str) -> Bandpass:
    """Bandpass line from Landsat 7 ETM+ to Landsat 8 OLI surface reflectance (ordinary least squares).

    Not to be inverted: a regression in one direction is not the inverse of the other.

    Parameters
    ----------
    platform : str
        ``landsat-7``; ``landsat-4`` and ``landsat-5`` (TM) take its numbers, and `Bandpass.source` says so.
    band : str
        Canonical band.

    Raises
    ------
    ConfigError
        If the band or the satellite has no such line.

    References
    ----------
    Roy et al. (2016), Remote Sensing of Environment 185, 57-70.
    """
    if platform not in ("landsat-4", "landsat-5", "landsat-7"):
        raise ConfigError(f"{platform!r} carries no TM or ETM+; the line is for landsat-4, landsat-5 and landsat-7")
    if band not in _ETM_BANDS:
        raise ConfigError(f"there is no line from ETM+ to OLI for {band!r}; there is one for {', '.join(_ETM_BANDS)}")
    where = _ETM_BANDS.index(band)
    stands_in = "" if platform == "landsat-7" else f"; ETM+ stands in for the TM of {platform}"
    return Bandpass(_ETM_TO_OLI[0][where], _ETM_TO_OLI[1][where], f"Roy et al. 2016{stands_in}")


def oli_like(reflectance: Reflectance, line: Bandpass) -> Reflectance:
    """Reflectance as OLI would have seen it.

    Parameters
    ----------
    reflectance : float or array [1]
        Surface reflectance, not digital numbers: the intercepts are in reflectance.
    line : Bandpass
        From `msi_to_oli` or `etm_to_oli`.

    Examples
    --------
    >>> round(oli_like(0.2, etm_to_oli("landsat-7", "red")), 5)
    0.18704
    """
    return reflectance * line.slope + line.intercept
