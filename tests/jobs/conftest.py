"""A world with scenes, its products, a workshop, and a folder with a run configuration to stand in."""

from __future__ import annotations

import textwrap

import pytest
from fake_products import World, workshop_of

from habitat.jobs.config import load

RUN = """
title: A run
area: tiny
store: store
products:
  composite:
    catalogue: folder
    grow_m: 60
  indices:
  change: {}
"""
AREA = """
name: tiny
title: Tiny area
boundary: made up
grid: {crs: "EPSG:32652", resolution_m: 20.0, bounds: [600000.0, 4800000.0, 600080.0, 4800080.0]}
"""


@pytest.fixture
def world():
    return World()


@pytest.fixture
def products(world):
    return world.products()


@pytest.fixture
def workshop(tmp_path):
    return workshop_of(tmp_path)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A current directory with configs/runs/monthly.yaml and configs/areas/tiny.yaml."""
    for folder, name, text in (("runs", "monthly", RUN), ("areas", "tiny", AREA)):
        (tmp_path / "configs" / folder).mkdir(parents=True)
        (tmp_path / "configs" / folder / f"{name}.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(here):
    """Write a run configuration and return its path."""

    def written(text: str, name: str = "other") -> str:
        path = here / "configs" / "runs" / f"{name}.yaml"
        path.write_text(textwrap.dedent(text))
        return str(path)

    return written


@pytest.fixture
def config(here, products):
    return load("monthly", products=products)


@pytest.fixture
def installed(world, monkeypatch):
    """The world's products in the place of the real ones."""
    products = world.products()
    for room in ("config", "plan", "runner", "listing", "doctor"):
        monkeypatch.setattr(f"habitat.jobs.{room}.PRODUCTS", products)
    return products
