"""Tables: the numbers of zones, one row each, as estimates that say how they were got."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from habitat.contracts.estimate import Estimate
from habitat.imagery.zones.tallies import Tally

_HECTARE = 10_000.0
COLUMNS = (
    *("product", "period", "item", "asset", "band", "statistic", "code", "class"),
    *("value", "unit", "estimator", "low", "high"),
)
"""What a number is of, and the number with its unit, estimator and interval."""


@dataclass(frozen=True)
class Band:
    """One band of one raster in the store."""

    product: str
    """Name of the product."""
    period: str
    """Period of the version read."""
    item: str
    """Version read."""
    asset: str
    """Key of the raster."""
    name: str
    """Name of the band."""
    unit: str = "1"
    """Unit of its values."""
    classes: Mapping[int, str] = field(default_factory=dict)
    """Code to label, of a class raster; empty for measured values."""


def number_rows(
    band: Band, tally: Tally, percentiles: Sequence[float], outside_m2: float = 0.0
) -> list[dict[str, object]]:
    """Return what is told of one band in one zone.

    Of a class raster the area of each class [ha], those that do not occur too; of values mean, sd, min, max and
    percentiles. Of both: area known and unknown [ha], share known [1] and pixels known. What is not there (a mean of
    nothing) has no row.

    Parameters
    ----------
    band : Band
        What was read.
    tally : Tally
        What lies within the zone.
    percentiles : sequence of float [%]
        Which are told.
    outside_m2 : float [m²]
        Part of the zone beyond the raster: it is unknown too.
    """
    unknown = tally.unknown_m2 + outside_m2
    everything = tally.known_m2 + unknown
    rows = [
        _row(band, "known area", tally.known_m2 / _HECTARE, "ha"),
        _row(band, "unknown area", unknown / _HECTARE, "ha"),
        _row(band, "count", tally.count, "pixels"),
    ]
    if everything > 0:
        rows.append(_row(band, "known share", tally.known_m2 / everything, "1"))
    if band.classes:
        codes = sorted({*band.classes, *tally.codes()})
        named = [(code, band.classes.get(code, f"code {code}")) for code in codes]
        return rows + [
            _row(band, "area", tally.area_of(code) / _HECTARE, "ha", code=code, label=label) for code, label in named
        ]
    told = dict(tally.moments())
    told |= {f"p{rank:g}": value for rank, value in zip(percentiles, tally.percentiles(percentiles), strict=bool(told))}
    return rows + [_row(band, name, value, band.unit) for name, value in told.items()]


def _row(
    band: Band, statistic: str, value: float, unit: str, *, code: int | None = None, label: str = ""
) -> dict[str, object]:
    """Return one number; pixels that were only counted have an estimator and no interval."""
    estimate = Estimate.counted(value, unit)
    low, high = estimate.interval or (None, None)
    of = (band.product, band.period, band.item, band.asset, band.name, statistic, code, label)
    return dict(zip(COLUMNS, (*of, estimate.value, estimate.unit, estimate.estimator, low, high), strict=True))


def zone_row(area_m2: float) -> dict[str, object]:
    """Return the size of a zone itself [ha]."""
    return _row(Band("", "", "", "", ""), "zone area", area_m2 / _HECTARE, "ha")


def doubled_hectares(table: pd.DataFrame) -> dict[str, float]:
    """Return by how much zones are larger than what they make together, for each origin [ha]: their overlap.

    Parameters
    ----------
    table : DataFrame
        With ``origin``, ``kind`` (parts are zone and file) and the columns of the numbers.
    """
    sizes = table[table["statistic"] == "zone area"]
    parts = sizes[sizes["kind"].isin(["zone", "file"])].groupby("origin")["value"].sum()
    joint = sizes[sizes["kind"] == "joint"].set_index("origin")["value"]
    return {str(origin): round(float(parts[origin] - size), 4) + 0.0 for origin, size in joint.items()}


def column_of(row: Mapping[str, object]) -> str:
    """Return the name a number has where each zone is one row: product, raster, band, statistic and unit.

    Examples
    --------
    >>> column_of({"product": "change", "asset": "nbr-class", "band": "nbr-class", "statistic": "area",
    ...            "class": "strong decrease", "code": 1, "unit": "ha"})
    'change nbr-class strong-decrease [ha]'
    """
    if row["statistic"] == "zone area":
        return "zone-area [ha]"
    raster = row["asset"] if row["band"] == row["asset"] else f"{row['asset']} {row['band']}"
    what = row["class"] if row["statistic"] == "area" else row["statistic"]
    word = re.sub(r"[^\w]+", "-", str(what).lower()).strip("-")
    unit = "" if row["unit"] in ("", "1") else f" [{row['unit']}]"
    return f"{row['product']} {raster} {word}{unit}"


def wide_table(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return the numbers with one row a zone and one column a number, in the order in which they come.

    Parameters
    ----------
    rows : DataFrame
        As of `number_rows`, with a column that names the zone.
    key : str
        That column.
    """
    named = rows.assign(column=[column_of(row) for row in rows.to_dict("records")])
    wide = named.pivot_table(index=key, columns="column", values="value", aggfunc="first", sort=False)
    return wide.reindex(index=pd.unique(rows[key]), columns=pd.unique(named["column"]))
