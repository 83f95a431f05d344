"""Equations of class and landscape metrics, each with its abbreviation in FRAGSTATS."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_FEWEST = 10
"""Patches a regression of perimeter on area wants (PAFRAC)."""


def distribution(name: str, values: Any, areas: Any) -> dict[str, float]:
    """_MN, _AM, _SD and _CV: mean, mean weighted by area, deviation of all patches, and this in % of the mean.

    Examples
    --------
    >>> distribution("AREA", [1.0, 3.0], [1.0, 3.0])
    {'AREA_MN': 2.0, 'AREA_AM': 2.5, 'AREA_SD': 1.0, 'AREA_CV': 50.0}
    """
    all_values, all_areas = np.asarray(values, np.float64), np.asarray(areas, np.float64)
    known = np.isfinite(all_values)
    kept, weights = all_values[known], all_areas[known]
    if not kept.size:
        return {f"{name}_{kind}": float("nan") for kind in ("MN", "AM", "SD", "CV")}
    mean, deviation = float(kept.mean()), float(kept.std())
    total = float(weights.sum())
    weighted = float((kept * weights).sum()) / total if total > 0 else float("nan")
    relative = 100 * deviation / mean if mean else float("nan")
    return {f"{name}_MN": mean, f"{name}_AM": weighted, f"{name}_SD": deviation, f"{name}_CV": relative}


def perimeter_area_dimension(perimeters_m: Any, areas_m2: Any) -> float:
    """PAFRAC = 2 / slope of ln area on ln perimeter; NaN with fewer than ten patches."""
    perimeters, areas = np.log(np.asarray(perimeters_m, np.float64)), np.log(np.asarray(areas_m2, np.float64))
    around = perimeters - perimeters.mean() if perimeters.size else perimeters
    squares, products = float((around**2).sum()), float((around * areas).sum())
    return 2 * squares / products if perimeters.size >= _FEWEST and squares > 0 and products else float("nan")


def cohesion(sides: Any, cells: Any, total: int) -> float:
    """COHESION = 100 (1 - sum p / sum(p sqrt a)) / (1 - 1 / sqrt Z) [%], all in pixels, Z on the map."""
    p, a = np.asarray(sides, np.float64), np.asarray(cells, np.float64)
    if total <= 1:
        return float("nan")
    return float(100 * (1 - float(p.sum()) / float((p * np.sqrt(a)).sum())) / (1 - total**-0.5))


def division(areas: Any, total: float) -> float:
    """DIVISION = 1 - sum (a / A)²: chance that two places chosen at random are not in one patch."""
    return float(1 - ((np.asarray(areas, np.float64) / total) ** 2).sum())


def effective_mesh(areas: Any, total: float) -> float:
    """MESH = sum a² / A: size of patches if all had one size and that chance were the same [unit of area].

    References
    ----------
    Jaeger (2000), Landscape Ecology 15, 115-130.

    Examples
    --------
    >>> effective_mesh([30.0, 10.0], 100.0)
    10.0
    """
    return float((np.asarray(areas, np.float64) ** 2).sum() / total)


def splitting(areas: Any, total: float) -> float:
    """SPLIT = A² / sum a²: number of equal patches with that chance."""
    return float(total**2 / (np.asarray(areas, np.float64) ** 2).sum())


def clumpiness(like: float, all_sides: float, least: float, share: float) -> float:
    """CLUMPY: from -1 (nothing touches its like) over 0 (random) to 1 (one block); NaN if the class is everything.

    With G = g_ii / (sum g_ik - min e): (G - P) / P if G < P < 0.5, else (G - P) / (1 - P).
    """
    if share >= 1 or all_sides <= least:
        return float("nan")
    clumped = like / (all_sides - least)
    return (clumped - share) / (share if clumped < share < 0.5 else 1 - share)


def interspersion(edges: Any, classes: int) -> float:
    """IJI = 100 (- sum (e / E) ln(e / E)) / ln(number of kinds of edge) [%]; NaN with fewer than three classes.

    Parameters
    ----------
    edges : float (kind)
        Length of each kind of edge: of one class with the others, or of all pairs of classes.
    classes : int
        Number of classes on the map.
    """
    lengths = np.asarray(edges, np.float64)
    held = lengths[lengths > 0] / max(lengths.sum(), 1e-300)
    if classes < 3 or not held.size:
        return float("nan")
    return float(-100 * (held * np.log(held)).sum() / np.log(lengths.size))


def contagion(shares: Any, adjacencies: Any) -> float:
    """CONTAG = 100 (1 + sum_ik q ln q / (2 ln m)) with q = P_i g_ik / sum_k g_ik [%]; NaN with one class.

    Parameters
    ----------
    shares : float (class)
        Share of each class of the map.
    adjacencies : float (class, class)
        Sides between classes, each counted from both; those of the map's edge left out.

    References
    ----------
    Li & Reynolds (1993), Landscape Ecology 8, 155-162.
    """
    sides = np.asarray(adjacencies, np.float64)
    q = np.asarray(shares)[:, None] * sides / np.maximum(sides.sum(axis=1, keepdims=True), 1)
    held = q[q > 0]
    if sides.shape[0] < 2:
        return float("nan")
    return float(100 * (1 + (held * np.log(held)).sum() / (2 * np.log(sides.shape[0]))))


def diversity(shares: Any) -> dict[str, float]:
    """SHDI = -sum P ln P, SIDI = 1 - sum P², MSIDI = -ln sum P², and SHEI, SIEI, MSIEI: these over their most.

    NaN for the evenness of one class.

    Examples
    --------
    >>> {name: round(value, 3) for name, value in diversity([0.5, 0.5]).items()}
    {'SHDI': 0.693, 'SIDI': 0.5, 'MSIDI': 0.693, 'SHEI': 1.0, 'SIEI': 1.0, 'MSIEI': 1.0}
    """
    p = np.asarray(shares, np.float64)
    squares, m = float((p**2).sum()), p.size
    shannon, simpson, modified = float(-(p * np.log(p)).sum()), 1 - squares, float(-np.log(squares))
    most = (np.log(m), 1 - 1 / m, np.log(m)) if m > 1 else (np.nan,) * 3
    evenness = dict(zip(("SHEI", "SIEI", "MSIEI"), (shannon, simpson, modified) / np.array(most), strict=True))
    return {"SHDI": shannon, "SIDI": simpson, "MSIDI": modified} | {k: float(v) for k, v in evenness.items()}
