"""Composites of two sensors: what lies between them stands in the record, and what is too much is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import ValidationError

from habitat.contracts.errors import NotInStore
from habitat.products import PRODUCTS, composite
from habitat.products.building import forest_build
from habitat.sources.scenes.mixing import Mixing, MixingRefused, settled_mixing
from habitat.sources.scenes.preflight import Missing

BOTH = {"sensors": ("sentinel2", "landsat"), "bandpass": "oli", "geometric_median": False, "grow_m": 0}


def test_two_sensors_are_measured_and_the_record_says_what_is_unknown(build):
    outcome = build("composite", **BOTH)
    # 45 pixels, partly under clouds, are too few to know a difference by: that is told, and not taken for none.
    assert outcome.gaps == (
        (
            "mixing of sensors",
            "52TGP–114030: no ground clear in both (2025-05), so their difference there is not known",
        ),
    )
    for account in (outcome.published.record.ledger, json.loads(outcome.published.path("ledger").read_text())):
        assert account["mixing"]["unknown"][0]["why"] == "no ground clear in both"
        assert account["mixing"]["largest"] is None


def test_one_sensor_has_nothing_to_mix(build):
    outcome = build("composite", geometric_median=False)
    assert "mixing" not in outcome.published.record.ledger
    assert outcome.gaps == ()


def test_nobody_looks_where_nobody_is_to_look(build, monkeypatch):
    seen = []
    monkeypatch.setattr(composite, "settled_mixing", lambda *a, **k: seen.append(k["bound"]) or settled_mixing(*a, **k))
    outcome = build("composite", **BOTH, max_mixing_residual=None)
    assert seen == [None]
    assert outcome.gaps == (("mixing of sensors", "not measured: max_mixing_residual is null"),)


def test_what_is_refused_is_not_published(build, shop, monkeypatch):
    def refuse(*_, **more):
        assert {scene.sensor for scene in more["plain"]} == {"sentinel2", "landsat"}
        raise MixingRefused("they differ")

    monkeypatch.setattr(composite, "settled_mixing", refuse)
    with pytest.raises(MixingRefused):
        build("composite", **BOTH)
    with pytest.raises(NotInStore):
        shop.store.read("composite", shop.area, composite.Period("2025-05"), "median")


def test_a_scene_out_of_place_is_left_out_told_and_still_an_input(build, monkeypatch):
    def without_landsat(checked, *_, **__):
        lost = next(scene for scene in checked.scenes if scene.sensor == "landsat")
        return checked.without(Missing(lost, "misplaced", "it lies beside")), Mixing()

    monkeypatch.setattr(composite, "settled_mixing", without_landsat)
    outcome = build("composite", **BOTH)
    ledger = json.loads(outcome.published.path("ledger").read_text())
    assert ledger["counts"]["missing:misplaced"] == 1
    # It was read, and will be no better tomorrow: nothing is partial, and nothing new is waited for.
    assert outcome.missing == 0
    assert outcome.published.item["properties"]["habitat:partial"] is False
    assert len(outcome.published.record.inputs) == len(ledger["observations"])


def test_directions_scale_reflectance_and_say_what_was_not_known(build):
    plain = build("composite", **BOTH).published.read("median")["nir"].values
    above = build("composite", **BOTH, view="nadir")
    ratio = np.nanmedian(above.published.read("median")["nir"].values / plain)
    # The sun of May stands higher than 45 degrees, so under that sun all is a little darker.
    assert 0.9 < ratio < 0.995
    assert not any(what == "directions" for what, _ in above.gaps)


def test_slopes_are_levelled_where_there_is_enough_to_learn_from(build, twin_of, monkeypatch):
    heights = str(twin_of().root / "elevation" / "dem.tif")
    untold = build("composite", **BOTH, illumination="scs-c", elevation=heights)
    what, text = untold.gaps[-1]
    assert (what, "fewer than 1000 clear pixels" in text) == ("illumination", True)
    assert any(entry.id == "elevation" for entry in untold.published.record.inputs)
    monkeypatch.setattr("habitat.imagery.harmonise.illumination.LEAST_PIXELS", 100)
    level = build("composite", **BOTH, illumination="scs-c", elevation=heights)
    assert level.published.path("median").read_bytes() != untold.published.path("median").read_bytes()


def test_a_forest_map_of_sensors_that_differ_is_refused(shop, twin_of, monkeypatch):
    asked = []

    def refuse(*_, **more):
        asked.append((more["bound"], {scene.sensor for scene in more["plain"]}))
        raise MixingRefused("they differ")

    monkeypatch.setattr(forest_build, "settled_mixing", refuse)
    product = PRODUCTS["forest-cover"]
    params = product.params(
        catalogue=str(twin_of().catalog), max_mixing_residual=0.01, summer=("05-01", "05-31"), max_cloud_cover=None
    )
    with pytest.raises(MixingRefused):
        product.build(params, shop, composite.Period("2025"))
    assert asked == [(0.01, {"sentinel2", "landsat"})]
    with pytest.raises(NotInStore):
        shop.store.get("forest-cover", shop.area, composite.Period("2025"))


def test_settings_that_cannot_be_are_refused():
    params = PRODUCTS["composite"].params
    with pytest.raises(ValidationError, match="illumination scs-c wants elevation"):
        params(illumination="scs-c")
    for wrong in (0.0, -0.1, 2.0):
        with pytest.raises(ValidationError):
            params(max_mixing_residual=wrong)
    assert "elevation" not in params(elevation="dem.tif").deciding()
