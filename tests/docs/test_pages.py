"""Pages: links lead somewhere, commands exist, names can be imported, and the house is as it is described."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from habitat.cli import app

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(REPOSITORY)
    for path in (*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("*/README.md"))
)
TARGETS = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
COMMAND = typer.main.get_command(app)
METHODS = sorted((REPOSITORY / "docs" / "methods").glob("*.md"))
DECISIONS = sorted((REPOSITORY / "docs" / "decisions").glob("*.md"))


def text_of(page: Path) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


def fenced(page: Path, *languages: str) -> list[str]:
    """Return the code blocks of a page in one of the languages, without their indentation."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", text_of(page), re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) for indent, name, code in found if name in languages]


def commands(page: Path) -> Iterator[str]:
    """Yield the command lines of a page, from blocks and from inline code."""
    lines = [line.split("#")[0] for block in fenced(page, "sh") for line in block.splitlines()]
    lines += re.findall(r"`((?:make|habitat) [^`]+)`", re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL))
    for line in lines:
        found = re.search(r"(?:^|\s|;|/)((?:make|habitat)\s+\S.*)", line.strip().removeprefix(".venv/bin/"))
        if found:
            yield found[1]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_there_are_pages_and_commands():
    assert len(PAGES) > 20
    assert len([command for page in PAGES for command in commands(page)]) > 30


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page):
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        place = (REPOSITORY / page).parent / path if path else REPOSITORY / page
        if not place.exists() or (anchor and anchor not in anchors(place.resolve().relative_to(REPOSITORY))):
            wrong.append(target)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_that_are_named_are_there(page):
    named = re.findall(r"(?<![\w/{…-])((?:habitat|tests|benchmarks|configs|docs)/[\w./-]*[\w/])", text_of(page))
    made_up = {"configs/areas/hunchun.yaml", "configs/runs/spring.yaml"}
    assert [name for name in named if name not in made_up and not (REPOSITORY / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_that_are_told_exist(page):
    wrong = [line for line in commands(page) if not known(line)]
    assert wrong == []


def known(line: str) -> bool:
    """Tell whether a line of make or habitat names targets, commands and options that there are."""
    words = shlex.split(re.split(r"\s(?:>|>>|\||2>)", line)[0].replace("…", "x"))
    if words[0] == "make":
        return all("=" in word or word in TARGETS or word.startswith("-") for word in words[1:])
    command = COMMAND
    rest = words[1:]
    while rest and hasattr(command, "commands"):
        if rest[0] not in command.commands:
            return rest[0].startswith("-") and rest[0] in options(command)
        command = command.commands[rest.pop(0)]
    return all(word in options(command) for word in rest if word.startswith("--"))


def options(command: object) -> set[str]:
    return {"--help", *(option for parameter in command.params for option in parameter.opts)}


def test_unknown_commands_would_be_noticed():
    assert known("make month AREA=demo MONTH=2025-05")
    assert not known("make months AREA=demo")
    assert known("habitat run monthly --area a --period 2025-05 --set composite.grow_m=60")
    assert known("habitat twin make --output data/twin --size tiny")
    assert known("habitat --version")
    assert not known("habitat walk monthly")
    assert not known("habitat run monthly --zone a")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_names_that_are_imported_can_be(page):
    lacking = []
    for block in fenced(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("habitat"):
                module = importlib.import_module(str(node.module))
                lacking += [f"{node.module}.{name.name}" for name in node.names if not hasattr(module, name.name)]
    assert lacking == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_settings_that_are_shown_are_valid(page, tmp_path):
    from habitat.jobs.config import load

    for number, block in enumerate(fenced(page, "yaml")):
        if "products:" in block:
            path = tmp_path / f"run-{number}.yaml"
            path.write_text(block, encoding="utf-8")
            assert load(path).products


def test_settings_that_are_set_in_passing_are_valid():
    from habitat.jobs.config import load

    found = [text for page in PAGES for text in re.findall(r"--set ([a-z]+\.\w+=[^\s\"`]+)", text_of(page))]
    assert len(found) >= 2
    for text in found:
        assert load(REPOSITORY / "configs" / "runs" / "monthly.yaml", overrides=[text])


def test_parameters_that_are_named_exist():
    from habitat.products import PRODUCTS

    named = {
        (product, name)
        for page in PAGES
        for product, name in re.findall(r"`(composite|indices|change)\.(\w+)", text_of(page))
        if name not in ("py", "tif", "yaml")
    }
    assert len(named) > 5
    assert [f"{product}.{name}" for product, name in named if name not in PRODUCTS[product].params.model_fields] == []


def rooms() -> set[str]:
    """Return every folder of the package, as the house calls it."""
    package = REPOSITORY / "habitat"
    return {path.parent.relative_to(package).as_posix() for path in package.rglob("__init__.py")} - {"."}


def test_the_house_has_a_paragraph_for_each_room_and_no_other():
    assert set(re.findall(r"^\*\*`([a-z0-9_/]+)`\*\*", text_of(Path("docs/house.md")), re.MULTILINE)) == rooms()


def test_the_picture_of_the_house_is_that_of_the_import_rules():
    picture = fenced(Path("docs/house.md"), "")[0]
    floors = [re.findall(r"[a-z]+", re.split(r"\s{3,}", line.strip())[0]) for line in picture.splitlines()]
    rules = tomllib.loads(text_of(Path("pyproject.toml")))["tool"]["importlinter"]["contracts"][0]["layers"]
    assert [floor for floor in floors if floor] == [[room.strip() for room in layer.split("|")] for layer in rules]


def test_the_house_names_what_stands_beside_the_package():
    table = set(re.findall(r"^\| `([a-z]+)/` \|", text_of(Path("docs/house.md")), re.MULTILINE))
    beside = {path.name for path in REPOSITORY.iterdir() if path.is_dir() and any(path.iterdir())}
    ignored = {name for name in beside if name.startswith(".") or name.endswith(".egg-info")}
    assert table <= beside
    assert beside - ignored - table <= {"habitat", "build", "dist"}


@pytest.mark.parametrize("page", METHODS, ids=lambda page: page.stem)
def test_a_method_has_its_parts(page):
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert re.search(r"^\*\*Question\.\*\*", text, re.MULTILINE)
    for heading in ("Limits", "References", "Proof"):
        assert f"\n## {heading}" in text
    assert re.findall(r"\]\((\.\./\.\./tests/[\w/.]+\.py)\)", text.partition("## Proof")[2])


def test_every_index_stands_in_its_table():
    from habitat.imagery.indices import INDICES

    table = "\n".join(line for line in text_of(Path("docs/methods/indices.md")).splitlines() if line.startswith("| `"))
    named = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == {name for name, entry in INDICES.items() if entry.function.__module__.startswith("habitat.")}


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_is_short_and_says_why(page):
    text = page.read_text(encoding="utf-8")
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+", page.stem)
    assert [part for part in ("**What.**", "**Why.**", "**What else was thought of.**") if part not in text] == []
    assert len(text.splitlines()) <= 16


def test_decisions_are_numbered_without_gaps():
    assert [int(page.stem[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_exit_codes_that_are_told_are_those_there_are():
    from habitat.jobs.outcomes import EXIT_CODES

    rows = re.findall(r"^\| (\d+) \|", text_of(Path("docs/how-to/run-a-month.md")), re.MULTILINE)
    assert sorted(map(int, rows)) == sorted(EXIT_CODES)
    sentence = re.search(r"^Exit codes: (.+?)\n\n", text_of(Path("README.md")), re.MULTILINE | re.DOTALL)
    assert sentence
    assert sorted(int(word) for word in re.findall(r"(?:^|; )(\d+) ", sentence[1].replace("\n", " "))) == sorted(
        EXIT_CODES
    )


def test_the_changelog_knows_the_version():
    project = tomllib.loads(text_of(Path("pyproject.toml")))["project"]
    assert f"\n## {project['version']}" in text_of(Path("CHANGELOG.md"))


def test_fragments_of_changes_are_named_as_agreed():
    names = [path.name for path in (REPOSITORY / "changes").iterdir() if path.name != "README.md"]
    wrong = [name for name in names if not re.fullmatch(r"[a-z0-9-]+\.(feature|fix|docs|removal)\.md", name)]
    assert wrong == []
