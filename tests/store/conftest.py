"""A small area and an empty store."""

from __future__ import annotations

import pytest
from store_rasters import area_of

from habitat.store import Store


@pytest.fixture
def area():
    return area_of()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")
