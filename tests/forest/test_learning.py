"""Learning from samples: thinning, stable ground, folds that keep blocks whole, trees, scores and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_year import years

from habitat.contracts.errors import NotPossible
from habitat.forest import Kind, Samples, cover_skill, features, train_cover, train_types, type_skill
from habitat.forest.learning import Ground, learnt
from habitat.forest.rules import NAME
from habitat.forest.samples import (
    class_samples,
    no_samples,
    percent_samples,
    stable_neighbourhood,
    thinned,
    with_trees,
)
from habitat.forest.validation import spatial_folds

KNOWN_COVER = {1: 85, 2: 90, 3: 84, 4: 80, 5: 34, 6: 5, 7: 0, 8: 0}
GROUND = Ground(20.0, 200.0, 0)


def made(count=240, *, seed=3):
    """Samples of all kinds scattered over 100 x 100 pixels, and their features."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(1, 9, count).astype(np.uint8)
    cover = np.array([KNOWN_COVER[int(code)] for code in kind], np.float32)
    rows, columns = rng.integers(0, 100, (2, count)).astype(np.int64)
    samples = Samples(rows, columns, cover, kind, np.arange(count), np.ones(count, np.float32))
    return samples, features(years(kind, noise=0.05, seed=seed))


def test_only_the_middle_of_a_class_is_stable():
    codes = np.full((6, 6), 10, np.uint8)
    codes[:, 3:] = 30
    codes[0, 0] = 255
    stable = stable_neighbourhood(codes)
    assert stable[:, 2:4].sum() == 0  # mixed pixels on both sides of the edge
    assert not stable[:2, :2].any()  # beside the unknown one
    assert stable[3, [0, 1, 4, 5]].all()
    assert stable_neighbourhood(np.array([[10, 20]], np.uint8), tolerance=10).all()


@given(st.integers(0, 200), st.integers(1, 9), st.integers(1, 20))
def test_thinning_keeps_one_a_square_and_twice_is_once(count, spacing, most):
    rng = np.random.default_rng(count)
    rows, columns, strata = rng.integers(0, 40, (3, count)).astype(np.int64)
    kept = thinned(rows, columns, strata % 3, spacing_px=spacing, most=most, seed=5)
    squares = list(zip(strata[kept] % 3, rows[kept] // spacing, columns[kept] // spacing, strict=True))
    assert len(set(squares)) == len(squares)
    assert all(np.sum(strata[kept] % 3 == one) <= most for one in range(3))
    again = thinned(rows[kept], columns[kept], strata[kept] % 3, spacing_px=spacing, most=most, seed=5)
    assert again.size == kept.size


def test_weak_samples_of_classes_and_of_percent():
    codes = np.full((40, 40), 10, np.uint8)
    codes[:, 20:] = 30
    weak = class_samples(codes, spacing_px=10, seed=1)
    # Four rows of squares, two columns each side of the edge.
    assert np.unique(weak.cover, return_counts=True)[1].tolist() == [8, 8]
    assert set(weak.kind[weak.cover > 50]) == {0}
    assert set(weak.kind[weak.cover < 50]) == {Kind.OPEN}
    assert set(weak.weight) == {0.25}
    percent = np.full((30, 30), 70, np.uint8)
    percent[:, 15:] = 200  # no percent at all
    told = percent_samples(percent, spacing_px=10)
    assert (told.columns < 14).all()
    assert set(told.cover) == {70}
    assert np.array_equal(percent_samples(percent, spacing_px=10).rows, told.rows)


def test_rules_say_which_trees_where_they_are_sure():
    weak = class_samples(np.full((20, 20), 10, np.uint8), spacing_px=10)
    sure = np.zeros((weak.count, 8), np.float32)
    sure[:, 1] = 0.9
    sure[0] = [0.3, 0.3, 0.4, 0, 0, 0, 0, 0]
    sure[1] = np.nan
    assert with_trees(weak, sure).kind.tolist() == [0, 0, 2, 2]


def test_folds_keep_blocks_and_groups_whole():
    samples, _ = made()
    folds = spatial_folds(samples, block_px=10, seed=1)
    blocks = samples.rows // 10 * 100 + samples.columns // 10
    assert all(len(set(folds[blocks == one])) == 1 for one in np.unique(blocks))
    assert sorted(set(folds)) == [0, 1, 2, 3, 4]
    assert np.bincount(folds).min() > 30
    together = Samples(
        *(getattr(samples, name) for name in ("rows", "columns", "cover", "kind")), np.arange(240) // 4, samples.weight
    )
    folds = spatial_folds(together, block_px=10, seed=1)
    assert all(len(set(folds[together.group == one])) == 1 for one in range(60))


def test_trees_learn_and_say_how_sure_they_are():
    samples, table = made()
    model = train_cover(table, samples.cover, seed=1)
    other, rows = made(seed=9)
    told = model.predict(rows)
    assert np.sqrt(np.mean((told.cover - other.cover) ** 2)) < 12
    assert (told.error >= 2).all()
    assert np.array_equal(train_cover(table, samples.cover, seed=1).predict(rows).cover, told.cover)
    assert np.allclose(model.calibrated(2.0).predict(rows).error, 2 * told.error)
    kinds = train_types(table, samples.kind, seed=1).predict(rows)
    assert np.mean(kinds.kind == other.kind) > 0.9
    blind = rows.copy()
    blind[0, :12] = np.nan
    blind[1, 12:] = np.nan
    assert np.isnan(model.predict(blind).cover).tolist()[:3] == [True, False, False]
    assert train_types(table, samples.kind).predict(blind).kind[0] == 255


def test_scores_come_from_blocks_left_out():
    samples, table = made()
    countries = np.where(samples.columns < 50, "RU", "CN")
    skill = cover_skill(table, samples, countries, resolution_m=20.0, block_m=200.0)
    assert 1 < skill.rmse < 15
    assert abs(skill.bias) < 4
    assert skill.f1 > 0.95
    assert set(skill.by_country) == {"RU", "CN"}
    assert sum(part["n"] for part in skill.by_country.values()) == skill.n == 240
    kinds = type_skill(table, samples, countries, resolution_m=20.0, block_m=200.0)
    table_of = np.array(kinds.confusion)
    assert table_of.sum() == 240
    assert kinds.accuracy == pytest.approx(np.trace(table_of) / 240)
    assert table_of[:, Kind.WATER - 1].sum() == np.sum(samples.kind == Kind.WATER)
    assert kinds.f1["water"] > 0.95
    json.dumps([skill.to_dict(), kinds.to_dict()], allow_nan=False)


def test_noise_teaches_nothing_and_the_scores_say_so():
    samples, table = made()
    shuffled = np.random.default_rng(1).permutation(240)
    wrong = Samples(
        samples.rows, samples.columns, samples.cover[shuffled], samples.kind[shuffled], samples.group, samples.weight
    )
    skill = cover_skill(table, wrong, np.full(240, ""), resolution_m=20.0, block_m=200.0)
    assert skill.rmse > 35  # the standard deviation of the cover is 39
    assert type_skill(table, wrong, np.full(240, ""), resolution_m=20.0, block_m=200.0).accuracy < 0.3


def test_too_little_is_refused_with_the_reason():
    samples, table = made(20)
    with pytest.raises(NotPossible, match="20 samples of crown cover"):
        train_cover(table, samples.cover)
    with pytest.raises(NotPossible, match="too few or all alike"):
        train_cover(np.zeros((50, 48), np.float32), np.full(50, 80.0))
    with pytest.raises(NotPossible, match="samples of 1 kinds"):
        train_types(np.zeros((50, 48), np.float32), np.full(50, 3))
    one, _ = made(60)
    near = Samples(one.rows % 5, one.columns % 5, one.cover, one.kind, one.group, one.weight)
    with pytest.raises(NotPossible, match="lie in 1 blocks"):
        spatial_folds(near, block_px=10)


def test_learnt_falls_back_on_rules_and_says_so():
    nothing = learnt(no_samples(), np.empty((0, 48), np.float32), np.empty(0, "U2"), GROUND)
    assert (nothing.cover_method, nothing.kinds_method) == (NAME, NAME)
    assert dict(nothing.gaps) == {"cover, labels": f"none given: {NAME}", "type, labels": f"none given: {NAME}"}
    samples, table = made()
    covers = Samples(
        samples.rows, samples.columns, samples.cover, np.zeros(240, np.uint8), samples.group, samples.weight
    )
    half = learnt(covers, table, np.full(240, ""), GROUND)
    assert half.cover_method == "trained on 240 samples"
    assert half.skill()["cover"]["n"] == 240
    assert half.kinds_method == NAME
    # All in one block: trained, and nothing to hold it against.
    near = Samples(samples.rows % 9, samples.columns % 9, samples.cover, samples.kind, samples.group, samples.weight)
    alone = learnt(near, table, np.full(240, ""), GROUND)
    assert alone.cover_skill is None
    assert {name for name, _ in alone.gaps} == {"cover, validation", "type, validation"}


def test_groups_stay_apart_when_joined():
    samples, _ = made(10)
    both = samples.joined(samples)
    assert len(set(both.group)) == 20
    assert no_samples().joined(samples).group.tolist() == list(range(10))
