"""Standing: what the store has of every product for a period, or for the shortest longer one around it."""

from __future__ import annotations

from habitat.contracts.area import Area
from habitat.contracts.period import Period
from habitat.store.published import Published
from habitat.store.store import Store

_YEAR_TEXT = 4


def standing(store: Store, area: Area, period: Period) -> dict[str, Published]:
    """Return the newest version of each product that tells of a period.

    A product of the period itself comes first; for a month that of its quarter stands in, then that of its year.

    Parameters
    ----------
    store : Store
        Where to look; it need not be there.
    area : Area
        Of which area.
    period : Period
        Which period.

    Returns
    -------
    dict
        By name of the product; those that have nothing are left out.
    """
    names = store.layout.products() if store.root.is_dir() else []
    held = {name: [store.latest(name, area, each) for each in around(period)] for name in names}
    return {
        name: next(entry for entry in versions if entry is not None)
        for name, versions in held.items()
        if any(entry is not None for entry in versions)
    }


def around(period: Period) -> tuple[Period, ...]:
    """Return a period and the longer ones it lies in, the shortest first.

    Examples
    --------
    >>> [str(each) for each in around(Period("2025-05"))]
    ['2025-05', '2025-Q2', '2025']
    """
    if len(period.text) == _YEAR_TEXT:
        return (period,)
    year = Period(f"{period.year:04d}")
    if "Q" in period.text:
        return period, year
    return period, Period(f"{period.year:04d}-Q{(period.first_day.month + 2) // 3}"), year
