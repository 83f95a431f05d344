"""Course: what came after a departure, look by look: still beyond, returned, and the evidence before and since."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.change.monitoring.monitor_kernels import CHANGED, CONFIRMED, FIRST, NO_DAY
from habitat.change.monitoring.monitor_state import MonitorState
from habitat.change.monitoring.season_model import Codes

BACK = 2.0
"""Deviations of the model within which a look counts as returned."""
_LATEST = 6
"""Looks of the history whose mean is the evidence before."""
_MOST = 254
_EPOCH = np.datetime64("1970-01-01", "D")
_NODATA = -32768


@dataclass(eq=False)
class Course:
    """What came after the departures of some pixels; 28 bytes a pixel.

    Parameters
    ----------
    beyond : uint8 (pixel,)
        Looks since the confirmation that still lie beyond two deviations on the departed side.
    returned : uint8 (pixel,)
        Looks in a row that do not, since the last one that did.
    sums : int32 (4, pixel)
        Sums of reflectance / 1e-4 of the evidence since the first departure.
    count : int16 (pixel,)
        How many looks they are of.
    before : int16 (4, pixel)
        Mean of the latest usable looks of the history, -32768 where there is none.
    """

    beyond: NDArray[np.uint8]
    returned: NDArray[np.uint8]
    sums: NDArray[np.int32]
    count: NDArray[np.int16]
    before: NDArray[np.int16]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def after(self) -> NDArray[np.int16]:
        """Mean of the evidence since the first departure (4, pixel), -32768 where there is none."""
        mean = np.rint(self.sums / np.maximum(self.count, 1))
        return np.where(self.count > 0, mean, _NODATA).astype(np.int16)

    def departures(self, state: MonitorState) -> NDArray[np.uint8]:
        """Return the looks that departed (pixel): in a row so far, or all since the first of a confirmed change."""
        runs = np.abs(state.run.reshape(-1).astype(np.int64))
        return np.minimum(runs + self.beyond, _MOST).astype(np.uint8)


def begun_course(evidence: NDArray[np.int16] | None, usable: NDArray[np.uint8]) -> Course:
    """Course at the end of a history.

    Parameters
    ----------
    evidence : int16 (4, date, pixel), optional
        Reflectance / 1e-4 of the bands that tell agents apart; None where there is none.
    usable : uint8 (date, pixel)
        Looks in leaf without snow.

    Examples
    --------
    >>> evidence = np.full((4, 3, 1), 100, np.int16)
    >>> evidence[:, 0] = -32768
    >>> begun_course(evidence, np.ones((3, 1), np.uint8)).before.tolist()
    [[100], [100], [100], [100]]
    """
    pixels = usable.shape[1]
    before = np.full((4, pixels), _NODATA, np.int16)
    if evidence is not None:
        sums, count = np.zeros((4, pixels), np.int32), np.zeros(pixels, np.int16)
        for date in range(len(usable) - 1, -1, -1):
            here = _told(evidence[:, date], usable[date]) & (count < _LATEST)
            sums += np.where(here, evidence[:, date], 0)
            count += here
        before = np.where(count > 0, np.rint(sums / np.maximum(count, 1)), _NODATA).astype(np.int16)
    nothing = (np.zeros(pixels, np.uint8), np.zeros(pixels, np.uint8))
    return Course(*nothing, np.zeros((4, pixels), np.int32), np.zeros(pixels, np.int16), before)


def _told(evidence: NDArray[np.int16], usable: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((evidence != _NODATA).all(axis=0) & (usable != 0))


def follow(
    course: Course,
    first_before: NDArray[np.int32],
    state: MonitorState,
    looks: tuple[NDArray[np.int16], NDArray[np.uint8], NDArray[np.int16] | None],
    days: NDArray[np.datetime64],
    codes: Codes,
) -> None:
    """Write into a course what more dates brought, after the monitor has been carried over them.

    Parameters
    ----------
    course : Course
        Of all dates before.
    first_before : int32 (pixel,)
        First departures that the state knew before these dates.
    state : MonitorState
        After these dates, of shape (1, pixel).
    looks : index (date, pixel), usable (date, pixel), evidence (4, date, pixel) or None
        What the monitor was carried over. Months one by one give what all of them at once give, if no day is parted.
    days : datetime64 (date,)
    codes : Codes
        Of the index.
    """
    first, confirmed = state.days[FIRST].reshape(-1), state.days[CONFIRMED].reshape(-1)
    anew = first != first_before
    for array in (course.beyond, course.returned, course.count):
        array[anew] = 0
    course.sums[:, anew] = 0
    chosen = np.flatnonzero(first != NO_DAY)
    if not len(chosen) or not len(days):
        return
    index, usable, evidence = looks
    when = (days.astype("datetime64[D]") - _EPOCH).astype(np.int32)[:, np.newaxis]
    open_looks = usable[:, chosen] != 0
    if evidence is not None:
        told = (evidence[:, :, chosen] != _NODATA).all(axis=0) & open_looks & (when >= first[chosen])
        course.sums[:, chosen] += np.where(told, evidence[:, :, chosen], 0).sum(axis=1, dtype=np.int32)
        course.count[chosen] += told.sum(axis=0, dtype=np.int16)
    known = open_looks & (index[:, chosen] != codes.nodata)
    known &= (state.code.reshape(-1)[chosen] == CHANGED) & (when > confirmed[chosen])
    if known.any():
        _count(course, chosen, known, _beyond(index[:, chosen], state, chosen, days, codes))


def _beyond(
    index: NDArray[np.int16], state: MonitorState, chosen: NDArray[np.int64], days: NDArray[np.datetime64], codes: Codes
) -> NDArray[np.bool_]:
    """Tell which looks lie beyond two deviations on the side to which their pixel departed."""
    design = state.season.design(days)
    coefficients = state.coefficients.reshape(len(state.coefficients), -1)[:, chosen].astype(np.float64)
    _, scale, offset = codes.numbers()
    residual = index * scale + offset
    for term, column in enumerate(coefficients):
        residual -= design[:, term, np.newaxis] * column
    side = np.sign(state.run.reshape(-1)[chosen]).astype(np.float64)
    return np.asarray(side * residual > BACK * state.sigma.reshape(-1)[chosen])


def _count(course: Course, chosen: NDArray[np.int64], known: NDArray[np.bool_], beyond: NDArray[np.bool_]) -> None:
    still, back = course.beyond[chosen].astype(np.int64), course.returned[chosen].astype(np.int64)
    for here, departed in zip(known, beyond, strict=True):
        still += here & departed
        back = np.where(here, np.where(departed, 0, back + 1), back)
    course.beyond[chosen] = np.minimum(still, _MOST)
    course.returned[chosen] = np.minimum(back, _MOST)
