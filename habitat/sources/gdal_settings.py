"""GDAL settings: which drivers may open foreign files, and how patiently and thriftily to read over the network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from habitat.sources.catalogues.providers import Provider

FORBIDDEN_DRIVERS = ("VRT", "WMS", "WMTS", "WCS", "GTI", "STACTA", "STACIT", "HTTP", "PDF", "EEDAI", "DERIVED")
"""Drivers by which a file that calls itself GeoTIFF could read other files or fetch addresses."""

ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_HTTP_MULTIRANGE": "YES",
        "GDAL_HTTP_MAX_RETRY": "5",
        "GDAL_HTTP_RETRY_DELAY": "0.5",
        "GDAL_HTTP_CONNECTTIMEOUT": "10",
        "GDAL_HTTP_TIMEOUT": "60",
        "GDAL_HTTP_LOW_SPEED_TIME": "20",
        "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif,.tiff,.jp2",
        # As an environment variable this is megabytes; see RASTERIO_ENV for the other unit.
        "GDAL_CACHEMAX": "64",
    }
)
"""Process environment for every copy of GDAL in this process and in its workers."""

RASTERIO_ENV: Mapping[str, int | str] = MappingProxyType(
    {
        # Through rasterio.Env the number is bytes: 64 here would mean a cache of 64 bytes.
        "GDAL_CACHEMAX": 64 * 2**20,
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_NUM_THREADS": "1",
    }
)
"""For ``rasterio.Env`` in the thread that reads."""


def secure_gdal() -> None:
    """Write the settings into the process environment; call it before rasterio is imported.

    What a user has set already stays, but the forbidden drivers are forbidden in any case: rasterio carries
    one GDAL and pyogrio another, and only environment variables reach both, and worker processes too.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    skipped = os.environ.get("GDAL_SKIP", "").replace(" ", ",").split(",")
    wanted = [*filter(None, skipped), *(driver for driver in FORBIDDEN_DRIVERS if driver not in skipped)]
    os.environ["GDAL_SKIP"] = ",".join(wanted)


def reading_env(provider: Provider | None = None) -> dict[str, int | str]:
    """Options for ``rasterio.Env`` while reading one provider's files.

    Examples
    --------
    >>> reading_env()["GDAL_CACHEMAX"]
    67108864
    """
    env = dict(RASTERIO_ENV)
    if provider is not None:
        env |= provider.gdal
        if provider.requester_pays:
            env["AWS_REQUEST_PAYER"] = "requester"
    return env


def forbidden_drivers_alive() -> list[str]:
    """Forbidden drivers that this process' rasterio has registered all the same.

    Not empty if rasterio had opened something before `secure_gdal` was called; start a fresh process then.
    GDAL itself brings VRT back when the first ``WarpedVRT`` is made, so every file is opened with a named
    driver besides, and our own readers make none.
    """
    import rasterio

    with rasterio.Env() as env:
        registered = env.drivers()
    return [driver for driver in FORBIDDEN_DRIVERS if driver in registered]
