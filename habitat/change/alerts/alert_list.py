"""Alert list: the alerts of a month beside those of the months before, each under the name it had from the start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from habitat.change.alerts.agents import AGENT_NAMES, Agents, felled_or_blown
from habitat.change.alerts.patch_table import dates_of_days
from habitat.change.alerts.patches import Named, named_patches
from habitat.change.alerts.status import HIGH_CODES, NODATA, STAGES, status_code
from habitat.contracts.errors import InputError
from habitat.contracts.estimate import UNVALIDATED

FORMAT = 1
"""Version of the memory."""
_FINISHED = len(STAGES) - 1
_SURE = STAGES.index("confirmed")
DATES = ("first_departure", "confirmed", "last_seen")
"""Columns of dates."""
_TEXTS: dict[str, str] = dict.fromkeys(
    ("id", "stage", "agent", "area_basis", "formerly", "finished_since", "why", "note"), "str"
)
TYPES: Mapping[str, str] = {
    **_TEXTS,
    "number": "int64",
    "status": "int64",
    "confidence": "int64",
    "pixels": "int64",
    "year": "int64",
    **dict.fromkeys(("area_ha", "magnitude", "loss_percent", "looks"), "float64"),
    **dict.fromkeys(("new", "listed"), "bool"),
}
"""Types of all columns but the dates: a table without rows has them, too."""
COLUMNS = (
    *("id", "status", "stage", "agent", "confidence", *DATES, "area_ha", "area_basis", "pixels", "loss_percent"),
    *("magnitude", "looks", "new", "formerly", "finished_since", "why", "note", "year", "listed", "number"),
)
"""Columns of the list, in order."""


class Month(NamedTuple):
    """The month that is told of."""

    label: str
    """Month as it stands in names and columns: ``2025-05``."""
    last_day: np.datetime64
    """Its last day."""
    year: int
    """The year monitoring began, from whose 1 January days are counted."""


class Limits(NamedTuple):
    """What a patch must have to be an alert."""

    min_area_ha: float
    """Least area [ha]."""
    least_loss: float = 0.0
    """Least median loss [percent]; a loss that nobody can tell passes."""

    def large(self, table: pd.DataFrame) -> pd.Series:
        """Tell which patches are large enough."""
        # A sum of pixels must not miss the limit by its last bit, nor by the projection's two tenths of a percent.
        return table["area_ha"] >= self.min_area_ha * 0.998

    def faint(self, table: pd.DataFrame) -> pd.Series:
        """Tell which patches have lost too little."""
        return table["loss_percent"] < self.least_loss


class Told(NamedTuple):
    """How many alerts did what in a month."""

    new: int
    new_ha: float
    confirmed: int
    finished: int
    withdrawn: int
    listed: int


def listed_patches(
    table: pd.DataFrame,
    overlaps: Mapping[tuple[int, str], int],
    memory: Sequence[Mapping[str, Any]],
    month: Month,
    limits: Limits,
) -> tuple[list[int], Named]:
    """Choose the patches that are alerts, and name them.

    Patches within the limits are; so is the largest part of an earlier alert that has shrunk below one of them.

    Returns
    -------
    list of int, Named
        Their labels, ascending, and their names.
    """
    ended = {str(row["id"]) for row in memory if row["year"] != month.year}
    earlier = [str(row["id"]) for row in memory]
    large = {int(label) for label in table.index[limits.large(table) & ~limits.faint(table)]}
    held = {name for (label, name), _ in overlaps.items() if label in large}
    shrunk = sorted((-n, name, label) for (label, name), n in overlaps.items() if name not in held | ended)
    for _, name, label in shrunk:
        if name not in held:
            held.add(name)
            large.add(label)
    chosen = sorted(large)
    mine = {pair: n for pair, n in overlaps.items() if pair[0] in large}
    return chosen, named_patches(mine, chosen, earlier, month.label, ended=ended)


def alert_rows(
    table: pd.DataFrame,
    named: Named,
    agents: Agents,
    memory: Sequence[Mapping[str, Any]],
    month: Month,
    finished_months: int,
) -> pd.DataFrame:
    """Return the alerts of this month's patches.

    Parameters
    ----------
    table : DataFrame
        Of `patch_table`, the chosen patches only.
    named : Named
        Names of the same.
    agents : Agents
        Agents of the same.
    memory : sequence of mapping
        Rows of the months before.
    month : Month
    finished_months : int
        Months a finished alert stays listed, that of its end included.
    """
    known = {str(row["id"]): row for row in memory}
    before = [known.get(name, {}) for name in named.ids]
    stages = table["stage"].to_numpy(np.int64)
    ends = [
        (str(old.get("finished_since") or month.label) if stage == _FINISHED else "")
        for stage, old in zip(stages, before, strict=True)
    ]
    went_on = np.array([bool(old) and looks > old["looks"] for looks, old in zip(table["looks"], before, strict=True)])
    last = dates_of_days(table["last_day"], month.year)
    # Of a change that went on the monitor keeps no date: it was in this month.
    last = np.where(went_on.astype(bool), month.last_day.astype("datetime64[ns]"), last)
    rows = pd.DataFrame(
        {
            "id": named.ids,
            "status": status_code(stages, table["high"]).astype(np.int64),
            "stage": [STAGES[stage] for stage in stages],
            "agent": [AGENT_NAMES[code] for code in agents.agent],
            "confidence": agents.confidence.astype(np.int64),
            "first_departure": dates_of_days(table["first_day"], month.year),
            "confirmed": dates_of_days(table["confirmed_day"], month.year),
            "last_seen": last,
            "area_ha": table["area_ha"].to_numpy().round(4),
            "area_basis": UNVALIDATED,
            "pixels": table["pixels"].to_numpy(),
            "loss_percent": table["loss_percent"].to_numpy(np.float64).round(1),
            "magnitude": table["magnitude"].to_numpy(np.float64).round(4),
            "looks": table["looks"].to_numpy(np.float64),
            "new": [not old for old in before],
            "formerly": [", ".join(one) for one in named.formerly],
            "finished_since": ends,
            "listed": [not end or months_between(end, month.label) < finished_months for end in ends],
            "why": agents.why,
            "note": np.where(felled_or_blown(agents), "felled or blown down: not told apart", ""),
            "year": month.year,
        },
    )
    return _typed(rows)


def carried_rows(
    named: Named, memory: Sequence[Mapping[str, Any]], month: Month, finished_months: int
) -> tuple[pd.DataFrame, int]:
    """Return alerts of a monitoring that is over, as long as they are listed, and how many others were withdrawn.

    A confirmed alert of last year's monitoring is told as finished, for nobody looks on. An alert that this year's
    monitoring no longer tells of did not hold.
    """
    kept, withdrawn, gone = [], 0, set(named.gone)
    for row in memory:
        if row["year"] == month.year:
            withdrawn += row["id"] in gone
            continue
        stage = STAGES.index(str(row["stage"]))
        since = str(row["finished_since"] or month.label)
        if stage < _SURE:
            withdrawn += 1
        elif months_between(since, month.label) < finished_months:
            high = row["status"] in HIGH_CODES
            told = f"not looked at since the monitoring of {row['year']} ended" if stage == _SURE else row["note"]
            new = {"status": int(status_code(_FINISHED, high)), "stage": STAGES[_FINISHED], "finished_since": since}
            kept.append({**row, **new, "note": told, "new": False, "listed": True})
    return _typed(pd.DataFrame(kept)), withdrawn


def joined(*parts: pd.DataFrame) -> pd.DataFrame:
    """Return several lists as one, by name."""
    rows = [row for part in parts for row in part.to_dict("records")]
    return _typed(pd.DataFrame(sorted(rows, key=lambda row: str(row["id"]))))


def told_of(rows: pd.DataFrame, memory: Sequence[Mapping[str, Any]], withdrawn: int) -> Told:
    """Count what the alerts of a month did since the month before."""
    known = {str(row["id"]): STAGES.index(str(row["stage"])) for row in memory}
    stages = [STAGES.index(stage) for stage in rows["stage"]]
    before = [known.get(name, 0) for name in rows["id"]]
    turned = {
        stage: sum(old not in (0, stage) and now == stage for now, old in zip(stages, before, strict=True))
        for stage in (_SURE, _FINISHED)
    }
    fresh = rows[rows["new"] & rows["listed"]]
    return Told(
        len(fresh),
        float(fresh["area_ha"].sum()),
        turned[_SURE],
        turned[_FINISHED],
        withdrawn,
        int(rows["listed"].sum()),
    )


def remembered(rows: pd.DataFrame) -> dict[str, Any]:
    """Return what the next month has to know, as plain JSON.

    Examples
    --------
    >>> remembered(_typed(pd.DataFrame()))
    {'format': 1, 'alerts': []}
    """
    plain = rows.copy()
    for name in DATES:
        plain[name] = rows[name].dt.strftime("%Y-%m-%d").astype(object).where(rows[name].notna(), None)
    alerts = plain.astype(object).where(plain.notna(), None).to_dict("records")
    return {"format": FORMAT, "alerts": [{str(k): _plain(v) for k, v in row.items()} for row in alerts]}


def memory_of(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read the memory of an earlier month.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        if data["format"] != FORMAT:
            raise InputError(
                f"the memory of alerts has format {data['format']}, wants {FORMAT}; build that month again"
            )
        wanted = {*TYPES, *DATES}
        rows = [{name: row[name] for name in wanted} for row in data["alerts"]]
    except (KeyError, TypeError) as error:
        raise InputError(f"this is no memory of alerts ({error!r}); build that month again") from error
    for row in rows:
        for name in ("area_ha", "magnitude", "loss_percent", "looks"):
            row[name] = np.nan if row[name] is None else float(row[name])
    return rows


def months_between(earlier: str, later: str) -> int:
    """Return the months from one to another.

    Examples
    --------
    >>> months_between("2024-11", "2025-02")
    3
    """
    first, last = (int(text[:4]) * 12 + int(text[5:7]) for text in (earlier, later))
    return last - first


def numbers_of(labels: NDArray[Any], chosen: Sequence[int], numbers: Sequence[int]) -> NDArray[np.uint32]:
    """Return the numbers of alerts (y, x) in place of labels of patches; 0 where there is no alert.

    Examples
    --------
    >>> numbers_of(np.array([[0, 1, 2]], np.int32), [2], [7]).tolist()
    [[0, 0, 7]]
    """
    lookup = np.zeros(int(np.max(labels)) + 1, np.uint32)
    lookup[list(chosen)] = list(numbers)
    return np.asarray(lookup[labels], np.uint32)


def painted(labels: NDArray[np.int32], status: NDArray[np.uint8], values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the value of the patch of each pixel; 0 without a patch, no data where nothing is monitored.

    Examples
    --------
    >>> painted(np.array([[0, 2, 0]], np.int32), np.array([[0, 3, 255]], np.uint8), np.array([7, 9], np.uint8)).tolist()
    [[0, 9, 255]]
    """
    whole = np.concatenate([np.zeros(1, np.uint8), values])[labels]
    whole[status == NODATA] = NODATA
    return np.asarray(whole, np.uint8)


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with every column, each of its type."""
    whole = pd.DataFrame(index=rows.index)
    for name in (*DATES, *TYPES):
        column = rows[name] if name in rows else pd.Series([0] * len(rows), index=rows.index)
        kind = TYPES.get(name)
        whole[name] = pd.to_datetime(column).astype("datetime64[ns]") if kind is None else _column(column, kind)
    return whole[list(COLUMNS)]


def _column(column: pd.Series, kind: str) -> pd.Series:
    return column.astype(object).astype("str").astype(object) if kind == "str" else column.astype(kind)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
