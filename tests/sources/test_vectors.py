"""Areas read from files: outlines, grids and zones, and every mistake named with its key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from shapely.geometry import Point, box

from habitat.contracts.errors import ConfigError
from habitat.sources.areas.area_file import AreaFile, coordinate_problems
from habitat.sources.areas.boundary_files import projected
from habitat.sources.areas.reading import area_names, read_area

GOOD = """\
name: here
title: A place
boundary: drawn 2026-11-22
grid:
  crs: EPSG:32652
  resolution_m: 20
bbox: [131.0, 43.0, 131.2, 43.1]
"""


def written(folder: Path, text: str, name: str = "here") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_area(written(folder, text))
    head, *lines = str(caught.value).split("\n- ")
    assert head.endswith(f"has {len(lines)} problem{'s' if len(lines) != 1 else ''}:")
    return lines


def test_plain_area(tmp_path: Path) -> None:
    area = read_area(written(tmp_path, GOOD))
    assert (area.name, area.title, area.boundary, area.zones) == ("here", "A place", "drawn 2026-11-22", ())
    assert area.polygon.equals(box(131.0, 43.0, 131.2, 43.1))
    assert area.grid.resolution_m == 20
    # East of the central meridian of 129 E parallels rise: the corners of the box are its extremes but for
    # the north edge, which bulges towards its east end.
    x, y = Transformer.from_crs(4326, 32652, always_xy=True).transform(
        [131.0, 131.2, 131.0, 131.2], [43.0, 43.0, 43.1, 43.1]
    )
    west, south, east, north = area.grid.bounds
    assert 0 <= min(x) - west < 20
    assert 0 <= min(y) - south < 20
    assert 0 <= east - max(x) < 20
    assert 0 <= north - max(y) < 20


def test_edges_that_bulge_stay_inside_the_grid(tmp_path: Path) -> None:
    # On both sides of the central meridian: the south edge sags in the middle, below both of its corners.
    area = read_area(written(tmp_path, GOOD.replace("[131.0, 43.0, 131.2, 43.1]", "[127.0, 43.0, 131.0, 43.5]")))
    to_map = Transformer.from_crs(4326, 32652, always_xy=True)
    _, corner = to_map.transform(127.0, 43.0)
    _, middle = to_map.transform(129.0, 43.0)
    assert corner - middle > 500
    assert 0 <= middle - area.grid.bounds[1] < 20


def test_polygon_with_a_hole_needs_no_closing_point(tmp_path: Path) -> None:
    text = GOOD.replace(
        "bbox: [131.0, 43.0, 131.2, 43.1]",
        "polygon: [[[131, 43], [132, 43], [132, 44], [131, 44]], [[131.4, 43.4], [131.6, 43.4], [131.6, 43.6], [131.4, 43.6]]]",
    )
    polygon = read_area(written(tmp_path, text)).polygon
    assert polygon.area == pytest.approx(1 - 0.04)
    assert not polygon.contains(Point(131.5, 43.5))


def test_origin_moves_the_pixel_edges(tmp_path: Path) -> None:
    text = GOOD.replace("resolution_m: 20", "resolution_m: 30\n  origin: [15, 15]")
    assert [value % 30 for value in read_area(written(tmp_path, text)).grid.bounds] == [15, 15, 15, 15]


def test_exact_bounds_make_the_outline(tmp_path: Path) -> None:
    text = GOOD.replace("bbox: [131.0, 43.0, 131.2, 43.1]\n", "").replace(
        "resolution_m: 20", "resolution_m: 20\n  bounds: [690000, 4780000, 700000, 4792000]"
    )
    area = read_area(written(tmp_path, text))
    assert area.grid.bounds == (690000, 4780000, 700000, 4792000)
    assert area.grid.shape == (600, 500)
    back = projected(area.polygon, "EPSG:4326", "EPSG:32652")
    assert back.symmetric_difference(box(690000, 4780000, 700000, 4792000)).area < 10


def test_exact_bounds_beside_an_outline(tmp_path: Path) -> None:
    x, y = Transformer.from_crs(4326, 32652, always_xy=True).transform(131.1, 43.05)
    x, y = round(x / 20) * 20, round(y / 20) * 20
    text = GOOD.replace("resolution_m: 20", f"resolution_m: 20\n  bounds: [{x}, {y}, {x + 400}, {y + 200}]")
    area = read_area(written(tmp_path, text))
    assert area.grid.shape == (10, 20)
    assert area.polygon.equals(box(131.0, 43.0, 131.2, 43.1))
    away = GOOD.replace("resolution_m: 20", "resolution_m: 20\n  bounds: [500000, 4000000, 500400, 4000200]")
    assert problems_of(tmp_path, away)[0].startswith(
        "grid: bounds (500000.0, 4000000.0, 500400.0, 4000200.0) do not touch"
    )
    off = GOOD.replace("resolution_m: 20", f"resolution_m: 20\n  bounds: [{x}, {y}, {x + 410}, {y + 200}]")
    assert "not a whole number of 20.0 m pixels" in problems_of(tmp_path, off)[0]


def test_zones_and_their_boundary(tmp_path: Path) -> None:
    text = GOOD + (
        "zones:\n"
        "  - {name: west, title: West, country: CN, bbox: [131.0, 43.0, 131.1, 43.1]}\n"
        "  - {name: east, country: 'NO', boundary: else, bbox: [131.1, 43.0, 131.2, 43.1]}\n"
    )
    west, east = read_area(written(tmp_path, text)).zones
    assert (west.name, west.title, west.country, west.boundary) == ("west", "West", "CN", "drawn 2026-11-22")
    assert (east.title, east.country, east.boundary) == ("", "NO", "else")
    unquoted = text.replace("'NO'", "NO")
    assert read_area(written(tmp_path, unquoted)).zones[1].country == "NO"
    outside = text.replace("[131.1, 43.0, 131.2, 43.1]", "[135, 43.0, 136, 43.1]")
    assert problems_of(tmp_path, outside) == ["zones[1].bbox: zone 'east' lies outside the area; check its coordinates"]


def test_antimeridian_runs_on_past_180(tmp_path: Path) -> None:
    text = GOOD.replace("EPSG:32652", "EPSG:32601").replace("[131.0, 43.0, 131.2, 43.1]", "[178.5, 66, 181.5, 67]")
    area = read_area(written(tmp_path, text))
    assert area.polygon.bounds == (178.5, 66, 181.5, 67)
    # Three degrees of longitude at 66 N: 3 * 111.3 km * cos 66 = 136 km.
    assert area.grid.bounds[2] - area.grid.bounds[0] == pytest.approx(136_000, rel=0.02)
    torn = text.replace("[178.5, 66, 181.5, 67]", "[178.5, 66, -178.5, 67]")
    assert "let them run on past it" in problems_of(tmp_path, torn)[0]


def test_every_problem_is_listed_with_its_key(tmp_path: Path) -> None:
    lines = problems_of(
        tmp_path,
        """\
name: Bad Name
titles: x
polygon: [[[43.1, 131.2], [43.2, 131.2], [43.2, 131.5]]]
bbox: [1, 2, 3]
grid: {crs: EPSG:4326, resolution_m: "20", origin: [0, 0], bounds: [1, 2, 3, 4], resolution: 3}
zones:
  - {name: a, country: Russia}
  - {name: a, bbox: [178, 1, -179, 0], layer: x}
  - nothing
""",
    )
    keys = [line.split(": ")[0] for line in lines]
    assert sorted(keys) == sorted(
        [
            "polygon[0]", "bbox", "name", "boundary", "grid.crs", "grid.resolution_m", "grid.resolution",
            "zones[0].country", "zones[1].bbox", "zones[2]", "titles", "bbox", "grid.origin", "zones[0]",
            "zones[1].layer", "zones[1].name",
        ]
    )  # fmt: skip
    text = "\n".join(lines)
    assert "did you mean title?" in text
    assert "did you mean resolution_m?" in text
    assert "are they swapped?" in text
    assert "polygon and bbox are both given" in text
    assert "boundary: is missing" in text
    assert "'a' is the name of an earlier zone" in text


@pytest.mark.parametrize(
    ("change", "to", "says"),
    [
        ("resolution_m: 20", "resolution_m: -20", "grid.resolution_m: found -20"),
        ("resolution_m: 20", "resolution_m: .nan", "grid.resolution_m: found nan"),
        ("resolution_m: 20", "resolution_m: yes please", "grid.resolution_m: found 'yes please'"),
        ("resolution_m: 20", "resolution_m: true", "grid.resolution_m: found True"),
        ("resolution_m: 20", "resolution_m: 0.01", "choose coarser pixels"),
        ("EPSG:32652", "EPSG:32632", "try EPSG:32652"),
        ("EPSG:32652", "EPSG:32752", "try EPSG:32652"),
        ("EPSG:32652", "EPSG:2263", "wants a projected system in metres"),
        ("EPSG:32652", "nonsense", "not a coordinate system PROJ knows"),
        ("EPSG:32652", "32652", "grid.crs: found 32652"),
        ("[131.0, 43.0, 131.2, 43.1]", "[43.0, 131.0, 43.1, 131.2]", "are they swapped?"),
        ("[131.0, 43.0, 131.2, 43.1]", "[663000, 4762000, 679000, 4774000]", "look like metres"),
        ("[131.0, 43.0, 131.2, 43.1]", "[131.0, 43.1, 131.2, 43.0]", "south 43.1 is not less than north 43.0"),
        ("bbox: [131.0, 43.0, 131.2, 43.1]", "bbox:", "has no outline"),
        ("bbox: [131.0, 43.0, 131.2, 43.1]", "polygon: [[131, 43], [132, 43]]", "polygon: is a list of points, wants a list of rings"),
        ("bbox: [131.0, 43.0, 131.2, 43.1]", "polygon: [[[131, 43], [132, 43]]]", "fewer than three different points"),
        ("bbox: [131.0, 43.0, 131.2, 43.1]", "polygon: [[[131, 43, 9], [132, 43, 9], [132, 44, 9]]]", "has 3 numbers"),
        ("bbox: [131.0, 43.0, 131.2, 43.1]", "polygon: [[[131, 43], [132, 44], [133, 45]]]", "not a clean polygon"),
        ("bbox: [131.0, 43.0, 131.2, 43.1]", "polygon: [[[131, 43], [132, 44], [132, 43], [131, 44]]]", "Self-intersection"),
        ("bbox: [131.0, 43.0, 131.2, 43.1]", "boundary_file: /etc/passwd", "relative to this file's folder"),
        ("bbox: [131.0, 43.0, 131.2, 43.1]", "boundary_file: http://somewhere/x.gpkg", "relative to this file's folder"),
        ("bbox: [131.0, 43.0, 131.2, 43.1]", "boundary_file: park.gpkg", "there is no file"),
        ("bbox: [131.0, 43.0, 131.2, 43.1]", "boundary_file: park.shp", "ends in '.shp'"),
        ("name: here", "name: there-too-much" + "x" * 60, "name: found"),
        ("boundary: drawn 2026-11-22", "boundary: 2026-11-22", "boundary: found datetime.date(2026, 11, 22)"),
        ("boundary: drawn 2026-11-22", "boundary: ''", "boundary: found ''"),
    ],
)  # fmt: skip
def test_single_mistakes(tmp_path: Path, change: str, to: str, says: str) -> None:
    text = GOOD.replace(change, to)
    assert text != GOOD
    lines = problems_of(tmp_path, text)
    assert len(lines) == 1, lines
    assert says in lines[0]


def test_names_are_never_taken_for_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = tmp_path / "areas"
    configs.mkdir()
    written(configs, GOOD, "here")
    written(configs, GOOD, "other")
    written(tmp_path, GOOD.replace("A place", "The wrong one"), "here")
    monkeypatch.chdir(tmp_path)
    assert read_area("here", configs=configs).title == "A place"
    assert read_area("./here.yaml", configs=configs).title == "The wrong one"
    assert area_names(configs) == ["here", "other"]
    with pytest.raises(ConfigError, match=r"no area 'hrre'; did you mean here\? areas are here, other"):
        read_area("hrre", configs=configs)
    with pytest.raises(ConfigError, match=r"no area file 'areas/missing\.yaml'"):
        read_area("areas/missing.yaml", configs=configs)
    with pytest.raises(ConfigError, match="name the area after its file, 'other'"):
        read_area("other", configs=configs)
    with pytest.raises(ConfigError, match="none \\(looked in nowhere\\)"):
        read_area("here", configs=Path("nowhere"))
    with pytest.raises(ConfigError, match="there is no area ''"):
        read_area("", configs=configs)


def test_long_lists_of_problems_are_cut(tmp_path: Path) -> None:
    points = ", ".join("[a, b]" for _ in range(60))
    with pytest.raises(ConfigError) as caught:
        read_area(written(tmp_path, GOOD.replace("bbox: [131.0, 43.0, 131.2, 43.1]", f"polygon: [[{points}]]")))
    assert "has 120 problems" in str(caught.value)
    assert str(caught.value).endswith("\n- and 80 more")
    assert str(caught.value).count("\n") == 41


@settings(max_examples=40, deadline=None)
@given(
    st.floats(126.5, 131.5), st.floats(40, 50), st.floats(0.01, 2), st.floats(0.01, 2), st.sampled_from([10, 20, 30, 37.5])
)  # fmt: skip
def test_grid_holds_the_outline_and_not_a_pixel_more(
    west: float, south: float, width: float, height: float, step: float
) -> None:
    from habitat.sources.areas.area_file import GridSection
    from habitat.sources.areas.reading import _grid

    outline = box(west, south, west + width, south + height)
    grid = _grid(GridSection(crs="EPSG:32652", resolution_m=float(step)), outline)
    dense = projected(shapely.segmentize(outline, 0.003), "EPSG:4326", "EPSG:32652").bounds
    slack = np.array(dense) - np.array(grid.bounds)
    # Between the points the grid saw an edge bulges by metres at most.
    assert (slack[:2] > -8).all()
    assert (slack[2:] < 8).all()
    assert (np.abs(slack) < step + 8).all()


def test_coordinates_in_order_are_no_problem() -> None:
    assert coordinate_problems([(131.0, 43.0), (-170.0, -89.0 + 180.0 - 90.0)]) != []
    assert coordinate_problems([(178.0, 60.0), (181.0, 61.0)]) == []
    assert coordinate_problems([]) == []


def test_every_key_of_an_area_file_is_explained() -> None:
    schema = AreaFile.model_json_schema()
    for section in (schema, *schema["$defs"].values()):
        for key, told in section["properties"].items():
            assert told.get("description"), key
