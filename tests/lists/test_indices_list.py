"""The list of indices: complete, documented, true to its own words, and open to a new function."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from habitat.contracts.errors import ConfigError
from habitat.imagery.indices import CANONICAL_BANDS, INDICES, catalogue, compute, index, normalized_difference, registry


@pytest.fixture
def open_list(monkeypatch):
    """Let a test add to the list without leaving anything behind."""
    monkeypatch.setattr(registry, "INDICES", dict(INDICES))
    return registry


def test_every_function_of_the_catalogue_is_on_the_list():
    written = {
        name
        for name, value in vars(catalogue).items()
        if inspect.isfunction(value) and value.__module__ == catalogue.__name__
    }
    assert written == set(INDICES)
    assert len(INDICES) == 15


@pytest.mark.parametrize("name", INDICES)
def test_every_index_is_documented(name):
    entry = INDICES[name]
    assert entry.bands == tuple(inspect.signature(entry.function).parameters)
    assert set(entry.bands) <= set(CANONICAL_BANDS)
    assert entry.reference
    assert entry.long_name
    assert entry.units == "1"
    assert entry.function.__doc__
    assert entry.scale == (1e-3 if name in ("mirbi", "csi", "bais2") else 1e-4)


@pytest.mark.parametrize("name", INDICES)
def test_the_written_formula_is_the_computed_one(name):
    entry = INDICES[name]
    rng = np.random.default_rng(4)
    bands = {band: rng.uniform(0.05, 0.5, 50) for band in entry.bands}
    written = eval(entry.formula, {"__builtins__": {}, "tanh": np.tanh, "sqrt": np.sqrt}, bands)
    np.testing.assert_allclose(compute(name, bands), written, rtol=1e-12)


@pytest.mark.parametrize("name", INDICES)
def test_published_codes_hold_the_index(name):
    # Whatever is declared as bounds must fit into int16 codes, with -32768 left for no data.
    entry = INDICES[name]
    if entry.bounds:
        assert max(abs(bound) for bound in entry.bounds) / entry.scale <= 32767


def test_one_function_adds_an_index(open_list):
    @index(bounds=(-1, 1), reference="Gitelson & Merzlyak 1998")
    def leafgreen(nir, green):
        """Green NDVI: chlorophyll of the canopy."""
        return normalized_difference(nir, green)

    entry = open_list.INDICES["leafgreen"]
    assert (entry.bands, entry.scale, entry.units) == (("nir", "green"), 1e-4, "1")
    assert entry.long_name == "Green NDVI: chlorophyll of the canopy"
    bands = {"nir": np.array([0.3, np.nan]), "green": np.array([0.1, 0.1])}
    np.testing.assert_allclose(compute("leafgreen", bands), [0.5, np.nan])
    assert "leafgreen" in open_list.computable(["nir", "green"])[0]
    assert "leafgreen" not in INDICES


def test_a_careless_index_is_kept_honest(open_list):
    @index(bounds=(0, 2))
    def careless(nir, red):
        return nir / red

    with np.errstate(divide="ignore"):
        values = compute("careless", {"nir": np.array([0.3, 0.3, 0.3]), "red": np.array([0.0, 0.1, 0.3])})
    np.testing.assert_allclose(values, [np.nan, 2.0, 1.0])


def test_unknown_band_is_refused_with_the_known_ones(open_list):
    def odd(nir, redish):
        return nir - redish

    with pytest.raises(ConfigError, match=r"'odd' asks for redish.*blue, green, red, rededge1"):
        index()(odd)
    assert "odd" not in open_list.INDICES


@pytest.mark.usefixtures("open_list")
def test_other_mistakes_are_refused():
    def ndvi(nir):
        return nir

    with pytest.raises(ConfigError, match="already an index named 'ndvi'"):
        index()(ndvi)

    def bandless():
        return 0.0

    with pytest.raises(ConfigError, match="asks for no band"):
        index()(bandless)

    def star(*nir):
        return nir

    with pytest.raises(ConfigError, match="asks for nir"):
        index()(star)

    def fine(nir):
        return nir

    with pytest.raises(ConfigError, match="scale 0, wants a positive"):
        index(scale=0)(fine)

    def Fine(nir):
        return nir

    with pytest.raises(ConfigError, match="cannot stand in file names"):
        index()(Fine)
