"""Scorecard: what the toolkit says against what is true, row by row, as a table, as JSON and against a stored one."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import Any, Literal

import numpy as np
from scipy.special import stdtrit

from habitat.contracts.errors import ConfigError

Better = Literal["lower", "higher", "zero"]
"""Which values of a measure are good ones; zero is for measures that may err to both sides."""
WIDTH = 120
"""Columns of the table."""
_ADVICE = "write one with: habitat twin score --output FILE"
_FORMAT = 1
_DIGITS = 6
_MANY = 1_000_000
_HEAD = ("product", "measure", "", "value", "95 %", "naive", "floor", "goal", "n")
_LEFT = ("product", "measure", "")
_ALWAYS_SHOWN = ("product", "measure", "value", "n")
_SIGNS: dict[Better, str] = {"lower": "<", "higher": ">", "zero": "0"}
_MEANINGS: dict[Better, str] = {"lower": "lower", "higher": "higher", "zero": "nearer to zero"}
_NUMBERS = ("value", "baseline", "floor", "goal")


@dataclass(frozen=True)
class Row:
    """One measure of one product; numbers that are not finite become None.

    Examples
    --------
    >>> row = Row("composite", "RMSE nir", "1", "lower", 0.02, n=4096, baseline=0.08, goal=0.015)
    >>> row.reached
    False
    """

    product: str
    """Product or part of the chain that is measured."""
    measure: str
    """What is measured; product and measure together name the row."""
    unit: str
    """Unit of all numbers but `n`; ``1`` or ``%``."""
    better: Better
    """Which way is good."""
    value: float | None
    """The measure; None where it could not be had."""
    n: int = 0
    """Pixels or events behind it."""
    interval: tuple[float, float] | None = None
    """Limits within which the mean over all seeds lies with 95 %; None of a single twin."""
    baseline: float | None = None
    """The same measure of the method everyone would write first."""
    baseline_method: str = ""
    """That method, on one line."""
    floor: float | None = None
    """Best that could be had from the same scenes; None if not known."""
    goal: float | None = None
    """What is wanted; None if nothing is."""
    tolerance: float = 0.0
    """By how much it may get worse before that is told."""
    note: str = ""
    """What to know about it."""

    def __post_init__(self) -> None:
        for name in _NUMBERS:
            number = getattr(self, name)
            object.__setattr__(self, name, float(number) if number is not None and math.isfinite(number) else None)

    @property
    def key(self) -> tuple[str, str]:
        """What names the row in every card."""
        return self.product, self.measure

    @property
    def reached(self) -> bool | None:
        """Whether the value is as good as its goal; None without a goal."""
        if self.goal is None:
            return None
        return self.value is not None and self.worse_by(self.goal, self.value) <= 0

    def worse_by(self, before: float, after: float) -> float:
        """By how much one value is worse than another, negative where it is better."""
        signed = {"lower": after - before, "higher": before - after, "zero": abs(after) - abs(before)}
        return signed[self.better]

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain JSON data, numbers rounded to six digits."""
        content = asdict(self) | {name: _rounded(getattr(self, name)) for name in (*_NUMBERS, "tolerance")}
        content["interval"] = None if self.interval is None else [_rounded(limit) for limit in self.interval]
        return content | {"reached": self.reached}


@dataclass(frozen=True)
class Scorecard:
    """All rows of one twin, or the means over several.

    Raises
    ------
    ConfigError
        If two rows have one name.
    """

    size: str
    """Size of the twins."""
    seeds: tuple[int, ...]
    """Their seeds."""
    period: str
    """Period the products are of."""
    rows: tuple[Row, ...]
    """The measures, in a fixed order."""

    def __post_init__(self) -> None:
        keys = [row.key for row in self.rows]
        double = sorted({key for key in keys if keys.count(key) > 1})
        if double:
            raise ConfigError(f"the scorecard holds rows twice: {double}; name one of them otherwise")

    def row(self, product: str, measure: str) -> Row:
        """Return one row.

        Raises
        ------
        KeyError
            If there is none of that name.
        """
        return {row.key: row for row in self.rows}[product, measure]

    def to_dict(self) -> dict[str, Any]:
        """Return the card as plain JSON data."""
        head = {"habitat_scorecard": _FORMAT, "size": self.size, "seeds": list(self.seeds), "period": self.period}
        return head | {"rows": [row.to_dict() for row in self.rows]}

    def to_json(self) -> str:
        """Return the card as JSON text in which rows and keys always have the same order."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Scorecard:
        """Read a card back.

        Raises
        ------
        ConfigError
            If the text is no scorecard.
        """
        try:
            content = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"the text is no scorecard ({error}); {_ADVICE}") from error
        return cls.from_dict(content)

    @classmethod
    def from_dict(cls, content: Any) -> Scorecard:
        """Make a card of the plain JSON data of `to_dict`.

        Raises
        ------
        ConfigError
            If it is no scorecard.
        """
        try:
            if content["habitat_scorecard"] != _FORMAT:
                raise ValueError(f"its format is {content['habitat_scorecard']!r}, wants {_FORMAT}")
            rows = tuple(_row(entry) for entry in content["rows"])
            return cls(str(content["size"]), tuple(map(int, content["seeds"])), str(content["period"]), rows)
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"this is no scorecard ({error!r}); {_ADVICE}") from error

    def table(self) -> str:
        """Return the card as aligned plain text of at most 120 columns, what the numbers mean below it."""
        seeds = ", ".join(map(str, self.seeds))
        title = f"Made-up landscape, size {self.size}, seed{'s' * (len(self.seeds) > 1)} {seeds}, {self.period}"
        return "\n".join([title, "", *_lines(self.rows), *_legend(self.rows)])


def mean_card(cards: Sequence[Scorecard]) -> Scorecard:
    """Means over twins of different seeds, with the 95 % interval of Student's t.

    A row that some of the twins do not have (no snow, no fire) is the mean of those that have it.

    Raises
    ------
    ConfigError
        If there are no cards, or they are not of one size and period, or of one seed twice.
    """
    if not cards:
        raise ConfigError("there are no scorecards to take means of; name at least one seed")
    if len({(card.size, card.period) for card in cards}) > 1:
        raise ConfigError("the scorecards are of different sizes or periods; score twins of one kind")
    seeds = tuple(chain.from_iterable(card.seeds for card in cards))
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f"seeds {list(seeds)} hold one twice; name each once")
    if len(cards) == 1:
        return cards[0]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in chain.from_iterable(card.rows for card in cards):
        groups.setdefault(row.key, []).append(row)
    products = list(dict.fromkeys(product for product, _ in groups))
    # What only a later twin has still stands beside its like.
    ordered = sorted(groups.values(), key=lambda rows: products.index(rows[0].product))
    return Scorecard(cards[0].size, seeds, cards[0].period, tuple(_mean(rows, len(cards)) for rows in ordered))


def t_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % confidence interval of the mean of a few values; None for fewer than two.

    Examples
    --------
    >>> low, high = t_interval([1.0, 2.0, 3.0])
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    """
    count = len(values)
    if count < 2:
        return None
    centre = float(np.mean(values))
    half = float(stdtrit(count - 1, 0.975) * np.std(values, ddof=1) / math.sqrt(count))
    return centre - half, centre + half


def compare(stored: Scorecard, new: Scorecard) -> list[str]:
    """Tell what got worse by more than its tolerance, a sentence each; nothing if all is as good as it was.

    Rows that only the new card has are no matter; rows that it lost are.

    Raises
    ------
    ConfigError
        If the cards are not of the same twins and period.
    """
    for name, was, now in (
        ("size", stored.size, new.size),
        ("seeds", stored.seeds, new.seeds),
        ("period", stored.period, new.period),
    ):
        if was != now:
            raise ConfigError(f"the stored scorecard has {name} {was}, the new one {now}; score the same twins")
    known = {row.key: row for row in new.rows}
    return [text for row in stored.rows for text in _worse(row, known.get(row.key))]


def _worse(stored: Row, new: Row | None) -> list[str]:
    name = f"{stored.product}: {stored.measure}"
    if stored.value is None:
        return []
    if new is None or new.value is None:
        why = f" ({new.note})" if new is not None and new.note else ""
        return [f"{name} was {_number(stored, stored.value)}, now there is no value{why}"]
    # Stored numbers are rounded, so the last digit of both counts for nothing.
    slack = stored.tolerance + 10.0**-_DIGITS * max(abs(stored.value), abs(new.value))
    if stored.worse_by(stored.value, new.value) <= slack:
        return []
    was, now = _number(stored, stored.value), _number(stored, new.value)
    return [f"{name} was {was}, now {now} {stored.unit}; it may get {_number(stored, stored.tolerance)} worse"]


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.{_DIGITS}g}")


def _row(entry: dict[str, Any]) -> Row:
    content = {name: value for name, value in entry.items() if name != "reached"}
    if content["better"] not in ("lower", "higher", "zero"):
        raise ValueError(f"a row is better when {content['better']!r}, wants lower, higher or zero")
    if content["interval"] is not None:
        low, high = content["interval"]
        content["interval"] = float(low), float(high)
    return Row(**content)


def _mean(rows: Sequence[Row], cards: int) -> Row:
    def mean(pick: Callable[[Row], float | None]) -> float | None:
        numbers = [number for row in rows if (number := pick(row)) is not None]
        return float(np.mean(numbers)) if numbers else None

    values = [row.value for row in rows if row.value is not None]
    notes = [rows[0].note] if len({row.note for row in rows}) == 1 else []
    notes += [f"in {len(values)} of {cards} twins"] if len(values) < cards else []
    return replace(
        rows[0],
        value=mean(lambda row: row.value),
        interval=t_interval(values),
        n=sum(row.n for row in rows),
        baseline=mean(lambda row: row.baseline),
        floor=mean(lambda row: row.floor),
        goal=mean(lambda row: row.goal),
        note="; ".join(note for note in notes if note),
    )


def _number(row: Row, number: float | None) -> str:
    if number is None:
        return "-"
    return f"{number:.2f}" if row.unit == "%" else f"{number:.4f}"


def _count(number: int) -> str:
    return f"{number:,}" if number < _MANY else f"{number / 1000:,.0f} k"


def _cells(row: Row) -> tuple[str, ...]:
    spread = "" if row.interval is None else f"± {_number(row, (row.interval[1] - row.interval[0]) / 2)}"
    goal = "" if row.goal is None else f"{_number(row, row.goal)} {'reached' if row.reached else 'missed'}"
    value, baseline, floor = (_number(row, number) for number in (row.value, row.baseline, row.floor))
    measure = f"{row.measure} [{row.unit}]"
    return row.product, measure, _SIGNS[row.better], value, spread, baseline, floor, goal, _count(row.n)


def _lines(rows: Sequence[Row]) -> list[str]:
    lines = [_HEAD, *map(_cells, rows)]
    columns = [
        index for index, name in enumerate(_HEAD) if name in _ALWAYS_SHOWN or any(line[index] for line in lines[1:])
    ]
    widths = {index: max(len(line[index]) for line in lines) for index in columns}
    laid = [
        "  ".join(
            line[index].ljust(widths[index]) if _HEAD[index] in _LEFT else line[index].rjust(widths[index])
            for index in columns
        ).rstrip()
        for line in lines
    ]
    return [laid[0], "-" * max(map(len, laid)), *laid[1:]]


def _legend(rows: Sequence[Row]) -> list[str]:
    naive: dict[str, list[str]] = {}
    for row in rows:
        if row.baseline_method:
            naive.setdefault(row.baseline_method, []).append(row.product)
    told = [f"{', '.join(dict.fromkeys(products))}: {method}" for method, products in naive.items()]
    notes: dict[str, list[str]] = {}
    for row in rows:
        if row.note:
            notes.setdefault(row.note, []).append(f"{row.product} {row.measure}")
    remarks = [f"{', '.join(names)}: {note}" for note, names in notes.items()]
    signs = ", ".join(f"{sign} {_MEANINGS[better]}" for better, sign in _SIGNS.items())
    return [
        "",
        f"better is: {signs}; ± is half of the 95 % interval of the mean over seeds",
        *_section("naive methods", told),
        *_section("notes", remarks),
    ]


def _section(title: str, texts: Sequence[str]) -> list[str]:
    wrapped = chain.from_iterable(
        textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ") for text in texts
    )
    return ["", title, *wrapped] if texts else []
