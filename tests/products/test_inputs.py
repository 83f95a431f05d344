"""Inputs of records: a file is what its bytes are, wherever it lies."""

from __future__ import annotations

import hashlib

import pytest

from habitat.contracts.errors import InputError
from habitat.products.building.inputs import address, file_input


def test_a_file_is_known_by_its_bytes_and_not_by_its_place(shop, tmp_path):
    one, other = tmp_path / "a.csv", tmp_path / "b.csv"
    one.write_text("x")
    other.write_text("x")
    found = file_input("weather", one, shop)
    assert found.checksum == "1220" + hashlib.sha256(b"x").hexdigest()
    assert found.href == "../a.csv"
    assert found.identity == file_input("weather", other, shop).identity
    one.write_text("xy")
    assert found.identity != file_input("weather", one, shop).identity


def test_every_file_of_a_folder_counts_and_its_name_too(shop, tmp_path):
    folder = tmp_path / "weather.zarr"
    (folder / "t2m").mkdir(parents=True)
    (folder / "t2m" / "0").write_text("x")
    before = file_input("weather", folder, shop).identity
    (folder / "t2m" / "0").rename(folder / "t2m" / "1")
    renamed = file_input("weather", folder, shop).identity
    (folder / "t2m" / "2").write_text("y")
    assert len({before, renamed, file_input("weather", folder, shop).identity}) == 3


def test_a_file_that_is_not_there_is_named(shop, tmp_path):
    with pytest.raises(InputError, match=r"roads: there is no .*roads\.geojson; correct the setting"):
        file_input("roads", tmp_path / "roads.geojson", shop)


def test_addresses_of_the_network_stay_and_others_tell_no_machine(shop, tmp_path):
    assert address("https://example.org/item.json", shop) == "https://example.org/item.json"
    assert address(str(tmp_path / "item.json"), shop) == "../item.json"
    assert address("", shop) == ""
