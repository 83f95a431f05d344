"""How long the day dries: effective day lengths and drying factors of each month by latitude."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from habitat.contracts.errors import InputError

Floats = NDArray[np.float64]

_DAY_LENGTH: Floats = np.array(
    [
        (11.5, 10.5, 9.2, 7.9, 6.8, 6.2, 6.5, 7.4, 8.7, 10.0, 11.2, 11.8),
        (10.1, 9.6, 9.1, 8.5, 8.1, 7.8, 7.9, 8.3, 8.9, 9.4, 9.9, 10.2),
        (9.0,) * 12,
        (7.9, 8.4, 8.9, 9.5, 9.9, 10.2, 10.1, 9.7, 9.1, 8.6, 8.1, 7.8),
        (6.5, 7.5, 9.0, 12.8, 13.9, 13.9, 12.4, 10.9, 9.4, 8.0, 7.0, 6.0),
    ]
)
"""Effective day length of the duff moisture code [h] by band from south to north: 40 S, 20 S, equator, 20 N, 46 N."""
_DAY_LENGTH_EDGES = (-30.0, -10.0, 10.0, 30.0)
"""Each band but the southernmost begins north of its edge."""

_DRYING: Floats = np.array(
    [
        (6.4, 5.0, 2.4, 0.4, -1.6, -1.6, -1.6, -1.6, -1.6, 0.9, 3.8, 5.8),
        (1.4,) * 12,
        (-1.6, -1.6, -1.6, 0.9, 3.8, 5.8, 6.4, 5.0, 2.4, 0.4, -1.6, -1.6),
    ]
)
"""Seasonal term of the drought code's evaporation [0.25 mm] by band: south, equator, north."""
_DRYING_EDGES = (-20.0, 20.0)


def day_lengths(latitude: ArrayLike) -> Floats:
    """Effective day length of the duff moisture code for each month.

    North of 30 degrees the table of 46 N holds, as in the equations of 1985; from 10 to 30 that of 20 N, around the
    equator 9 hours, and south of it the tables of 20 S and 40 S.

    Parameters
    ----------
    latitude : array_like [degrees north]
        Of any shape.

    Returns
    -------
    float64 (month, ...) [h]
        January first.

    Raises
    ------
    InputError
        If a latitude is unknown or beyond a pole.

    References
    ----------
    Van Wagner, C. E. (1987), Development and structure of the Canadian Forest Fire Weather Index System, Forestry
    Technical Report 35; Lawson & Armitage (2008), Weather guide for the Canadian Forest Fire Danger Rating System.

    Examples
    --------
    >>> day_lengths([43.4, -33.0])[3].tolist()
    [12.8, 7.9]
    """
    return _by_band(latitude, _DAY_LENGTH, _DAY_LENGTH_EDGES)


def drying_factors(latitude: ArrayLike) -> Floats:
    """Seasonal term of the drought code's daily evaporation for each month.

    Parameters
    ----------
    latitude : array_like [degrees north]
        Of any shape; north of 20 degrees the northern table holds, south of -20 the southern.

    Returns
    -------
    float64 (month, ...) [0.25 mm]
        January first.

    Raises
    ------
    InputError
        If a latitude is unknown or beyond a pole.

    Examples
    --------
    >>> drying_factors([43.4, 0.0, -33.0])[3].tolist()
    [0.9, 1.4, 0.4]
    """
    return _by_band(latitude, _DRYING, _DRYING_EDGES)


def _by_band(latitude: ArrayLike, table: Floats, edges: tuple[float, ...]) -> Floats:
    where = np.asarray(latitude, np.float64)
    if not (np.abs(where) <= 90).all():
        wrong = where[~(np.abs(where) <= 90)].flat[0]
        raise InputError(f"a latitude is {wrong:g}, wants degrees north between -90 and 90; check the coordinates")
    found: Floats = table.T[:, np.digitize(where, edges, right=True)]
    return np.ascontiguousarray(found)
