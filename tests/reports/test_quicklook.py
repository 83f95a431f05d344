"""Quicklooks: the colours of the legend stand where the values are, and equal input gives equal bytes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread

from habitat.contracts.errors import GridMismatch
from habitat.contracts.grid import Grid
from habitat.contracts.legend import LEGENDS, NODATA_COLOUR, class_legend, legend_for
from habitat.reports import quicklook
from habitat.reports.quicklook import DPI, LONGEST, bar_length


def grid_of(rows: int, columns: int) -> Grid:
    return Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 600000.0 + 20 * columns, 4800000.0 + 20 * rows))


def drawn(path) -> np.ndarray:
    return np.rint(imread(path)[..., :3] * 255).astype(int)


def map_part(picture: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Cut the map out: 0.2 inches from the left, 0.6 from the top."""
    inch = LONGEST / max(rows, columns)
    top, left = round(0.6 * DPI), round(0.2 * DPI)
    return picture[top : top + round(rows * inch * DPI), left : left + round(columns * inch * DPI)]


def rgb(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]


def test_values_get_the_colours_of_the_legend(tmp_path):
    rows, columns = 60, 90
    legend = legend_for("ndvi")
    image = np.zeros((rows, columns), dtype=np.float32)
    image[:, 30:60] = 0.9
    image[:, 60:] = np.nan
    image[:20, :30] = -0.7  # below the range: the first colour
    image[20:40, :30] = 0.45  # the middle of nine stops is the fifth
    quicklook(tmp_path / "a.png", image, title="NDVI", legend=legend, grid=grid_of(rows, columns))
    part = map_part(drawn(tmp_path / "a.png"), rows, columns)
    height, width = part.shape[:2]
    assert part[height // 6, width // 6].tolist() == rgb(legend.stops[0][1])
    assert np.abs(part[height // 2, width // 6] - rgb(legend.stops[4][1])).max() <= 1
    assert part[height // 2, width // 2].tolist() == rgb(legend.stops[-1][1])
    # Unknown pixels are light grey with darker hatching: two greys and nothing coloured.
    unknown = part[20:-20, -width // 4 : -20].reshape(-1, 3)
    assert (np.ptp(unknown, axis=1) <= 1).all()
    assert (np.abs(unknown - rgb(NODATA_COLOUR)).max(axis=1) <= 1).mean() > 0.2
    assert unknown.min() < 0xC4


def test_classes_and_mask(tmp_path):
    rows, columns = 40, 40
    legend = class_legend("change", "Change", ((0, "#f7f7f7", "none"), (1, "#b35806", "loss"), (7, "#2166ac", "gain")))
    codes = np.zeros((rows, columns), dtype=np.uint8)
    codes[:20, 20:], codes[20:, :20], codes[20:, 20:] = 1, 7, 255
    quicklook(
        tmp_path / "a.png", codes, title="Change", legend=legend, grid=grid_of(rows, columns), unknown=codes == 255
    )
    part = map_part(drawn(tmp_path / "a.png"), rows, columns)
    quarter = part.shape[0] // 4
    assert part[quarter, quarter].tolist() == rgb("#f7f7f7")
    assert part[quarter, 3 * quarter].tolist() == rgb("#b35806")
    assert part[3 * quarter, quarter].tolist() == rgb("#2166ac")
    assert np.ptp(part[3 * quarter, 3 * quarter]) <= 1


def test_composite_stretches_each_band(tmp_path):
    legend = LEGENDS["false-colour"]
    # Half the stretch of each band is 255 * 0.5 ** 0.8 = 146.5.
    image = np.stack([np.full((20, 20), high / 2) for _, _, high in legend.channels])
    image[0, :, :10] = 9.0
    image[1, :10] = -1.0
    quicklook(tmp_path / "a.png", image, title="May", legend=legend, grid=grid_of(20, 20))
    part = map_part(drawn(tmp_path / "a.png"), 20, 20)
    quarter = part.shape[0] // 4
    assert part[3 * quarter, 3 * quarter].tolist() == [146, 146, 146]
    assert part[quarter, quarter].tolist() == [255, 0, 146]


def test_large_images_are_averaged_without_the_unknown(tmp_path):
    # 1820 pixels over 910 of the picture: each is the mean of four, of which one is unknown here.
    image = np.zeros((1820, 60), dtype=np.float32)
    image[::2, ::2] = np.nan
    image[1::2, ::2] = 0.9
    image[:, 1::2] = 0.225
    quicklook(tmp_path / "a.png", image, title="strip", legend=legend_for("ndvi"), grid=grid_of(1820, 60))
    part = map_part(drawn(tmp_path / "a.png"), 1820, 60)
    # (0.9 + 0.225 + 0.225) / 3 = 0.45, the fifth of nine colours; NaN as 0 would give 0.3375, the fourth.
    assert np.abs(part[300, 15] - rgb(legend_for("ndvi").stops[4][1])).max() <= 1


def test_equal_input_gives_equal_bytes_in_any_thread(tmp_path):
    watched = ("font.family", "figure.dpi", "savefig.dpi", "hatch.linewidth", "axes.facecolor", "text.parse_math")
    before = [mpl.rcParams[name] for name in watched]
    image = np.random.default_rng(0).normal(0, 2, (50, 70)).astype(np.float32)

    def draw(name: str) -> bytes:
        path = tmp_path / name
        quicklook(
            path, image, title="珲春 Хунчунь $x$ <b>", legend=legend_for("z-score"), grid=grid_of(50, 70), units="sd"
        )
        return path.read_bytes()

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(3) as pool:
        # Without a Chinese font installed matplotlib warns and draws boxes.
        patch.setattr("warnings.warn", lambda *args, **kwargs: None)
        contents = list(pool.map(draw, ["a.png", "b.png", "c.png"]))
    assert len(set(contents)) == 1
    assert b"Software" not in contents[0]
    assert [mpl.rcParams[name] for name in watched] == before


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 2)])
def test_any_shape_and_nothing_known_is_drawn(tmp_path, shape):
    quicklook(
        tmp_path / "a.png", np.full(shape, np.nan), title="t" * 200, legend=legend_for("nbr"), grid=grid_of(*shape)
    )
    assert drawn(tmp_path / "a.png").shape[2] == 3


def test_many_classes_have_room(tmp_path):
    classes = tuple((code, f"#{code * 10:02x}8040", f"class {code}") for code in range(20))
    legend = class_legend("many", "Many", classes)
    quicklook(tmp_path / "a.png", np.zeros((10, 80), dtype=np.uint8), title="", legend=legend, grid=grid_of(10, 80))
    # Twenty entries of 0.27 inches and an inch for heading and key, a title above, a scale bar below.
    assert drawn(tmp_path / "a.png").shape[0] == int((20 * 0.27 + 1.0 + 0.6 + 0.4) * DPI)


def test_wrong_shapes_are_refused(tmp_path):
    grid = grid_of(20, 30)
    with pytest.raises(GridMismatch, match=r"shape \(2, 20, 30\), wants \(y, x\)"):
        quicklook(tmp_path / "a.png", np.zeros((2, 20, 30)), title="", legend=legend_for("ndvi"), grid=grid)
    with pytest.raises(GridMismatch, match=r"wants \(3, y, x\)"):
        quicklook(tmp_path / "a.png", np.zeros((20, 30)), title="", legend=LEGENDS["true-colour"], grid=grid)
    with pytest.raises(GridMismatch, match="does not cover a grid"):
        quicklook(tmp_path / "a.png", np.zeros((30, 20)), title="", legend=legend_for("ndvi"), grid=grid)
    # An overview, also one of odd size, is welcome.
    quicklook(tmp_path / "a.png", np.zeros((7, 10)), title="", legend=legend_for("ndvi"), grid=grid)


def test_scale_bar_is_round_and_fits():
    for metres in np.geomspace(0.5, 1e6, 200):
        length = bar_length(float(metres))
        assert 1.75 * metres / 2.5 < length <= 1.75 * metres
        assert f"{length:.0e}"[0] in "125"
