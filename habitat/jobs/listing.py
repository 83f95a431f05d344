"""Listing: what is published, what can be made, and whether the files still are what was published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from habitat.contracts.errors import ConfigError, HabitatError
from habitat.imagery.indices import INDICES
from habitat.jobs.config import RUNS, load, run_names
from habitat.jobs.outcomes import shown_path
from habitat.jobs.parameters import Parameter, describe
from habitat.products import PRODUCTS, Product
from habitat.sources.areas.reading import AREAS, area_names, read_area
from habitat.store import Published, Store

Row = dict[str, Any]
"""One entry of a list, plain JSON data."""


def published(store: Path) -> list[Row]:
    """Return the newest version of everything in the store of a folder, by area, period and product.

    Raises
    ------
    PublishError
        If an item cannot be read.
    """
    return [
        _row(one) for one in sorted(Store(store).list(), key=lambda one: (one.area, one.period.first_day, one.product))
    ]


def _row(one: Published) -> Row:
    properties = one.item["properties"]
    return {
        "product": one.product,
        "area": one.area,
        "period": str(one.period),
        "version": one.version,
        "created": properties["created"],
        "gaps": properties.get("habitat:gaps", []),
        "summary": properties.get("habitat:summary", ""),
        "item": shown_path(one.item_path),
    }


def deliverables(products: Mapping[str, Product] | None = None) -> list[Row]:
    """Return every product that can be made, with its parameters and what it needs."""
    known = PRODUCTS if products is None else products
    told = describe(known)
    return [
        {
            "product": product.name,
            "title": product.title,
            "description": product.description,
            "needs": [asdict(need) for need in product.needs],
            "parameters": [one.to_dict() for one in told if one.product == product.name],
        }
        for product in known.values()
    ]


def areas(configs: Path = AREAS) -> list[Row]:
    """Return the named areas; one that cannot be read says why."""
    rows: list[Row] = []
    for name in area_names(configs):
        try:
            area = read_area(name, configs=configs)
        except ConfigError as error:
            rows.append({"area": name, "problem": str(error)})
            continue
        rows.append(
            {
                "area": name,
                "title": area.title,
                "boundary": area.boundary,
                "crs": area.grid.crs,
                "resolution_m": area.grid.resolution_m,
                "shape": list(area.grid.shape),
                "zones": [zone.name for zone in area.zones],
            }
        )
    return rows


def indices() -> list[Row]:
    """Return every spectral index with the bands it needs."""
    return [
        {
            "index": entry.name,
            "title": entry.long_name,
            "bands": list(entry.bands),
            "formula": entry.formula,
            "reference": entry.reference,
        }
        for entry in INDICES.values()
    ]


def configurations(
    names: Sequence[str] = (), products: Mapping[str, Product] | None = None, *, configs: Path = RUNS
) -> list[Row]:
    """Return run configurations with the value of every parameter; one that is wrong says why.

    Parameters
    ----------
    names : sequence of str
        Names or paths; all in the folder by default.
    products : mapping of str to Product, optional
        The products there are; `habitat.products.PRODUCTS` by default.
    configs : Path
        Folder of the named configurations.

    Raises
    ------
    ConfigError
        If none is named and the folder has none.
    """
    known = PRODUCTS if products is None else products
    wanted = names or run_names(configs)
    if not wanted:
        raise ConfigError(f"{configs} holds no run configuration; go to the folder of the checkout or name a file")
    rows: list[Row] = []
    for name in wanted:
        try:
            config = load(name, products=known, configs=configs)
        except ConfigError as error:
            rows.append({"config": name, "valid": False, "problem": str(error)})
            continue
        listed = {product: known[product] for product in config.products}
        rows.append(
            {
                "config": config.name,
                "valid": True,
                "title": config.title,
                "area": config.area,
                "store": shown_path(config.store),
                "digest": config.digest,
                "parameters": [one.to_dict() for one in describe(listed, config.products)],
            }
        )
    return rows


def verified(store: Path, *, every_version: bool = False) -> list[Row]:
    """Compare all published files with their checksums.

    Parameters
    ----------
    store : Path
        Folder of the store.
    every_version : bool
        Old versions too.
    """
    rows = []
    for one in Store(store).list(every_version=every_version):
        try:
            problems = one.problems()
        except HabitatError as error:
            problems = [str(error)]
        rows.append({"item": str(one.id), "problems": problems})
    return rows


def table(rows: Iterable[Row], columns: Sequence[str]) -> str:
    """Return rows as text in columns.

    Examples
    --------
    >>> print(table([{"area": "demo", "zones": ["west", "east"]}], ["area", "zones"]))
    area  zones
    demo  west, east
    """
    cells = [list(columns), *([_cell(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(len(line[number]) for line in cells) for number in range(len(columns))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one.get("what", one)) if isinstance(one, dict) else str(one) for one in value)
    return "" if value is None else str(value)


def parameter_lines(parameters: Iterable[Parameter | Row]) -> list[str]:
    """Return parameters as lines: key, value, type and meaning."""
    lines = []
    for entry in parameters:
        one = entry.to_dict() if isinstance(entry, Parameter) else entry
        default = "" if one["value"] == one["default"] else f", default {_value(one['default'])}"
        lines.append(f"  {one['product']}.{one['name']} = {_value(one['value'])}  [{one['type']}{default}]")
        lines += [f"      {one['meaning']}"] if one["meaning"] else []
    return lines


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def deliverable_lines(rows: Iterable[Row]) -> list[str]:
    """Return products as lines: what each says, needs and may be told."""
    lines = []
    for row in rows:
        needs = [one["product"] + (" of the year before" if one["years_before"] else "") for one in row["needs"]]
        lines += [f"{row['product']}: {row['title']}", f"  {row['description']}"]
        lines += [f"  needs {', '.join(needs)}"] if needs else []
        lines += parameter_lines(row["parameters"])
    return lines


def configuration_lines(rows: Iterable[Row]) -> list[str]:
    """Return run configurations as lines: what is wrong, or every setting."""
    lines = []
    for row in rows:
        if row["valid"]:
            lines.append(f"{row['config']}: all is well; products go to {row['store']}")
            lines += parameter_lines(row["parameters"])
        else:
            lines.append(row["problem"])
    return lines


def verified_lines(rows: Sequence[Row]) -> list[str]:
    """Return what a verification found as lines."""
    wrong = [f"{row['item']}: {problem}" for row in rows for problem in row["problems"]]
    sound = sum(not row["problems"] for row in rows)
    return [*wrong, f"{sound} of {len(rows)} versions are as they were published"]
