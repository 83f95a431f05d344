"""Whether the pixels themselves say that Sentinel-2's +1000 is still in the digital numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import OffsetDisagreement
from habitat.imagery.discs import within_disc

MIN_PIXELS = 1000
"""Fewer pixels of a class decide nothing: its 1st percentile would be a handful of stray pixels."""
ABSENT_BELOW_DN = 600
"""With the offset in, a 1st percentile below this would be reflectance below -0.04 in one pixel of a hundred."""
PRESENT_DN = (900, 1300)
"""Where the darkest targets of a scene lie with the offset in: reflectance -0.01 to 0.03."""
MIN_SHARE = 0.05
"""A dark target must be this share of the clear pixels, or it may be what Sen2Cor misread elsewhere."""

_CLEAR = (2, 4, 5, 6, 7, 11)
_SNOW = 11
_EDGE_PX = 3
_DARK_TARGETS: dict[int, tuple[str, tuple[str, ...]]] = {
    2: ("dark ground", ("blue",)),
    4: ("vegetation", ("blue", "red")),
    6: ("water", ("swir1", "swir2")),
}
"""SCL class, its name and the bands in which even its brightest kinds are dark."""

Verdict = Literal["present", "absent", "undecided"]


@dataclass(frozen=True)
class OffsetEvidence:
    """What the darkest pixels say about the offset."""

    verdict: Verdict
    """``present``, ``absent`` or ``undecided``."""
    band: str
    """Band that decided, or the darkest one; empty if there were too few pixels."""
    percentile_dn: float | None
    """1st percentile [DN] of that band; None if there were too few pixels."""
    pixels: int
    """Pixels the percentile was taken from."""
    text: str
    """The reasoning in one sentence."""


@dataclass(frozen=True)
class _Group:
    scl: int | None
    name: str
    band: str
    percentile: float
    pixels: int
    counts: bool

    @property
    def shows_presence(self) -> bool:
        dark_bands = _DARK_TARGETS[self.scl][1] if self.scl in _DARK_TARGETS else ()
        return self.counts and self.band in dark_bands and PRESENT_DN[0] <= self.percentile <= PRESENT_DN[1]


def offset_evidence(dn: Mapping[str, NDArray[np.uint16]], scl: NDArray[np.uint8]) -> OffsetEvidence:
    """Verdict of the darkest clear pixels on the +1000 offset of Sentinel-2 L2A.

    The 1st percentile of every band is taken over all clear pixels and over each dark target. If the lowest
    of them is below `ABSENT_BELOW_DN`, the offset cannot be in. If none is below 900 and one of a target known
    to be dark (dark ground in blue, vegetation in blue or red, water in SWIR) lies in `PRESENT_DN`, it is in.
    Anything else, such as desert or snow, which would look alike either way, stays undecided.

    Parameters
    ----------
    dn : mapping of canonical band to uint16 (y, x)
        Digital numbers as stored; 0 is no data.
    scl : uint8 (y, x)
        Scene classification on the same pixels.

    Returns
    -------
    OffsetEvidence

    Raises
    ------
    ValueError
        If a band and `scl` differ in shape.

    Examples
    --------
    >>> forest = np.full((40, 40), 4, np.uint8)
    >>> offset_evidence({"red": np.full((40, 40), 180, np.uint16)}, forest).verdict
    'absent'
    >>> offset_evidence({"red": np.full((40, 40), 1180, np.uint16)}, forest).verdict
    'present'
    """
    groups = [group for band, values in dn.items() for group in _groups(band, values, scl)]
    if not groups:
        return OffsetEvidence(
            "undecided", "", None, 0, f"no band has {MIN_PIXELS} clear pixels, too few to judge the offset by"
        )
    darkest = min(groups, key=lambda group: group.percentile)
    if darkest.percentile < ABSENT_BELOW_DN:
        reflectance = darkest.percentile / 10_000 - 0.1
        return _evidence("absent", darkest, f"with +1000 in it that would be reflectance {reflectance:.3f}")
    shown = [group for group in groups if group.shows_presence]
    if darkest.percentile >= PRESENT_DN[0] and shown:
        return _evidence("present", min(shown, key=lambda group: group.percentile), "such targets are dark without it")
    return _evidence("undecided", darkest, "nothing dark enough is in view to tell +1000 from bright ground")


def _groups(band: str, values: NDArray[np.uint16], scl: NDArray[np.uint8]) -> Iterator[_Group]:
    if values.shape != scl.shape:
        raise ValueError(
            f"band {band!r} has shape {values.shape}, the scene classification {scl.shape}; "
            "repeat or thin one of them so that both have the same pixels"
        )
    # Values beside no data may be mixed with it by resampling, and swath edges are known to run negative.
    beside_nothing = within_disc(((values == 0) | (scl == 0)).view(np.uint8), _EDGE_PX)
    clear = (beside_nothing == 0) & np.isin(scl, _CLEAR)
    total = int(clear.sum())
    snow = int((clear & (scl == _SNOW)).sum())
    for code, name in ((None, "all clear pixels"), *((code, target[0]) for code, target in _DARK_TARGETS.items())):
        chosen = values[clear if code is None else clear & (scl == code)]
        if chosen.size >= MIN_PIXELS:
            percentile = float(np.percentile(chosen, 1, method="lower"))
            # Among snow, "vegetation" and "dark ground" are mostly snow in shade or mixed with trees.
            counts = chosen.size >= MIN_SHARE * total and chosen.size >= snow
            yield _Group(code, name, band, percentile, chosen.size, counts)


def _evidence(verdict: Verdict, group: _Group, because: str) -> OffsetEvidence:
    text = (
        f"the darkest 1 % of {group.pixels} pixels ({group.name}) lie at DN {group.percentile:.0f} "
        f"or less in {group.band}; {because}"
    )
    return OffsetEvidence(verdict, group.band, group.percentile, group.pixels, text)


def check_offset(scene_id: str, evidence: OffsetEvidence, *, metadata_present: bool) -> None:
    """Refuse a scene whose pixels contradict its metadata about the offset.

    Parameters
    ----------
    scene_id : str
        Named in the error.
    evidence : OffsetEvidence
        From `offset_evidence`; an undecided one contradicts nothing.
    metadata_present : bool
        Whether the metadata say that +1000 is still in the digital numbers.

    Raises
    ------
    OffsetDisagreement
        If pixels and metadata disagree.
    """
    said = "present" if metadata_present else "absent"
    if evidence.verdict in ("undecided", said):
        return
    raise OffsetDisagreement(
        f"scene {scene_id}: its metadata say the +1000 offset is {said} in the digital numbers, its pixels say "
        f"{evidence.verdict}: {evidence.text}. Wanted both to agree, because a wrong guess moves every reflectance "
        f"by 0.1. Leave the scene out, take it from another catalogue, or look at the flag and processing "
        f"baseline in its item"
    )
