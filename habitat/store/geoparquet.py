"""GeoParquet: tables of outlines in columns, whole or not at all, the same bytes for the same table."""

from __future__ import annotations

import io
from pathlib import Path

import geopandas as gpd
import pyarrow as pa

from habitat.contracts.errors import ConfigError, PublishError
from habitat.store.disk import write_atomically


def write_geoparquet(path: Path, table: gpd.GeoDataFrame) -> None:
    """Write a table of outlines as GeoParquet 1.1, replacing a file of that name at once.

    Parameters
    ----------
    path : Path
        Ends in .parquet.
    table : GeoDataFrame
        With a coordinate system; it may have no rows.

    Raises
    ------
    ConfigError
        If the ending is another one or the table has no coordinate system.
    PublishError
        If it cannot be written; a file that was there stands then.
    """
    if path.suffix.lower() != ".parquet":
        raise ConfigError(f"{path.name} ends in {path.suffix!r}, wants .parquet")
    if table.crs is None:
        raise ConfigError(f"the table for {path.name} has no coordinate system; set its crs first")
    content = io.BytesIO()
    try:
        table.to_parquet(content, index=False, compression="zstd", schema_version="1.1.0", write_covering_bbox=True)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise PublishError(f"the table for {path.name} cannot be written as GeoParquet: {error}") from error
    write_atomically(path, content.getvalue())
