"""Fragmentation: every metric against FRAGSTATS, by hand on checkerboards, and whatever way the map is turned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from habitat.forest.fragmentation import class_metrics, components, core_pixels, landscape_metrics, patches
from habitat.forest.fragments import distances, indices, shapes

QUIRKS = ("GYRATE",)
"""FRAGSTATS' centroid is not the mean place of the pixels; by its own text it should be."""

maps = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([1, 2, 3, 255]))


@pytest.fixture(scope="module")
def reference(shared):
    folder = shared / "reference" / "landscape_metrics"
    codes = np.loadtxt(folder / "landscape.asc", skiprows=6).astype(int)
    tables = {name: pd.read_csv(folder / f"fragstats_{name}.csv") for name in ("patch", "class", "landscape")}
    return patches(codes, 1.0, unknown=None), tables


def assert_told_alike(found, wanted, name):
    """Compare with numbers printed with four decimals."""
    loose = 0.02 if name.startswith(QUIRKS) else 1e-4
    np.testing.assert_allclose(found, wanted, rtol=loose, atol=5.1e-5, err_msg=name)


def test_patches_are_those_of_fragstats(reference):
    found, tables = reference
    wanted = tables["patch"]
    assert len(found.table) == len(wanted) == 28
    for name in wanted.columns[2:]:
        for code in (1, 2, 3):
            ours, theirs = (np.sort(table.loc[table["CLASS"] == code, name]) for table in (found.table, wanted))
            assert_told_alike(ours, theirs, name)


def test_classes_are_those_of_fragstats(reference):
    found, tables = reference
    ours, theirs = class_metrics(found), tables["class"].set_index("CLASS").sort_index()
    assert set(theirs.columns) <= set(ours.columns)
    assert len(theirs.columns) > 50
    for name in theirs.columns:
        assert_told_alike(ours[name], theirs[name], name)


def test_the_landscape_is_that_of_fragstats(reference):
    found, tables = reference
    ours, theirs = landscape_metrics(found), tables["landscape"].iloc[0]
    assert set(theirs.index) <= set(ours.index)
    for name in theirs.index:
        assert_told_alike(ours[name], theirs[name], name)


def test_a_checkerboard_by_hand():
    board = np.indices((4, 4)).sum(axis=0) % 2 + 1
    alone = patches(board, 10.0, neighbours=4)
    assert len(alone.table) == 16
    assert set(alone.table["AREA"].round(6)) == {0.01}
    assert set(alone.table["PERIM"]) == {40.0}
    # Two pixels of a colour touch at a corner.
    np.testing.assert_allclose(alone.table["ENN"], 10 * np.sqrt(2))
    found = landscape_metrics(alone)
    # 24 inner sides of 10 m, all of them between the colours; 0.16 ha.
    assert found["TE"] == 240.0
    assert found["ED"] == pytest.approx(240 / 0.16)
    assert found["PLADJ"] == 0.0
    assert found["AI"] == 0.0
    # Both colours adjoin only the other: q = 1/2, 1/2.
    assert found["CONTAG"] == pytest.approx(50.0)
    assert found["SHDI"] == pytest.approx(np.log(2))
    assert found["MESH"] == pytest.approx(16 * 1 / 16 * 0.01)
    # e = 4 a, so nothing could be more scattered; of G < P < 0.5 nothing holds at P = 0.5: (0 - 0.5) / 0.5.
    one = class_metrics(alone).loc[1]
    assert one["NLSI"] == pytest.approx(1.0)
    assert one["CLUMPY"] == pytest.approx(-1.0)
    whole = patches(board, 10.0)
    assert len(whole.table) == 2
    assert whole.table["ENN"].isna().all()
    assert whole.table["PERIM"].tolist() == [320.0, 320.0]


def test_one_patch_is_everything():
    found = patches(np.full((6, 6), 7), 20.0)
    assert found.table.loc[1, ["AREA", "PERIM", "SHAPE", "CORE", "NCORE"]].tolist() == pytest.approx(
        [1.44, 480.0, 1.0, 0.64, 1.0]
    )
    one, all_of_it = class_metrics(found).loc[7], landscape_metrics(found)
    for name, value in {
        "PLAND": 100,
        "LPI": 100,
        "TE": 0,
        "DIVISION": 0,
        "SPLIT": 1,
        "COHESION": 100,
        "AI": 100,
    }.items():
        assert one[name] == pytest.approx(value), name
    assert one["MESH"] == pytest.approx(1.44)
    assert one["LSI"] == 1.0
    assert all_of_it["SHDI"] == 0.0
    assert all_of_it["PR"] == 1.0
    for name in ("CONTAG", "IJI", "SHEI", "PAFRAC"):
        assert np.isnan(all_of_it[name]), name
    assert np.isnan(one["CLUMPY"])


def test_unknown_ground_is_in_no_patch_and_no_edge_of_classes():
    codes = np.array([[1, 255, 2], [1, 255, 2]])
    found = patches(codes, 100.0)
    assert found.table["AREA"].tolist() == [2.0, 2.0]
    assert found.table["PERIM"].tolist() == [600.0, 600.0]
    assert landscape_metrics(found)[["TA", "TE"]].tolist() == [4.0, 0.0]
    with pytest.raises(ValueError, match="nothing to measure"):
        landscape_metrics(patches(np.full((2, 2), 255), 1.0))
    assert class_metrics(patches(np.full((2, 2), 255), 1.0)).empty


@settings(max_examples=60)
@given(maps, st.sampled_from([4, 8]), st.sampled_from(["turned", "flipped", "transposed"]))
def test_metrics_are_the_same_whichever_way_the_map_lies(codes, neighbours, way):
    turned = {"turned": np.rot90, "flipped": np.fliplr, "transposed": np.transpose}[way](codes)
    one, other = (patches(each, 10.0, neighbours=neighbours, reach_m=30.0) for each in (codes, turned))
    columns = list(one.table.columns)
    ours, theirs = (each.table.round(9).sort_values(columns).reset_index(drop=True) for each in (one, other))
    pd.testing.assert_frame_equal(ours, theirs)
    pd.testing.assert_frame_equal(class_metrics(one), class_metrics(other))
    if one.known_cells:
        pd.testing.assert_series_equal(landscape_metrics(one), landscape_metrics(other))


@settings(max_examples=60)
@given(maps, st.sampled_from([4, 8]))
def test_parts_make_up_the_whole(codes, neighbours):
    found = patches(codes, 10.0, neighbours=neighbours)
    known = codes != 255
    assert (found.labels > 0).tolist() == known.tolist()
    assert found.counts.cells.sum() == known.sum()
    assert (found.table["CORE"] <= found.table["AREA"] + 1e-12).all()
    structure = np.ones((3, 3)) if neighbours == 8 else None
    assert len(found.table) == sum(ndimage.label(codes == code, structure)[1] for code in (1, 2, 3))
    rows = class_metrics(found)
    # Every side is counted at both patches.
    assert found.counts.adjacencies.sum() == 4 * known.sum()
    if known.any():
        whole = landscape_metrics(found)
        assert rows["PLAND"].sum() == pytest.approx(100)
        assert rows["TE"].sum() == pytest.approx(2 * whole["TE"])
        assert whole["MESH"] * whole["SPLIT"] == pytest.approx(whole["TA"])


@settings(max_examples=80)
@given(maps, st.sampled_from([4, 8]), st.sampled_from([1, 2, 32]))
def test_distances_are_those_between_all_pairs_of_pixels(codes, neighbours, near):
    # What lies farther than that is searched in trees.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distances, "_NEAR", near)
        found = patches(codes, 1.0, neighbours=neighbours, reach_m=2.5)
    places = {label: np.argwhere(found.labels == label) for label in found.table.index}
    for label, row in found.table.iterrows():
        away = {
            other: np.sqrt(((places[label][:, None] - places[other][None]) ** 2).sum(axis=2)).min()
            for other in found.table.index
            if other != label and found.table.loc[other, "CLASS"] == row["CLASS"]
        }
        assert row["ENN"] == pytest.approx(min(away.values(), default=np.nan), nan_ok=True)
        within = sum(len(places[other]) / far**2 for other, far in away.items() if far <= 2.5)
        assert row["PROX"] == pytest.approx(within)
        corners = (places[label][:, None] + np.array([[0, 0], [0, 1], [1, 0], [1, 1]])).reshape(-1, 2)
        longest = ((corners[:, None] - corners[None]) ** 2).sum(axis=2).max()
        circle = 1 - len(places[label]) / (np.pi * longest / 4) if len(places[label]) > 1 else 0
        assert row["CIRCLE"] == pytest.approx(circle)


@settings(max_examples=40)
@given(maps, st.floats(0.5, 4))
def test_core_is_farther_than_the_depth_from_all_else(codes, depth):
    found = core_pixels(codes, depth, unknown=255)
    wide = np.pad(codes, 5, constant_values=255)
    for code in (1, 2, 3):
        away = ndimage.distance_transform_edt(wide == code)[5:-5, 5:-5]
        np.testing.assert_array_equal(found & (codes == code), away > depth + 1e-9)
    assert not found[codes == 255].any()


def test_a_patch_may_have_several_cores():
    # Two rooms of 3 x 3 joined by a corridor of one pixel.
    rooms = np.zeros((5, 9), int)
    rooms[1:4, 1:4] = rooms[1:4, 5:8] = rooms[2, 4] = 1
    found = patches(rooms, 10.0, unknown=0)
    assert found.table.loc[1, ["NCORE", "CORE", "CAI"]].tolist() == pytest.approx([2, 0.04, 100 * 4 / 19])
    # The corridor makes a pixel of each wall core too; nothing lies two pixels deep.
    assert patches(rooms, 10.0, unknown=0, depth_m=20.0).table.loc[1, "NCORE"] == 0


def test_extremes_of_perimeter_are_those_of_all_small_shapes():
    fewest, most_alike = {}, {}
    for code in range(1, 2**9):
        shape = np.pad(np.array([code >> k & 1 for k in range(9)]).reshape(3, 3), 1)
        inner = (shape[1:] & shape[:-1]).sum() + (shape[:, 1:] & shape[:, :-1]).sum()
        cells = int(shape.sum())
        fewest[cells] = min(fewest.get(cells, 99), 4 * cells - 2 * inner)
        most_alike[cells] = max(most_alike.get(cells, 0), inner)
    counts = np.array(sorted(fewest))
    assert shapes.least_perimeter(counts).tolist() == [fewest[cells] for cells in counts]
    assert shapes.most_like_adjacencies(counts).tolist() == [most_alike[cells] for cells in counts]
    # A square whose root floating point has just below it.
    assert shapes.least_perimeter(np.array([94906267**2])).tolist() == [4 * 94906267]


def test_what_has_no_meaning_is_no_number():
    assert np.isnan(indices.cohesion([4], [1], 1))
    assert np.isnan(indices.perimeter_area_dimension([4.0] * 12, [1.0] * 12))
    assert np.isnan(indices.distribution("ENN", [np.nan], [1.0])["ENN_MN"])
    # Squares have dimension 1: area grows with the square of the perimeter.
    sides = np.arange(1.0, 12.0)
    assert indices.perimeter_area_dimension(4 * sides, sides**2) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("codes", "cell", "options", "words"),
    [
        (np.ones((2, 2)), 1.0, {}, "whole numbers"),
        (np.ones(4, int), 1.0, {}, r"of shape \(4,\)"),
        (np.ones((2, 2), int), 0.0, {}, "side of a pixel"),
        (np.ones((2, 2), int), 1.0, {"neighbours": 6}, "wants 4 or 8"),
    ],
)
def test_what_is_no_class_map_is_refused(codes, cell, options, words):
    with pytest.raises(ValueError, match=words):
        patches(codes, cell, **options)


def test_a_large_map_is_labelled_as_by_scipy():
    noise = ndimage.gaussian_filter(np.random.default_rng(5).normal(size=(700, 600)), 2)
    for neighbours, structure in ((4, None), (8, np.ones((3, 3)))):
        ours = components(noise > 0, unknown=0, neighbours=neighbours)
        theirs, count = ndimage.label(noise > 0, structure)
        assert ours.max() == count
        assert len(set(zip(ours.ravel().tolist(), theirs.ravel().tolist(), strict=True))) == count + 1
