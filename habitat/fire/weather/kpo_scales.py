"""Classes of the Russian comprehensive indicator (KPO): national limits, and tables of districts and their periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from habitat.contracts.errors import ConfigError

NODATA = 255
KPO_CLASSES = {1: "I none", 2: "II low", 3: "III medium", 4: "IV high", 5: "V extreme"}
"""Names of the classes of fire danger by weather."""
NATIONAL_LIMITS = (300.0, 1000.0, 4000.0, 10000.0)
"""Largest index of classes I to IV [degC2] (Order 287 of the Federal Forestry Agency of Russia, 2011)."""

_KNOWN_KEYS = {"title", "source", "periods"}


@dataclass(frozen=True)
class KpoPeriod:
    """Part of the year in which a district's limits hold, both days included; it may cross New Year."""

    first: tuple[int, int]
    last: tuple[int, int]
    limits: tuple[float, ...]

    def holds_on(self, day: date) -> bool:
        """Tell whether a day is in the period."""
        here = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= here <= self.last
        return here >= self.first or here <= self.last


@dataclass(frozen=True)
class KpoDistrict:
    """A district with scales of its own; days that no period holds have the national one."""

    title: str
    source: str
    periods: tuple[KpoPeriod, ...] = ()


@dataclass(frozen=True)
class KpoTable:
    """National limits and those of districts."""

    national: tuple[float, ...] = NATIONAL_LIMITS
    districts: Mapping[str, KpoDistrict] = field(default_factory=dict)

    def limits_on(self, day: date, district: str | None = None) -> tuple[float, ...]:
        """Return the limits of a district, or of the country, on a day.

        Raises
        ------
        ConfigError
            If there is no such district.
        """
        if district is None:
            return self.national
        if district not in self.districts:
            raise ConfigError(f"there is no district {district!r}; choose of {', '.join(self.districts) or 'none'}")
        periods = self.districts[district].periods
        return next((period.limits for period in periods if period.holds_on(day)), self.national)


def kpo_classes(index: ArrayLike, limits: Sequence[float] = NATIONAL_LIMITS) -> NDArray[np.uint8]:
    """Classes 1 to 5 of Nesterov's index; a value on a limit belongs to the lower class.

    Parameters
    ----------
    index : array_like [degC2]
        NaN where there is none.
    limits : sequence of float
        Largest index of classes I to IV.

    Returns
    -------
    uint8 array
        255 where there is no index.

    Examples
    --------
    >>> kpo_classes([0, 300, 301, 4000, 10001, np.nan]).tolist()
    [1, 1, 2, 3, 5, 255]
    """
    values = np.asarray(index, np.float64)
    classes = np.digitize(values, _checked(limits, "the limits"), right=True) + 1
    return np.where(np.isnan(values), NODATA, classes).astype(np.uint8)


def kpo_table(document: Mapping[str, Any]) -> KpoTable:
    """Return the table of a document such as ``configs/fire/kpo.yaml``; all mistakes are told at once.

    Raises
    ------
    ConfigError
        If a key is unknown, limits do not ascend, or periods overlap or have impossible dates.

    Examples
    --------
    >>> table = kpo_table({"national": {"limits": [300, 1000, 4000, 10000]}})
    >>> table.limits_on(date(2025, 4, 20))
    (300.0, 1000.0, 4000.0, 10000.0)
    """
    wrong: list[str] = [f"unknown key {key!r}" for key in document if key not in ("national", "districts")]
    national: tuple[float, ...] = NATIONAL_LIMITS
    try:
        national = _checked(
            _mapping(document.get("national", {}), "national").get("limits", national), "national limits"
        )
    except ConfigError as error:
        wrong.append(str(error))
    districts = {}
    for name, entry in _mapping(document.get("districts") or {}, "districts").items():
        try:
            districts[name] = _district(name, _mapping(entry, name))
        except ConfigError as error:
            wrong.append(str(error))
    if wrong:
        raise ConfigError(f"the table of KPO scales has mistakes: {'; '.join(wrong)}")
    return KpoTable(national, districts)


def _district(name: str, entry: Mapping[str, Any]) -> KpoDistrict:
    unknown = sorted(set(entry) - _KNOWN_KEYS)
    if unknown:
        raise ConfigError(f"{name}: unknown key {', '.join(unknown)}; wants {', '.join(sorted(_KNOWN_KEYS))}")
    periods = tuple(_period(name, part) for part in entry.get("periods") or ())
    for day in (date(2024, 1, 1).fromordinal(date(2024, 1, 1).toordinal() + step) for step in range(366)):
        holders = [period for period in periods if period.holds_on(day)]
        if len(holders) > 1:
            raise ConfigError(f"{name}: {len(holders)} periods hold {day:%m-%d}; let the one end before the other")
    if periods and not entry.get("source"):
        raise ConfigError(f"{name}: limits without a source; say which order or study they are from")
    return KpoDistrict(str(entry.get("title", name)), str(entry.get("source", "")), periods)


def _period(name: str, part: Any) -> KpoPeriod:
    keys = _mapping(part, f"a period of {name}")
    if set(keys) != {"from", "to", "limits"}:
        raise ConfigError(f"{name}: a period has {', '.join(keys)}, wants from, to and limits")
    limits = _checked(keys["limits"], f"{name}: limits")
    return KpoPeriod(_date(name, keys["from"]), _date(name, keys["to"]), limits)


def _date(name: str, text: Any) -> tuple[int, int]:
    try:
        found = date.fromisoformat(f"2024-{text}")
    except ValueError as error:
        raise ConfigError(f"{name}: {text!r} is no date of every year, write '03-15' in quotes") from error
    return found.month, found.day


def _checked(limits: Any, what: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(limit) for limit in limits)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{what} are {limits!r}, want four numbers") from error
    if len(numbers) != 4 or numbers[0] <= 0 or not all(low < high for low, high in pairwise(numbers)):
        raise ConfigError(f"{what} are {list(numbers)}, want four ascending numbers above 0")
    return numbers


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{what} is {value!r}, wants keys and values")
    return value
