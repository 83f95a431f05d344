"""Status: where the change of a pixel stands, from a first look to its end, in the codes of OPERA's DIST-ALERT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from habitat.contracts.errors import ConfigError, InputError
from habitat.contracts.legend import ClassEntry

NONE, FIRST, PROVISIONAL, CONFIRMED, FINISHED, NODATA = 0, 1, 2, 3, 7, 255
"""Codes where less than half is lost; `HIGH` is added where half or more is, 1 to a finished one."""
HIGH = 3
HIGH_CODES = (4, 5, 6, 8)
"""Codes of high losses: half and more, unless the rules say otherwise."""
STATUS_CLASSES: tuple[ClassEntry, ...] = (
    (0, "#f7f7f7", "no change"),
    (1, "#fee391", "first look, low loss"),
    (2, "#fec44f", "provisional, low loss"),
    (3, "#fe9929", "confirmed, low loss"),
    (4, "#d4b9da", "first look, high loss"),
    (5, "#df65b0", "provisional, high loss"),
    (6, "#980043", "confirmed, high loss"),
    (7, "#a6bddb", "finished, low loss"),
    (8, "#2b8cbe", "finished, high loss"),
)
STAGES = ("none", "first", "provisional", "confirmed", "finished")
"""Names of the stages a change goes through."""


@dataclass(frozen=True)
class StatusRules:
    """When a change is high, sure and over.

    Parameters
    ----------
    least : float
        Loss [percent] of a look that counts as a departure; of `StatusMachine` only.
    high : float
        Loss [percent] from which codes 4, 5, 6 and 8 are given.
    sure : float
        Confidence that confirms, mean loss of all looks times the square of the departed ones; of `StatusMachine` only.
    returned : int
        Looks in a row that lie back where they usually are and end a change.
    days : int
        Days after the last departed look from which one look is enough.
    forget : int
        Days after the first departure from which a change is begun anew; of `StatusMachine` only.

    Raises
    ------
    ConfigError
        If a number is impossible.
    """

    least: float = 10.0
    high: float = 50.0
    sure: float = 400.0
    returned: int = 2
    days: int = 15
    forget: int = 365

    def __post_init__(self) -> None:
        if not 0 < self.least <= self.high <= 100:
            raise ConfigError(f"losses are {self.least} and {self.high}, wants 0 < least <= high <= 100 percent")
        if min(self.sure, self.returned, self.days, self.forget) <= 0:
            raise ConfigError(f"{self} has a number that is not above zero; wants positive numbers")


OPERA = StatusRules()
"""The numbers of OPERA's DIST-ALERT-HLS version 1."""


def alert_status(
    departures: NDArray[Any],
    confirmed: NDArray[np.bool_],
    loss: NDArray[Any],
    *,
    returned: NDArray[Any],
    days_since: NDArray[Any] | None = None,
    rules: StatusRules = OPERA,
) -> NDArray[np.uint8]:
    """Status of pixels from what a monitor knows of their course.

    Parameters
    ----------
    departures : uint8 (any shape)
        Looks in a row beyond the boundary; of a confirmed pixel all departed looks since the first. 255 unknown.
    confirmed : bool
        Whether the monitor has confirmed the change.
    loss : float [percent]
        How much of what stood above bare ground is gone; NaN unknown, which counts as less than half.
    returned : uint8
        Looks in a row back where they usually are, since the last departed one; 255 unknown, which counts as none.
    days_since : int, optional
        Days from the last departed look to the latest look; without it only looks end a change.
    rules : StatusRules

    Returns
    -------
    uint8
        0 none; 1 first, 2 provisional, 3 confirmed; 4, 5, 6 the same, half or more lost; 7, 8 finished; 255 unknown.

    Raises
    ------
    InputError
        If the arrays have different shapes.

    Examples
    --------
    >>> known = np.array([0, 1, 2, 3, 5, 5, 255], np.uint8), np.array([0, 0, 0, 1, 1, 1, 0], bool)
    >>> alert_status(*known, np.array([0, 20, 60, 60, 20, 80, 0]), returned=np.array([0, 0, 0, 0, 2, 2, 0])).tolist()
    [0, 1, 5, 6, 7, 8, 255]
    """
    shapes = {array.shape for array in (departures, confirmed, loss, returned) if array is not None}
    if len(shapes) != 1 or (days_since is not None and days_since.shape not in shapes):
        raise InputError(f"departures, confirmed, loss and returned have shapes {sorted(shapes)}, wants one shape")
    looks = departures.astype(np.int16)
    unknown = looks == NODATA
    stage = np.select([confirmed, looks > 1, looks == 1], [CONFIRMED, PROVISIONAL, FIRST], NONE)
    back = np.where(np.asarray(returned) == NODATA, 0, returned)
    over = back >= rules.returned
    if days_since is not None:
        over |= (back >= 1) & (days_since >= rules.days)
    high = np.nan_to_num(np.asarray(loss, np.float64)) >= rules.high
    code = stage + np.where(high & (stage > NONE), HIGH, 0)
    code = np.where((stage == CONFIRMED) & over, FINISHED + high, code)
    return np.where(unknown, NODATA, code).astype(np.uint8)


def stage_of(status: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the place in `STAGES` of status codes; 255 stays.

    Examples
    --------
    >>> stage_of(np.array([0, 1, 5, 6, 7, 8, 255], np.uint8)).tolist()
    [0, 1, 2, 3, 4, 4, 255]
    """
    places = np.full(256, NODATA, np.uint8)
    places[:9] = [0, 1, 2, 3, 1, 2, 3, 4, 4]
    return np.asarray(places[status], np.uint8)


def status_code(stage: ArrayLike, high: ArrayLike) -> NDArray[np.uint8]:
    """Return the code of a stage (1 to 4) with less than half, or half and more, lost.

    Examples
    --------
    >>> status_code([1, 3, 4, 4], [False, True, False, True]).tolist()
    [1, 6, 7, 8]
    """
    place, much = np.asarray(stage, np.int64), np.asarray(high, bool)
    return np.where(place == len(STAGES) - 1, FINISHED + much, place + HIGH * much).astype(np.uint8)


class StatusSeries(NamedTuple):
    """Status after every look, and what it rests on."""

    status: NDArray[np.uint8]
    """(time, pixel): status after the look; a look that was not used leaves it as it was."""
    confidence: NDArray[np.float64]
    """(time, pixel): mean loss times the square of the departed looks; 0 without a change."""
    first_day: NDArray[np.int64]
    """(time, pixel): day of the first departure of the change that stands; 0 without one."""


class StatusMachine:
    """Runs over looks at pixels one date at a time, by the rules of DIST-ALERT.

    A look departs if it has lost at least `StatusRules.least`. A second departed look makes a change provisional,
    confidence makes it confirmed. A first look that does not come again is forgotten at once, a provisional change
    when it ends. It ends with two looks in a row that do not depart, or with one if the last departed one is
    fifteen days old. A new departure after the end, or a year after the beginning, begins anew.

    Parameters
    ----------
    pixels : int
        How many there are.
    rules : StatusRules

    References
    ----------
    OPERA_L3_DIST-ALERT-HLS_V1, Land Processes DAAC; the rules are those of the programme in the repository
    OPERA-Cal-Val/DIST-Validation, where counts of quiet looks are kept as whole percents and confidence is cut to
    whole numbers: here neither is.

    Examples
    --------
    >>> machine = StatusMachine(1)
    >>> told = []
    >>> for day, loss in enumerate([0, 60, 55, 52, 0, 0], 1):
    ...     machine.look(np.array([loss]), day)
    ...     told.append(int(machine.status[0]))
    >>> told
    [0, 4, 5, 6, 6, 8]
    """

    def __init__(self, pixels: int, rules: StatusRules = OPERA) -> None:
        self.rules = rules
        self.status = np.full(pixels, NODATA, np.uint8)
        """Status after the latest look."""
        self.confidence = np.zeros(pixels)
        """Mean loss of all looks since the first departure times the square of the departed ones."""
        self.first_day = np.zeros(pixels, np.int64)
        """Day of the first departure of the change that stands; 0 without one."""
        self._sum, self._most = np.zeros(pixels), np.zeros(pixels)
        self._departed, self._looks = np.zeros(pixels, np.int64), np.zeros(pixels, np.int64)
        self._last_departed, self._last = np.zeros(pixels, np.int64), np.zeros(pixels, np.int64)

    def look(self, loss: NDArray[Any], day: ArrayLike, seen: NDArray[np.bool_] | None = None) -> None:
        """Take in one look.

        Parameters
        ----------
        loss : float (pixel,) [percent]
            What is lost on this date.
        day : int or int (pixel,)
            Day of the look, above zero and not before the last one.
        seen : bool (pixel,), optional
            Which pixels were seen; all with a finite loss by default.
        """
        lost = np.asarray(loss, np.float64)
        use = np.isfinite(lost) if seen is None else np.asarray(seen, bool) & np.isfinite(lost)
        now = np.broadcast_to(np.asarray(day, np.int64), lost.shape)
        if (use & ((now < self._last) | (now < 1))).any():
            raise InputError("a look lies before an earlier one, or its day is not above zero; sort the looks by day")
        departs = use & (lost >= self.rules.least)
        over = stage_of(self.status) == len(STAGES) - 1
        aged = (self.first_day > 0) & (now - self.first_day > self.rules.forget)
        self._forget(use & (aged | (over & departs)))
        begins = departs & (self.first_day == 0)
        self.first_day[begins] = now[begins]
        runs = use & (self.first_day > 0) & (stage_of(self.status) != len(STAGES) - 1)
        self._departed[departs] += 1
        self._looks[runs] += 1
        self._sum[runs] += lost[runs]
        self._most = np.where(departs, np.maximum(self._most, lost), self._most)
        self._last_departed[departs] = now[departs]
        mean = self._sum / np.maximum(self._looks, 1)
        self.confidence = np.where(runs, mean * self._departed**2, self.confidence)
        self._settle(runs, departs, now)
        self.status[use & (self.first_day == 0)] = NONE
        self._last[use] = now[use]

    def _settle(self, runs: NDArray[np.bool_], departs: NDArray[np.bool_], now: NDArray[np.int64]) -> None:
        """Give every running change the status it has after the look."""
        quiet = runs & ~departs
        late = now - self._last_departed >= self.rules.days
        ends = quiet & ((self._last > self._last_departed) | late | (self._departed == 1))
        was_sure = stage_of(self.status) == CONFIRMED
        sure = runs & ~ends & (was_sure | (self.confidence >= self.rules.sure))
        high = self._most >= self.rules.high
        stage = np.where(self._last_departed == self.first_day, FIRST, PROVISIONAL)
        stage = np.where(sure, CONFIRMED, stage)
        stage = np.where(ends & was_sure, len(STAGES) - 1, stage)
        self.status = np.where(runs, status_code(stage, high), self.status).astype(np.uint8)
        self._forget(ends & ~was_sure)

    def _forget(self, where: NDArray[np.bool_]) -> None:
        for counts in (self.confidence, self._sum, self._most):
            counts[where] = 0.0
        for numbers in (self.first_day, self._departed, self._looks, self._last_departed):
            numbers[where] = 0
        self.status[where] = NONE


def status_series(
    loss: NDArray[Any], days: NDArray[Any], *, seen: NDArray[np.bool_] | None = None, rules: StatusRules = OPERA
) -> StatusSeries:
    """Status of pixels after every look of a series.

    Parameters
    ----------
    loss : float (time, pixel) [percent]
        NaN where there was no clear look.
    days : int (time,) or (time, pixel)
        Days of the looks, ascending, above zero.
    seen : bool (time, pixel), optional
        Looks to use; all with a finite loss by default.
    rules : StatusRules

    Returns
    -------
    StatusSeries

    Raises
    ------
    InputError
        If shapes do not fit or days do not ascend.

    Examples
    --------
    >>> status_series(np.array([[30.0], [0.0], [30.0], [0.0]]), np.array([1, 4, 9, 12])).status.ravel().tolist()
    [1, 0, 1, 0]
    """
    if loss.ndim != 2 or days.shape not in (loss.shape, loss.shape[:1]):
        raise InputError(f"losses are {loss.shape} and days {days.shape}, wants (time, pixel) and a day for each time")
    if seen is not None and seen.shape != loss.shape:
        raise InputError(f"losses are {loss.shape} and seen {seen.shape}, wants one shape")
    machine = StatusMachine(loss.shape[1], rules)
    status, confidence = np.empty(loss.shape, np.uint8), np.empty(loss.shape)
    first = np.empty(loss.shape, np.int64)
    for place in range(len(loss)):
        machine.look(loss[place], days[place], None if seen is None else seen[place])
        status[place], confidence[place], first[place] = machine.status, machine.confidence, machine.first_day
    return StatusSeries(status, confidence, first)
