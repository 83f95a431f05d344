"""What a twin is to hold: its sizes, its dates with their weather, and the quirks a test may switch on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from habitat.contracts.errors import ConfigError

SizeName = Literal["tiny", "small", "demo"]
"""How large a twin is to be made."""

CRS = "EPSG:32652"
"""UTM zone of the landscape and of its area."""
NEIGHBOUR_CRS = "EPSG:32653"
"""UTM zone of scenes that are delivered in the zone next door."""
TILES = {CRS: "52TFN", NEIGHBOUR_CRS: "53TKH"}
"""MGRS tile that covers the landscape in either zone."""
WEST, NORTH = 690000.0, 4791600.0
"""Upper left corner of every twin's scenes [m], on the 60 m lattice of the Sentinel-2 tiles."""
ALWAYS = "20"
"""Beginning of every date: a quirk for `ALWAYS` touches every scene."""
NO_SWIR = ((ALWAYS, "swir16"), (ALWAYS, "swir22"))
"""For `Quirks.without_assets`: a catalogue that has no shortwave infrared."""


@dataclass(frozen=True)
class Size:
    """Extent of a twin."""

    area_pixels: int
    """Rows and columns of the area at 20 m."""
    margin_pixels: int
    """By how many pixels of 20 m the scenes reach past the area."""
    block: int
    """Tile edge inside the files [pixels]; Earth Search has 1024."""
    overviews: bool = True
    """Whether the files hold reduced copies."""
    skipped_days: tuple[str, ...] = ()
    """Dates of `PASSES` that are left out, to keep a twin small."""

    @property
    def pixels(self) -> int:
        """Rows and columns of a scene at 10 m."""
        return 2 * (self.area_pixels + 2 * self.margin_pixels)


SIZES: dict[str, Size] = {
    "tiny": Size(64, margin_pixels=2, block=64, overviews=False, skipped_days=("2024-05-12", "2025-05-22")),
    "small": Size(256, margin_pixels=8, block=256),
    "demo": Size(600, margin_pixels=12, block=1024),
}


@dataclass(frozen=True)
class Pass:
    """One overpass and the weather it met."""

    when: datetime
    """Sensing time, UTC."""
    satellite: str
    """S2A, S2B or S2C."""
    orbit: int
    """Relative orbit."""
    cloud: float = 0.0
    """Share of the scene under cloud [1]."""
    haze: float = 0.0
    """Strength of haze [1]; 1 is a milky sky."""
    cirrus: float = 0.0
    """Share of the scene under thin cirrus [1]."""
    snow_line: float = 2.0
    """Relative height (0 valley, 1 summit) above which snow lies."""
    swath: float = 1.0
    """Share of the scene's width inside the swath [1]."""
    baseline: str = "05.11"
    """Processing baseline."""
    sequence: int = 0
    """Number of this processing of the acquisition, as in Earth Search identifiers."""

    @property
    def day(self) -> str:
        """Date, ISO."""
        return self.when.date().isoformat()

    @property
    def weather(self) -> str:
        """One line about the overpass for people."""
        parts = [f"{self.day} {self.satellite}", f"cloud {self.cloud:.0%}"]
        parts += [f"haze {self.haze:.1f}"] if self.haze else []
        parts += [f"cirrus {self.cirrus:.0%}"] if self.cirrus else []
        parts += [f"snow above {self.snow_line:.2f} of the height"] if self.snow_line < 1 else []
        parts += [f"swath {self.swath:.0%}"] if self.swath < 1 else []
        return ", ".join([*parts, f"baseline {self.baseline}"])

    def name(self, tile: str) -> str:
        """Item identifier as Earth Search forms it."""
        return f"{self.satellite}_{tile}_{self.when:%Y%m%d}_{self.sequence}_L2A"


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


PASSES: tuple[Pass, ...] = (
    Pass(_at("2024-05-02T02:16:41.018"), "S2B", 60, cloud=0.08, snow_line=0.80, baseline="05.10"),
    Pass(_at("2024-05-07T02:16:38.442"), "S2A", 60, cloud=0.22, haze=0.9, snow_line=0.93, baseline="05.10"),
    Pass(_at("2024-05-12T02:16:40.907"), "S2B", 60, cloud=0.38, baseline="05.10"),
    Pass(_at("2024-05-19T02:06:52.115"), "S2A", 17, cloud=0.10, swath=0.62, baseline="05.10"),
    Pass(_at("2024-05-22T02:16:41.361"), "S2B", 60, cloud=0.05, baseline="05.10"),
    Pass(_at("2024-05-27T02:16:39.120"), "S2A", 60, cloud=0.14, cirrus=0.35, baseline="05.10"),
    Pass(_at("2025-05-02T02:16:43.254"), "S2C", 60, cloud=0.18, snow_line=0.76),
    Pass(_at("2025-05-07T02:16:37.871"), "S2B", 60, cloud=0.92),
    Pass(_at("2025-05-12T02:16:43.600"), "S2C", 60, cloud=0.12, haze=0.7, snow_line=0.95),
    Pass(_at("2025-05-17T02:16:38.233"), "S2B", 60, cloud=0.06, baseline="05.10"),
    Pass(_at("2025-05-17T02:16:38.233"), "S2B", 60, cloud=0.06, sequence=1),
    Pass(_at("2025-05-22T02:16:44.019"), "S2C", 60, cloud=0.30),
    Pass(_at("2025-05-27T02:16:38.702"), "S2B", 60, cloud=0.04, cirrus=0.25),
)
"""The items of a twin; the two of 17 May 2025 are one acquisition, processed twice."""

FIRE_DAY = date(2025, 4, 24)
"""Day of the ground fire between the two Mays."""


@dataclass(frozen=True)
class Quirks:
    """What real catalogues get wrong, to be switched on one by one.

    Every switch lists beginnings of ISO dates: ``2025-05-12`` is one date, ``2025-05`` a month, `ALWAYS` all.

    Examples
    --------
    >>> Quirks(keep_offset=("2025-05",), without_assets=(("2025-05-12", "scl"),)).keep_offset
    ('2025-05',)
    """

    keep_offset: tuple[str, ...] = ()
    """The +1000 of baseline 04.00 is still in the DN, and the metadata say so."""
    lying_flags: tuple[str, ...] = ()
    """``earthsearch:boa_offset_applied`` says the opposite of what the pixels hold."""
    other_zone: tuple[str, ...] = ()
    """Scenes are delivered in EPSG:32653, tile 53TKH."""
    all_cloud: tuple[str, ...] = ()
    """Nothing but cloud."""
    without_assets: tuple[tuple[str, str], ...] = ()
    """(date beginning, asset key) of assets an item does not have, e.g. ``("2025-05-12", "scl")`` or `NO_SWIR`."""
    lost_files: tuple[tuple[str, str], ...] = ()
    """(date beginning, asset key) of assets the item names but whose file is not there."""

    def check(self, days: set[str]) -> None:
        """Refuse a quirk that touches no scene: the test relying on it would test nothing.

        Raises
        ------
        ConfigError
            If a date beginning fits none of the twin's days.
        """
        for field_name, value in asdict(self).items():
            for entry in value:
                start = entry if isinstance(entry, str) else entry[0]
                if not any(day.startswith(start) for day in days):
                    raise ConfigError(
                        f"quirk {field_name} names {start!r}, which begins none of the dates {', '.join(sorted(days))}"
                    )

    def to_dict(self) -> dict[str, Any]:
        """Return the quirks as plain JSON data."""
        return {
            key: [list(entry) if isinstance(entry, tuple) else entry for entry in value]
            for key, value in asdict(self).items()
        }


NO_QUIRKS = Quirks()
"""A catalogue as Earth Search is on a good day."""


def touches(days: tuple[str, ...], scene: Pass) -> bool:
    """Tell whether one of the date beginnings fits a pass."""
    return any(scene.day.startswith(start) for start in days)


def touched_assets(entries: tuple[tuple[str, str], ...], scene: Pass) -> set[str]:
    """Return the asset keys that entries of (date beginning, asset key) name for a pass."""
    return {asset for start, asset in entries if scene.day.startswith(start)}


def passes_of(size: Size) -> tuple[Pass, ...]:
    """Return the overpasses a twin of a size holds."""
    return tuple(scene for scene in PASSES if scene.day not in size.skipped_days)


def size_of(name: str) -> Size:
    """Return the extent behind a size's name.

    Raises
    ------
    ConfigError
        If there is no such size.
    """
    if name not in SIZES:
        raise ConfigError(f"size {name!r} is unknown; sizes are {', '.join(SIZES)}")
    return SIZES[name]


def is_superseded(scene: Pass) -> bool:
    """Tell whether a later processing of the same acquisition exists."""
    return any(other.when == scene.when and other.sequence > scene.sequence for other in PASSES)
