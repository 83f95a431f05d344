"""Preflight: every file of every scene is opened once, and the offset checked, before any pixel counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.area import Area
from habitat.contracts.errors import ConfigError, MixedRadiometry, ReadFailure, TooMuchMissing
from habitat.contracts.scene import Scene
from habitat.imagery.offset_check import OffsetEvidence, check_offset, offset_evidence
from habitat.sources.catalogues.footprints import share_of_area
from habitat.sources.scenes.rasters import Header, Rasters
from habitat.sources.scenes.threads import in_threads

THUMBNAIL_PX = 340
"""Longest side at which a scene is looked at for its offset."""
WithoutMask: TypeAlias = Literal["refuse", "all-clear"]
"""What becomes of a scene that has no quality mask: it is missing, or clear wherever all its bands have data."""
_GROUND = 5
"""Scene class of bare ground: what a scene without classes is judged as."""
_TELLING_BANDS = ("blue", "red", "swir1", "swir2")
"""Bands in which something is dark in nearly every scene."""


@dataclass(frozen=True)
class Missing:
    """A scene that cannot be used, and why."""

    scene: Scene
    """The scene."""
    reason: str
    """The word the ledger keeps."""
    text: str
    """What happened, for people."""


@dataclass(frozen=True)
class Checked:
    """Scenes whose files can be opened, with what the files say of themselves."""

    scenes: tuple[Scene, ...]
    """Usable scenes; those without a mask count as clear wherever all bands have data."""
    headers: Mapping[str, Header]
    """By href."""
    missing: tuple[Missing, ...] = ()
    """Scenes left out."""
    evidence: Mapping[str, OffsetEvidence] = field(default_factory=dict)
    """What the pixels say about the Sentinel-2 offset, by scene id."""

    def without(self, lost: Missing) -> Checked:
        """Return the rest after a scene has failed while it was read."""
        rest = tuple(scene for scene in self.scenes if scene is not lost.scene)
        return Checked(rest, self.headers, (*self.missing, lost), self.evidence)

    @property
    def without_mask(self) -> tuple[Scene, ...]:
        """Usable scenes in which nothing tells clouds from ground."""
        return tuple(scene for scene in self.scenes if scene.mask is None)

    def mask_note(self, scene: Scene) -> str:
        """Return what the ledger is to say of how a scene's clear pixels were found; empty for those with a mask."""
        return "" if scene.mask is not None else "no quality mask: clear wherever all bands have data"

    def mask_gap(self) -> tuple[str, str] | None:
        """Return the gap to name in record and item if scenes without a mask were used; None if none was.

        Examples
        --------
        >>> Checked((), {}).mask_gap() is None
        True
        """
        bare = self.without_mask
        if not bare:
            return None
        named = ", ".join(scene.id for scene in bare[:5]) + (" and others" if len(bare) > 5 else "")
        return (
            "quality mask",
            f"{len(bare)} of {len(self.scenes)} scenes have none and count as clear wherever all bands have data "
            f"({named}): cloud, shadow and snow in them pass for ground",
        )


def common_bands(scenes: Sequence[Scene], wanted: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the wanted bands that most scenes of every sensor have, and why the others are left out.

    A band that only a few scenes have would make a composite of those few beside bands of all; and a scene
    that lacks what most have is incomplete, which `check_scenes` says.

    Examples
    --------
    >>> common_bands([], ["red"])
    ((), {'red': 'no scene has it'})
    """
    kept, left_out = [], {}
    totals = Counter(scene.sensor for scene in scenes)
    for band in wanted:
        having = Counter(scene.sensor for scene in scenes if band in scene.bands)
        if not having:
            left_out[band] = "no scene has it"
        elif lacking := [name for name, total in totals.items() if 2 * having[name] < total]:
            counts = ", ".join(f"{having[name]} of {totals[name]} {name} scenes" for name in lacking)
            left_out[band] = f"only {counts} have it"
        else:
            kept.append(band)
    return tuple(kept), left_out


def check_scenes(
    scenes: Sequence[Scene],
    rasters: Rasters,
    bands: Sequence[str],
    *,
    workers: int = 2,
    without_mask: WithoutMask = "refuse",
) -> Checked:
    """Open every file that will be read, and hold headers and dark pixels against the metadata.

    Parameters
    ----------
    scenes : sequence of Scene
        From `habitat.sources.search`.
    rasters : Rasters
        Opens the files.
    bands : sequence of str
        Canonical bands each scene must have.
    workers : int
        Threads.
    without_mask : {"refuse", "all-clear"}
        What becomes of a scene without a quality mask. All-clear is for composites that somebody cleaned
        already: every pixel with data in all bands counts, and `Checked.mask_gap` says so.

    Returns
    -------
    Checked
        Scenes that lack a band or (by default) a mask, or whose files cannot be opened, are among the missing.

    Raises
    ------
    OffsetDisagreement
        If the pixels of a Sentinel-2 scene contradict its metadata about the offset.
    ConfigError
        If the policy is unknown.
    """
    if without_mask not in ("refuse", "all-clear"):
        raise ConfigError(f"without_mask is {without_mask!r}, wants refuse or all-clear")
    looked = in_threads(lambda scene: _look(scene, rasters, bands, without_mask), scenes, workers)
    headers: dict[str, Header] = {}
    usable, missing, evidence = [], [], {}
    for scene, (found, seen, lost) in zip(scenes, looked, strict=True):
        if lost is not None:
            missing.append(lost)
            continue
        usable.append(scene)
        headers |= found
        if seen is not None:
            evidence[scene.id] = seen
            check_offset(scene.id, seen, metadata_present=bool(scene.offset_present))
    return Checked(tuple(usable), headers, tuple(missing), evidence)


def check_offsets_agree(checked: Checked, policy: str) -> str:
    """Decide about a month whose scenes have the Sentinel-2 offset in some and not in others.

    Parameters
    ----------
    checked : Checked
        From `check_scenes`.
    policy : {"harmonise", "refuse"}
        Harmonise brings each scene to reflectance by its own offset, provided that for either kind at least
        one scene's pixels confirm what the metadata say.

    Returns
    -------
    str
        A note for the record; empty if all scenes are of one kind.

    Raises
    ------
    MixedRadiometry
        If the policy refuses such months, or nothing confirms the metadata.
    ConfigError
        If the policy is unknown.
    """
    if policy not in ("harmonise", "refuse"):
        raise ConfigError(f"mixed_offsets is {policy!r}, wants harmonise or refuse")
    kinds = {True: "present", False: "absent"}
    counts = Counter(scene.offset_present for scene in checked.scenes if scene.offset_present is not None)
    if len(counts) < 2:
        return ""
    mixed = f"the +1000 offset is in the digital numbers of {counts[True]} scenes and not in those of {counts[False]}"
    if policy == "refuse":
        raise MixedRadiometry(f"{mixed}; wanted one kind. Set mixed_offsets: harmonise, or search one collection only")
    for kind, word in kinds.items():
        confirmed = any(
            scene.offset_present is kind and checked.evidence[scene.id].verdict == word
            for scene in checked.scenes
            if scene.id in checked.evidence
        )
        if not confirmed:
            raise MixedRadiometry(
                f"{mixed}, and no scene's pixels confirm that it is {word} where the metadata say so; wanted at "
                "least one dark target in each kind. Search one collection only, or a longer period"
            )
    return f"{mixed}; each was brought to reflectance by its own offset"


def refuse_much_missing(checked: Checked, area: Area, most: float, *, until: date = date.max) -> None:
    """Refuse a product of which too much of what was expected cannot be read.

    Parameters
    ----------
    checked : Checked
        From `check_scenes`.
    area : Area
        Scenes count by the share of it that they cover.
    most : float
        Share [1] that may be missing.
    until : date
        Scenes of later days are not looked at: a product may do without them.

    Raises
    ------
    TooMuchMissing
        If more is missing, or everything.
    """
    usable = [scene for scene in checked.scenes if scene.solar_day <= until]
    missing = [entry for entry in checked.missing if entry.scene.solar_day <= until]
    every = [*usable, *(entry.scene for entry in missing)]
    shares = share_of_area([scene.footprint for scene in every], area)
    total = float(shares.sum())
    lost = float(shares[len(usable) :].sum()) / total if total else 1.0
    if missing and (not usable or lost > most):
        reasons = "; ".join(f"{entry.scene.id} missing:{entry.reason} ({entry.text})" for entry in missing[:5])
        raise TooMuchMissing(
            f"{len(missing)} of {len(every)} scenes cannot be read, {lost:.0%} of what was expected; "
            f"max_missing_share allows {most:.0%}. {reasons}. Run again later, look at the catalogue, or allow more"
        )


def _look(
    scene: Scene, rasters: Rasters, bands: Sequence[str], without_mask: WithoutMask
) -> tuple[dict[str, Header], OffsetEvidence | None, Missing | None]:
    lacking = [band for band in bands if band not in scene.bands]
    try:
        if scene.mask is None and without_mask == "refuse":
            raise ReadFailure(
                "no-mask",
                f"scene {scene.id} has no quality mask; clouds cannot be told from ground. "
                "If it was cleaned already, set without_mask: all-clear",
            )
        if lacking:
            raise ReadFailure("asset", f"scene {scene.id} has no asset for {', '.join(lacking)}")
        with rasters.env():
            assets = [scene.mask, *(scene.bands[band] for band in bands), scene.saturation]
            headers = {asset.href: rasters.header(asset) for asset in assets if asset is not None}
            seen = _evidence(scene, rasters, bands) if scene.offset_present is not None else None
        return headers, seen, None
    except ReadFailure as failure:
        return {}, None, Missing(scene, failure.reason, str(failure))


def _evidence(scene: Scene, rasters: Rasters, bands: Sequence[str]) -> OffsetEvidence:
    """Look at the whole scene, small: its darkest targets may lie outside of the area."""
    telling = [band for band in _TELLING_BANDS if band in bands] or [b for b in _TELLING_BANDS if b in scene.bands][:1]
    telling = telling or list(bands[:1])
    seen = {band: rasters.thumbnail(scene.bands[band], THUMBNAIL_PX) for band in telling}
    if scene.mask is None:
        # Without classes there are no dark targets to know by name, but all pixels may still be too dark for +1000.
        scl = np.full(next(iter(seen.values())).shape, _GROUND, np.uint8)
    else:
        scl = rasters.thumbnail(scene.mask, THUMBNAIL_PX)
    pixels = {band: _fitted(numbers, scl.shape) for band, numbers in seen.items()}
    return offset_evidence(pixels, scl.astype(np.uint8))


def _fitted(pixels: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Bring a thumbnail to the shape of another: sizes differ by rounding, or by files of 64 pixels."""
    if pixels.shape == shape:
        return pixels
    rows = (np.arange(shape[0]) + 0.5) * pixels.shape[0] / shape[0]
    columns = (np.arange(shape[1]) + 0.5) * pixels.shape[1] / shape[1]
    return pixels[np.ix_(rows.astype(int), columns.astype(int))]
