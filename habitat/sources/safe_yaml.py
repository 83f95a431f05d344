"""Reading YAML written by people: one plain document, no duplicates, aliases or tags, bounded in size and depth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent

from habitat.contracts.errors import ConfigError

MAX_BYTES = 1 << 20
"""Largest file that is read."""
MAX_DEPTH = 20
"""Deepest nesting that is read."""


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one mapping from a YAML file.

    Parameters
    ----------
    path : Path
        File in UTF-8.

    Returns
    -------
    dict
        Plain Python values; words such as ``NO`` stay words.

    Raises
    ------
    ConfigError
        If the file is missing, too large, no YAML, holds an alias, an anchor, a tag or a duplicate key, is nested
        too deep or is not a mapping.
    """
    text = _text(path)
    _refuse_constructs(path, text)
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path}{_place(error)} cannot be read: {_reason(error)}") from error
    if not isinstance(content, dict):
        found = "nothing" if content is None else f"a {type(content).__name__}"
        raise ConfigError(f"{path} holds {found}, wants lines of 'key: value'")
    odd = [key for key in content if not isinstance(key, str)]
    if odd:
        raise ConfigError(f"{path} has the key {odd[0]!r}, wants words as keys; write it in quotes")
    return content


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise ConfigError(f"{path} is not a file; name a YAML file")
        if size > MAX_BYTES:
            raise ConfigError(
                f"{path} has {size} bytes, at most {MAX_BYTES} are read; put long outlines into a GPKG or GeoJSON file"
            )
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path} cannot be opened: {error.strerror or error}; check the name") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def _refuse_constructs(path: Path, text: str) -> None:
    """Walk the events before anything is built: aliases can make a small file unfold into gigabytes."""
    depth = 0
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            line = event.start_mark.line + 1
            if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
                raise ConfigError(f"{path} line {line} holds an anchor or alias (& or *); write the value out again")
            if isinstance(event, NodeEvent) and getattr(event, "tag", None) is not None:
                raise ConfigError(f"{path} line {line} holds a tag (!); write a plain word, number or list")
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise ConfigError(f"{path} line {line} is nested deeper than {MAX_DEPTH} levels; flatten it")
    except YAMLError as error:
        raise ConfigError(f"{path}{_place(error)} cannot be read: {_reason(error)}") from error


def _place(error: Exception) -> str:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    return "" if mark is None else f" line {mark.line + 1}"


def _reason(error: Exception) -> str:
    problem = error.problem if isinstance(error, MarkedYAMLError) else None
    return f"{problem or str(error).splitlines()[0]}; mend the line or compare with the files in configs/"
