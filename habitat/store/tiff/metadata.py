"""GDAL's metadata in a TIFF: scale, units, names and statistics of bands, tags of the whole, colours."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import PublishError
from habitat.contracts.raster_spec import RasterSpec
from habitat.store.tiff.directories import COLOR_MAP, SHORT, Tag, number_tag, text_tag

TEXT_TAGS = {
    "TIFFTAG_DOCUMENTNAME": 269,
    "TIFFTAG_IMAGEDESCRIPTION": 270,
    "TIFFTAG_SOFTWARE": 305,
    "TIFFTAG_DATETIME": 306,
    "TIFFTAG_ARTIST": 315,
    "TIFFTAG_HOSTCOMPUTER": 316,
    "TIFFTAG_COPYRIGHT": 33432,
}
"""Dataset tags that GDAL keeps in TIFF fields of their own."""

# XML 1.0 has no way to write these, escaped or not.
UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Control characters, lone surrogates and two non-characters."""


@dataclass(frozen=True)
class BandStatistics:
    """Statistics of the valid pixels of one band, in stored codes."""

    count: int
    """Valid pixels."""
    valid_share: float
    """Valid pixels per pixel [1]."""
    minimum: float
    """NaN without a valid pixel, as the three below."""
    maximum: float
    mean: float
    deviation: float
    """Standard deviation of the population, as GDAL computes it."""


def band_statistics(parts: Sequence[tuple[int, float, float, float, float]], pixels: int) -> BandStatistics:
    """Return the statistics of a band from those of its blocks, the same in whatever order they were made.

    Parameters
    ----------
    parts : sequence of (count, minimum, maximum, sum, squared deviation from the block's mean)
        As `habitat.store.tiff.kernels.block_statistics` returns them.
    pixels : int
        Pixels of the band.

    Examples
    --------
    >>> band_statistics([(2, 1.0, 3.0, 4.0, 2.0), (1, 5.0, 5.0, 5.0, 0.0)], 4)
    BandStatistics(count=3, valid_share=0.75, minimum=1.0, maximum=5.0, mean=3.0, deviation=1.632993161855452)
    """
    filled = [part for part in parts if part[0]]
    count = sum(part[0] for part in filled)
    if not count:
        return BandStatistics(0, 0.0, math.nan, math.nan, math.nan, math.nan)
    low, high = min(part[1] for part in filled), max(part[2] for part in filled)
    try:
        # fsum is rounded once, so the order of the blocks cannot show.
        mean = math.fsum(part[3] for part in filled) / count
        spread = math.fsum(
            term for number, _, _, total, inner in filled for term in (inner, number * (total / number - mean) ** 2)
        )
    except (OverflowError, ValueError):  # sums of float64 near its end
        mean = spread = math.nan
    return BandStatistics(count, count / pixels, low, high, mean, math.sqrt(spread / count))


def metadata_xml(spec: RasterSpec, statistics: Sequence[BandStatistics], tags: Mapping[str, str]) -> str:
    """Return the text of the GDAL_METADATA field.

    Raises
    ------
    PublishError
        If a name or value holds a control character.
    """
    items = [_item(name, value, "") for name, value in sorted(tags.items()) if name not in TEXT_TAGS]
    for sample, (band, numbers) in enumerate(zip(spec.bands, statistics, strict=True)):
        place = f' sample="{sample}"'
        if math.isfinite(numbers.deviation):
            items += [
                _item("STATISTICS_MAXIMUM", _number(numbers.maximum), place),
                _item("STATISTICS_MEAN", _number(numbers.mean), place),
                _item("STATISTICS_MINIMUM", _number(numbers.minimum), place),
                _item("STATISTICS_STDDEV", _number(numbers.deviation), place),
            ]
        items.append(_item("STATISTICS_VALID_PERCENT", f"{100 * numbers.valid_share:.4g}", place))
        if band.center_um is not None:
            items.append(_item("CENTRAL_WAVELENGTH_UM", _number(band.center_um), f'{place} domain="IMAGERY"'))
        items += [
            _item("OFFSET", _number(band.offset), f'{place} role="offset"'),
            _item("SCALE", _number(band.scale), f'{place} role="scale"'),
            _item("UNITTYPE", band.units, f'{place} role="unittype"'),
            _item("DESCRIPTION", band.description or band.name, f'{place} role="description"'),
        ]
    return "<GDALMetadata>\n" + "".join(items) + "</GDALMetadata>\n"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))


def _item(name: str, value: str, attributes: str) -> str:
    if UNWRITABLE.search(name + value):
        raise PublishError(f"tag {name!r} holds a control character; remove it from its name or value {value!r}")
    # GDAL escapes values before it puts them into XML and undoes both when reading.
    return f"  <Item name={quoteattr(name)}{attributes}>{escape(escape(value))}</Item>\n"


def text_tags(tags: Mapping[str, str]) -> list[Tag]:
    """Return the dataset tags that have TIFF fields of their own, e.g. ``TIFFTAG_SOFTWARE``."""
    for name, value in tags.items():
        if UNWRITABLE.search(name + value):
            raise PublishError(f"tag {name!r} holds a control character; remove it from its name or value {value!r}")
    return [text_tag(TEXT_TAGS[name], value) for name, value in sorted(tags.items()) if name in TEXT_TAGS]


def colour_table(spec: RasterSpec) -> NDArray[np.uint8] | None:
    """Return red, green and blue of the 256 codes (256, 3), black where no class has the code; None without classes."""
    if not spec.classes:
        return None
    table = np.zeros((256, 3), dtype=np.uint8)
    for code, colour, _ in spec.classes:
        table[code] = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    return table


def colour_tag(table: NDArray[np.uint8]) -> Tag:
    """Return the ColorMap field: all reds, all greens, all blues, spread over 16 bits."""
    return number_tag(COLOR_MAP, SHORT, table.T.astype(np.uint16) * 257)


def nodata_text(nodata: float) -> str:
    """Return a nodata code as GDAL writes it.

    Examples
    --------
    >>> nodata_text(-32768.0), nodata_text(float("nan"))
    ('-32768', 'nan')
    """
    return "nan" if math.isnan(nodata) else _number(nodata)
