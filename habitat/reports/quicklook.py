"""Quicklook: one map as a PNG with title, legend and scale bar."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from habitat.contracts.errors import GridMismatch
from habitat.contracts.grid import Grid
from habitat.contracts.legend import NODATA_COLOUR, Legend

DPI = 130
LONGEST = 7.0
"""Longest side of the map [inch]."""

_LEAST = 2.6
"""Shortest side of the map [inch], so that legend and title keep their room beside narrow areas."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 0.2, 2.2, 0.6, 0.4
_STRIPS = 256
_INK, _GREY, _HATCH = "#1a1a1a", "#595959", "#b0b0b0"
_CHINESE = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Zen Hei")


def quicklook(
    path: Path,
    image: NDArray[Any],
    *,
    title: str,
    legend: Legend,
    grid: Grid,
    units: str = "",
    unknown: NDArray[np.bool_] | None = None,
) -> None:
    """Draw a raster with its legend into a PNG file; equal input gives equal bytes.

    Parameters
    ----------
    path : Path
        The file to write.
    image : array (y, x) or (3, y, x)
        Physical values for a legend of stops, codes for one of classes, and the three bands shown red,
        green and blue for one of channels. NaN is unknown. An overview of the grid will do.
    title : str
        What the map shows, of where and when.
    legend : Legend
        The colours.
    grid : Grid
        What the image covers.
    units : str
        Units beside the colour bar; empty or ``1`` writes none.
    unknown : boolean array (y, x), optional
        Pixels without a value, where the image itself cannot say so by NaN.

    Raises
    ------
    GridMismatch
        If the shape of the image fits neither the legend nor the grid.
    """
    bands = 3 if legend.channels else 1
    stack = image[np.newaxis] if image.ndim == 2 else image
    if stack.ndim != 3 or stack.shape[0] != bands:
        raise GridMismatch(f"image has shape {image.shape}, wants {'(3, y, x)' if bands == 3 else '(y, x)'}")
    rows, columns = grid.shape
    if abs(stack.shape[1] / stack.shape[2] * columns / rows - 1) > 1 / min(stack.shape[1:]):
        raise GridMismatch(f"image of {stack.shape[1:]} pixels does not cover a grid of {grid.shape}")
    missing = np.isnan(stack).any(axis=0) if stack.dtype.kind == "f" else np.zeros(stack.shape[1:], dtype=bool)
    missing = missing | unknown if unknown is not None else missing

    sheet = _Sheet.of(grid, entries=len(legend.classes))
    axes = sheet.map_axes(grid)
    if legend.classes:
        end = _draw_classes(sheet, axes, stack[0], missing, legend)
    elif legend.channels:
        end = _draw_composite(sheet, axes, stack, missing, legend)
    else:
        end = _draw_values(sheet, axes, stack[0], missing, legend, units)
    sheet.write_nodata_key(float(missing.mean()), end)
    sheet.write_title(title, grid)
    sheet.draw_scale_bar(grid)
    FigureCanvasAgg(sheet.figure)
    # Without its name and version in the file, another release of matplotlib does not change the bytes.
    sheet.figure.savefig(path, dpi=DPI, format="png", metadata={"Software": None}, pil_kwargs={"compress_level": 4})


@dataclass
class _Sheet:
    """A sheet of paper in inches: title on top, map on the left, legend on the right."""

    figure: Figure
    width: float
    height: float
    map_width: float
    map_height: float

    @classmethod
    def of(cls, grid: Grid, *, entries: int = 0) -> _Sheet:
        """Return a sheet that fits a grid's shape and a legend of so many entries."""
        rows, columns = grid.shape
        scale = LONGEST / max(rows, columns)
        map_width, map_height = max(columns * scale, _LEAST), max(rows * scale, _LEAST, 0.27 * entries + 1.0)
        width, height = _LEFT + map_width + _RIGHT, _TOP + map_height + _BOTTOM
        return cls(Figure(figsize=(width, height), facecolor="white"), width, height, map_width, map_height)

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Return axes at a place in inches from the lower left corner."""
        box = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box)

    def map_axes(self, grid: Grid) -> Axes:
        """Return the axes of the map in metres, hatched where nothing will be drawn."""
        axes = self.axes(_LEFT, _BOTTOM, self.map_width, self.map_height)
        west, south, east, north = grid.bounds
        axes.set_xlim(west, east)
        axes.set_ylim(south, north)
        axes.set_aspect("equal", anchor="NW")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.add_patch(Rectangle((west, south), east - west, north - south, zorder=0, **_hatched()))
        for spine in axes.spines.values():
            spine.set_color(_GREY)
            spine.set_linewidth(0.6)
        return axes

    @property
    def legend_left(self) -> float:
        """Where the legend begins [inch]."""
        return _LEFT + self.map_width + 0.25

    @property
    def legend_top(self) -> float:
        """Where the legend begins from below [inch]."""
        return _BOTTOM + self.map_height

    def text(self, left: float, bottom: float, text: str, **style: Any) -> None:
        """Write text at a place in inches."""
        font = FontProperties(family=_families(), size=style.pop("size", 8), weight=style.pop("weight", "normal"))
        fixed: dict[str, Any] = {"color": _INK, "parse_math": False}
        self.figure.text(left / self.width, bottom / self.height, text, fontproperties=font, **(fixed | style))

    def swatch(self, left: float, bottom: float, **style: Any) -> None:
        """Draw one key of a legend."""
        box = (left / self.width, bottom / self.height)
        size = (0.24 / self.width, 0.16 / self.height)
        self.figure.add_artist(Rectangle(box, *size, transform=self.figure.transFigure, **style))

    def write_title(self, title: str, grid: Grid) -> None:
        """Write title and grid above the map."""
        # Bold letters are about 0.66 of their size wide; a long title shrinks rather than runs off the sheet.
        fitting = (self.width - 2 * _LEFT) * 72 / (0.66 * max(len(title), 1))
        size = min(11.0, max(6.0, fitting))
        self.text(_LEFT, self.height - 0.22, title, size=size, weight="bold", va="center")
        code = f"EPSG:{grid.epsg}" if grid.epsg else "own projection"
        text = f"{code}, pixels of {grid.resolution_m:g} m"
        self.text(_LEFT, self.height - 0.45, text, size=7.5, color=_GREY, va="center")

    def write_heading(self, text: str) -> float:
        """Write the heading of the legend and return where it ends [inch from below]."""
        lines = textwrap.wrap(text, 22) or [""]
        for number, line in enumerate(lines):
            place = self.legend_top - 0.08 - 0.18 * number
            self.text(self.legend_left, place, line, size=9, weight="bold", va="center")
        return self.legend_top - 0.16 - 0.18 * (len(lines) - 1)

    def write_nodata_key(self, share: float, top: float) -> None:
        """Explain the hatching at the foot of the legend."""
        place = max(_BOTTOM, min(top - 0.4, self.legend_top))
        self.swatch(self.legend_left, place, **_hatched(edge=0.5))
        self.text(self.legend_left + 0.34, place + 0.08, f"no data ({_percent(share)})", va="center")

    def draw_scale_bar(self, grid: Grid) -> None:
        """Draw a bar of a round length below the map, where it hides nothing."""
        metres = max(grid.shape) * grid.resolution_m / LONGEST
        length = bar_length(metres)
        bottom, high = 0.17, 0.06
        for half, colour in ((0, _INK), (1, "white")):
            left = _LEFT + half * length / metres / 2
            box, size = (
                (left / self.width, bottom / self.height),
                (length / metres / 2 / self.width, high / self.height),
            )
            part = Rectangle(box, *size, transform=self.figure.transFigure)
            part.set(facecolor=colour, edgecolor=_INK, linewidth=0.6)
            self.figure.add_artist(part)
        text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
        self.text(_LEFT + length / metres + 0.08, bottom + high / 2, text, va="center")


def _hatched(edge: float = 0.0) -> dict[str, Any]:
    return {"facecolor": NODATA_COLOUR, "edgecolor": _HATCH, "hatch": "//////", "linewidth": edge}


def _families() -> list[str]:
    """Return the fonts at hand that write Latin, Cyrillic and, if one is installed, Chinese."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _CHINESE if name in installed)]


def _percent(share: float) -> str:
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.1f} %" if share < 0.995 or share == 1 else "> 99 %"


def _step(shape: tuple[int, ...]) -> int:
    """Return how many pixels of the image become one of the picture."""
    return max(1, math.floor(max(shape[-2:]) / (LONGEST * DPI)))


def _thinned(values: NDArray[Any], missing: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return an image small enough to draw, every pixel the mean of the known ones it stands for."""
    step = _step(values.shape)
    known = np.where(missing, np.nan, values).astype(np.float32)
    if step == 1:
        return known
    rows, columns = (-(-size // step) * step for size in known.shape)
    whole = np.full((rows, columns), np.nan, dtype=np.float32)
    whole[: known.shape[0], : known.shape[1]] = known
    cells = whole.reshape(rows // step, step, columns // step, step)
    count = np.isfinite(cells).sum(axis=(1, 3))
    total = np.nansum(cells, axis=(1, 3), dtype=np.float64)
    thinned: NDArray[np.float32] = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
    return thinned


def _show(axes: Axes, picture: NDArray[Any], how: str = "antialiased") -> None:
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    axes.imshow(picture, extent=(west, east, south, north), origin="upper", interpolation=how, zorder=1)
    axes.set_aspect("equal", anchor="NW")


def _draw_values(
    sheet: _Sheet, axes: Axes, values: NDArray[Any], missing: NDArray[np.bool_], legend: Legend, units: str
) -> float:
    low, high = legend.span
    places = [((value - low) / (high - low), colour) for value, colour, _ in legend.stops]
    colours = LinearSegmentedColormap.from_list(legend.name, places, N=1024)
    known, thinned = values[~missing], _thinned(values, missing)
    picture = colours(np.clip((np.nan_to_num(thinned, nan=low) - low) / (high - low), 0.0, 1.0))
    picture[..., 3] = np.isfinite(thinned)
    _show(axes, picture)

    heading = legend.title + (f" [{units}]" if units not in ("", "1") else "")
    top = sheet.write_heading(heading) - 0.3
    bottom = max(top - 3.2, _BOTTOM + 0.55)
    _draw_bar(sheet.axes(sheet.legend_left, bottom, 0.24, top - bottom), colours, low, high)
    above = f"also > {high:g}" if known.size and known.max() > high else ""
    below = f"also < {low:g}" if known.size and known.min() < low else ""
    for label, beyond, place in ((legend.stops[-1][2], above, top + 0.13), (legend.stops[0][2], below, bottom - 0.14)):
        text = ", ".join(part for part in (label, beyond) if part)
        sheet.text(sheet.legend_left, place, text, size=7.5, color=_GREY, va="center")
    return bottom - 0.14


def _draw_bar(bar: Axes, colours: LinearSegmentedColormap, low: float, high: float) -> None:
    strips = (np.arange(_STRIPS)[:, np.newaxis] + 0.5) / _STRIPS
    bar.imshow(colours(strips), aspect="auto", origin="lower", extent=(0, 1, low, high), interpolation="nearest")
    bar.set_ylim(low, high)
    bar.set_xticks([])
    bar.yaxis.tick_right()
    bar.yaxis.set_major_locator(MaxNLocator(6))
    bar.tick_params(labelsize=8, color=_GREY, labelcolor=_INK, width=0.6)
    for spine in bar.spines.values():
        spine.set_linewidth(0.6)
        spine.set_color(_GREY)


def _draw_classes(sheet: _Sheet, axes: Axes, codes: NDArray[Any], missing: NDArray[np.bool_], legend: Legend) -> float:
    step = _step(codes.shape)
    middle = slice(step // 2, None, step)
    small, gone = codes[middle, middle], missing[middle, middle]
    picture = np.zeros((*small.shape, 4), dtype=np.uint8)
    place = sheet.write_heading(legend.title) + 0.08
    known = max(int((~missing).sum()), 1)
    for code, colour, label in legend.classes:
        here = (small == code) & ~gone
        picture[here] = [*(int(colour[start : start + 2], 16) for start in (1, 3, 5)), 255]
        place -= 0.27
        sheet.swatch(sheet.legend_left, place - 0.08, facecolor=colour, edgecolor=_GREY, linewidth=0.5)
        share = _percent(float(((codes == code) & ~missing).sum()) / known)
        sheet.text(sheet.legend_left + 0.34, place, f"{label or code}  {share}", va="center")
    sheet.text(sheet.legend_left, place - 0.24, "shares of the pixels with data", size=7, color=_GREY, va="center")
    _show(axes, picture, "nearest")
    return place - 0.24


def _draw_composite(
    sheet: _Sheet, axes: Axes, stack: NDArray[Any], missing: NDArray[np.bool_], legend: Legend
) -> float:
    bands = []
    for values, (_, low, high) in zip(stack, legend.channels, strict=True):
        bands.append(np.clip((_thinned(values, missing) - low) / (high - low), 0, 1))
    gone = np.isnan(bands).any(axis=0)
    picture = np.zeros((*gone.shape, 4), dtype=np.uint8)
    for index, band in enumerate(bands):
        # A gamma of 0.8 opens the dark half, where forest lies.
        picture[..., index] = np.rint(255 * np.where(gone, 0, band) ** 0.8)
    picture[..., 3] = np.where(gone, 0, 255)
    _show(axes, picture)
    place = sheet.write_heading(legend.title) + 0.08
    for colour, (band, low, high) in zip(("#e41a1c", "#2ca02c", "#1f5fd0"), legend.channels, strict=True):
        place -= 0.27
        sheet.swatch(sheet.legend_left, place - 0.08, facecolor=colour, edgecolor=_GREY, linewidth=0.5)
        sheet.text(sheet.legend_left + 0.34, place, f"{band}  {low:g} to {high:g}", va="center")
    return place - 0.08


def bar_length(metres: float) -> float:
    """Return the longest round length [m] that a scale bar of at most 1.75 inches shows.

    Parameters
    ----------
    metres : float
        What an inch on paper is on the ground [m].

    Examples
    --------
    >>> [bar_length(scale) for scale in (14_000, 6_000, 130)]
    [20000.0, 10000.0, 200.0]
    """
    wanted = 1.75 * metres
    power = 10.0 ** math.floor(math.log10(wanted))
    return max(step * power for step in (1, 2, 5) if step * power <= wanted)
