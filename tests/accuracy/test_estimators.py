"""Estimators: published examples to the printed digit, coverage by simulation, properties, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.accuracy.estimators import POST_STRATIFIED, Telling, accuracy
from habitat.accuracy.tallies import Tally, matrix_tally, merged, tally
from habitat.contracts.errors import ConfigError, InputError

# Olofsson et al. (2014), tables 8 and 9: pixels of 30 m and counts of samples.
NAMES = ("deforestation", "forest gain", "stable forest", "stable non-forest")
PIXELS = dict(zip(NAMES, (200_000, 150_000, 3_200_000, 6_450_000), strict=True))
MAPPED_HA = {name: count * 0.09 for name, count in PIXELS.items()}
MATRIX = ((66, 0, 5, 4), (0, 55, 8, 12), (1, 0, 153, 11), (2, 1, 9, 313))

# Stehman (2014), table 2: 40 samples of strata that are not the classes of the map.
STRATA = "A" * 10 + "B" * 10 + "C" * 10 + "D" * 10
MAPPED = "A" * 7 + "B" * 3 + "A" + "B" * 11 + "C" * 6 + "B" * 2 + "D" * 10
REFERENCE = "AAAAACBABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB"
STRATUM_PIXELS = {"A": 40_000, "B": 30_000, "C": 20_000, "D": 10_000}


def half(estimate):
    return (estimate.interval[1] - estimate.interval[0]) / 2


def values(estimates):
    return [one.value for one in estimates.values()]


def test_olofsson_2014_to_the_printed_digit():
    found = accuracy(matrix_tally(MATRIX, NAMES), MAPPED_HA)
    assert [str(one) for one in found.areas.values()] == [
        "21,158 ± 6,158 ha (95 %, stratified estimator, n = 640)",
        "11,686 ± 3,756 ha (95 %, stratified estimator, n = 640)",
        "285,770 ± 15,510 ha (95 %, stratified estimator, n = 640)",
        "581,386 ± 16,282 ha (95 %, stratified estimator, n = 640)",
    ]
    assert [round(one, 2) for one in values(found.users)] == [0.88, 0.73, 0.93, 0.96]
    assert [round(half(one), 2) for one in found.users.values()] == [0.07, 0.10, 0.04, 0.02]
    assert [round(one, 2) for one in values(found.producers)] == [0.75, 0.85, 0.93, 0.96]
    # The paper prints 0.23 and 0.01 for the second and the last; its equation 7 gives 0.254 and 0.018.
    assert [round(half(one), 3) for one in found.producers.values()] == [0.213, 0.254, 0.034, 0.018]
    assert (round(found.overall.value, 3), round(half(found.overall), 3)) == (0.947, 0.018)
    table_9 = [
        [0.0176, 0, 0.0013, 0.0011],
        [0, 0.0110, 0.0016, 0.0024],
        [0.0019, 0, 0.2967, 0.0213],
        [0.0040, 0.0020, 0.0179, 0.6212],
    ]
    assert np.abs(found.matrix - table_9).max() < 5e-5


def test_olofsson_2013_first_example():
    # Counts of pixels as areas: 45,112 pixels with a standard error of 10,752 in equations 10 to 12.
    found = accuracy(
        matrix_tally([[97, 0, 3], [3, 279, 18], [2, 1, 97]], ["1", "2", "3"]),
        {"1": 22_353, "2": 1_122_543, "3": 610_228},
        telling=Telling(unit="pixels"),
    )
    assert found.areas["1"].value == pytest.approx(45_112.4, abs=1)
    assert found.errors["areas"]["1"] == pytest.approx(10_751.88, abs=1)
    assert values(found.users) == pytest.approx([0.97, 0.93, 0.97])
    assert values(found.producers) == pytest.approx([0.4806308, 0.9941887, 0.8969259], abs=1e-6)
    assert found.overall.value == pytest.approx(0.9444168, abs=1e-6)
    assert [half(one) for one in found.producers.values()] == pytest.approx([0.22453, 0.01133, 0.04121], abs=1e-4)


def test_stehman_2014_with_strata_that_are_not_the_classes():
    found = accuracy(tally(STRATA, MAPPED, REFERENCE), STRATUM_PIXELS, pixels=STRATUM_PIXELS)
    whole = sum(STRATUM_PIXELS.values())
    assert [found.areas[name].value / whole for name in "AC"] == pytest.approx([0.35, 0.20])
    assert [round(found.errors["areas"][name] / whole, 3) for name in "AC"] == [0.082, 0.064]
    assert (found.overall.value, round(found.errors["overall"]["overall"], 3)) == (pytest.approx(0.63), 0.085)
    assert (round(found.users["B"].value, 3), round(found.errors["users"]["B"], 3)) == (0.574, 0.125)
    assert round(found.producers["B"].value, 3) == 0.794
    assert found.matrix[1, 2] == pytest.approx(0.08)
    # The paper prints 0.114: it sets a variance of stratum D to 0 that its table 3 has as 0.1.
    assert round(found.errors["producers"]["B"], 3) == 0.117


def test_stehman_2014_without_finite_correction_to_seven_digits():
    # As the R package mapac computes them.
    found = accuracy(tally(STRATA, MAPPED, REFERENCE), STRATUM_PIXELS)
    assert list(found.errors["users"].values()) == pytest.approx([0.1645627, 0.1248023, 0.2151657, 0.1527525], abs=5e-8)
    assert list(found.errors["producers"].values()) == pytest.approx(
        [0.1477318, 0.1165671, 0.1504438, 0.1623242], abs=5e-8
    )


def test_weights_of_strata_matter():
    right = accuracy(matrix_tally(MATRIX, NAMES), MAPPED_HA)
    even = accuracy(matrix_tally(MATRIX, NAMES), dict.fromkeys(NAMES, 1.0))
    assert abs(right.overall.value - even.overall.value) > 0.05


def drawn_tallies(cells, sizes, draws, seed):
    """Yield tallies of simulated samples from the probabilities (stratum, mapped, reference)."""
    rng = np.random.default_rng(seed)
    strata, classes = cells.shape[:2]
    parts = [rng.multinomial(sizes[row], cells[row].ravel(), size=draws) for row in range(strata)]
    counts = np.stack(parts, axis=1).reshape(draws, strata, classes, classes)
    names = tuple("abcdef"[:strata]), tuple("xyz"[:classes])
    for one in counts:
        yield Tally(*names, one, one.astype(float), one.astype(float))


STRATA_ARE_CLASSES = np.array(
    [
        [[0.80, 0.15, 0.05], [0, 0, 0], [0, 0, 0]],
        [[0, 0, 0], [0.06, 0.88, 0.06], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 0], [0.05, 0.10, 0.85]],
    ]
)
STRATA_ARE_OTHERS = np.array(
    [
        [[0.40, 0.10, 0.05], [0.10, 0.25, 0.02], [0.02, 0.03, 0.03]],
        [[0.10, 0.04, 0.04], [0.04, 0.40, 0.08], [0.05, 0.10, 0.15]],
    ]
)


@pytest.mark.parametrize(
    ("cells", "sizes", "areas"),
    [(STRATA_ARE_CLASSES, (100, 150, 300), (50.0, 200.0, 750.0)), (STRATA_ARE_OTHERS, (200, 300), (300.0, 700.0))],
    ids=["strata are classes", "strata are not"],
)
def test_intervals_hold_the_truth_as_often_as_they_say(cells, sizes, areas):
    joint = np.einsum("h,hij->ij", np.array(areas), cells) / sum(areas)
    truth = {
        "areas": joint.sum(axis=0) * sum(areas),
        "users": np.diag(joint) / joint.sum(axis=1),
        "producers": np.diag(joint) / joint.sum(axis=0),
    }
    named = dict(zip("abcdef", areas, strict=False))
    draws, held, sums = 500, {name: np.zeros(3) for name in truth}, np.zeros(3)
    overall = 0
    for one in drawn_tallies(cells, sizes, draws, seed=7):
        found = accuracy(one, named)
        sums += values(found.areas)
        overall += found.overall.interval[0] <= np.trace(joint) <= found.overall.interval[1]
        for name in truth:
            ends = np.array([estimate.interval for estimate in getattr(found, name).values()])
            held[name] += (ends[:, 0] <= truth[name]) & (truth[name] <= ends[:, 1])
    assert np.abs(sums / draws / truth["areas"] - 1).max() < 0.01
    told = np.concatenate([*(held[name] / draws for name in truth), [overall / draws]])
    assert 0.93 <= told.mean() <= 0.97
    assert (held["areas"] / draws).min() >= 0.93
    assert (held["areas"] / draws).max() <= 0.97
    assert told.min() > 0.91


matrices = st.integers(2, 4).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, 30), min_size=size, max_size=size), min_size=size, max_size=size
    ).filter(lambda rows: all(sum(row) >= 2 for row in rows))
)


@given(matrices, st.data())
def test_areas_add_up_and_classes_may_change_places(rows, data):
    names = list("wxyz"[: len(rows)])
    areas = {name: data.draw(st.floats(0.1, 1e6)) for name in names}
    found = accuracy(matrix_tally(rows, names), areas)
    assert sum(values(found.areas)) == pytest.approx(sum(areas.values()))
    assert found.matrix.sum() == pytest.approx(1)
    assert found.matrix.sum(axis=1) == pytest.approx([areas[name] / sum(areas.values()) for name in names])
    order = data.draw(st.permutations(range(len(rows))))
    turned = accuracy(
        matrix_tally(np.array(rows)[np.ix_(order, order)], [names[place] for place in order]),
        {names[place]: areas[names[place]] for place in order},
    )
    assert turned.overall.value == pytest.approx(found.overall.value)
    for kind in ("areas", "users", "producers"):
        for name in names:
            one, other = getattr(found, kind)[name], getattr(turned, kind)[name]
            assert (one is None) == (other is None)
            if one is not None:
                assert other.value == pytest.approx(one.value)
                assert other.interval == pytest.approx(one.interval, abs=1e-6 * max(1, one.value))


@given(st.lists(st.integers(2, 50), min_size=2, max_size=4))
def test_a_perfect_map_has_no_error_and_keeps_its_areas(sizes):
    names = list("wxyz"[: len(sizes)])
    areas = {name: 10.0 + place for place, name in enumerate(names)}
    found = accuracy(matrix_tally(np.diag(sizes), names), areas)
    assert values(found.areas) == pytest.approx(list(areas.values()))
    assert [max(column.values()) for column in found.errors.values()] == pytest.approx([0] * 4, abs=1e-12)
    assert found.overall.value == pytest.approx(1)
    assert any("shows no spread in the user's accuracy" in note for note in found.notes)


def test_equal_weights_change_nothing_and_larger_pixels_count_more():
    plain = accuracy(tally(STRATA, MAPPED, REFERENCE), STRATUM_PIXELS)
    even = accuracy(tally(STRATA, MAPPED, REFERENCE, weights=np.full(40, 400.3)), STRATUM_PIXELS)
    assert even.areas["A"].interval == pytest.approx(plain.areas["A"].interval)
    # Two of three samples are x; the one that is y stands on a pixel twice as large: half of the area each.
    found = accuracy(tally("aaa", "xxx", "xxy", weights=[1, 1, 2]), {"a": 8.0})
    assert values(found.areas) == pytest.approx([4.0, 4.0])
    # Residuals times weight over mean weight 4/3: 3/4 · ½, 3/4 · ½, 3/2 · ½; variance of the mean = Σ² / (3 · 2).
    assert found.errors["areas"]["x"] == pytest.approx(8 * np.sqrt((2 * 0.375**2 + 0.75**2) / 6))


def test_a_whole_stratum_in_the_sample_adds_no_error():
    samples = tally("aabbbb", "xxyyyy", "xyyyyx")
    areas = {"a": 2.0, "b": 1000.0}
    whole = accuracy(samples, areas, pixels={"a": 2, "b": 1000})
    # Only stratum b is uncertain: q = 1/4, variance q (1 - q) / 3 (1 - 4 / 1000).
    assert whole.errors["areas"]["x"] == pytest.approx(1000 * np.sqrt(0.25 * 0.75 / 3 * (1 - 0.004)))
    one = accuracy(tally("abbbb", "xyyyy", "xyyyx"), areas, pixels={"a": 1, "b": 1000})
    assert one.errors["areas"]["x"] == whole.errors["areas"]["x"]


def test_one_sample_is_refused_with_the_reason():
    samples = tally("abbbb", "xyyyy", "xyyyx")
    with pytest.raises(InputError, match=r"strata a have one labelled sample, from which no variance follows.*merged"):
        accuracy(samples, {"a": 2.0, "b": 1000.0})
    with pytest.raises(InputError, match="one labelled sample"):
        accuracy(samples, {"a": 2.0, "b": 1000.0}, pixels={"a": 2, "b": 1000})


def test_strata_that_cannot_be_estimated_are_refused():
    samples = tally("aabb", "xxyy", "xxyy")
    with pytest.raises(InputError, match="strata c have no labelled sample"):
        accuracy(samples, {"a": 1.0, "b": 1.0, "c": 1.0})
    with pytest.raises(InputError, match="samples of the strata b, whose area is not known"):
        accuracy(samples, {"a": 1.0})
    with pytest.raises(InputError, match="strata b have no area"):
        accuracy(samples, {"a": 1.0, "b": 0.0})
    with pytest.raises(InputError, match="strata a have more samples than pixels"):
        accuracy(samples, {"a": 1.0, "b": 1.0}, pixels={"a": 1, "b": 9})


def test_strata_are_merged_on_request_only():
    samples = tally("abbbb", "xyyyy", "xyyyx")
    areas, pixels = {"a": 100.0, "b": 800.0, "c": 100.0}, {"a": 100, "b": 800, "c": 100}
    joined, larger, counted = merged(samples, areas, pixels, {"a": "b", "c": "b"})
    assert (larger, counted) == ({"b": 1000.0}, {"b": 1000})
    found = accuracy(joined, larger, pixels=counted)
    # The samples stand for 100 and 4 · 200: x is 100 + 200 of 900, and c is taken to be alike.
    assert found.areas["x"].value == pytest.approx(1000 * 300 / 900)
    assert found.n == 5


@pytest.mark.parametrize("into", [{"a": "q"}, {"q": "a"}, {"a": "a"}, {"a": "b", "b": "c"}])
def test_merging_into_nowhere_is_refused(into):
    samples = tally("aabb", "xxyy", "xxyy")
    with pytest.raises(ConfigError, match="cannot merge"):
        merged(samples, {"a": 1.0, "b": 1.0, "c": 1.0}, None, into)


def test_classes_that_nobody_saw_have_no_accuracy():
    found = accuracy(tally("aabb", "xxyy", "xxyz", classes=["x", "y", "z"]), {"a": 1.0, "b": 1.0})
    assert found.users["z"] is None
    assert found.producers["z"].value == 0
    assert any(note.startswith("z has no user's accuracy") for note in found.notes)
    assert any("fewer than 10 labelled samples: a (2), b (2)" in note for note in found.notes)
    lost = accuracy(tally("aabb", "xxyz", "xxyy", classes=["x", "y", "z"]), {"a": 1.0, "b": 1.0})
    assert lost.producers["z"] is None
    assert lost.areas["z"].value == 0
    assert any(note.startswith("z has no producer's accuracy") for note in lost.notes)


def test_an_interval_below_nothing_is_told_and_the_logit_one_is_not():
    rows, names, areas = [[9, 1], [1, 99]], ["rare", "common"], {"rare": 1.0, "common": 999.0}
    normal = accuracy(matrix_tally(rows, names), areas)
    assert normal.areas["rare"].interval[0] < 0
    assert "the interval of the area of rare reaches below 0; the logit interval does not" in normal.notes
    logit = accuracy(matrix_tally(rows, names), areas, telling=Telling(kind="logit", estimator=POST_STRATIFIED))
    assert logit.areas["rare"].interval[0] > 0
    assert logit.areas["rare"].value == normal.areas["rare"].value
    assert "post-stratified estimator" in str(logit.areas["rare"])


def test_post_stratified_errors_agree_with_many_simple_random_samples():
    # A simple random sample of 400 sorted by the map afterwards: the mean standard error is the spread of estimates.
    joint = np.array([[0.16, 0.04], [0.05, 0.75]])
    rng = np.random.default_rng(3)
    found = [
        accuracy(matrix_tally(rows.reshape(2, 2), ["x", "y"]), {"x": 20.0, "y": 80.0})
        for rows in rng.multinomial(400, joint.ravel(), size=400)
    ]
    areas = np.array([one.areas["x"].value for one in found])
    assert areas.mean() == pytest.approx(21.0, abs=0.2)
    assert np.mean([one.errors["areas"]["x"] for one in found]) == pytest.approx(areas.std(), rel=0.1)


def test_tallies_refuse_what_does_not_fit():
    with pytest.raises(InputError, match="there are 2 strata, 1 classes on the map"):
        tally("ab", "x", "xx")
    with pytest.raises(InputError, match="at least one sample"):
        tally("", "", "")
    with pytest.raises(InputError, match="positive numbers"):
        tally("ab", "xx", "xx", weights=[1.0, 0.0])
    with pytest.raises(InputError, match="wants a row and a column"):
        matrix_tally([[1, 2]], ["a", "b"])
    with pytest.raises(InputError, match="samples, not shares"):
        matrix_tally([[0.5, 0.5], [0, 1]], ["a", "b"])
