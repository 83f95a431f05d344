"""Borders: what a line between countries, or a fence with gates, costs the connection of the forest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from habitat.forest.fragments.components import components, sizes

_HECTARE = 10_000.0


@dataclass(frozen=True)
class Connectedness:
    """How connected some forest is."""

    forest_ha: float
    """Forest there is [ha], that under a barrier too."""
    largest_ha: float
    """Part of it in one component: in its largest, or where it says so in the largest of all [ha]."""
    largest_share: float
    """The same as a share of its forest [1]; NaN without forest."""
    mesh_ha: float
    """MESH over its own forest: sum a² / forest, the size of component a random place of forest lies in [ha]."""


@dataclass(frozen=True)
class BorderCost:
    """Forest joined over a border, barred, and cut."""

    joint: Connectedness
    """As if there were no border."""
    barred: Connectedness
    """With the barrier; that of `joint` if none was given."""
    cut: Connectedness
    """As if nothing crossed the border."""
    countries: Mapping[int, Connectedness]
    """Each country's forest cut off from the others."""
    in_joint: Mapping[int, float]
    """Share of each country's forest that lies in the largest component of `joint` [1]."""
    in_barred: Mapping[int, float]
    """Share of each country's forest that lies in the largest component of `barred` [1]."""

    @property
    def barrier_cost(self) -> float:
        """Share of the joint forest that the barrier takes from the largest component [1]."""
        return self.joint.largest_share - self.barred.largest_share

    @property
    def border_cost(self) -> float:
        """Share of the joint forest that a closed border takes from the largest component [1]."""
        return self.joint.largest_share - self.cut.largest_share


def border_cost(
    forest: NDArray[np.bool_],
    country: NDArray[Any],
    cell_m: float,
    *,
    barrier: NDArray[np.bool_] | None = None,
    neighbours: int = 8,
) -> BorderCost:
    """Compare the largest component of the forest with and without a border, jointly and for each country.

    A barrier is a raster line: what lies under it is forest that belongs to no component, a gate is a gap in it, and
    a step over a corner between two of its pixels is barred (see `components`). Needs 10 bytes a pixel beyond what it
    is given.

    Parameters
    ----------
    forest : bool (y, x)
        Where forest is.
    country : integer (y, x)
        Code of the country, from 1 to 126; 0 is none: such forest counts jointly and for nobody.
    cell_m : float [m]
        Side of a pixel.
    barrier : bool (y, x), optional
        Pixels that nothing crosses.
    neighbours : {4, 8}
        Whether pixels that touch at a corner only are connected.

    Returns
    -------
    BorderCost

    Raises
    ------
    ValueError
        If the shapes differ, or a country's code is out of range.

    References
    ----------
    Moser et al. (2007), Landscape Ecology 22, 447-459, for meshes that end at borders.

    Examples
    --------
    >>> found = border_cost(np.ones((1, 4), bool), np.array([[1, 1, 1, 2]]), 100.0)
    >>> found.joint.largest_ha, found.cut.largest_ha, found.border_cost
    (4.0, 3.0, 0.25)
    """
    if country.shape != forest.shape:
        raise ValueError(f"the countries have shape {country.shape}, the forest {forest.shape}; use one grid")
    codes = np.sort(pd.unique(country.ravel()))
    if codes.size and not (codes[0] >= 0 and codes[-1] <= 126):
        raise ValueError(f"country codes run from {codes[0]} to {codes[-1]}, wants 0 (none) to 126")
    hectares = cell_m**2 / _HECTARE
    # One more than the country's code, so that 0 is no forest.
    owner = np.where(forest, country.astype(np.uint8) + np.uint8(1), np.uint8(0))
    cells, codes_of = sizes(components(owner, unknown=0, neighbours=neighbours), owner)
    woods = np.array([int(np.count_nonzero(owner == code + 1)) for code in codes], np.int64)
    members = {int(code): int(wood) for code, wood in zip(codes, woods, strict=True) if code > 0}
    total = int(woods.sum())

    def over(line: NDArray[np.bool_] | None) -> tuple[Connectedness, dict[int, float]]:
        labels = components(owner > 0, unknown=0, neighbours=neighbours, barrier=line)
        joined, _ = sizes(labels, owner)
        largest = labels == (int(np.argmax(joined)) + 1 if joined.size else -1)
        shares = {
            code: float(np.count_nonzero(largest & (owner == code + 1)) / wood) if wood else float("nan")
            for code, wood in members.items()
        }
        return _connectedness(joined, total, hectares), shares

    joint, in_joint = over(None)
    barred, in_barred = over(barrier) if barrier is not None else (joint, in_joint)
    countries = {code: _connectedness(cells[codes_of == code + 1], wood, hectares) for code, wood in members.items()}
    return BorderCost(joint, barred, _connectedness(cells, total, hectares), countries, in_joint, in_barred)


def _connectedness(cells: NDArray[Any], total: int, hectares: float) -> Connectedness:
    largest = float(cells.max(initial=0))
    share, mesh = (largest / total, float((cells.astype(np.float64) ** 2).sum() / total)) if total else (np.nan,) * 2
    return Connectedness(total * hectares, largest * hectares, share, mesh * hectares)
