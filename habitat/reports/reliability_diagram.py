"""Reliability diagram: what was told against what came of it, as a PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_DPI = 130
_COLOURS = ("#1b7837", "#762a83", "#b35806")


def reliability_diagram(path: Path, curves: Mapping[str, Sequence[tuple[float, float, int]]], *, title: str) -> None:
    """Draw mean probability against observed share on logarithmic axes; dots grow with the number of cases.

    Parameters
    ----------
    path : Path
        The file to write.
    curves : mapping of str to sequence of (told, happened, number)
        Up to three curves; shares of zero are drawn on the lower edge.
    title : str
        Over the picture.
    """
    figure = Figure(figsize=(5.2, 5.2), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shown = [point for curve in curves.values() for point in curve if point[0] > 0]
    least = min([min(told, share if share > 0 else told) for told, share, _ in shown], default=1e-3) / 2
    axes.plot([least, 1], [least, 1], color="#999999", linewidth=1, linestyle="--", label="honest")
    for (name, curve), colour in zip(curves.items(), _COLOURS, strict=False):
        told = [max(point[0], least) for point in curve]
        happened = [max(point[1], least) for point in curve]
        sizes = [8 + 12 * len(str(point[2])) for point in curve]
        axes.plot(told, happened, color=colour, linewidth=1.2, label=name)
        axes.scatter(told, happened, s=sizes, color=colour)
    axes.set(xscale="log", yscale="log", xlim=(least, 1), ylim=(least, 1), aspect="equal")
    axes.set_xlabel("probability told")
    axes.set_ylabel("share of cells and months it came true")
    axes.set_title(title, fontsize=9)
    axes.grid(visible=True, color="#dddddd", linewidth=0.5)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Software": None})
