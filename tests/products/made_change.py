"""Made scenes of a small wood for the tests of forest-change: leaves, needles, snow, a felling, clouds."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np
from shapely import box

from habitat.change.monitoring.season_model import INDEX_CODES
from habitat.contracts import Area, Grid, Scene
from habitat.contracts.grid import Tile
from habitat.products import forest_change
from habitat.products.building.change_instrument import Instrument
from habitat.products.building.change_series import Looks
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.catalogues.searching import Found
from habitat.sources.scenes.mixing import Mixing
from habitat.sources.scenes.preflight import Checked, Missing

GRID = Grid("EPSG:32652", 20.0, (700000.0, 4800000.0, 700800.0, 4800600.0))
"""30 rows and 40 columns."""
OUTLINE = box(131.45, 43.31, 131.48, 43.34)
FELLED = np.s_[20:26, 10:20]
"""60 pixels felled on 1 July 2024."""
FELLING = date(2024, 7, 1)
NODATA = -32768


def days_of(first: date, last: date, step: int) -> list[date]:
    return [first + timedelta(days=n) for n in range(0, (last - first).days + 1, step)]


def reflectance(day: date, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Bands / 1e-4: leafy wood in columns 0 to 29, needles beyond; leaves move by a week from year to year."""
    rows, columns = GRID.shape
    yearly, shift = day.timetuple().tm_yday, (day.year % 3 - 1) * 7
    out, fall = 130 + shift, 280 - shift
    leaves = 1 / (1 + np.exp(-(yearly - out) / 5)) - 1 / (1 + np.exp(-(yearly - fall) / 5))
    share = np.full((rows, columns), leaves)
    share[:, 30:] = 1.0
    if day >= FELLING:
        share[FELLED] = 0.0
    bare = {"green": 700, "red": 900, "nir": 2000, "swir1": 2400, "swir2": 1800}
    full = {"green": 450, "red": 300, "nir": 3400, "swir1": 1500, "swir2": 650}
    snow = yearly < 75 or yearly > 325
    white = {"green": 7000, "red": 7000, "nir": 6500, "swir1": 900, "swir2": 700}
    bands = {}
    for band, low in bare.items():
        ground = white[band] if snow else low
        # Under snow crowns of needles are half white.
        here = ground + share * (full[band] - ground) * (0.5 if snow else 1)
        bands[band] = np.rint(here * rng.normal(1, 0.02, share.shape)).astype(np.int16)
    return bands


@dataclass
class MadeScenes:
    """Scenes of some days, of which some cannot be read."""

    days: list[date]
    unreadable: set[date] = field(default_factory=set)
    cloud: float = 0.3
    read: list[date] = field(default_factory=list)
    """Days that were read, each time a series was opened."""

    def scene(self, day: date) -> Scene:
        when = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
        return Scene(f"L_{day:%Y%m%d}", "made", "made", "landsat", "landsat-9", when, day, "114030", OUTLINE, {}, None)

    def search(self, sensors, area, span, **_) -> Found:
        scenes = tuple(self.scene(day) for day in self.days if span.first_day <= day <= span.last_day)
        return Found(scenes, (), (), "made scenes", provider_for("earth-search"))

    def check(self, scenes, rasters, workers) -> Checked:
        lost = [scene for scene in scenes if scene.solar_day in self.unreadable]
        kept = tuple(scene for scene in scenes if scene not in lost)
        return Checked(kept, {}, tuple(Missing(scene, "transport", "no answer") for scene in lost))

    def series(self, checked, span, area, rasters):
        days = sorted(s.solar_day for s in checked.scenes if span.first_day <= s.solar_day <= span.last_day)
        self.read += days
        return MadeSeries(days, self.cloud)

    def instrument(self, params) -> Instrument:
        return Instrument(
            "1",
            lambda provider: nullcontext(),
            self.check,
            self.series,
            lambda scenes, since: (list(scenes), []),
            lambda checked: (),
            lambda *given: Mixing(),
        )

    def take_the_place(self, monkeypatch) -> None:
        monkeypatch.setattr(forest_change, "search", self.search)
        monkeypatch.setattr(forest_change, "instrument_for", self.instrument)


class MadeSeries:
    """NBR of made scenes, the same whichever dates are read together."""

    unit, codes = "1", INDEX_CODES

    def __init__(self, days: list[date], cloud: float) -> None:
        self._days, self._cloud = days, cloud
        self.days = [day.toordinal() for day in days]

    def tiles(self, memory_bytes: int) -> list[Tile]:
        return list(GRID.tiles(16))

    def read(self, tile: Tile) -> Looks:
        from habitat.change.green_season import snow_looks
        from habitat.imagery.indices import index_codes

        here = np.s_[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
        looks = []
        for day in self._days:
            rng = np.random.default_rng(day.toordinal())
            bands = reflectance(day, rng)
            hidden = rng.random(GRID.shape) < self._cloud
            looks.append({name: np.where(hidden, NODATA, codes)[here].reshape(-1) for name, codes in bands.items()})
        bands = {name: np.stack([look[name] for look in looks]).astype(np.int16) for name in looks[0]}
        clear = bands["nir"] != NODATA
        usable = clear & ~snow_looks(bands["green"], bands["swir1"])
        counts = {f"L_{day:%Y%m%d}": int(seen.sum()) for day, seen in zip(self._days, clear, strict=True)}
        evidence = np.stack([bands[name] for name in ("red", "nir", "swir1", "swir2")])
        return Looks(index_codes("nbr", bands), usable.astype(np.uint8), evidence, counts)


def area() -> Area:
    return Area("made", OUTLINE, GRID)
