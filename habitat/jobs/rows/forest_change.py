"""Rows of the forest change: what is missed and wrong, how late it is told, false alarms against the stated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from habitat.contracts import Period, Scene
from habitat.contracts.errors import InputError
from habitat.imagery.indices import compute
from habitat.jobs.evidence import Evidence
from habitat.jobs.rows.true_losses import NAMES, Loss, Losses, true_forest, true_losses, whole
from habitat.sources import search
from habitat.sources.catalogues.providers import provider_for
from habitat.twin.measures import Share, ratio
from habitat.twin.scorecard import Row

PRODUCT = "forest-change"
TITLE = "forest change"
NAIVE = (
    "NBR of the clearest scenes of this and last summer, masked; a fall of 0.10 is a change of the later scene's day"
)
"""The naive method."""
_NAIVE_FALL = 0.10
LEAST_HA = 0.5
"""Patches below are not judged [ha]."""
FOUND_SHARE = 0.5
"""Share of a patch that has to be mapped for it to be found [1], and to be true for it to be right."""
SETTLED_DAYS = 60
"""Losses of the last days of the period are neither missed nor wrong: nobody could have confirmed them [d]."""
EDGE_PIXELS = 2
"""Pixels about true losses and at the forest's edge that are not called stable: mixed, and misplaced by a little."""
NEAR_DAYS = 20
"""Departures within so many days of leaf-out or leaf-fall, and up to so many after snow-off, count as the season's."""
_LEAF_DAYS = 0
_HISTORY_FROM = date(2021, 1, 1)
_NO_DAY = -32768
_CHANGED = 6
_MODELLED = (0, 6, 7, 8, 9)
_AROUND = np.ones((3, 3), bool)

Truths = NDArray[np.bool_]
Ordinals = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Map:
    """A map of change: ours or the naive one (y, x)."""

    changed: Truths
    """Whether a change is told."""
    first: Ordinals
    """Ordinal of its first departure; 0 where none."""
    confirmed: Ordinals
    """Ordinal of its confirmation; 0 where none."""


@dataclass(frozen=True)
class Season:
    """What can be known of one twin's forest up to the end of the period."""

    evidence: Evidence

    @property
    def first(self) -> date:
        """First day whose losses are true: what fell after the leaves of the year before is seen with the next ones."""
        return date(self.evidence.period.year - 1, 10, 1)

    @cached_property
    def losses(self) -> Losses:
        """True losses."""
        return true_losses(self.evidence.truth, self.first, self.evidence.period.last_day)

    @cached_property
    def lately(self) -> Truths:
        """Pixels that lost something since the beginning of the year before: told in this year, they are not wrong."""
        last = self.evidence.period.last_day
        return true_losses(self.evidence.truth, date(last.year - 1, 1, 1), last).lost

    @cached_property
    def forest(self) -> Truths:
        """Forest of the year before."""
        return true_forest(self.evidence.truth, self.evidence.period.year - 1)

    @cached_property
    def stable(self) -> Truths:
        """Forest that nothing happened to since the history began, away from edges."""
        ever = true_losses(self.evidence.truth, _HISTORY_FROM, self.evidence.period.last_day).lost
        near = ndimage.binary_dilation(ever, _AROUND, EDGE_PIXELS)
        inner: Truths = ndimage.binary_erosion(self.forest, _AROUND, EDGE_PIXELS, border_value=1) & ~near
        return inner

    @cached_property
    def settled(self) -> Truths:
        """Lost early enough to be confirmed."""
        last = (self.evidence.period.last_day - timedelta(days=SETTLED_DAYS)).toordinal()
        early: Truths = self.losses.lost & (self.losses.day <= last) & self.forest
        return early

    def phenology(self, name: str) -> Ordinals:
        """Ordinals of snow_off, leaf_out or leaf_fall in the year of the period; 0 where there was no snow."""
        year = self.evidence.period.year
        days = self.evidence.truth.layer(f"seasons/{year}_{name}", whole(self.evidence.truth)).astype(np.int64)
        return np.where(days > 0, days + date(year, 1, 1).toordinal() - 1, 0)


def forest_change_rows(evidence: Evidence) -> list[Row]:
    """Hold what the monitor confirmed against what was felled, blown down and burnt.

    Judged for omission are pixels of forest lost since October of the year before, in patches of half a hectare
    and more, and early enough to be confirmed. Commission counts all that was confirmed and lost nothing since
    the year before began.
    """
    season, ours, naive = Season(evidence), published_map(evidence), _naive_map(evidence)
    looks = _clear_looks(season, int(evidence.published(PRODUCT).record.params["confirm"]))
    rows = [row for kind in NAMES for row in _kind_rows(season, kind, (ours, naive), looks)]
    return [*rows, *_commission_rows(season, ours, naive), *_stable_rows(season, ours, naive)]


def published_map(evidence: Evidence) -> Map:
    """Return what the product tells."""
    tile, codes = whole(evidence.truth), evidence.codes
    zero = date(int(evidence.published(PRODUCT).item["properties"]["habitat:year"]), 1, 1).toordinal() - 1
    days = [codes(PRODUCT, "dates", band, tile).astype(np.int64) for band in ("first_departure", "confirmed")]
    first, confirmed = (np.where(one == _NO_DAY, 0, one + zero) for one in days)
    return Map(codes(PRODUCT, "reason", "reason", tile) == _CHANGED, first, confirmed)


def _summer(evidence: Evidence, year: int) -> Scene:
    """Return the clearest scene of full leaf that the items tell of."""
    own = [scene for scene in scenes_of(evidence, year) if "06-01" <= scene.solar_day.strftime("%m-%d") <= "09-20"]
    if not own:
        raise InputError(f"there is no scene of the summer of {year}; score a twin that has a series")
    return min(own, key=lambda one: (100.0 if one.cloud_cover is None else one.cloud_cover, one.id))


def scenes_of(evidence: Evidence, year: int) -> tuple[Scene, ...]:
    """Return the scenes of a year that the catalogue holds, up to the end of the scored period."""
    provider = provider_for(str(evidence.folder / "catalog.json"))
    found = search(("sentinel2", "landsat"), evidence.area, Period(str(year)), catalogue=provider)
    return tuple(scene for scene in found.scenes if scene.solar_day <= evidence.period.last_day)


def _naive_map(evidence: Evidence) -> Map:
    tile, year = whole(evidence.truth), evidence.period.year
    pair = [_summer(evidence, one) for one in (year - 1, year)]
    before, after = (
        np.where(
            evidence.scenes.clear(scene, "forest", tile),
            compute("nbr", {band: evidence.scenes.reflectance(scene, band, tile) for band in ("nir", "swir2")}),
            np.nan,
        )
        for scene in pair
    )
    changed: Truths = before - after > _NAIVE_FALL
    days = np.where(changed, pair[1].solar_day.toordinal(), 0)
    return Map(changed, days, days)


def _clear_looks(season: Season, wanted_looks: int) -> Ordinals:
    """Return the days (look, y, x) of the first truly clear looks in leaf and without snow after a loss; 0 if none.

    Nobody can tell of a loss in the forest before the first, nor confirm it before the last of them.
    """
    evidence, tile = season.evidence, whole(season.evidence.truth)
    out, fall = season.phenology("leaf_out") + _LEAF_DAYS, season.phenology("leaf_fall") - _LEAF_DAYS
    found = np.zeros((wanted_looks, *out.shape), np.int64)
    scenes = [one for year in (season.first.year, evidence.period.year) for one in scenes_of(evidence, year)]
    for scene in sorted(scenes, key=lambda one: (one.solar_day, one.id)):
        day = scene.solar_day.toordinal()
        wanted = (found[-1] == 0) & season.losses.lost & (season.losses.day <= day) & (out <= day) & (day <= fall)
        if not wanted.any():
            continue
        sky = evidence.truth.sky(scene.id, tile)
        rows, columns = np.nonzero(wanted & sky.clear & sky.bare & (found.max(axis=0) < day))
        found[(found[:, rows, columns] > 0).sum(axis=0), rows, columns] = day
    return found


def _kind_rows(season: Season, kind: Loss, maps: tuple[Map, Map], looks: Ordinals) -> list[Row]:
    """Return what is missed of one kind of loss, and how late the rest is told."""
    name, losses = NAMES[kind], season.losses
    judged = large_patches(season.settled & losses.of(kind), losses.patch, _least(season))
    if not judged.any():
        return []
    ours, naive = maps
    count = int(judged.sum())
    patches, bare = (_patches_missed(judged, losses.patch, one.changed) for one in maps)
    note = "the floor has too few clear looks in leaf to be confirmed"
    note += "; trees live, no loss of forest" if kind == Loss.GROUND_FIRE else ""
    return [
        _row(f"{name}, omission", "%", _percent(~ours.changed, judged), count, note=note,
             baseline=_percent(~naive.changed, judged), floor=_percent(looks[-1] == 0, judged)),
        _row(f"{name}, patches missed", "%", patches.percent, patches.whole, baseline=bare.percent, tolerance=10.0,
             note=f"of {LEAST_HA} ha and more; found are those mapped by half"),
        *_date_rows(name, losses, judged, maps, looks),
    ]  # fmt: skip


def _date_rows(name: str, losses: Losses, judged: Truths, maps: tuple[Map, Map], looks: Ordinals) -> list[Row]:
    ours, naive = maps
    hit, sure = judged & ours.changed, judged & ours.changed & (looks[-1] > 0)
    count, late = int(hit.sum()), _median((ours.first - losses.day)[hit])
    told = "the floor is the last clear look that a confirmation takes"
    return [
        _row(f"{name}, date error", "d", _median(np.abs(ours.first - losses.day)[hit]), count, tolerance=5.0,
             baseline=_median(np.abs(naive.first - losses.day)[judged & naive.changed]),
             floor=_median((looks[0] - losses.day)[hit & (looks[0] > 0)]),
             note="median of first departure less true day, without sign; the floor is the first clear look in leaf"),
        _row(f"{name}, told after", "d", _median((ours.confirmed - losses.day)[hit]), count, tolerance=8.0,
             floor=_median((looks[-1] - losses.day)[sure]),
             note=told if np.isnan(late) else f"{told}; first departure {late:+.0f} d"),
    ]  # fmt: skip


def _commission_rows(season: Season, ours: Map, naive: Map) -> list[Row]:
    wrong, plain = Share(), Share()
    wrong.add(~season.lately, among=ours.changed)
    plain.add(~season.lately, among=naive.changed & season.forest)
    patches = [_patches_wrong(season, one.changed & season.forest) for one in (ours, naive)]
    near = ndimage.binary_dilation(season.lately, _AROUND, EDGE_PIXELS)
    beside = _percent(near, ours.changed & ~season.lately)
    every = f"any loss since the year before began is right; {beside:.0f} % of the wrong ones lie beside one"
    return [
        _row("commission", "%", wrong.percent, wrong.whole, baseline=plain.percent, note=every),
        _row("patches wrong", "%", patches[0].percent, patches[0].whole, baseline=patches[1].percent, tolerance=10.0,
             note=f"of {LEAST_HA} ha and more; right are those of which half was lost"),
    ]  # fmt: skip


def _stable_rows(season: Season, ours: Map, naive: Map) -> list[Row]:
    stable, evidence = season.stable, season.evidence
    reason = evidence.codes(PRODUCT, "reason", "reason", whole(evidence.truth))
    modelled = np.isin(reason, _MODELLED)
    watched = stable & modelled
    found, plain = _percent(ours.changed, watched), _percent(naive.changed, stable)
    count, stated = int(watched.sum()), stated_percent(evidence)
    told = "not stated" if stated is None else f"stated {stated:.2f} %"
    rows = [
        _row("false alarms", "%", found, count, baseline=plain, tolerance=0.5,
             note=f"stable forest that is watched and confirmed all the same, since monitoring began; {told}"),
        _row("false alarms less stated", "%", float("nan") if stated is None else found - stated, count,
             better="zero", tolerance=0.5, note="observed less stated share of stable forest"),
    ]  # fmt: skip
    for name, spread in (("snow_off", (0, NEAR_DAYS)), ("leaf_out", (-NEAR_DAYS, NEAR_DAYS)),
                         ("leaf_fall", (-NEAR_DAYS, NEAR_DAYS))):  # fmt: skip
        away, when = ours.first - season.phenology(name), season.phenology(name) > 0
        near = ours.changed & when & (away >= spread[0]) & (away <= spread[1])
        rows.append(
            _row(f"false alarms at {name.replace('_', '-')}", "%", _percent(near, watched), count, goal=0.0,
                 tolerance=0.3, note=f"first departure within {NEAR_DAYS} d of it")
        )  # fmt: skip
    inner = ndimage.binary_erosion(season.forest, _AROUND, EDGE_PIXELS, border_value=1)
    return [
        *rows,
        _row("forest watched", "%", _percent(modelled, inner), int(inner.sum()), better="higher",
             note="true forest that has a model, away from its edge"),
    ]  # fmt: skip


def stated_percent(evidence: Evidence) -> float | None:
    """Return the share of stable forest the product expects to confirm up to the end of the period [percent]."""
    told = json.loads(evidence.published(PRODUCT).path("false-alarms").read_text(encoding="utf-8"))
    shares = [entry["share"] for entry in told["months"].values()]
    return 100 * float(sum(shares)) if shares else None


def large_patches(judged: Truths, patch: NDArray[np.int32], least: int) -> Truths:
    """Return the pixels of those patches that have so many of them.

    Examples
    --------
    >>> large_patches(np.array([True, True, True]), np.array([1, 1, 2], np.int32), 2).tolist()
    [True, True, False]
    """
    counts = np.bincount(patch[judged], minlength=int(np.max(patch, initial=0)) + 1)
    kept: Truths = judged & (counts[patch] >= least)
    return kept


def _least(season: Season) -> int:
    return int(np.ceil(LEAST_HA * 10_000 / season.evidence.area.grid.resolution_m**2))


def _patches_missed(judged: Truths, patch: NDArray[np.int32], changed: Truths) -> Share:
    whole_of = np.bincount(patch[judged])
    hit = np.bincount(patch[judged & changed], minlength=len(whole_of))
    there = whole_of > 0
    return Share(int((hit[there] < FOUND_SHARE * whole_of[there]).sum()), int(there.sum()))


def _patches_wrong(season: Season, changed: Truths) -> Share:
    labels = np.asarray(ndimage.label(changed, _AROUND)[0], np.int32)
    large = large_patches(changed, labels, _least(season))
    return _patches_missed(large, labels, season.lately)


def _percent(part: Truths, among: Truths) -> float:
    return 100 * ratio(int((part & among).sum()), int(among.sum()))


def _median(days: Sequence[int] | Ordinals) -> float:
    return float(np.median(days)) if len(days) else float("nan")


def _row(measure: str, unit: str, value: float, n: int, **more: Any) -> Row:
    more = {"tolerance": 3.0, "better": "lower", **more}
    method = NAIVE if more.get("baseline") is not None else ""
    return Row(TITLE, measure, unit, more.pop("better"), value, n=n, baseline_method=method, **more)
