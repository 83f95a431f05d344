"""House rules: names, sizes, first sentences, no machine's paths; what no other tool looks at."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "core", "misc", "tools", "base", "manager"}
LONGEST_FILE = 400
LONGEST_BODY = 50
LARGEST_FILE = 500_000
TEXT = (".py", ".md", ".yaml", ".yml", ".toml", ".json", ".geojson", ".lock", ".cfg", ".txt", ".sh")


@cache
def tracked() -> tuple[Path, ...]:
    """Return every file git has or would take, relative to the checkout."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout.decode()
        found = [Path(name) for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = []
    # An unpacked archive has no git; it has no caches and no data either.
    found = found or [path.relative_to(REPOSITORY) for path in REPOSITORY.rglob("*") if not hidden(path)]
    return tuple(sorted(path for path in found if (REPOSITORY / path).is_file()))


def hidden(path: Path) -> bool:
    parts = path.relative_to(REPOSITORY).parts
    return parts[0] in (".venv", ".git", "data") or any(
        part == "__pycache__" or part.endswith((".egg-info", "_cache")) or part == ".hypothesis" for part in parts
    )


def python(*rooms: str) -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py" and path.parts[0] in rooms]


def parsed(path: Path) -> ast.Module:
    return ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))


def text_files() -> list[Path]:
    return [
        path for path in tracked() if path.suffix in TEXT or path.name in ("Makefile", ".gitignore", "run", "setup")
    ]


def wrong_opening(module: ast.Module) -> str:
    """Return what is wrong with the opening of a file; empty if it is one sentence."""
    words = ast.get_docstring(module)
    if not words:
        return "it opens with no sentence"
    paragraph = words.split("\n\n")[0]
    if "\n" in paragraph or not paragraph.endswith((".", "?")) or len(paragraph) < 12:
        return f"it opens with {paragraph!r}, wants one sentence on one line"
    return ""


def public(module: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Return the public functions, classes and methods of a module."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for node in module.body if isinstance(node, kinds) and not node.name.startswith("_")]
    methods = [
        node
        for owner in found
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, kinds) and not node.name.startswith("_")
    ]
    return [*found, *methods]


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    statements = function.body[1:] if documented else function.body
    return (statements[-1].end_lineno or 0) - statements[0].lineno + 1 if statements else 0


def test_there_is_something_to_look_at():
    assert len(python("habitat")) > 50
    assert {"habitat", "tests", "docs", "configs"} <= {path.parts[0] for path in tracked()}
    assert REPOSITORY / "Makefile" in [REPOSITORY / path for path in text_files()]


def test_names_say_what_a_file_is():
    named = {path: {path.stem.strip("_"), *(part for part in path.parts[:-1])} for path in tracked()}
    assert [str(path) for path, words in named.items() if words & FORBIDDEN] == []


def test_files_are_short_enough_to_be_read():
    lines = {str(path): len((REPOSITORY / path).read_text(encoding="utf-8").splitlines()) for path in python("habitat")}
    assert {path: count for path, count in lines.items() if count > LONGEST_FILE} == {}


def test_the_makefile_is_short():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8").splitlines()
    assert len(makefile) <= 80
    recipes = [line for line in makefile if line.startswith("\t")]
    assert len(recipes) >= 15
    # One command a recipe: no line of one follows another, and none holds two.
    assert not any(one.startswith("\t") and other.startswith("\t") for one, other in pairwise(makefile))
    assert not any(re.search(r"&&|;\s|\|\|", line) for line in recipes if "awk" not in line)


def test_bodies_are_short_enough_to_be_read():
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    long = {
        f"{path}:{node.lineno} {node.name}": body_lines(node)
        for path in python("habitat")
        for node in ast.walk(parsed(path))
        if isinstance(node, functions) and body_lines(node) > LONGEST_BODY
    }
    assert long == {}


@pytest.mark.parametrize("room", ["habitat", "benchmarks", "tests"])
def test_every_file_opens_with_one_sentence(room):
    wrong = {str(path): wrong_opening(parsed(path)) for path in python(room)}
    assert {path: problem for path, problem in wrong.items() if problem} == {}


def test_what_is_public_is_explained():
    bare = [
        f"{path}:{node.lineno} {node.name}"
        for path in python("habitat")
        for node in public(parsed(path))
        if not ast.get_docstring(node)
    ]
    assert bare == []


def test_nothing_is_printed():
    calls = [
        f"{path}:{node.lineno}"
        for path in python("habitat")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "breakpoint")
    ]
    assert calls == []


def test_imports_are_absolute():
    relative = [
        f"{path}:{node.lineno}"
        for path in python("habitat", "tests", "benchmarks")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_no_file_tells_on_which_machine_it_was_written():
    # Written in two halves, or this file would be the first to be found.
    places = re.compile("(?<![A-Za-z0-9_.~>-])/(?:" + "|".join(["wo" + "rk", "ro" + "ot", "fa" + "rm"]) + ")/")
    found = {
        f"{path}:{number}": line.strip()[:80]
        for path in text_files()
        for number, line in enumerate((REPOSITORY / path).read_text(encoding="utf-8").splitlines(), 1)
        if places.search(line)
    }
    assert found == {}


def test_the_lock_names_hashes_and_no_addresses():
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|--(?:extra-)?index-url|--find-links|(?:^|\s)-[ifr]\s|@ (?:git|file)", lock, re.MULTILINE)
    pinned = re.findall(
        r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==\S+.*\\\n(?:    --hash=sha256:[0-9a-f]{64})", lock, re.MULTILINE
    )
    entries = re.findall(r"^([a-z0-9][a-z0-9._-]*)", lock, re.MULTILINE)
    assert pinned == entries
    assert len(pinned) > 50


def test_the_lock_holds_what_the_project_asks_for():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[\[<>=!~ ;]", text)[0].lower().replace("_", "-").replace(".", "-") for text in asked}
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    assert names - set(re.findall(r"^([a-z0-9-]+)(?:\[\S+\])?==", lock, re.MULTILINE)) == set()


def test_no_large_files():
    sizes = {str(path): (REPOSITORY / path).stat().st_size for path in tracked()}
    assert {path: size for path, size in sizes.items() if size > LARGEST_FILE} == {}


def test_lines_end_where_their_words_do():
    found = [
        f"{path}:{number}"
        for path in text_files()
        for number, line in enumerate((REPOSITORY / path).read_text(encoding="utf-8").split("\n"), 1)
        if line != line.rstrip() or "\r" in line
    ]
    unended = [
        str(path) for path in text_files() if (content := (REPOSITORY / path).read_bytes()) and content[-1:] != b"\n"
    ]
    assert (found, unended) == ([], [])


def test_hooks_fetch_nothing():
    hooks = (REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"repo: (\S+)", hooks) == ["local"]
    assert set(re.findall(r"language: (\S+)", hooks)) == {"system"}
    assert all(entry.startswith(".venv/bin/") for entry in re.findall(r"entry: (\S+)", hooks))
    assert "://" not in hooks
