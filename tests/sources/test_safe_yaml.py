"""YAML written by people: what is read, and what is refused before it is built."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitat.contracts.errors import ConfigError
from habitat.sources.safe_yaml import MAX_BYTES, read_yaml


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2\n", 'line 2 cannot be read: found duplicate key "a"'),
        ("a: &x 1\nb: 2\n", "line 1 holds an anchor or alias"),
        ("a: 1\nb: *x\n", "line 2 holds an anchor or alias"),
        ("a: !!python/object/apply:os.system ['true']\n", "line 1 holds a tag"),
        ("a: " + "[" * 30 + "]" * 30, "nested deeper than 20"),
        ("a: [1\n", "cannot be read"),
        ("a: 1\n---\nb: 2\n", "cannot be read"),
        ("\t a: [\n", "cannot be read"),
        ("- 1\n", "holds a list"),
        ("just words", "holds a str"),
        ("", "holds nothing"),
        ("1: 2\n", "has the key 1"),
        ("a: 2026-13-45\n", "cannot be read: month must be in 1..12"),
        ("a: \x00\n", "cannot be read"),
    ],
)
def test_yaml_that_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert says in str(caught.value)


def test_yaml_files_that_cannot_be_read(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_text("a: 1\n" + "#" * MAX_BYTES)
    with pytest.raises(ConfigError, match="put long outlines into a GPKG"):
        read_yaml(large)
    (tmp_path / "latin.yaml").write_bytes("a: \xe4".encode("latin-1"))
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        read_yaml(tmp_path / "latin.yaml")
    with pytest.raises(ConfigError, match="cannot be opened"):
        read_yaml(tmp_path / "missing.yaml")
    with pytest.raises(ConfigError, match="is not a file"):
        read_yaml(tmp_path)


def test_yaml_keeps_words_and_byte_order_marks_out(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("\ufeffcountry: NO\nnumber: 1e3\n".encode())
    assert read_yaml(path) == {"country": "NO", "number": 1000.0}


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab:-[]{}&*!#'\"\n \t,01?|>%", max_size=40))
def test_any_text_reads_or_is_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        found: object = read_yaml(path)
    except ConfigError as error:
        found = str(error)
    assert isinstance(found, dict) or str(path) in str(found)
