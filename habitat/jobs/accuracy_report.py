"""The report of an accuracy estimate: as lines and a table for people, as JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from habitat.accuracy.estimators import Accuracy
from habitat.contracts.estimate import Estimate

_COLUMNS = ("class", "mapped [ha]", "area [ha]", "user's accuracy", "producer's accuracy")
_ENDS = ("", "_low", "_high", "_se")


@dataclass(frozen=True, eq=False)
class AccuracyReport:
    """What became of an estimate.

    Parameters
    ----------
    labels, map_name : str
        Names of the files; where they lie is nobody's business.
    map_digest : str
        Of the map's pixels.
    design : str, optional
        Name of the design's file, if there is one.
    points, unlabelled : int
        Points of the sample, and those that nobody has labelled.
    mapped : mapping of str to Estimate
        Area of each class on the map: counted, unvalidated.
    found : Accuracy
        Areas and accuracies with intervals.
    software : mapping of str to str
        Versions of the programs.
    """

    labels: str
    map_name: str
    map_digest: str
    design: str | None
    points: int
    unlabelled: int
    mapped: Mapping[str, Estimate]
    found: Accuracy
    software: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        found = self.found
        classes = {
            name: {
                "mapped_area": _plain(self.mapped.get(name)),
                "area": _plain(found.areas[name]) | _error(found.errors["areas"].get(name)),
                "users_accuracy": _plain(found.users[name]) | _error(found.errors["users"].get(name)),
                "producers_accuracy": _plain(found.producers[name]) | _error(found.errors["producers"].get(name)),
            }
            for name in found.classes
        }
        return {
            "labels": self.labels,
            "map": {"name": self.map_name, "digest": self.map_digest},
            "design": self.design,
            "points": self.points,
            "labelled": found.n,
            "unlabelled": self.unlabelled,
            "overall_accuracy": _plain(found.overall) | _error(found.errors["overall"]["overall"]),
            "classes": classes,
            "matrix": {
                "rows": "map",
                "columns": "reference",
                "order": list(found.classes),
                "shares": found.matrix.tolist(),
            },
            "notes": list(found.notes),
            "software": dict(self.software),
        }

    def json(self) -> str:
        """Return everything as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def csv(self) -> str:
        """Return the classes as CSV with a row for each and one for the overall accuracy; empty means unknown."""
        found, out = self.found, io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        groups = ("area_ha", "users_accuracy", "producers_accuracy", "overall_accuracy")
        wide = [f"{group}{end}" for group in groups for end in _ENDS]
        writer.writerow(["class", "mapped_ha", *wide, "estimator", "level", "n"])
        told = [found.overall.estimator, found.overall.level, found.n]
        for name in found.classes:
            cells = [
                *_cells(found.areas[name], found.errors["areas"].get(name)),
                *_cells(found.users[name], found.errors["users"].get(name)),
                *_cells(found.producers[name], found.errors["producers"].get(name)),
            ]
            mapped = self.mapped.get(name)
            writer.writerow([name, "" if mapped is None else mapped.value, *cells, "", "", "", "", *told])
        overall = _cells(found.overall, found.errors["overall"]["overall"])
        writer.writerow(["(overall)", *[""] * 13, *overall, *told])
        return out.getvalue()

    def text(self) -> str:
        """Return everything in lines."""
        found = self.found
        blank = f", {self.unlabelled} without a label" if self.unlabelled else ""
        rows: list[tuple[str, ...]] = [_COLUMNS]
        for name in found.classes:
            mapped = self.mapped.get(name)
            numbers = (mapped, found.areas[name], found.users[name], found.producers[name])
            rows.append((name, *("-" if one is None else one.figure for one in numbers)))
        widths = [max(len(row[place]) for row in rows) for place in range(len(_COLUMNS))]
        table = [
            "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(wide) for cell, wide in zip(row[1:], widths[1:], strict=True))]
            )
            for row in rows
        ]
        counted = next(iter(self.mapped.values())).estimator
        return "\n".join(
            [
                f"{self.map_name}: {self.points} points of {self.labels}{blank}",
                *table,
                f"overall accuracy {found.overall}",
                f"mapped: {counted}; intervals: {100 * found.overall.level:g} %, {found.overall.estimator}",
                *found.notes,
            ]
        )


def _plain(one: Estimate | None) -> dict[str, Any]:
    return {"value": None} if one is None else one.to_dict()


def _error(error: float | None) -> dict[str, Any]:
    return {} if error is None else {"standard_error": error}


def _cells(one: Estimate | None, error: float | None) -> list[float | str]:
    if one is None or one.interval is None:
        return ["", "", "", ""]
    return [one.value, *one.interval, "" if error is None else error]
