"""Severity: how much a fire changed the ground, from the burn ratio before and after, and its published classes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError, InputError
from habitat.contracts.layer import check_pixels, float_pixels, name_layer
from habitat.contracts.legend import Legend, class_legend

Pixels: TypeAlias = Any
"""NumPy array, dask array or DataArray (y, x) of float, NaN where unknown; what goes in comes out."""

NBR_FLOOR = 0.001
"""RdNBR takes a burn ratio before the fire nearer to zero than this [1] for this: it divides by its root."""
CLASS_NODATA = 255
"""Code of a pixel without a class."""
DOUBTFUL_SHARE = 0.2
"""A picture of which more than this share [1] is snow or cloud (`snow_or_cloud`) is no picture of the ground."""
FEWEST_UNBURNT = 100
"""Pixels an offset is made of at least."""

_CALIBRATED = "calibrated on North-American conifers"
_ROUNDING = 1e-6
_MAD_TO_SD = 1.482602218505602


@dataclass(frozen=True)
class Scheme:
    """Published classes of a measure of severity; a value on a limit belongs to the more severe class.

    Examples
    --------
    >>> SCHEMES["miller-thode-2007"].names
    {1: 'unchanged', 2: 'low', 3: 'moderate', 4: 'high'}
    """

    name: str
    """What `severity_classes` is asked for."""
    measure: str
    """Which layer it classes: dnbr [1], rdnbr [1e-3] or cbi [0 to 3]."""
    classes: tuple[tuple[float, str, str], ...]
    """Lower limit, name, colour; from the least severe."""
    highest: float
    """Values above it have no class, nor have those below the first limit."""
    reference: str
    """Who published it."""
    label: str = _CALIBRATED
    """What to say wherever its classes are shown."""

    @property
    def names(self) -> dict[int, str]:
        """Names of the codes, from 1."""
        return {code: name for code, (_, name, _) in enumerate(self.classes, start=1)}

    def legend(self) -> Legend:
        """Return its colours, with the label in the title."""
        entries = ((code, colour, name) for code, (_, name, colour) in enumerate(self.classes, start=1))
        return class_legend(f"severity-{self.name}", f"burn severity, {self.reference}, {self.label}", entries)


def _classes(*limits: float, names: str, colours: str) -> tuple[tuple[float, str, str], ...]:
    return tuple(zip(limits, names.split("; "), (f"#{colour}" for colour in colours.split()), strict=True))


_FOUR = {"names": "unchanged; low; moderate; high", "colours": "f7f7f7 fecc5c fd8d3c bd0026"}
_SEVEN = {
    "names": "regrowth, high; regrowth, low; unburnt; low; moderate-low; moderate-high; high",
    "colours": "2166ac 92c5de f7f7f7 fecc5c fd8d3c e31a1c 800026",
}
_KEY_BENSON = Scheme(
    "key-benson-2006", "dnbr", _classes(-0.5, -0.25, -0.1, 0.1, 0.27, 0.44, 0.66, **_SEVEN), 1.3, "Key & Benson 2006"
)
_MILLER_THODE = Scheme(
    "miller-thode-2007", "rdnbr", _classes(-math.inf, 69.0, 316.0, 641.0, **_FOUR), math.inf, "Miller & Thode 2007"
)
_CBI = Scheme("cbi", "cbi", _classes(0.0, 0.1, 1.25, 2.25, **_FOUR), 3.0, "Miller & Thode 2007, composite burn index")
SCHEMES: Mapping[str, Scheme] = MappingProxyType({scheme.name: scheme for scheme in (_KEY_BENSON, _MILLER_THODE, _CBI)})
"""Every scheme by name."""


def dnbr(before: Pixels, after: Pixels, *, offset: Pixels = 0.0) -> Pixels:
    """Differenced normalised burn ratio, before - after - offset: positive where leaves were lost.

    Parameters
    ----------
    before, after : array or DataArray (y, x) [1]
        Normalised burn ratio, (NIR - SWIR2) / (NIR + SWIR2), on one grid.
    offset : float or array (y, x) [1]
        dNBR of ground that did not burn, from `unburnt_offset` or `offset_by_kind`.

    Returns
    -------
    array or DataArray (y, x) [1]
        Not times 1000. NaN where either is NaN.

    Raises
    ------
    GridMismatch
        If two DataArrays are not on one grid.
    TypeError
        If a layer holds integer codes.

    References
    ----------
    Key & Benson (2006), Landscape Assessment, RMRS-GTR-164-CD.

    Examples
    --------
    >>> dnbr(np.array([0.6, 0.6]), np.array([0.1, np.nan]), offset=0.1).round(6).tolist()
    [0.4, nan]
    """
    early, late = _pair(before, after)
    return _named(early - late - offset, "dnbr", "1", "dNBR")


def rdnbr(before: Pixels, after: Pixels, *, offset: Pixels = 0.0, floor: float = NBR_FLOOR) -> Pixels:
    """Relative dNBR: 1000 * dNBR / sqrt(abs(NBR before)), what burnt in relation to what there was.

    The published number mixes units: dNBR is times 1000, the burn ratio under the root is not. The result
    is in those thousandths, as its class limits are (69, 316, 641).

    Parameters
    ----------
    before, after : array or DataArray (y, x) [1]
        Normalised burn ratio, not times 1000, on one grid.
    offset : float or array (y, x) [1]
        dNBR of ground that did not burn.
    floor : float [1]
        Least magnitude of the burn ratio before that is believed; `floored_share` tells how often it acts.

    Returns
    -------
    array or DataArray (y, x) [1e-3]
        NaN where either is NaN.

    Raises
    ------
    ConfigError
        If the floor is not above zero.
    GridMismatch, TypeError
        As `dnbr`.

    References
    ----------
    Miller & Thode (2007), Remote Sensing of Environment 109:66-80.

    Examples
    --------
    >>> rdnbr(np.array([0.64]), np.array([0.24])).round(6).tolist()
    [500.0]
    """
    if not floor > 0:
        raise ConfigError(f"the floor of the burn ratio is {floor}, wants a number above 0 such as {NBR_FLOOR}")
    early, late = _pair(before, after)
    change = early - late - offset
    return _named(1000.0 * change / abs(early).clip(floor) ** 0.5, "rdnbr", "1e-3", "RdNBR")


def rbr(before: Pixels, after: Pixels, *, offset: Pixels = 0.0) -> Pixels:
    """Relativised burn ratio, dNBR / (NBR before + 1.001): relative as RdNBR, without its pole at zero.

    Parameters
    ----------
    before, after : array or DataArray (y, x) [1]
        Normalised burn ratio, not times 1000, on one grid.
    offset : float or array (y, x) [1]
        dNBR of ground that did not burn.

    Returns
    -------
    array or DataArray (y, x) [1]
        NaN where either is NaN.

    Raises
    ------
    GridMismatch, TypeError
        As `dnbr`.

    References
    ----------
    Parks, Dillon & Miller (2014), Remote Sensing 6:1827-1844.

    Examples
    --------
    >>> rbr(np.array([0.499]), np.array([0.049])).round(6).tolist()
    [0.3]
    """
    early, late = _pair(before, after)
    return _named((early - late - offset) / (early + 1.001), "rbr", "1", "RBR")


def floored_share(before: Pixels, *, floor: float = NBR_FLOOR) -> float:
    """Share of known pixels [1] whose burn ratio before was nearer to zero than RdNBR's floor; computes.

    Examples
    --------
    >>> floored_share(np.array([0.0005, 0.3, np.nan, -0.2]))
    0.3333333333333333
    """
    values = np.asarray(before)
    known = np.isfinite(values)
    return float((np.abs(values[known]) < floor).mean()) if known.any() else float("nan")


def unburnt_offset(change: Pixels, unburnt: Pixels, *, fewest: int = FEWEST_UNBURNT) -> float:
    """Take the dNBR that ground of the same kind shows without fire; computes.

    The mean of what lies within three robust deviations of the median: as the mean of the definition, but
    unburnt ground always has a few fields, clouds and small fires in it.

    Parameters
    ----------
    change : array or DataArray (y, x) [1]
        dNBR without offset.
    unburnt : bool array (y, x)
        Ground known not to have burnt, of the same vegetation as what did.
    fewest : int
        Pixels wanted.

    Raises
    ------
    InputError
        If there are fewer.

    References
    ----------
    Key & Benson (2006), Landscape Assessment, RMRS-GTR-164-CD.

    Examples
    --------
    >>> change = np.array([0.02, 0.04, 0.03, 0.9, 0.5])
    >>> round(unburnt_offset(change, np.array([True, True, True, True, False]), fewest=3), 6)
    0.03
    """
    values = np.asarray(change)[np.asarray(unburnt, bool)]
    values = values[np.isfinite(values)]
    if values.size < fewest:
        raise InputError(
            f"{values.size} unburnt pixels are known, wants at least {fewest}; "
            "give more ground that did not burn, or take 0 and say so"
        )
    middle = np.median(values)
    reach = 3 * _MAD_TO_SD * np.median(np.abs(values - middle))
    return float(values[np.abs(values - middle) <= reach].mean())


def offset_by_kind(
    change: Pixels, unburnt: Pixels, kinds: NDArray[np.integer[Any]], *, fewest: int = FEWEST_UNBURNT
) -> NDArray[np.float64]:
    """Take the offset of each kind of vegetation from its own unburnt ground; computes.

    Leaves come and go at other times in meadow, oak and pine: one offset for all makes some of them look burnt.

    Parameters
    ----------
    change : array or DataArray (y, x) [1]
        dNBR without offset.
    unburnt : bool array (y, x)
        Ground known not to have burnt.
    kinds : int array (y, x)
        Number of the vegetation, from before the fire.
    fewest : int
        A kind with fewer unburnt pixels takes the offset of all together.

    Returns
    -------
    float array (y, x) [1]
        Offset for `dnbr`, `rdnbr` and `rbr`.

    Raises
    ------
    InputError
        If all kinds together have fewer.

    References
    ----------
    Key & Benson (2006), Landscape Assessment, RMRS-GTR-164-CD.

    Examples
    --------
    >>> change, kinds = np.array([0.1, 0.1, 0.0, 0.0, 0.6]), np.array([1, 1, 2, 2, 1])
    >>> offset_by_kind(change, kinds * change < 0.5, kinds, fewest=2).tolist()
    [0.1, 0.1, 0.0, 0.0, 0.1]
    """
    values, free = np.asarray(change), np.asarray(unburnt, bool)
    offsets = np.full(values.shape, unburnt_offset(values, free, fewest=fewest))
    for kind in np.unique(kinds):
        own = kinds == kind
        if np.isfinite(values[own & free]).sum() >= fewest:
            offsets[own] = unburnt_offset(values, own & free, fewest=fewest)
    return offsets


def snow_or_cloud(blue: Pixels, green: Pixels, red: Pixels, nir: Pixels, swir1: Pixels) -> Pixels:
    """Where a picture that has no quality mask shows snow or cloud, by its own bands.

    Snow over leaves raises NBR as nothing else does: a picture from before the fire with snow in it makes
    any fire look severe. Coarse, to judge a picture (`DOUBTFUL_SHARE`) rather than to mend it.

    Parameters
    ----------
    blue, green, red, nir, swir1 : array or DataArray (y, x) [1]
        Surface reflectance.

    Returns
    -------
    bool array or DataArray (y, x)
        False where a band is NaN.

    References
    ----------
    Dozier (1989) and Hall et al. (1995): NDSI > 0.4 and NIR > 0.11. Zhu & Woodcock (2012): the haze
    transform blue - red / 2 > 0.08.

    Examples
    --------
    >>> bands = np.array([[0.6, 0.04], [0.6, 0.06], [0.6, 0.05], [0.5, 0.3], [0.1, 0.2]])
    >>> snow_or_cloud(*bands).tolist()
    [True, False]
    """
    snow = (green - swir1 > 0.4 * (green + swir1)) & (nir > 0.11)
    return snow | (blue - 0.5 * red > 0.08)


def severity_classes(values: Pixels, scheme: str) -> Pixels:
    """Classes of severity under a published scheme; all of them are calibrated on North-American conifers.

    Parameters
    ----------
    values : array or DataArray (y, x)
        What the scheme classes, in the units the functions here give: dNBR [1], RdNBR [1e-3], CBI [0 to 3].
    scheme : {"key-benson-2006", "miller-thode-2007", "cbi"}
        See `SCHEMES`.

    Returns
    -------
    uint8 array or DataArray (y, x)
        Codes of `Scheme.names`; 255 where the value is NaN or the scheme has no class for it.

    Raises
    ------
    ConfigError
        If there is no such scheme; RBR has none.
    TypeError
        If the values are integer codes.

    Examples
    --------
    >>> severity_classes(np.array([-0.3, 0.0, 0.1, 0.7, 1.4, np.nan]), "key-benson-2006").tolist()
    [1, 3, 4, 7, 255, 255]
    """
    if scheme not in SCHEMES:
        why = "; class limits of RBR differ from study to study, so none are built in" if "rbr" in scheme else ""
        raise ConfigError(f"there are no severity classes {scheme!r}{why}; there are {', '.join(SCHEMES)}")
    found = SCHEMES[scheme]
    pixels = float_pixels(values, "values")
    limits = [limit for limit, _, _ in found.classes]
    # A limit that a float32 or a rounded code misses by its last digit is still on the limit.
    codes = sum(((pixels >= _below(limit)) for limit in limits[1:]), start=np.uint8(1) + 0 * (pixels >= 0))
    known = (pixels >= _below(limits[0])) & (pixels <= found.highest + _ROUNDING * max(1.0, abs(found.highest)))
    if isinstance(pixels, xr.DataArray):
        return name_layer(codes.where(known, CLASS_NODATA).astype(np.uint8), "severity_class", "1", found.label)
    classes: NDArray[np.uint8] = np.where(known, codes, np.uint8(CLASS_NODATA)).astype(np.uint8)
    return classes


def _below(limit: float) -> float:
    return limit - _ROUNDING * max(1.0, abs(limit)) if math.isfinite(limit) else limit


def _pair(before: Pixels, after: Pixels) -> tuple[Pixels, Pixels]:
    early, late = float_pixels(before, "before"), float_pixels(after, "after")
    check_pixels(early, late)
    return early, late


def _named(values: Pixels, name: str, units: str, long_name: str) -> Pixels:
    return name_layer(values, name, units, long_name) if isinstance(values, xr.DataArray) else values
