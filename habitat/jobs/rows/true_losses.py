"""True losses: what felled, blown down or burnt forest there is of a twin, when it was lost, and to what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage

from habitat.contracts.errors import InputError
from habitat.contracts.grid import Tile
from habitat.jobs.truth_folder import SEASONS, TruthFolder
from habitat.twin.land.landscape import FORESTS

FOREST_FROM = 0.3
"""Crown cover [1] from which ground counts as forest."""
_CROWN_SEVERITY = 78
"""Percent from which a fire burnt the crowns: ground fires of twins stay below, crown fires above."""
_AROUND = np.ones((3, 3), bool)


class Loss(IntEnum):
    """What took the trees."""

    GROUND_FIRE = 1
    """Trees live."""
    CROWN_FIRE = 2
    """The stand is dead."""
    CLEAR_CUT = 3
    """Next to nothing is left."""
    SELECTIVE = 4
    """A part of the crowns is left."""
    FIELD = 5
    """Nothing is left, and nothing grows back."""
    WINDTHROW = 6
    """Most is down."""


NAMES: MappingProxyType[Loss, str] = MappingProxyType(
    {
        Loss.CLEAR_CUT: "clear-cut",
        Loss.SELECTIVE: "selective felling",
        Loss.FIELD: "new field",
        Loss.WINDTHROW: "windthrow",
        Loss.CROWN_FIRE: "crown fire",
        Loss.GROUND_FIRE: "ground fire",
    }
)
"""Their names, in the order of the card."""
_KINDS = {"clear-cut": Loss.CLEAR_CUT, "selective": Loss.SELECTIVE, "field": Loss.FIELD, "windthrow": Loss.WINDTHROW}


@dataclass(frozen=True, eq=False)
class Losses:
    """Losses of some days on the whole grid (y, x)."""

    day: NDArray[np.int64]
    """Ordinal of the day; 0 where nothing was lost."""
    kind: NDArray[np.uint8]
    """Codes of `Loss`; 0 where nothing was lost."""
    patch: NDArray[np.int32]
    """Number of the felling or fire; 0 where nothing was lost."""

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Pixels that lost something."""
        there: NDArray[np.bool_] = self.kind > 0
        return there

    def of(self, *kinds: Loss) -> NDArray[np.bool_]:
        """Pixels lost to some kinds."""
        there: NDArray[np.bool_] = np.isin(self.kind, kinds)
        return there


def whole(truth: TruthFolder) -> Tile:
    """Return the grid as one tile: patches must not be cut."""
    return Tile(0, 0, *truth.grid.shape)


def true_losses(truth: TruthFolder, first: date, last: date) -> Losses:
    """Return all losses from one day to another, both included.

    Of several losses of a pixel the first that took trees counts; ground fires, which take none, only where nothing
    else happened.

    Raises
    ------
    InputError
        If the truth cannot be read.
    """
    shape = truth.grid.shape
    found = Losses(np.zeros(shape, np.int64), np.zeros(shape, np.uint8), np.zeros(shape, np.int32))
    _burn(found, truth, first, last)
    _fell(found, truth, first, last)
    return found


def true_forest(truth: TruthFolder, year: int) -> NDArray[np.bool_]:
    """Return where there was forest on 1 September of a year."""
    tile = whole(truth)
    trees = np.isin(truth.layer(f"stands/{year}_cover", tile), FORESTS)
    forest: NDArray[np.bool_] = trees & (truth.layer(f"stands/{year}_canopy", tile) >= FOREST_FROM)
    return forest


def _burn(found: Losses, truth: TruthFolder, first: date, last: date) -> None:
    for name in (f"fires/{year}_{season}" for year in range(first.year, last.year + 1) for season in SEASONS):
        # A season without fire may have no file.
        if not (truth.root / f"{name}.tif").is_file():
            continue
        days = truth.layer(name, whole(truth)).astype(np.int64)
        ordinals = np.where(days > 0, days + date(int(name[6:10]), 1, 1).toordinal() - 1, 0)
        then = (ordinals >= first.toordinal()) & (ordinals <= last.toordinal())
        crowns = then & (truth.layer(name, whole(truth), 2) >= _CROWN_SEVERITY)
        _put(found, then & ~crowns & (found.kind == 0), ordinals, Loss.GROUND_FIRE)
        _put(found, crowns & (found.kind != Loss.CROWN_FIRE), ordinals, Loss.CROWN_FIRE)


def _put(found: Losses, where: NDArray[np.bool_], ordinals: NDArray[np.int64], kind: Loss) -> None:
    labels = np.asarray(ndimage.label(where, _AROUND)[0])
    found.patch[where] = labels[where] + int(np.max(found.patch))
    found.day[where] = ordinals[where]
    found.kind[where] = kind


def _fell(found: Losses, truth: TruthFolder, first: date, last: date) -> None:
    table = _clearings(truth.root / "clearings" / "clearings.geojson", truth.grid.crs)
    days = [date.fromisoformat(str(day)[:10]) for day in table["day"]]
    own = [number for number, day in enumerate(days) if first <= day <= last]
    before = int(np.max(found.patch))
    for number in sorted(own, key=lambda one: days[one]):
        inside = rasterize([table.geometry.iloc[number]], found.kind.shape, transform=truth.grid.transform) > 0
        inside &= (found.kind == 0) | (found.kind == Loss.GROUND_FIRE)
        found.day[inside] = days[number].toordinal()
        found.kind[inside] = _KINDS[str(table["kind"].iloc[number])]
        found.patch[inside] = before + number + 1


def _clearings(path: Path, crs: str) -> gpd.GeoDataFrame:
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"the truth about {path.name} cannot be read ({error}); make the twin anew") from error
    columns = ["kind", "day", "geometry"]
    return gpd.GeoDataFrame.from_features(features, crs="EPSG:4326", columns=columns).to_crs(crs)
