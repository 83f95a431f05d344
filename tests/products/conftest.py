"""A tiny twin, made once for each set of quirks, and workshops to build its months in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from habitat import twin
from habitat.contracts import Period
from habitat.products import PRODUCTS, Workshop
from habitat.store import Store

MAY = Period("2025-05")


@pytest.fixture(scope="session")
def twin_of(tmp_path_factory) -> Callable[[twin.Quirks], twin.TwinCatalogue]:
    made: dict[twin.Quirks, twin.TwinCatalogue] = {}

    def make(quirks: twin.Quirks = twin.NO_QUIRKS) -> twin.TwinCatalogue:
        if quirks not in made:
            made[quirks] = twin.make(tmp_path_factory.mktemp("twin"), size="tiny", quirks=quirks)
        return made[quirks]

    return make


@pytest.fixture
def shop(tmp_path) -> Workshop:
    return Workshop(twin.area("tiny"), Store(tmp_path / "store"), workers=2)


@pytest.fixture
def build(shop, twin_of):
    """Build a product of the tiny twin: build("composite", period, quirks=..., grow_m=0)."""

    def run(name, period=MAY, *, quirks=twin.NO_QUIRKS, workshop=shop, **params):
        product = PRODUCTS[name]
        if name == "composite":
            params.setdefault("catalogue", str(twin_of(quirks).catalog))
        return product.build(product.params(**params), workshop, period)

    return run
