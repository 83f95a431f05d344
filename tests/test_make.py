"""Make: every target says what it would do, and what is missing is told before anything is done."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
MAKEFILE = REPOSITORY / "Makefile"
TARGETS = re.findall(r"^([a-z-]+):", MAKEFILE.read_text(encoding="utf-8"), re.MULTILINE)

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*words: str, folder: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    """Run make without the settings of a make that runs this test."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    for name in ("AREA", "MONTH", "NAME", "OPTIONS"):
        clean.pop(name, None)
    return subprocess.run(["make", *words], cwd=folder, env=clean, capture_output=True, text=True, timeout=60)


@pytest.fixture
def elsewhere(tmp_path) -> Path:
    """Return a checkout without an environment, where nothing can be spoilt."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(REPOSITORY / name, tmp_path)
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "setup").write_text("#!/bin/sh\nmkdir -p .venv && touch .venv/.ready\n")
    (tmp_path / ".ci" / "setup").chmod(0o755)
    return tmp_path


def ready(checkout: Path, home: Path) -> None:
    """Make an environment that was made for another place."""
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to("/bin/sh")
    (checkout / ".venv" / "pyvenv.cfg").write_text(f"command = python -m venv {home}/.venv\n")
    (checkout / ".venv" / ".ready").touch()


def test_help_names_every_target_a_person_wants():
    told = make().stdout
    listed = re.findall(r"^  ([a-z-]+) ", told, re.MULTILINE)
    wanted = {
        "setup",
        "demo",
        "test",
        "check",
        "test-all",
        "month",
        "plan",
        "product",
        "list",
        "doctor",
        "lock",
        "clean",
    }
    assert wanted <= set(listed)
    assert set(listed) <= set(TARGETS)
    assert make("help").stdout == told


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_can_say_what_it_would_do(target):
    told = make("-n", target, "AREA=demo", "MONTH=2025-05", "NAME=indices")
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("month", "AREA=a", "MONTH=2025-05"), '.venv/bin/habitat run monthly --area "a" --period "2025-05"'),
        (("plan", "AREA=a", "MONTH=2025"), '.venv/bin/habitat plan monthly --area "a" --period "2025"'),
        (
            ("product", "NAME=change", "AREA=a", "MONTH=2025-05", "OPTIONS=--plan-only"),
            '.venv/bin/habitat product "change" --area "a" --period "2025-05" --plan-only',
        ),
        (("month", "run=spring", "AREA=a", "MONTH=2025-05"), ".venv/bin/habitat run spring"),
        (("demo",), ".venv/bin/habitat demo"),
    ],
)
def test_targets_call_one_command(words, command):
    assert command in make("-n", *words).stdout


def test_the_quick_tests_are_all_but_slow_and_network():
    lines = make("-n", "test").stdout.splitlines()
    assert lines[-1].endswith('-m "not slow and not network"')
    assert [
        word for word in ("ruff check", "ruff format", "mypy", "lint-imports", "codespell") if word in str(lines)
    ] == [
        "ruff check",
        "ruff format",
        "mypy",
        "lint-imports",
        "codespell",
    ]
    assert make("-n", "test-all").stdout.splitlines()[-1].endswith('-m "not network"')
    # What a clean checkout is tried with.
    assert "exec make test" in (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (("month",), "AREA"),
        (("month", "AREA=demo"), "MONTH"),
        (("plan", "MONTH=2025-05"), "AREA"),
        (("product", "AREA=demo", "MONTH=2025-05"), "NAME"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_done(elsewhere, words, missing):
    told = make(*words, folder=elsewhere)
    assert told.returncode == 2
    assert f"{missing} is missing. Write: make {words[0]} " in told.stderr
    assert not (elsewhere / ".venv").exists()


def test_the_environment_is_made_once(elsewhere):
    assert make("setup", folder=elsewhere).returncode == 0
    assert (elsewhere / ".venv" / ".ready").is_file()
    shutil.rmtree(elsewhere / ".venv")
    ready(elsewhere, elsewhere)
    assert ".ci/setup" not in make("-n", "setup", folder=elsewhere).stdout


def test_the_environment_is_made_anew_where_it_cannot_run(elsewhere, tmp_path_factory):
    ready(elsewhere, tmp_path_factory.mktemp("another"))
    assert ".ci/setup" in make("-n", "setup", folder=elsewhere).stdout


def test_the_environment_is_made_anew_when_its_python_is_gone(elsewhere):
    ready(elsewhere, elsewhere)
    (elsewhere / ".venv" / "bin" / "python").unlink()
    (elsewhere / ".venv" / "bin" / "python").symlink_to(elsewhere / "gone")
    assert ".ci/setup" in make("-n", "setup", folder=elsewhere).stdout


def test_the_environment_is_made_anew_when_the_lock_is_newer(elsewhere):
    ready(elsewhere, elsewhere)
    later = (elsewhere / ".venv" / ".ready").stat().st_mtime + 10
    os.utime(elsewhere / "requirements.lock", (later, later))
    assert ".ci/setup" in make("-n", "setup", folder=elsewhere).stdout


def test_clean_leaves_products_and_environment(elsewhere):
    for kept in (".venv/lib/__pycache__/a.pyc", "data/store/__pycache__/y.tif", "habitat/store/a.py"):
        (elsewhere / kept).parent.mkdir(parents=True)
        (elsewhere / kept).touch()
    for gone in ("habitat/__pycache__/a.pyc", ".mypy_cache/x", ".hypothesis/x", "habitat.egg-info/x"):
        (elsewhere / gone).parent.mkdir(parents=True)
        (elsewhere / gone).touch()
    assert make("clean", folder=elsewhere).returncode == 0
    left = {path.relative_to(elsewhere).as_posix() for path in elsewhere.rglob("*") if path.is_file()}
    assert {".venv/lib/__pycache__/a.pyc", "data/store/__pycache__/y.tif", "habitat/store/a.py"} <= left
    assert not any("egg-info" in name or name.startswith((".mypy", ".hypothesis", "habitat/__py")) for name in left)
