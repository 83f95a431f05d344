"""Records: they travel as JSON, notice every change, and mistake none."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon, box
from store_rasters import area_of, record_of

from habitat.contracts.area import Area, Zone
from habitat.contracts.errors import PublishError
from habitat.store.provenance import Input, Record, area_digest, changes, record_key, software_versions

INPUTS = (
    Input("S2B_1", "https://example.org/1", "05.09", "", "offset -1000"),
    Input("S2A_2", "https://example.org/2", "05.11"),
)
PARAMS = {"grow_m": 120, "masks": ["cloud", "shadow"], "composite": {"method": "medoid", "bands": ("red", "nir")}}
OLD = record_of(area_of(), params=PARAMS, inputs=INPUTS, ledger={"counts": {"used": 2}}, gaps=(("ndsi", "no green"),))


def now(**change: object) -> list[str]:
    fields = {"method": OLD.method, "params": PARAMS, "inputs": INPUTS, "area": OLD.area_digest}
    return changes(OLD, **(fields | change))


def test_a_record_travels_as_json():
    text = OLD.to_json()
    back = Record.from_json(text)
    assert back.inputs == OLD.inputs
    assert back.gaps == OLD.gaps
    assert back.key == OLD.key
    assert back.to_json() == text
    # Tuples in parameters come back as lists, which is no change.
    assert changes(back, OLD.method, PARAMS, INPUTS, OLD.area_digest) == []


def test_nothing_changed_is_no_reason():
    assert now() == []
    assert now(inputs=INPUTS[::-1]) == []
    moved = tuple(dataclasses.replace(entry, href="https://mirror.example.org") for entry in INPUTS)
    assert now(inputs=moved) == []


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({"method": "2"}, ["method 1 -> 2"]),
        ({"area": "other"}, ["area or grid changed"]),
        ({"params": PARAMS | {"grow_m": 60}}, ["parameters changed (grow_m 120 -> 60)"]),
        ({"params": PARAMS | {"new": True}}, ["parameters changed (new new: true)"]),
        (
            {"params": {"grow_m": 120, "composite": {"method": "median", "bands": ["red", "nir"]}}},
            ['parameters changed (composite.method medoid -> median, masks ["cloud", "shadow"] gone)'],
        ),
        (
            {"inputs": (*INPUTS, Input("S2B_3"))},
            ["inputs changed (1 new, 0 gone, 0 altered: +S2B_3)"],
        ),
        ({"inputs": INPUTS[:1]}, ["inputs changed (0 new, 1 gone, 0 altered: -S2A_2)"]),
        (
            {"inputs": (dataclasses.replace(INPUTS[0], version="05.12"), INPUTS[1])},
            ["inputs changed (0 new, 0 gone, 1 altered: ~S2B_1)"],
        ),
        (
            {"inputs": (dataclasses.replace(INPUTS[0], radiometry="none"), INPUTS[1])},
            ["inputs changed (0 new, 0 gone, 1 altered: ~S2B_1)"],
        ),
        (
            {"inputs": [Input(f"N{number}") for number in range(5)]},
            ["inputs changed (5 new, 2 gone, 0 altered: +N0, +N1, +N2, -S2A_2, -S2B_1 and 2 more)"],
        ),
        (
            {"method": "2", "area": "x", "params": {}, "inputs": ()},
            [
                "method 1 -> 2",
                "area or grid changed",
                'parameters changed (composite {"bands": ["red", "nir"], "method": "medoid"} gone, '
                'grow_m 120 gone, masks ["cloud", "shadow"] gone)',
                "inputs changed (0 new, 2 gone, 0 altered: -S2A_2, -S2B_1)",
            ],
        ),
    ],
)
def test_every_change_is_told_in_words(change, reasons):
    assert now(**change) == reasons


def test_the_version_of_an_input_counts_only_while_its_pixels_are_unknown():
    one, two = Input("base", version="1", checksum="aa"), Input("base", version="2", checksum="aa")
    old = dataclasses.replace(OLD, inputs=(one,))
    assert changes(old, OLD.method, PARAMS, [two], OLD.area_digest) == []
    assert changes(old, OLD.method, PARAMS, [dataclasses.replace(two, checksum="bb")], OLD.area_digest) != []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(-1e3, 1e3) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.text(min_size=1, max_size=4), JSON, max_size=4),
    st.dictionaries(st.text(min_size=1, max_size=4), JSON, max_size=4),
)
def test_reasons_and_keys_agree(first, second):
    old = dataclasses.replace(OLD, params=first)
    told = changes(old, OLD.method, second, INPUTS, OLD.area_digest)
    # 1 and 1.0 and true are equal to Python and different to JSON; either answer will do for them.
    same_text = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    key = record_key(old.product, old.area_digest, old.period, old.method, second, INPUTS)
    assert (key == old.key) == same_text
    if same_text or first != second:
        assert (told == []) == same_text


def test_key_holds_all_that_decides_pixels_and_nothing_else():
    same = dataclasses.replace(
        OLD, created="later", software={}, ledger={}, gaps=(), config_hash="x", inputs=INPUTS[::-1]
    )
    assert same.key == OLD.key
    for change in (
        {"product": "x"}, {"area_digest": "x"}, {"period": "2025-06"}, {"method": "2"}, {"params": {}}, {"inputs": ()},
    ):  # fmt: skip
        assert dataclasses.replace(OLD, **change).key != OLD.key


def test_area_digest_follows_ground_not_titles():
    area = area_of()
    digest = area_digest(area)
    assert area_digest(dataclasses.replace(area, title="Another title", boundary="2026")) == digest
    corners = list(area.polygon.exterior.coords)
    turned = Polygon(corners[2:] + corners[1:3])
    assert area_digest(dataclasses.replace(area, polygon=turned)) == digest
    renamed = dataclasses.replace(area, zones=(dataclasses.replace(area.zones[0], title="North"),))
    assert area_digest(renamed) == digest
    different = [
        dataclasses.replace(area, polygon=box(130.2, 43.3, 130.3, 43.41)),
        dataclasses.replace(area, grid=area_of(61).grid),
        dataclasses.replace(area, zones=()),
        dataclasses.replace(area, zones=(Zone("north", box(0, 0, 1, 1)),)),
        Area("other", area.polygon, area.grid, zones=area.zones),
    ]
    assert len({digest, *map(area_digest, different)}) == 6


def test_what_is_no_record_is_refused():
    for text in (
        "",
        "{",
        "[]",
        "{}",
        '{"inputs": [], "gaps": []}',
        json.dumps(json.loads(OLD.to_json()) | {"extra": 1}),
    ):
        with pytest.raises(PublishError, match="no record of habitat"):
            Record.from_json(text)
    for params in ({"x": float("nan")}, {"x": object()}, {"x": {1, 2}}):
        with pytest.raises(PublishError, match="not plain JSON"):
            dataclasses.replace(OLD, params=params).to_json()


def test_software_versions_name_what_touches_pixels():
    versions = software_versions()
    assert {"habitat", "python", "gdal", "numpy", "rasterio", "numba", "isal"} <= versions.keys()
    assert all(version[0].isdigit() for version in versions.values())
