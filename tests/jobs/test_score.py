"""Scoring a tiny twin: products know nothing of the truth, floors are below, and nothing is worse than what is stored."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitat import twin
from habitat.contracts import Period
from habitat.contracts.errors import ConfigError
from habitat.jobs import score as room
from habitat.jobs.evidence import Evidence, SceneReader
from habitat.jobs.rows import ROWS
from habitat.jobs.score import LONG_PRODUCTS, PERIOD, build_products, score_seeds, score_twin
from habitat.jobs.truth_folder import TruthFolder
from habitat.products import PRODUCTS
from habitat.sources import load_cube, search
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.scenes.rasters import Rasters
from habitat.store import Store
from habitat.twin import find
from habitat.twin.scorecard import WIDTH, Row, Scorecard, compare

STORED = Path(__file__).parents[1] / "twin" / "scorecard-tiny.json"
MAY = Period(PERIOD)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A tiny twin of seed 1."""
    folder = tmp_path_factory.mktemp("twin") / "tiny"
    twin.make(folder, size="tiny", seed=1)
    return find(folder)


@pytest.fixture(scope="module")
def store(tiny, tmp_path_factory):
    """Products of the twin, built beside its truth."""
    store = Store(tmp_path_factory.mktemp("store"))
    summary = build_products(tiny, store)
    assert summary.exit_code == 0
    return store


@pytest.fixture(scope="module")
def told():
    """What happened while the card was made, in order."""
    return []


@pytest.fixture(scope="module")
def card(tiny, tmp_path_factory, told):
    build, opened = room.build_products, TruthFolder._opened
    workdir = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "build_products", lambda *args, **more: (build(*args, **more), told.append("built")))
        patch.setattr(TruthFolder, "_opened", lambda self, name: (told.append("truth"), opened(self, name))[1])
        made = score_twin(tiny.root, workdir=workdir / "new", progress=lambda *step: told.append(step))
    assert list((workdir / "new").iterdir()) == [], "nothing stays behind"
    return made


@pytest.fixture
def evidence(tiny, store):
    with Rasters(provider_for(tiny.catalog)) as rasters:
        yield Evidence(
            tiny.area,
            MAY,
            store,
            {
                month: search("sentinel2", tiny.area, month, catalogue=tiny.catalog).scenes
                for month in (MAY, MAY.year_before())
            },
            SceneReader(rasters, tiny.area, 120.0),
            TruthFolder(tiny.truth, tiny.area.grid),
        )


def rasters(store):
    """Bytes of every published raster by file name."""
    return {
        path.name: path.read_bytes()
        for entry in store.list()
        for key, path in entry.paths.items()
        if key in entry.rasters
    }


def test_products_are_the_same_bytes_without_the_truth(tiny, store, tmp_path):
    blind = tmp_path / "blind"
    shutil.copytree(tiny.root, blind, ignore=shutil.ignore_patterns("truth"))
    assert tiny.truth.is_dir()
    assert not (blind / "truth").exists()
    other = Store(tmp_path / "store")
    build_products(find(blind), other)
    seeing, unseeing = rasters(store), rasters(other)
    built = {entry.product for entry in store.list()}
    assert {entry.product for entry in other.list()} == built
    # A tiny twin has no scene of any summer.
    assert set(PRODUCTS) - built - set(LONG_PRODUCTS) == {"forest-cover", "forest-type"}
    assert list(seeing) == list(unseeing)
    assert seeing == unseeing


def test_truth_is_opened_after_the_last_product_is_built(card, told):
    happened = [what for what in told if isinstance(what, str)]
    assert happened[0] == "built"
    assert happened[1:] == ["truth"] * (len(happened) - 1)
    assert len(happened) > 10
    assert told.index(("measuring", 0, len(ROWS))) > told.index("built")
    assert told[-1] == ("measuring", len(ROWS), len(ROWS))


def test_nothing_got_worse_than_the_stored_card(card):
    assert compare(Scorecard.from_json(STORED.read_text(encoding="utf-8")), card) == []


def test_card_says_what_it_is_of(card, tiny):
    assert (card.size, card.seeds, card.period) == ("tiny", (1,), "2025-05")
    assert {row.product for row in card.rows} >= {"composite", "clear mask", "indices", "change"}
    table = card.table()
    assert max(map(len, table.splitlines())) <= WIDTH
    assert str(tiny.root) not in card.to_json() + table
    assert Scorecard.from_json(card.to_json()).to_json() == card.to_json()


def test_every_row_has_what_a_reader_wants(card):
    for row in card.rows:
        assert row.value is not None or row.n == 0, row
        assert row.tolerance > 0 or row.value is None, row
        assert row.baseline is None or row.baseline_method, row


def test_what_must_hold_in_any_landscape(card):
    """Clouds spoil an unmasked median, a perfect mask beats any other, and shares are shares."""
    for name in ("visible", "nir", "swir"):
        row = card.row("composite", f"RMSE {name}")
        assert row.floor <= row.value < row.baseline
    filled = card.row("composite", "land filled")
    assert 0 < filled.value <= filled.floor <= 100
    for row in card.rows:
        if row.unit == "%" and row.better != "zero" and row.value is not None:
            assert 0 <= row.value <= 100
    for purpose in ("forest", "burn"):
        omission = card.row("clear mask", f"omission, {purpose}")
        assert omission.value < omission.baseline, "growing finds clouds that the classes miss"
        every, far = (card.row("clear mask", f"{name}, {purpose}") for name in ("commission", "commission (far)"))
        assert far.n < every.n
        assert far.value < every.value, "most clear ground is lost beside clouds"
    assert card.row("change", "burnt, omission").n > 20


def test_card_of_other_products_from_the_same_scenes_is_the_same(tiny, store, card):
    assert room.score_store(tiny, store).to_json() == card.to_json()


def test_medians_under_our_own_masks_are_the_composite(evidence):
    """The floor is made as the product is: only the mask differs."""
    (tile,) = evidence.tiles
    bands = ("red", "nir", "swir2")
    again = evidence.scenes.medians(
        evidence.used(MAY), bands, tile, lambda scene, tile: evidence.scenes.clear(scene, "burn", tile)
    )
    for band in bands:
        np.testing.assert_array_equal(again[band], evidence.values("composite", "median", band, tile))


def test_clear_masks_are_those_of_the_cube(evidence, tiny):
    scenes = evidence.months[MAY]
    (tile,) = evidence.tiles
    cube = load_cube(scenes, tiny.area, bands=("red",), purpose="forest")
    for scene in scenes:
        step = cube.isel(time=list(cube["id"].values).index(scene.id))
        np.testing.assert_array_equal(evidence.scenes.clear(scene, "forest", tile), step["clear"].values)
        found = np.where(evidence.scenes.seen(scene, tile), evidence.scenes.reflectance(scene, "red", tile), np.nan)
        np.testing.assert_allclose(found, step["red"].values, atol=1e-4)


def test_unmasked_medians_know_no_mask(evidence):
    (tile,) = evidence.tiles
    scenes = evidence.observed(MAY)
    red = evidence.unmasked_medians(MAY, ("red",), tile)["red"]
    # One value for each satellite and day: of scenes that overlap, the first with data.
    days = {}
    for scene in scenes:
        value = evidence.scenes.reflectance(scene, "red", tile)
        key = scene.solar_day, scene.platform
        days[key] = np.where(np.isnan(days[key]), value, days[key]) if key in days else value
    expected = np.nanmedian(np.stack(list(days.values())), axis=0)
    np.testing.assert_allclose(red, expected, atol=6e-5)
    assert evidence.clearest(MAY).cloud_cover == min(scene.cloud_cover for scene in scenes)


def test_means_over_seeds_of_twins_that_are_made_and_thrown_away(tmp_path, monkeypatch, card):
    made, told = [], []
    monkeypatch.setattr(room, "make", lambda folder, *, size, seed: made.append((folder, size, seed)))
    values = {1: 0.02, 4: 0.04}

    def scored(folder, *, workdir, progress):
        assert workdir.is_dir()
        assert folder.is_relative_to(workdir)
        seed = made[-1][2]
        return replace(card, seeds=(seed,), rows=(Row("composite", "RMSE nir", "1", "lower", values[seed], n=5),))

    monkeypatch.setattr(room, "score_twin", scored)
    whole = score_seeds("tiny", [1, 4], workdir=tmp_path, progress=lambda *step: told.append(step))
    assert [(size, seed) for _, size, seed in made] == [("tiny", 1), ("tiny", 4)]
    assert made[0][0] != made[1][0]
    assert whole.seeds == (1, 4)
    assert (whole.rows[0].value, whole.rows[0].n) == (pytest.approx(0.03), 10)
    assert whole.rows[0].interval[0] < 0.02 < 0.04 < whole.rows[0].interval[1]
    assert told == [("scoring twins", 0, 2), ("scoring twins", 1, 2), ("scoring twins", 2, 2)]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_means_over_two_real_twins(tmp_path):
    whole = score_seeds("tiny", [1, 2], workdir=tmp_path)
    row = whole.row("composite", "RMSE visible")
    assert row.interval[0] < row.value < row.interval[1]
    assert whole.seeds == (1, 2)


@pytest.mark.parametrize("seeds", [[], [3, 3]])
def test_seeds_that_cannot_be_scored(tmp_path, seeds):
    with pytest.raises(ConfigError, match="wants at least one and each once"):
        score_seeds("tiny", seeds, workdir=tmp_path)


def test_folder_without_a_twin(tmp_path):
    with pytest.raises(ConfigError, match="holds no finished twin; make one with: habitat twin make"):
        score_twin(tmp_path, workdir=tmp_path)
    (tmp_path / "twin.json").write_text(json.dumps({"size": "tiny"}))
    with pytest.raises(ConfigError, match="is not a twin's marker"):
        score_twin(tmp_path, workdir=tmp_path)


def test_folder_that_cannot_be_worked_in(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="name another folder to work in"):
        score_twin(tiny.root, workdir=tmp_path / "file")


def test_what_is_not_there_is_told_and_the_rest_is_scored(tiny, tmp_path, store, monkeypatch):
    folder = tmp_path / "twin"
    shutil.copytree(tiny.root, folder)
    shutil.rmtree(folder / "truth" / "fires")
    (folder / "truth" / "reflectance" / "2024-05.tif").unlink()
    # Products stand already: only the measuring is looked at.
    monkeypatch.setattr(room, "build_products", lambda *args, **more: None)
    monkeypatch.setattr(room, "Store", lambda root: store)
    damaged = score_twin(folder, workdir=tmp_path)
    row = damaged.row("change", "scored")
    assert row.value is None
    assert "the truth about reflectance/2024-05 cannot be read" in row.note
    assert str(tmp_path) not in damaged.to_json()
    assert damaged.row("composite", "RMSE nir").value is not None
    worse = compare(replace(damaged, rows=(Row("change", "F1 of decreases", "1", "higher", 0.5),)), damaged)
    assert worse == ["change: F1 of decreases was 0.5000, now there is no value"]


def test_products_that_were_not_built_are_told(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "build_products", lambda *args, **more: None)
    empty = score_twin(tiny.root, workdir=tmp_path)
    scored = {row.product: row for row in empty.rows if row.measure == "scored"}
    assert set(scored) == {"composite", "indices", "change", "fire scars", "fire-risk", "forest", "area intervals"}
    assert "is not in <store>" in scored["composite"].note
    assert empty.row("clear mask", "omission, forest").value is not None, "masks need no product"
