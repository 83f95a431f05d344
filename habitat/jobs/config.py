"""Configuration of a run: YAML and options become checked settings, and all that is wrong is told at once."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, NodeEvent

from habitat.contracts.errors import ConfigError
from habitat.jobs import parameters
from habitat.jobs.parameters import brief, problems_of, suggestion
from habitat.products import PRODUCTS, Params, Product
from habitat.sources.areas.area_file import problem_text
from habitat.sources.safe_yaml import read_yaml

RUNS = Path("configs/runs")
"""Folder of the run configurations that can be named without a path."""
STORE = "data/store"
"""Where products go if nothing else is said."""
_LONGEST_VALUE = 10_000


class RunFile(BaseModel):
    """A run: which products are made, with which settings, and where they go."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    title: str = ""
    """Name of the run for people."""
    area: str | None = None
    """Area if the command names none: a name from configs/areas, or the path of an area file."""
    store: Annotated[str, Field(min_length=1)] = STORE
    """Folder the products go to; a relative one starts at the current directory."""
    workers: Annotated[int, Field(ge=1)] | None = None
    """Threads that read and compute; every processor there is if left out."""
    products: Annotated[dict[str, Any], Field(min_length=1)]
    """A line for each product, with its settings below it; nothing below it means the defaults."""


@dataclass(frozen=True)
class RunConfig:
    """A checked configuration; made by `load`."""

    name: str
    """Name of its file without ending."""
    store: Path
    """Folder the products go to."""
    products: Mapping[str, Params]
    """Checked settings by product, in the order of the file."""
    title: str = ""
    """Name for people."""
    area: str | None = None
    """Area if the command names none."""
    workers: int | None = None
    """Threads that read and compute."""
    place: str = field(default="", compare=False)
    """Its file, for messages."""

    def settings(self) -> dict[str, Any]:
        """Return title, area and the settings of every product as plain JSON data."""
        products = {name: params.model_dump(mode="json") for name, params in self.products.items()}
        return {"title": self.title, "area": self.area, "products": products}

    @property
    def digest(self) -> str:
        """SHA-256 of `settings`, hexadecimal: where things go and how many work on them is no part of it."""
        text = json.dumps(self.settings(), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


def load(
    path_or_name: str | Path,
    *,
    overrides: Sequence[str] = (),
    products: Mapping[str, Product] | None = None,
    configs: Path = RUNS,
) -> RunConfig:
    """Read and check the configuration of a run.

    The default of a product's class gives way to the file, and the file to the overrides; there is nothing else.

    Parameters
    ----------
    path_or_name : str or Path
        A bare name means ``configs/runs/NAME.yaml``; anything with a folder or the ending ``.yaml`` is a path.
    overrides : sequence of str
        Such as ``composite.grow_m=60`` or ``change.names=[nbr, ndmi]``; the value is YAML.
    products : mapping of str to Product, optional
        The products there are; `habitat.products.PRODUCTS` by default.
    configs : Path
        Folder of the named configurations.

    Raises
    ------
    ConfigError
        With every problem on a line of its own, each with its place.
    """
    known = PRODUCTS if products is None else products
    path = _run_path(str(path_or_name), configs)
    content = read_yaml(path)
    problems = list(_not_finite(content))
    changed, refused = _overridden(content, overrides, known)
    problems += refused
    try:
        head = RunFile.model_validate(content)
    except ValidationError as error:
        head = None
        problems += [f"{place}: {text}" for place, text in problems_of(error, RunFile, content, "").items()]
    sections = content.get("products")
    settings: dict[str, Params] = {}
    if isinstance(sections, dict):
        for name, section in sections.items():
            checked = _checked(str(name), section, known, changed)
            if isinstance(checked, Params):
                settings[str(name)] = checked
            else:
                problems += checked
        problems += _needs_unlisted(list(sections), known)
    if problems or head is None:
        raise ConfigError(problem_text(path, list(dict.fromkeys(problems))))
    return RunConfig(
        name=re.sub(r"[^a-z0-9-]+", "-", path.stem.lower()).strip("-") or "run",
        store=Path(head.store).expanduser(),
        products=MappingProxyType(settings),
        title=head.title,
        area=head.area,
        workers=head.workers,
        place=str(path),
    )


def at(config: RunConfig, *, store: Path | None = None, workers: int | None = None) -> RunConfig:
    """Return a configuration with another store or number of workers, as options of a command give them."""
    return replace(config, store=store or config.store, workers=workers or config.workers)


def schema(products: Mapping[str, Product] | None = None) -> dict[str, Any]:
    """Return the JSON schema of a run configuration, for editors."""
    return parameters.schema(RunFile, PRODUCTS if products is None else products)


def run_names(configs: Path = RUNS) -> list[str]:
    """Return the names of the run configurations in a folder, sorted."""
    return sorted(path.stem for path in configs.glob("*.yaml")) if configs.is_dir() else []


def _run_path(text: str, configs: Path) -> Path:
    names = run_names(configs)
    if "/" in text or "\\" in text or text.endswith((".yaml", ".yml")):
        path = Path(text)
        if not path.is_file():
            raise ConfigError(f"there is no run file {text!r}; check the path, or name one of {', '.join(names)}")
        return path
    if text not in names:
        hint = suggestion(text, names) or f"none lies in {configs}: go to the folder of the checkout or give a path"
        raise ConfigError(f"there is no run {text!r}; {hint}")
    return configs / f"{text}.yaml"


def _checked(name: str, section: Any, known: Mapping[str, Product], changed: frozenset[str]) -> Params | list[str]:
    """Return the settings of a product, or what is wrong with them."""
    place = f"products.{name}"
    if name not in known:
        return [f"{place}: no such product; {suggestion(name, list(known))}"]
    section = {} if section is None else section
    if not isinstance(section, dict):
        return [f"{place}: found {brief(section)}, wanted a section of settings, or nothing for the defaults"]
    model = known[name].params
    try:
        # As JSON, because then a strict model takes lists for tuples, but neither true nor "60" for a number.
        return model.model_validate_json(json.dumps(section, default=str), strict=True)
    except ValidationError as error:
        found = problems_of(error, model, section, place)
    except ConfigError as error:
        found = {place: str(error)}
    return [f"{_where(spot, changed)}: {text}" for spot, text in found.items()]


def _where(place: str, changed: frozenset[str]) -> str:
    option = next((key for key in changed if f"products.{key}" in (place, place.partition("[")[0])), None)
    return place if option is None else f"--set {option}"


def _needs_unlisted(listed: list[str], known: Mapping[str, Product]) -> list[str]:
    return [
        f"products: {name} needs {need.product}, which is not listed; add a line '{need.product}:' to products"
        for name in listed
        if name in known
        for need in known[name].needs
        if not need.optional and need.product not in listed
    ]


def _not_finite(content: Any, place: str = "") -> Iterator[str]:
    """Tell of numbers that JSON, and so the records, do not know."""
    if isinstance(content, float) and not math.isfinite(content):
        yield f"{place.lstrip('.')}: found {content}, wanted a finite number; leave the line out for the default"
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in entries:
        yield from _not_finite(value, parameters.place_text(place, [key]))


def _overridden(
    content: dict[str, Any], overrides: Sequence[str], known: Mapping[str, Product]
) -> tuple[frozenset[str], list[str]]:
    """Write overrides into the content; return the keys they changed, and what is wrong with them."""
    changed, problems = set(), []
    sections = content.get("products")
    for text in overrides:
        try:
            keys, value = parsed_override(text)
            if isinstance(sections, dict):
                _set(sections, keys, value, known)
                changed.add(".".join(keys))
        except ConfigError as error:
            problems.append(f"--set {text}: {error}")
    return frozenset(changed), problems


def parsed_override(text: str) -> tuple[list[str], Any]:
    """Return keys and value of an override.

    Raises
    ------
    ConfigError
        If it is not of the form ``product.key=value`` or the value is no plain YAML.

    Examples
    --------
    >>> parsed_override("composite.sensors=[sentinel2, landsat]")
    (['composite', 'sensors'], ['sentinel2', 'landsat'])
    """
    left, sign, right = text.partition("=")
    keys = left.strip().split(".")
    if not sign or len(keys) < 2 or not all(keys):
        raise ConfigError("wants product.key=value, e.g. composite.grow_m=60")
    if len(right) > _LONGEST_VALUE:
        raise ConfigError(f"the value has {len(right)} characters; write it into the file")
    try:
        for event in YAML(typ="safe", pure=True).parse(right):
            if isinstance(event, NodeEvent) and (
                isinstance(event, AliasEvent) or event.anchor is not None or getattr(event, "tag", None) is not None
            ):
                raise ConfigError("the value holds an anchor, alias or tag (&, *, !); put it in quotes")
        value = YAML(typ="safe", pure=True).load(right)
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError("the value cannot be read; put text with colons or brackets in quotes") from error
    if isinstance(value, dict):
        raise ConfigError("the value is a mapping; name the key below it: product.key.below=value")
    if any(True for _ in _not_finite(value)):
        raise ConfigError("the value is not a finite number")
    return keys, value


def _set(sections: dict[str, Any], keys: list[str], value: Any, known: Mapping[str, Product]) -> None:
    name = keys[0]
    if name not in known:
        raise ConfigError(f"no such product; {suggestion(name, list(known))}")
    if name not in sections:
        raise ConfigError(f"this run does not make {name}; add a line '{name}:' to products")
    if sections[name] is None:
        sections[name] = {}
    section = sections[name]
    for key in keys[1:-1]:
        section = section.setdefault(key, {}) if isinstance(section, dict) else None
    if not isinstance(section, dict):
        raise ConfigError(f"{'.'.join(keys[:-1])} is no section, so nothing can be set below it")
    section[keys[-1]] = value
