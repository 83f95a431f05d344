"""Fragmentation: patches of a class map, their edges, cores and distances, by the conventions of FRAGSTATS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from habitat.forest.fragments import distances, indices, shapes
from habitat.forest.fragments.borders import BorderCost, Connectedness, border_cost
from habitat.forest.fragments.components import Counts, components, core_pixels, counted, rim_pixels, sizes

__all__ = [
    "BorderCost",
    "Connectedness",
    "Patches",
    "border_cost",
    "class_metrics",
    "components",
    "core_pixels",
    "landscape_metrics",
    "patches",
]

_HECTARE = 10_000.0
_PER_100_HA = 1e6
_DISTRIBUTED = ("AREA", "GYRATE", "SHAPE", "FRAC", "PARA", "CIRCLE", "CONTIG", "CORE", "CAI", "ENN")


@dataclass(frozen=True, eq=False)
class Patches:
    """The patches of a class map."""

    labels: NDArray[np.int32]
    """Patch of each pixel (y, x), from 1 in the order of first pixels; 0 unknown."""
    table: pd.DataFrame
    """One row a patch, indexed by label (``PID``), with the columns told at `patches`."""
    counts: Counts
    """What was counted, in pixels."""
    core_areas: pd.DataFrame
    """Disjunct core areas: ``PID`` of their patch and ``CORE`` [ha]."""
    cell_m: float
    """Side of a pixel [m]."""

    @property
    def known_cells(self) -> int:
        """Pixels with a class."""
        return int(self.counts.cells.sum())


def patches(
    codes: NDArray[Any],
    cell_m: float,
    *,
    unknown: int | None = 255,
    neighbours: int = 8,
    depth_m: float | None = None,
    reach_m: float | None = None,
) -> Patches:
    """Find the patches of a class map and measure each.

    Columns: ``CLASS``; ``AREA`` [ha]; ``PERIM`` [m], all sides of its pixels that are not shared with the same patch,
    those at unknown ground and at the edge of the map too; ``GYRATE`` [m]; ``PARA`` = PERIM / AREA [m/ha]; ``SHAPE``;
    ``FRAC``; ``CIRCLE``; ``CONTIG``; ``CORE`` [ha]; ``NCORE``, core areas that do not touch each other; ``CAI`` =
    100 CORE / AREA [%]; ``ENN`` [m], NaN for the only patch of its class; ``PROX`` if a reach is given. Each equation
    stands at its function in `shapes` and `distances`.

    Memory: 4 bytes a pixel for the labels, and for the core areas 9 more while it runs, beyond the codes; then
    about 100 bytes for each pixel at a perimeter. 16 million pixels with 30,000 patches took 8 s.

    Parameters
    ----------
    codes : integer (y, x)
        Classes; make NaN a code of its own.
    cell_m : float [m]
        Side of a pixel.
    unknown : int, optional
        Code of unknown pixels: they are in no patch and belong to no class.
    neighbours : {4, 8}
        Whether pixels that touch at a corner only are one patch.
    depth_m : float [m], optional
        Depth of the edge, from pixel centre to pixel centre; one pixel by default. See `core_pixels`.
    reach_m : float [m], optional
        Search radius of the proximity index; None leaves it out.

    Raises
    ------
    ValueError
        If the codes are no raster of whole numbers, or the pixel has no size.

    References
    ----------
    McGarigal & Marks (1995), FRAGSTATS, USDA Forest Service PNW-GTR-351.

    Examples
    --------
    >>> found = patches(np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1]]), 100.0, unknown=None)
    >>> found.table[["CLASS", "AREA", "PERIM", "SHAPE"]].round(3).to_numpy().tolist()
    [[1.0, 2.0, 600.0, 1.0], [0.0, 6.0, 1200.0, 1.2], [1.0, 1.0, 400.0, 1.0]]
    """
    if not cell_m > 0:
        raise ValueError(f"cell_m is {cell_m}, wants the side of a pixel in metres")
    labels = components(codes, unknown=unknown, neighbours=neighbours)
    counts = counted(codes, labels, unknown=unknown)
    core_areas = _core_areas(codes, labels, cell_m, depth_m or cell_m, unknown)
    table = _table(counts, core_areas, cell_m)
    rim, begins = rim_pixels(labels)
    table["CIRCLE"] = shapes.circle_index(rim, begins, counts.cells)
    table["ENN"] = distances.nearest_neighbour(labels, rim, begins, counts.code) * cell_m
    if reach_m is not None:
        table["PROX"] = distances.proximity(rim, begins, counts.code, counts.cells, reach_m / cell_m)
    return Patches(labels, table, counts, core_areas, cell_m)


def _core_areas(
    codes: NDArray[Any], labels: NDArray[np.int32], cell_m: float, depth_m: float, unknown: int | None
) -> pd.DataFrame:
    deep = np.where(core_pixels(codes, depth_m / cell_m, unknown=unknown), labels, 0)
    cells, owner = sizes(components(deep, unknown=0), deep)
    return pd.DataFrame({"PID": owner, "CORE": cells * (cell_m**2 / _HECTARE)})


def _table(counts: Counts, core_areas: pd.DataFrame, cell_m: float) -> pd.DataFrame:
    area, perimeter = counts.cells * cell_m**2, counts.sides * cell_m
    index = pd.RangeIndex(1, counts.cells.size + 1, name="PID")
    by_patch = core_areas.groupby("PID")["CORE"]
    core = by_patch.sum().reindex(index, fill_value=0.0)
    return pd.DataFrame(
        {
            "CLASS": counts.code,
            "AREA": area / _HECTARE,
            "PERIM": perimeter,
            "GYRATE": shapes.radius_of_gyration(counts.spread, counts.cells, cell_m),
            "PARA": perimeter / (area / _HECTARE),
            "SHAPE": shapes.shape_index(counts.sides, counts.cells),
            "FRAC": shapes.fractal_dimension(perimeter, area),
            "CONTIG": shapes.contiguity_index(counts.contiguity, counts.cells),
            "CORE": core,
            "NCORE": by_patch.size().reindex(index, fill_value=0),
            "CAI": 100 * core / (area / _HECTARE),
        },
        index=index,
    )


def class_metrics(found: Patches) -> pd.DataFrame:
    """Metrics of each class, one row a class (``CLASS``).

    ``CA`` area [ha]; ``PLAND`` = 100 CA / A [%], A all pixels with a class; ``NP`` patches; ``PD`` = NP / A [per 100
    ha]; ``LPI`` = 100 max a / A [%]; ``TE`` edge with other classes [m], not that of the map or with unknown ground;
    ``ED`` = TE / A [m/ha]; ``LSI`` = E / min E and ``NLSI`` = (E - min E) / (max E - min E), E with all sides; of each
    patch metric ``_MN _AM _SD _CV``; ``PAFRAC``; ``TCA`` core [ha], ``CPLAND`` [%], ``NDCA`` core areas, ``DCAD`` [per
    100 ha], ``DCORE_*``; ``CLUMPY``; ``PLADJ`` = 100 g_ii / sum_k g_ik [%], map's edge included; ``IJI``;
    ``COHESION``; ``DIVISION``; ``MESH`` [ha]; ``SPLIT``; ``AI`` = 100 g_ii / max g_ii [%], sides counted once, NaN for
    one pixel.

    Parameters
    ----------
    found : Patches
        As of `patches`.

    Returns
    -------
    DataFrame
        Ascending by class.

    Examples
    --------
    >>> found = patches(np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1]]), 100.0, unknown=None)
    >>> class_metrics(found).loc[1, ["CA", "NP", "LPI", "TE"]].round(2).tolist()
    [3.0, 2.0, 22.22, 500.0]
    """
    rows = [_class_row(found, place) for place in range(found.counts.classes.size)]
    return pd.DataFrame(rows, index=pd.Index(found.counts.classes, name="CLASS"))


def _class_row(found: Patches, place: int) -> dict[str, float]:
    counts, cell = found.counts, found.cell_m
    mine = counts.code == counts.classes[place]
    cells, sides = counts.cells[mine], counts.sides[mine]
    table, total = found.table[mine], found.known_cells
    cores = found.core_areas.loc[found.core_areas["PID"].isin(table.index), "CORE"].to_numpy()
    number, share = int(cells.sum()), float(cells.sum() / total)
    like, outer = counts.adjacencies[place, place], counts.adjacencies[place].sum()
    edges = np.delete(counts.adjacencies[place, :-1], place)
    perimeter = outer - like
    least, most = int(shapes.least_perimeter(cells.sum())), int(shapes.most_perimeter(cells.sum(), found.labels.shape))
    scale, area = cell**2 / _HECTARE, total * cell**2 / _HECTARE
    tightest = int(shapes.most_like_adjacencies(cells.sum()))
    return {
        "CA": number * scale,
        "PLAND": 100 * share,
        **_amounts(cells, float(edges.sum()), total, cell),
        "LSI": perimeter / least,
        **_distributions(table, cores),
        "PAFRAC": indices.perimeter_area_dimension(sides * cell, cells * cell**2),
        "TCA": float(cores.sum()),
        "CPLAND": 100 * float(cores.sum()) / area,
        "NDCA": float(cores.size),
        "DCAD": 100 * cores.size / area,
        "CLUMPY": indices.clumpiness(like, outer, least, share),
        "PLADJ": 100 * like / outer,
        "IJI": indices.interspersion(edges, counts.classes.size),
        "COHESION": indices.cohesion(sides, cells, total),
        **_mesh(cells, total, cell),
        "AI": 100 * (like / 2) / tightest if tightest else float("nan"),
        "NLSI": (perimeter - least) / (most - least) if most > least else float("nan"),
    }


def landscape_metrics(found: Patches) -> pd.Series:
    """Metrics of the whole map.

    Those of `class_metrics` over all patches; ``TA`` [ha]; ``TE`` each edge once; ``LSI`` = 0.25 (TE + the map's
    edge) / sqrt(A); ``CONTAG``; ``PR`` classes; ``PRD`` [per 100 ha]; ``SHDI SIDI MSIDI SHEI SIEI MSIEI``; ``AI`` of
    the classes, weighted by their shares. The map's edge is where known pixels meet unknown ones or the end of the
    raster.

    Parameters
    ----------
    found : Patches
        As of `patches`.

    Examples
    --------
    >>> found = patches(np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1]]), 100.0, unknown=None)
    >>> landscape_metrics(found)[["TA", "NP", "TE", "PR"]].tolist()
    [9.0, 3.0, 500.0, 2.0]
    """
    counts, cell, total = found.counts, found.cell_m, found.known_cells
    if not total:
        raise ValueError("no pixel has a class; there is nothing to measure")
    adjacencies = counts.adjacencies[:, :-1]
    m = counts.classes.size
    owner = np.searchsorted(counts.classes, counts.code)
    by_class = np.bincount(owner, counts.cells, m)
    pairs = adjacencies[np.triu_indices(m, 1)]
    shares, edge = by_class / total, float(pairs.sum())
    cores = found.core_areas["CORE"].to_numpy()
    area = total * cell**2 / _HECTARE
    tightest = shapes.most_like_adjacencies(by_class)
    like = np.diag(adjacencies) / 2
    alike = np.divide(100 * like, tightest, out=np.zeros(m), where=tightest > 0)
    return pd.Series(
        {
            "TA": area,
            **_amounts(counts.cells, edge, total, cell),
            "LSI": 0.25 * (edge + counts.adjacencies[:, -1].sum()) / np.sqrt(total),
            **_distributions(found.table, cores),
            "PAFRAC": indices.perimeter_area_dimension(counts.sides * cell, counts.cells * cell**2),
            "TCA": float(cores.sum()),
            "NDCA": float(cores.size),
            "DCAD": 100 * cores.size / area,
            "CONTAG": indices.contagion(shares, adjacencies),
            "PLADJ": 100 * np.trace(adjacencies) / counts.adjacencies.sum(),
            "IJI": indices.interspersion(pairs, m),
            "COHESION": indices.cohesion(counts.sides, counts.cells, total),
            **_mesh(counts.cells, total, cell),
            "PR": float(m),
            "PRD": 100 * m / area,
            **indices.diversity(shares),
            "AI": float((shares * alike).sum()),
        },
        dtype=float,
    )


def _amounts(cells: NDArray[Any], edge: float, total: int, cell_m: float) -> dict[str, float]:
    """NP, PD, LPI, TE and ED."""
    area = total * cell_m**2
    return {
        "NP": float(cells.size),
        "PD": cells.size / area * _PER_100_HA,
        "LPI": 100 * float(cells.max()) / total,
        "TE": edge * cell_m,
        "ED": edge * cell_m / (area / _HECTARE),
    }


def _distributions(table: pd.DataFrame, cores: NDArray[np.float64]) -> dict[str, float]:
    listed = [indices.distribution(name, table[name], table["AREA"]) for name in _DISTRIBUTED]
    listed.append(indices.distribution("DCORE", cores, cores))
    return {name: value for part in listed for name, value in part.items()}


def _mesh(cells: NDArray[np.int64], total: int, cell_m: float) -> dict[str, float]:
    return {
        "DIVISION": indices.division(cells, total),
        "MESH": indices.effective_mesh(cells, total) * cell_m**2 / _HECTARE,
        "SPLIT": indices.splitting(cells, total),
    }
