"""Mixing: what is left between two sensors that saw the same ground within days, and when it is too much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.area import Area
from habitat.contracts.errors import InputError
from habitat.contracts.scene import Scene
from habitat.imagery.harmonise.residual import residual
from habitat.sources.scenes.paired_looks import Key, Looked, Pair, Sampling, paired_scenes
from habitat.sources.scenes.preflight import Checked, Missing
from habitat.sources.scenes.rasters import Rasters
from habitat.sources.scenes.sensor_differences import (
    COARSER_M,
    MOST_RESIDUAL,
    MOST_SHIFT_PX,
    BandMixing,
    Largest,
    Mixing,
    PairMonth,
    scenes_named,
    some,
)

__all__ = [
    "MISPLACED", "MOST_RESIDUAL", "MOST_SHIFT_PX", "BandMixing", "Largest", "Mixing", "MixingRefused", "PairMonth",
    "measured_mixing", "refuse_mixing", "settled_mixing", "without_misplaced",
]  # fmt: skip

MISPLACED = "missing:misplaced"
"""What the ledger says of a scene that lies out of place."""
_PAIRS, _PAIR_TRIES = 2, 6
"""Pairs of scenes that are compared for a pair of tiles and month, and those that are looked at for them."""
_SHARP = 0.3
"""Height of a correlation's peak below which there is no place to measure."""


class MixingRefused(InputError):
    """Two sensors differ too much, or lie too far beside each other, to be one series."""


def measured_mixing(
    checked: Checked,
    area: Area,
    rasters: Rasters,
    bands: Sequence[str],
    *,
    plain: Sequence[Scene] = (),
    grow_m: float = 120.0,
    max_days: int = 3,
) -> Mixing:
    """Measure the difference between Sentinel-2 and Landsat where both saw the same clear ground within days.

    With one sensor nothing is read and nothing is found: `Mixing.gaps` is empty and `refuse_mixing` does nothing.
    It costs for each pair of tiles and month of at most six pairs of scenes the masks of 18 windows of 128 x 128
    pixels, and of at most two of them the bands of 6.

    Parameters
    ----------
    checked : Checked
        Scenes as they will be mixed, brought to one series by scale and offset (`as_oli`, `to_nadir`).
    area : Area
        Grid; windows of it are sampled.
    rasters : Rasters
        Opens the files.
    bands : sequence of str
        Canonical bands.
    plain : sequence of Scene
        The same scenes as the catalogue has them; without them there are no numbers before harmonising.
    grow_m : float
        Clouds are widened by this distance [m].
    max_days : int
        Dates so many days apart are a pair.

    Raises
    ------
    SceneLost
        If a file cannot be read: call again without that scene.
    """
    sampling = Sampling(checked, area, rasters, tuple(bands), grow_m, {scene.id: scene for scene in plain})
    measured, unknown = [], []
    for (tile, path, month), pairs in sorted(paired_scenes(checked.scenes, area, max_days).items()):
        if not pairs:
            unknown.append((tile, path, month, f"no pair of dates within {max_days} days"))
            continue
        found = _compared(sampling, (tile, path, month), pairs[:_PAIR_TRIES])
        if found.worst()[0]:
            measured.append(found)
        else:
            unknown.append((tile, path, month, "no ground clear in both"))
    return Mixing(tuple(measured), tuple(unknown), max_days)


def refuse_mixing(mixing: Mixing, bound: float | None = MOST_RESIDUAL) -> None:
    """Refuse a series whose sensors differ by more than a bound, or lie more than half a pixel beside each other.

    Parameters
    ----------
    mixing : Mixing
        From `measured_mixing`.
    bound : float, optional
        Largest difference [1] of any band and pair of tiles, the median of its months; None refuses nothing.

    Raises
    ------
    MixingRefused
        If more is left in one band of one pair of tiles.
    """
    if bound is None:
        return
    for tiles, (px, count) in mixing.offsets().items():
        if px > MOST_SHIFT_PX:
            months = [pair for pair in mixing.measured if (pair.tile, pair.path) == tiles]
            raise MixingRefused(
                f"the pictures of {'–'.join(tiles)} lie {px:.2f} pixels of {COARSER_M:g} m beside each other in the "
                f"median of {count} pairs of scenes ({scenes_named(months[0])}); wanted at most {MOST_SHIFT_PX:g}. "
                "Leave out what is out of place, use one sensor only, or set max_mixing_residual: null to mix them "
                "all the same"
            )
    largest = mixing.largest()
    if largest is None or abs(largest.bias) <= bound:
        return
    months = [pair for pair in mixing.measured if (pair.tile, pair.path) == largest[:2]]
    raise MixingRefused(
        f"Sentinel-2 and Landsat differ by {largest.bias:+.3f} in {largest.band} over {largest.blocks} blocks of "
        f"{largest.tile}–{largest.path} in {some([pair.month for pair in months])} ({scenes_named(months[0])}); "
        f"wanted at most {bound:g}. Bring both to the bands of OLI and to nadir, look at these scenes for haze and "
        "snow, use one sensor only, or raise max_mixing_residual"
    )


def settled_mixing(
    checked: Checked,
    area: Area,
    rasters: Rasters,
    bands: Sequence[str],
    *,
    plain: Sequence[Scene] = (),
    grow_m: float = 120.0,
    bound: float | None = MOST_RESIDUAL,
) -> tuple[Checked, Mixing]:
    """Measure what is left between two sensors, leave out what lies out of place, and refuse what is too much.

    Parameters
    ----------
    checked, area, rasters, bands, plain, grow_m
        As for `measured_mixing`.
    bound : float, optional
        As for `refuse_mixing`; None measures nothing and leaves nothing out.

    Returns
    -------
    Checked, Mixing
        Scenes of one series (those out of place are missing:misplaced), and what is left between them.

    Raises
    ------
    MixingRefused
        If more than the bound is left.
    SceneLost
        If a file cannot be read: call again without that scene.
    """
    if bound is None:
        return checked, Mixing(measured_at_all=len({scene.sensor for scene in checked.scenes}) < 2)
    mixing = measured_mixing(checked, area, rasters, bands, plain=plain, grow_m=grow_m)
    # A pair out of place tells nothing of brightness, and others take its place: measure again without it.
    while mixing.misplaced():
        checked = without_misplaced(checked, mixing)
        mixing = measured_mixing(checked, area, rasters, bands, plain=plain, grow_m=grow_m)
    refuse_mixing(mixing, bound)
    return checked, mixing


def without_misplaced(checked: Checked, mixing: Mixing) -> Checked:
    """Return scenes without those of Landsat that lie beside Sentinel-2 by more than half a pixel; they are missing.

    Sentinel-2 is kept, for its pixels are finer and it is laid upon a reference of its own. Only pairs that were
    measured are known.
    """
    for (first, second), px in mixing.misplaced().items():
        scene = next((scene for scene in checked.scenes if scene.id == second), None)
        if scene is not None:
            text = f"it lies {px:.2f} pixels of {COARSER_M:g} m beside {first}; wanted at most {MOST_SHIFT_PX:g}"
            checked = checked.without(Missing(scene, MISPLACED.partition(":")[2], text))
    return checked


def _compared(sampling: Sampling, key: Key, pairs: Sequence[Pair]) -> PairMonth:
    """Read pairs of scenes and compare them."""
    seen: list[tuple[Pair, Looked]] = []
    for pair in pairs:
        found = sampling.look(pair[0], pair[1])
        if found.pixels:
            seen.append((pair, found))
        if len(seen) == _PAIRS:
            break
    looked = [found for _, found in seen]
    bands = {}
    for index, band in enumerate(sampling.bands):
        stacked = [_joined([entry.blocks[side][index] for entry in looked]) for side in range(2)]
        before = [entry.before(index, band) for entry in looked]
        first = None
        if all(entry is not None for entry in before):
            first = residual(*(_joined([entry[side] for entry in before if entry]) for side in range(2)))
        bands[band] = BandMixing(first, residual(*stacked))
    shifts = tuple(entry.shift if entry.shift and entry.shift.sharpness >= _SHARP else None for entry in looked)
    scenes = tuple((one.id, other.id, days) for (one, other, days), _ in seen)
    pixels = sum(entry.pixels for entry in looked)
    return PairMonth(*key, scenes, pixels, bands, shifts, sampling.area.grid.resolution_m)


def _joined(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate(parts) if parts else np.empty(0)
