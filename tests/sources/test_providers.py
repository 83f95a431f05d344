"""Providers: chosen by name, address or path, with the right rules each."""

from __future__ import annotations

import json
import pickle

import pytest

from habitat.contracts.errors import ConfigError
from habitat.imagery.sensors import SENSORS
from habitat.sources.catalogues.providers import KNOWN_COLLECTIONS, PROFILES, Provider, provider_for


def test_profiles_are_listed_under_their_names_and_use_https():
    assert list(PROFILES) == ["earth-search", "planetary-computer", "cdse", "usgs"]
    assert all(profile.api.startswith("https://") for profile in PROFILES.values())
    assert all(scheme in ("https", "s3") for profile in PROFILES.values() for scheme, _ in profile.hosts)


def test_every_collection_belongs_to_a_known_sensor():
    for profile in PROFILES.values():
        assert set(profile.collections) <= set(SENSORS)
        for sensor, ids in profile.collections.items():
            assert set(ids) <= set(KNOWN_COLLECTIONS[sensor])


def test_by_name_and_by_its_own_address():
    assert provider_for("cdse").name == "cdse"
    assert provider_for("https://earth-search.aws.element84.com/v1/").name == "earth-search"


def test_an_address_trusts_that_very_host_and_port():
    provider = provider_for("http://127.0.0.1:8123/stac/")
    assert (provider.name, provider.api) == ("stac", "http://127.0.0.1:8123/stac")
    assert provider.hosts == (("http", "127.0.0.1:8123"),)
    assert provider.signing == ""


@pytest.mark.parametrize(
    "address", ["ftp://host/stac", "https://user:secret@host/stac", "https://host/stac?token=1", "https:///stac"]
)
def test_unusable_addresses_are_refused_without_repeating_secrets(address):
    with pytest.raises(ConfigError) as caught:
        provider_for(address)
    assert "secret" not in str(caught.value)


def test_by_folder_file_and_item_collection(tmp_path):
    (tmp_path / "catalog.json").write_text("{}")
    (tmp_path / "collection.json").write_text("{}")
    (tmp_path / "found.json").write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    assert provider_for(tmp_path).entry == tmp_path / "catalog.json"
    assert provider_for(str(tmp_path / "collection.json")).entry == tmp_path / "collection.json"
    found = provider_for(tmp_path / "found.json")
    assert (found.name, found.root) == ("folder", tmp_path)


@pytest.mark.parametrize("catalogue", ["earth-serch", "no/such/folder"])
def test_unknown_catalogues_are_refused_with_the_known_names(catalogue):
    with pytest.raises(ConfigError, match="earth-search, planetary-computer, cdse, usgs"):
        provider_for(catalogue)


def test_a_folder_without_a_catalogue_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"catalog\.json"):
        provider_for(tmp_path)


def test_paying_hosts_and_collections_are_added_on_request_only():
    assert not provider_for("usgs").requester_pays
    assert provider_for("usgs", requester_pays=True).requester_pays
    mine = provider_for("https://stac.example.org", hosts=[("https", "files.example.org")])
    assert mine.hosts == (("https", "stac.example.org"), ("https", "files.example.org"))
    chosen = provider_for("earth-search", collections={"sentinel2": ("sentinel-2-l2a",)})
    assert chosen.collections == {"sentinel2": ("sentinel-2-l2a",)}
    assert provider_for(chosen).collections == {"sentinel2": ("sentinel-2-l2a",)}
    assert PROFILES["earth-search"].collections["sentinel2"] == ("sentinel-2-c1-l2a", "sentinel-2-l2a")


def test_a_provider_needs_one_beginning():
    with pytest.raises(ConfigError, match="either"):
        Provider(name="x", title="x", collections={}, hosts=())


def test_collections_have_an_order_of_preference():
    earth_search = PROFILES["earth-search"]
    assert earth_search.collection_rank("sentinel-2-c1-l2a") < earth_search.collection_rank("sentinel-2-l2a")
    assert earth_search.collection_rank("something-else") == 3


def test_providers_travel_to_worker_processes():
    provider = provider_for("planetary-computer")
    again = pickle.loads(pickle.dumps(provider))
    assert again == provider
    assert again.plain.pattern == provider.plain.pattern
