"""Samples: points to be labelled, as files for a GIS, a spreadsheet or a globe, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import geopandas as gpd

from habitat.contracts.errors import ConfigError
from habitat.store.disk import write_atomically
from habitat.store.vectors import write_vectors

ENDINGS = (".gpkg", ".geojson", ".csv", ".kml")
_WGS84 = "EPSG:4326"
_DIGITS = 7


def write_samples(path: Path, table: gpd.GeoDataFrame) -> None:
    """Write points to be labelled, replacing a file of that name at once.

    Parameters
    ----------
    path : Path
        Ends in .gpkg, .geojson, .csv (UTF-8, with longitude and latitude) or .kml (a placemark for each point, its
        name the id; write the class into its description).
    table : GeoDataFrame of points
        With a coordinate system and the column ``id``; other columns go along.

    Raises
    ------
    ConfigError
        If the ending is another one, or the table has no id or coordinate system.
    PublishError
        If it cannot be written; a file that was there stands then.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ConfigError(f"{path.name} ends in {path.suffix!r}, wants {', '.join(ENDINGS)}")
    if "id" not in table.columns or table.crs is None:
        raise ConfigError(f"the table for {path.name} wants a column id and a coordinate system")
    if ending in (".gpkg", ".geojson"):
        write_vectors(path, table)
        return
    located = table.drop(columns=table.geometry.name).assign(**_degrees(table))
    write_atomically(path, (_csv(located) if ending == ".csv" else _kml(path.stem, located)).encode())


def _degrees(table: gpd.GeoDataFrame) -> dict[str, list[float]]:
    points = table.geometry.to_crs(_WGS84)
    return {"longitude": points.x.round(_DIGITS).tolist(), "latitude": points.y.round(_DIGITS).tolist()}


def _csv(located: gpd.GeoDataFrame) -> str:
    # A spreadsheet takes a file for UTF-8 only if it begins with this mark.
    return "\ufeff" + str(located.to_csv(index=False, lineterminator="\n"))


def _kml(title: str, located: gpd.GeoDataFrame) -> str:
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<kml xmlns="http://www.opengis.net/kml/2.2">',
        f"<Document><name>{escape(title)}</name>",
    ]
    shown = [name for name in located.columns if name not in ("id", "longitude", "latitude")]
    for row in located.to_dict("records"):
        data = "".join(f"<Data name={quoteattr(name)}><value>{escape(str(row[name]))}</value></Data>" for name in shown)
        place = f"{row['longitude']:.{_DIGITS}f},{row['latitude']:.{_DIGITS}f}"
        lines.append(
            f"<Placemark><name>{escape(str(row['id']))}</name><description></description>"
            f"<ExtendedData>{data}</ExtendedData><Point><coordinates>{place}</coordinates></Point></Placemark>"
        )
    return "\n".join([*lines, "</Document></kml>", ""])
