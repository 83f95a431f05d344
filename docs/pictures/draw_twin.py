"""Draw the pictures of docs/twin.md from a demonstration's twin: python docs/pictures/draw_twin.py data/demo/twin."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import rasterio
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from PIL import Image

from habitat.twin import find
from habitat.twin.land.landscape import COVER_COLOURS

SCL_COLOURS = {
    0: "#000000", 1: "#ff0000", 2: "#404040", 3: "#8b5a2b", 4: "#4f9a3d", 5: "#e0d18a", 6: "#3060c0",
    7: "#9a9a9a", 8: "#c4c4c4", 9: "#ffffff", 10: "#a6d8f0", 11: "#ff9fe0",
}  # fmt: skip


def read(path: Path, band: int = 1, shape: tuple[int, int] | None = None) -> NDArray[np.float32]:
    """Return one band, averaged to a shape if one is given."""
    with rasterio.open(path) as source:
        resampling = rasterio.enums.Resampling.average
        values: NDArray[np.float32] = source.read(band, out_shape=shape, resampling=resampling).astype(np.float32)
    return values


def colours(scene: Path, bands: tuple[str, str, str], gains: tuple[float, float, float]) -> NDArray[np.float32]:
    """Return a picture of three bands at 20 m."""
    shape = read(scene / "B11.tif").shape
    parts = [read(scene / f"{band}.tif", shape=shape) / 10000 * gain for band, gain in zip(bands, gains, strict=True)]
    return np.clip(np.stack(parts, -1), 0, 1) ** 0.75


def natural(scene: Path, gain: float = 3.4) -> NDArray[np.float32]:
    """Return a picture as the eye sees it."""
    return colours(scene, ("B04", "B03", "B02"), (gain, gain, gain))


def infrared(scene: Path) -> NDArray[np.float32]:
    """Return a picture in which char is brown, leaves green and snow blue."""
    return colours(scene, ("B12", "B8A", "B04"), (2.8, 2.2, 3.6))


def table_of(
    codes: NDArray[np.float32], table: dict[int, str] | dict[int, tuple[int, int, int]]
) -> NDArray[np.float32]:
    """Return a picture of codes."""
    picture = np.zeros((*codes.shape, 3), np.float32)
    for code, colour in table.items():
        rgb = mpl.colors.to_rgb(colour) if isinstance(colour, str) else np.array(colour) / 255
        picture[codes == code] = rgb
    return picture


def draw(target: Path, panels: list[tuple[str, NDArray[np.float32]]], columns: int, **how: object) -> None:
    """Write panels with titles as one PNG."""
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.2 * columns, 4.5 * rows), squeeze=False)
    for axis in axes.ravel():
        axis.axis("off")
    for axis, (title, picture) in zip(axes.ravel(), panels, strict=False):
        axis.imshow(picture, **(how if picture.ndim == 2 else {}))
        axis.set_title(title, fontsize=11)
    figure.tight_layout()
    with io.BytesIO() as drawn:
        figure.savefig(drawn, format="png", dpi=72)
        # 200 colours are enough for a page and a third of the bytes.
        Image.open(drawn).convert("RGB").quantize(200, dither=Image.Dither.NONE).save(target, optimize=True)
    plt.close(figure)


def main(folder: Path, target: Path) -> None:
    """Draw everything."""
    twin = find(folder)
    scenes = twin.root / "scenes" / "earth-search"

    def scene(day: str) -> Path:
        return next(path for path in sorted(scenes.glob(f"*_52TGP_{day}_*")))

    days = sorted({path.name.split("_")[2] for path in scenes.glob("*_52TGP_*")})
    winter, autumn = (next(day for day in days if day[4:6] == month) for month in ("01", "10"))
    autumn = max(day for day in days if day.startswith("202510"))
    summer = next(day for day in days if day[:6] in ("202408", "202508"))
    draw(
        target / "twin-seasons.png",
        [
            (f"{day[:4]}-{day[4:6]}-{day[6:]}", natural(scene(day), 1.3 if day == winter else 3.4))
            for day in (winter, "20250503", summer, autumn)
        ],
        4,
    )
    elevation = read(twin.truth / "land" / "elevation.tif")
    shade = mpl.colors.LightSource(315, 40).hillshade(elevation, vert_exag=1.5, dx=20, dy=20)
    cover = table_of(read(twin.truth / "land" / "cover.tif"), COVER_COLOURS) * (0.45 + 0.55 * shade[..., None])
    burn = read(twin.truth / "fires" / "2025_spring.tif", 2)
    draw(
        target / "twin-burn.png",
        [
            ("truth: cover and relief", cover),
            ("truth: severity of the spring's fires", np.where(burn > 0, burn, np.nan)),
            ("2025-05-03, shortwave infrared", infrared(scene("20250503"))),
            ("2025-05-28, shortwave infrared", infrared(scene("20250528"))),
        ],
        4,
        cmap="inferno",
        vmin=0,
        vmax=100,
    )
    cloudy = scene("20250523")
    air = twin.truth / "scenes" / f"{cloudy.name}.tif"
    truth = np.stack([read(air, 1), read(air, 3), read(air, 2)], -1) / 100
    snowy = scene(winter)
    snow = read(twin.truth / "scenes" / f"{snowy.name}.tif", 5)
    draw(
        target / "twin-masks.png",
        [
            ("2025-05-23", natural(cloudy)),
            ("its scene classes", table_of(read(cloudy / "SCL.tif"), SCL_COLOURS)),
            ("truth: cloud red, cirrus green, shadow blue", np.clip(truth, 0, 1)),
            (f"{winter[:4]}-{winter[4:6]}-{winter[6:]}, shortwave infrared", infrared(snowy)),
            ("its scene classes: snow is pink", table_of(read(snowy / "SCL.tif"), SCL_COLOURS)),
            ("truth: share of snow", snow),
        ],
        3,
        cmap="Blues_r",
        vmin=0,
        vmax=100,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
