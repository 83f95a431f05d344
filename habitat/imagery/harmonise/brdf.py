"""Directions: scenes as they would look from straight above under one sun, by the c-factor of an average surface."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from habitat.contracts.errors import ConfigError
from habitat.contracts.scene import Scene

USUAL_SUN = 45.0
"""Zenith angle of the sun that scenes are brought to [degrees]: near its mean over the year at 43 degrees north."""
LOWEST_SUN = 70.0
"""Zenith angle [degrees] beyond which the kernels are not followed; a lower sun is taken to stand there."""
WIDEST_VIEW = 60.0
"""Zenith angle of the view [degrees] beyond which a scene is no picture from above."""

_PARAMETERS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "blue": (0.0774, 0.0079, 0.0372),
        "green": (0.1306, 0.0178, 0.0580),
        "red": (0.1690, 0.0227, 0.0574),
        "rededge1": (0.2085, 0.0256, 0.0845),
        "rededge2": (0.2316, 0.0273, 0.1003),
        "rededge3": (0.2599, 0.0294, 0.1197),
        "nir": (0.3093, 0.0330, 0.1535),
        "nir_narrow": (0.3093, 0.0330, 0.1535),
        "swir1": (0.3430, 0.0453, 0.1154),
        "swir2": (0.2658, 0.0387, 0.0639),
    }
)
"""Parameters of an average land surface by band: isotropic, geometric, volumetric [1]."""

_UNKNOWN_SUN = "not adjusted: the item does not say where the sun stood"
_UNKNOWN_VIEW = "view unknown and not corrected"
_UNKNOWN_AZIMUTH = "azimuth of sun or view unknown: view not corrected"
_TOLD = (_UNKNOWN_SUN, _UNKNOWN_VIEW, _UNKNOWN_AZIMUTH)

BRDF_BANDS = tuple(_PARAMETERS)
"""Bands with published parameters."""


class Directions(NamedTuple):
    """Where sun and satellite stood, seen from the ground."""

    sun_zenith: float
    """Degrees."""
    view_zenith: float
    """Degrees; 0 is straight above."""
    relative_azimuth: float
    """Degrees between the directions to the sun and to the satellite; 0 has the sun behind the satellite."""


def ross_thick(directions: Directions) -> float:
    """Volumetric kernel [1]: leaves in a thick canopy; 0 with sun and satellite straight above.

    References
    ----------
    Lucht, Schaaf & Strahler (2000), IEEE Transactions on Geoscience and Remote Sensing 38(2), 977-998.

    Examples
    --------
    >>> round(ross_thick(Directions(0.0, 0.0, 0.0)), 12)
    0.0
    """
    cos_s, cos_v, phase = _cosines(directions)
    angle = math.acos(phase)
    return ((math.pi / 2 - angle) * phase + math.sin(angle)) / (cos_s + cos_v) - math.pi / 4


def li_sparse(directions: Directions) -> float:
    """Geometric kernel [1], reciprocal: shadows of spheres whose centres stand twice as high as they are broad.

    References
    ----------
    Lucht, Schaaf & Strahler (2000), IEEE Transactions on Geoscience and Remote Sensing 38(2), 977-998.

    Examples
    --------
    >>> round(li_sparse(Directions(0.0, 0.0, 0.0)), 12)
    0.0
    """
    cos_s, cos_v, phase = _cosines(directions)
    between = math.radians(directions.relative_azimuth)
    tan_s, tan_v = math.tan(math.radians(directions.sun_zenith)), math.tan(math.radians(directions.view_zenith))
    secants = 1 / cos_s + 1 / cos_v
    distance = tan_s**2 + tan_v**2 - 2 * tan_s * tan_v * math.cos(between) + (tan_s * tan_v * math.sin(between)) ** 2
    cos_t = min(2 * math.sqrt(max(distance, 0.0)) / secants, 1.0)
    t = math.acos(cos_t)
    overlap = (t - math.sin(t) * cos_t) * secants / math.pi
    return overlap - secants + (1 + phase) / (2 * cos_s * cos_v)


def _cosines(directions: Directions) -> tuple[float, float, float]:
    sun, view = math.radians(directions.sun_zenith), math.radians(directions.view_zenith)
    cos_s, cos_v = math.cos(sun), math.cos(view)
    across = math.sin(sun) * math.sin(view) * math.cos(math.radians(directions.relative_azimuth))
    return cos_s, cos_v, min(max(cos_s * cos_v + across, -1.0), 1.0)


def brf(band: str, directions: Directions) -> float:
    """Bidirectional reflectance of the average surface [1].

    Raises
    ------
    ConfigError
        If the band has no parameters, or a direction lies below the horizon or beyond `WIDEST_VIEW`.
    """
    if band not in _PARAMETERS:
        raise ConfigError(f"no parameters are published for {band!r}; there are some for {', '.join(BRDF_BANDS)}")
    if not (0 <= directions.sun_zenith < 90 and 0 <= directions.view_zenith <= WIDEST_VIEW):
        raise ConfigError(
            f"sun at {directions.sun_zenith:g} and view at {directions.view_zenith:g} degrees from the zenith; "
            f"wanted less than 90 and at most {WIDEST_VIEW:g}. Correct the angles of the item"
        )
    level, geometric, volume = _PARAMETERS[band]
    return level + geometric * li_sparse(directions) + volume * ross_thick(directions)


def c_factor(band: str, directions: Directions, *, sun_zenith: float = USUAL_SUN) -> float:
    """Factor that brings reflectance to a view from straight above with the sun at `sun_zenith`.

    Parameters
    ----------
    band : str
        Canonical band, one of `BRDF_BANDS`.
    directions : Directions
        As the scene was taken.
    sun_zenith : float [degrees]
        As it is to look.

    Raises
    ------
    ConfigError
        If the band has no parameters or an angle is impossible.

    References
    ----------
    Roy et al. (2016), Remote Sensing of Environment 176, 255-271; Roy et al. (2017), 199, 25-38.

    Examples
    --------
    >>> c_factor("nir", Directions(45.0, 0.0, 0.0))
    1.0
    >>> round(c_factor("red", Directions(45.0, 10.0, 0.0)), 3) < 1
    True
    """
    return brf(band, Directions(sun_zenith, 0.0, 0.0)) / brf(band, directions)


def scene_directions(scene: Scene) -> tuple[Directions | None, str]:
    """Directions of a scene by its metadata, and in words what had to be assumed; None if the sun is not known.

    Landsat looks straight down when its item says nothing else. Where nothing is said of the view of a
    Sentinel-2 scene it is not corrected: only the sun is.
    """
    if scene.sun_elevation is None or not 0 < scene.sun_elevation <= 90:
        return None, _UNKNOWN_SUN
    sun = 90.0 - scene.sun_elevation
    said = []
    if sun > LOWEST_SUN:
        said.append(f"sun at {sun:.1f} degrees from the zenith taken to stand at {LOWEST_SUN:g}")
        sun = LOWEST_SUN
    if scene.view_zenith is None:
        said.append("view straight down assumed" if scene.sensor == "landsat" else _UNKNOWN_VIEW)
        return Directions(sun, 0.0, 0.0), "; ".join(said)
    if scene.view_zenith > WIDEST_VIEW:
        return None, f"not adjusted: a view of {scene.view_zenith:g} degrees from the zenith is none from above"
    if scene.view_zenith == 0:
        return Directions(sun, 0.0, 0.0), "; ".join([*said, "view straight down by the item"])
    if scene.sun_azimuth is None or scene.view_azimuth is None:
        said.append(_UNKNOWN_AZIMUTH)
        return Directions(sun, 0.0, 0.0), "; ".join(said)
    between = (scene.sun_azimuth - scene.view_azimuth + 180) % 360 - 180
    said.append(f"one view of {scene.view_zenith:.1f} degrees for the whole scene")
    return Directions(sun, scene.view_zenith, abs(between)), "; ".join(said)


def to_nadir(scene: Scene, *, sun_zenith: float = USUAL_SUN) -> Scene:
    """Scene whose scales and offsets give reflectance as seen from straight above, under one sun.

    One factor for a band and scene is a change of scale, so no pixel is touched here. What was assumed of the
    angles stands in ``extras["brdf"]``. Bands without parameters stay as they are, and are named there.

    Parameters
    ----------
    scene : Scene
        With scale and offset; bring it to OLI's bands first.
    sun_zenith : float [degrees]
        Zenith angle of the sun that all scenes of a series are brought to.

    References
    ----------
    Roy et al. (2016), Remote Sensing of Environment 176, 255-271; Roy et al. (2017), 199, 25-38.
    """
    directions, said = scene_directions(scene)
    if directions is None:
        return replace(scene, extras={**scene.extras, "brdf": said})
    bands, left = {}, []
    for band, asset in scene.bands.items():
        if band in _PARAMETERS:
            factor = c_factor(band, directions, sun_zenith=sun_zenith)
            bands[band] = replace(asset, scale=asset.scale * factor, offset=asset.offset * factor)
        else:
            bands[band] = asset
            left.append(band)
    note = f"nadir, sun at {sun_zenith:g} degrees ({said or 'angles of the item'})"
    note += f"; no parameters for {', '.join(left)}" if left else ""
    return replace(scene, bands=bands, extras={**scene.extras, "brdf": note})


def direction_gaps(scenes: Sequence[Scene]) -> tuple[tuple[str, str], ...]:
    """Return what `to_nadir` could not correct for want of angles, for the record: what, and of how many scenes.

    Examples
    --------
    >>> direction_gaps([])
    ()
    """
    counts: Counter[str] = Counter()
    for scene in scenes:
        counts.update(words for words in _TOLD if words in scene.extras.get("brdf", ""))
    return tuple(
        ("directions", f"{counts[words]} of {len(scenes)} scenes: {words}") for words in _TOLD if counts[words]
    )
