"""Parameters told to people: what each setting is, its schema for editors, and what is wrong with a value."""

from __future__ import annotations

import difflib
import json
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic.json_schema import models_json_schema
from pydantic_core import to_jsonable_python

from habitat.products import Product

_WORDS: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    type(None): "null",
}
_PLURALS: Mapping[Any, str] = {int: "whole numbers", float: "numbers", str: "texts"}
_OR_NULL = " or null"
_LIMITS = (("ge", "from"), ("gt", "above"), ("le", "up to"), ("lt", "below"))
_LONGEST = 60


@dataclass(frozen=True)
class Parameter:
    """One setting of a product."""

    product: str
    """Name of the product."""
    name: str
    """Key in the configuration."""
    type: str
    """What may be written, in words."""
    default: Any
    """Value if nothing is written, plain JSON."""
    meaning: str
    """What it decides, with its unit."""
    value: Any = None
    """Value in the configuration that was asked about."""

    def to_dict(self) -> dict[str, Any]:
        """Return the parameter as plain JSON data."""
        return asdict(self)


def describe(products: Mapping[str, Product], settings: Mapping[str, BaseModel] | None = None) -> list[Parameter]:
    """Return every parameter of some products.

    Parameters
    ----------
    products : mapping of str to Product
        The products to describe.
    settings : mapping of str to Params, optional
        Values of a configuration, by product; the defaults stand in for what is not there.
    """
    told = []
    for product in products.values():
        chosen = (settings or {}).get(product.name)
        for name, field in product.params.model_fields.items():
            default = None if field.is_required() else shown_value(field.get_default(call_default_factory=True))
            value = default if chosen is None else shown_value(getattr(chosen, name))
            told.append(Parameter(product.name, name, type_text(field), default, _meaning(field), value))
    return told


def schema(head: type[BaseModel], products: Mapping[str, Product]) -> dict[str, Any]:
    """Return the JSON schema of a whole run configuration, for editors.

    Parameters
    ----------
    head : type
        Model of the keys of the file; its ``products`` is filled in.
    products : mapping of str to Product
        The products there are.
    """
    models: list[tuple[type[BaseModel], Literal["validation"]]] = [
        (product.params, "validation") for product in products.values()
    ]
    references, definitions = models_json_schema(models, ref_template="#/$defs/{model}")
    whole = head.model_json_schema(ref_template="#/$defs/{model}")
    whole["properties"]["products"] |= {
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            name: {
                "description": product.description,
                "anyOf": [references[(product.params, "validation")], {"type": "null"}],
            }
            for name, product in products.items()
        },
    }
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    whole["$defs"] = whole.get("$defs", {}) | definitions.get("$defs", {})
    return whole


def type_text(field: FieldInfo) -> str:
    """Return in words what may be written for a field.

    Examples
    --------
    >>> class Example(BaseModel):
    ...     cloud: Annotated[float, FieldInfo(ge=0, le=100)] | None = None
    ...     purpose: Literal["forest", "burn"] = "forest"
    >>> [type_text(field) for field in Example.model_fields.values()]
    ['a number from 0 up to 100 or null', 'forest or burn']
    """
    text, null, _ = _words(field.annotation).partition(_OR_NULL)
    return text + _limits(field.metadata) + null


def _words(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _words(inner[0]) + _limits(inner[1:])
    if origin is Literal:
        return " or ".join(str(option) for option in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_words(one) for one in inner)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"a mapping of {_many(inner[0])} to {_many(inner[1])}"
    if origin is tuple and inner[1:] and inner[1] is not Ellipsis:
        return f"a list of {len(inner)} {_many(inner[0])}"
    if isinstance(origin, type) and issubclass(origin, Sequence | frozenset | set):
        return f"a list of {_many(inner[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"a section with {', '.join(annotation.model_fields)}"
    return _WORDS.get(annotation, str(getattr(annotation, "__name__", annotation)))


def _many(annotation: Any) -> str:
    return _PLURALS.get(annotation, _words(annotation))


def _limits(metadata: Sequence[Any]) -> str:
    flat = [one for entry in metadata for one in (*getattr(entry, "metadata", ()), entry)]
    texts = [f" {word} {getattr(entry, name):g}" for name, word in _LIMITS for entry in flat if hasattr(entry, name)]
    return "".join(texts)


def _options(annotation: Any) -> Iterator[str]:
    for one in get_args(annotation):
        if get_origin(annotation) is Literal:
            yield str(one)
        else:
            yield from _options(one)


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def shown_value(value: Any) -> Any:
    """Return a value as plain JSON data."""
    return to_jsonable_python(value, fallback=str)


def problems_of(
    error: ValidationError, model: type[BaseModel], content: Mapping[str, Any], place: str
) -> dict[str, str]:
    """Return every problem pydantic met, as a sentence by its place in the file.

    Parameters
    ----------
    error : ValidationError
        What pydantic found.
    model : type
        The model of the section.
    content : mapping
        The section as it was written.
    place : str
        Where the section stands, e.g. ``products.composite``; empty for the file itself.
    """
    found: dict[tuple[str | int, ...], str] = {}
    for one in error.errors(include_url=False):
        keys = _written(content, one["loc"], missing=one["type"] == "missing")
        found.setdefault(keys, _sentence(dict(one), keys, model))
    # Of a list or a word pydantic tells both; the deeper one is the nearer.
    nearest = {
        keys: text
        for keys, text in found.items()
        if not any(other != keys and other[: len(keys)] == keys for other in found if keys)
    }
    return {place_text(place, keys): text for keys, text in nearest.items()}


def place_text(place: str, keys: Sequence[str | int]) -> str:
    """Return a place as one would point at it.

    Examples
    --------
    >>> place_text("products.composite", ["sensors", 1])
    'products.composite.sensors[1]'
    """
    tail = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return (place + tail).lstrip(".") or "the file"


def _written(content: Any, where: Sequence[str | int], *, missing: bool) -> tuple[str | int, ...]:
    """Return the part of a place that stands in the file: below it pydantic names the types it tried."""
    keys: list[str | int] = []
    for key in where:
        inside = (isinstance(content, Mapping) and key in content) or (
            isinstance(content, list) and isinstance(key, int) and key < len(content)
        )
        if not inside:
            return (*keys, where[-1]) if missing else tuple(keys)
        keys.append(key)
        content = content[key]
    return tuple(keys)


def _sentence(found: dict[str, Any], keys: tuple[str | int, ...], model: type[BaseModel]) -> str:
    field = model.model_fields.get(str(keys[0])) if keys else None
    meaning = f" ({_meaning(field).rstrip('.')})" if field is not None and field.description else ""
    kind = found["type"]
    if kind == "extra_forbidden":
        known = list(model.model_fields) if len(keys) == 1 else []
        return f"no such key; {suggestion(str(keys[-1]), known) or 'remove it'}"
    if kind == "missing":
        return f"is missing; write {type_text(field) if field is not None else 'it'}{meaning}"
    if kind in ("value_error", "assertion_error"):
        return f"{found['ctx']['error']}{meaning}"
    value = found["input"]
    wanted = found["msg"].removeprefix("Input should be ")
    if field is not None and len(keys) == 1:
        wanted = type_text(field)
    return f"found {brief(value)}, wanted {wanted}{meaning}{_hint(value, field)}"


def _hint(value: Any, field: FieldInfo | None) -> str:
    if not isinstance(value, str) or field is None:
        return ""
    options = list(_options(field.annotation))
    close = difflib.get_close_matches(value, options, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    number = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*[^\d\s.,:-]\S*\s*", value)
    return f"; write {number[1]} alone, in the unit told" if number and "number" in type_text(field) else ""


def brief(value: Any) -> str:
    """Return a value for an error text, cut short if it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def suggestion(word: str, known: Sequence[str]) -> str:
    """Return a hint at what may have been meant; empty if nothing is known.

    Examples
    --------
    >>> suggestion("grow", ["grow_m", "clip"]), suggestion("zzz", ["grow_m", "clip"])
    ('did you mean grow_m?', 'there are grow_m, clip')
    """
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}" if known else ""
