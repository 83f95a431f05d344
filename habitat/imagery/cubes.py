"""Cubes: clear pixels and medians of a lazy cube, for notebooks."""

from __future__ import annotations

import xarray as xr

from habitat.contracts.layer import Cube, check_cube


def keep_clear(cube: Cube) -> Cube:
    """Cube with NaN wherever a date is not clear; stays lazy.

    Parameters
    ----------
    cube : Dataset (time, y, x)
        From `habitat.sources.load_cube`, with the boolean ``clear``.

    Returns
    -------
    Dataset (time, y, x)
        The bands alone.

    Raises
    ------
    GridMismatch
        If a band is not (time, y, x) or there is no ``clear``.

    Examples
    --------
    >>> dims = ("time", "y", "x")
    >>> cube = xr.Dataset({"red": (dims, [[[0.1, 0.2]]]), "clear": (dims, [[[True, False]]])})
    >>> keep_clear(cube)["red"].values.tolist()
    [[[0.1, nan]]]
    """
    check_cube(cube)
    bands = cube.drop_vars("clear")
    kept: Cube = bands.where(cube["clear"])
    return kept


def clear_median(cube: Cube) -> xr.Dataset:
    """Per-band median over the clear dates of a cube; stays lazy.

    Jobs compute the same with `habitat.imagery.composites.median` on digital numbers, which is faster; the two
    differ by the rounding of published codes, 0.00005.

    Parameters
    ----------
    cube : Dataset (time, y, x)
        From `habitat.sources.load_cube`.

    Returns
    -------
    Dataset (y, x)
        NaN where no date is clear.

    Raises
    ------
    GridMismatch
        If a band is not (time, y, x) or there is no ``clear``.

    Examples
    --------
    >>> dims = ("time", "y", "x")
    >>> clear = [[[True]], [[True]], [[False]]]
    >>> cube = xr.Dataset({"red": (dims, [[[0.1]], [[0.3]], [[0.9]]]), "clear": (dims, clear)})
    >>> round(clear_median(cube)["red"].item(), 6)
    0.2
    """
    clear = keep_clear(cube)
    # All dates of a pixel must lie in one block; the blocks in space stay as they are.
    whole = clear.chunk(time=-1) if clear.chunks else clear
    middle: xr.Dataset = whole.median("time", skipna=True, keep_attrs=True)
    return middle
