"""Ground: what a cell is like whatever the month, from distances, heights and cover on a finer grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from habitat.terrain import block_mean, eastness, northness, relief, ruggedness, slope

Layers = dict[str, NDArray[np.float32]]

REACH_M = 500.0
"""Distance over which people's nearness falls to a third [m]."""
PEOPLE = ("roads", "settlements", "fields")
"""What brings people; borders do not."""
_LEAST_NEAR = 0.02
_NEAR_M = 100.0
_WIDE = 2.0
_RARE = 0.01
_CLASS_NODATA = 255


def access_layers(distances: Mapping[str, NDArray[Any]], parts: int, land: NDArray[Any]) -> Layers:
    """Predictors of access: log distances, and how near people are in the cell and around it.

    Fires begin near people and run on from there, so what lies a kilometre off counts beside what lies in the cell.

    Parameters
    ----------
    distances : mapping of str to array (y, x) [m]
        To roads, settlements, fields, border, on a grid `parts` times finer than the cells.
    parts : int
        Fine pixels along a side of a cell.
    land : array (y, x) [1]
        Share of land of each cell.

    Returns
    -------
    dict of str to float32 (y, x)
        ``distance_*`` (natural log of metres), and with any of `PEOPLE` ``exposure`` and ``exposure_wide`` (log of the
        mean nearness exp(-d / `REACH_M`)).
    """
    found: Layers = {}
    for name, metres in distances.items():
        found[f"distance_{name}"] = np.log(block_mean(metres, parts) + np.float32(_NEAR_M))
    near = [np.exp(-np.asarray(distances[name], np.float64) / REACH_M) for name in PEOPLE if name in distances]
    if near:
        mean = block_mean(np.max(np.stack(near), axis=0), parts)
        found["exposure"] = np.log(mean + np.float32(_LEAST_NEAR))
        found["exposure_wide"] = np.log(_around(mean, land) + np.float32(_LEAST_NEAR))
    return found


def terrain_layers(elevation: NDArray[Any], resolution_m: float, parts: int) -> Layers:
    """Predictors of terrain: means of height, slope, exposition, ruggedness and position over the cell."""
    fine = {
        "elevation": elevation,
        "slope": slope(elevation, resolution_m),
        "northness": northness(elevation, resolution_m),
        "eastness": eastness(elevation, resolution_m),
        "ruggedness": ruggedness(elevation),
        "relief": relief(elevation, resolution_m),
    }
    return {name: block_mean(values, parts) for name, values in fine.items()}


def cover_layers(classes: NDArray[np.uint8], parts: int) -> Layers:
    """Predictors of fuel: shares of the cover classes of the cell that hold at least a hundredth of the area.

    Parameters
    ----------
    classes : uint8 (y, x)
        Codes on a grid `parts` times finer; 255 unknown.
    parts : int
        Fine pixels along a side of a cell.
    """
    known = classes != _CLASS_NODATA
    codes, counts = np.unique(classes[known], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    # The shares of all classes add up to one: the commonest is what the others are held against.
    kept = [int(codes[place]) for place in order[1:] if counts[place] >= _RARE * counts.sum()]
    return {
        f"cover_{code}": block_mean(np.where(known, classes == code, np.nan).astype(np.float32), parts)
        for code in sorted(kept)
    }


def filled(layers: Layers, land: NDArray[np.bool_]) -> tuple[Layers, dict[str, float]]:
    """Layers without holes: the median of the land stands in for what is not known; and the share of land it stands in.

    Layers of which nothing is known are left out.
    """
    whole: Layers = {}
    holes: dict[str, float] = {}
    for name, values in layers.items():
        known = np.isfinite(values)
        if not (known & land).any():
            continue
        if not known[land].all():
            holes[name] = float((~known[land]).mean())
        whole[name] = np.where(known, values, np.median(values[known & land])).astype(np.float32)
    return whole, holes


def _around(mean: NDArray[np.float32], land: NDArray[Any]) -> NDArray[np.float32]:
    weight = np.asarray(land, np.float64)
    blurred = ndimage.gaussian_filter(np.nan_to_num(mean) * weight, _WIDE, mode="nearest")
    around: NDArray[np.float32] = (
        blurred / np.maximum(ndimage.gaussian_filter(weight, _WIDE, mode="nearest"), 0.05)
    ).astype(np.float32)
    return around
