"""Commands: exit codes, what goes to standard output and what to standard error, and that help is light."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version

import pytest
from fake_products import MAY
from typer.testing import CliRunner

from habitat import cli
from habitat.contracts.errors import PublishError
from habitat.jobs.outcomes import EXIT_CODES
from habitat.store import Store
from habitat.store.locks import BuildLock

MONTH = ["--period", "2025-05"]


@pytest.fixture
def habitat(here, installed):
    def call(*words: str):
        return CliRunner().invoke(cli.app, list(words))

    return call


def only_json(result):
    assert result.stdout.count("\n") >= 1
    return json.loads(result.stdout)


def test_run_builds_and_tells(habitat, world):
    result = habitat("run", "monthly", *MONTH)
    assert result.exit_code == 0, result.output
    assert "change     2025-05  built version 1" in result.stdout
    assert "run record: store/runs/" in result.stdout
    assert "level=info event=building product=composite" in result.stderr
    assert "level=" not in result.stdout
    again = habitat("run", "monthly", *MONTH, "--area", "tiny")
    assert again.exit_code == 0
    assert "nothing to build: everything is current" in again.stdout
    assert len(world.built) == 5


def test_json_is_one_document_and_nothing_else(habitat, here):
    result = habitat("run", "monthly", *MONTH, "--json")
    told = only_json(result)
    assert (told["exit_code"], len(told["steps"])) == (0, 5)
    assert (here / told["record"]).is_file()
    assert only_json(habitat("plan", "monthly", *MONTH, "--json"))["nothing_to_build"] is True
    listed = only_json(habitat("list", "--store", "store", "--json"))
    assert [row["product"] for row in listed] == ["composite", "indices", "change", "composite", "indices"]
    assert listed[-1]["gaps"] == []
    assert only_json(habitat("check-config", "--json"))[0]["valid"] is True
    assert only_json(habitat("check-config", "--schema"))["required"] == ["products"]
    assert only_json(habitat("verify", "--store", "store", "--json"))[0]["problems"] == []
    assert only_json(habitat("doctor", "--store", "store", "--json"))[0]["name"] == "Python"
    for what in ("--products", "--areas", "--indices"):
        assert len(only_json(habitat("list", what, "--json"))) >= 1


def test_errors_are_json_too_and_one_line_on_standard_error(habitat):
    result = habitat("run", "monthly", *MONTH, "--json", "--set", "composite.grow_m=x")
    told = only_json(result)
    assert (result.exit_code, told["error"], told["exit_code"]) == (2, "ConfigError", 2)
    assert result.stderr.startswith("habitat: error: configs/runs/monthly.yaml has 1 problem:")
    assert "Traceback" not in result.output


def test_configuration_area_and_period_are_refused_together(habitat, here):
    result = habitat("plan", "monthly", "--period", "May", "--area", "tinny", "--set", "composite.grown=1")
    assert result.exit_code == 2
    assert result.stdout == ""
    for told in ("no such key; did you mean grow_m?", "period 'May' is not a month", "did you mean tiny?"):
        assert told in result.stderr
    assert not (here / "store").exists()


def test_area_must_be_named_somewhere(habitat, write):
    write("products: {composite: {}}")
    result = habitat("plan", "other", *MONTH)
    assert result.exit_code == 2
    assert (
        "no area is named; add --area NAME, or a line such as 'area: demo' to configs/runs/other.yaml" in result.stderr
    )


def test_plan_and_plan_only_build_nothing(habitat, here, world):
    first = habitat("plan", "monthly", *MONTH, "--set", "composite.grow_m=30")
    assert "composite  2025-05  build: not built yet" in first.stdout
    assert habitat("run", "monthly", *MONTH, "--plan-only").stdout == first.stdout
    assert (world.built, (here / "store").exists()) == ([], False)


def test_product_builds_itself_and_what_it_needs(habitat, world):
    assert habitat("product", "indices", *MONTH, "--area", "tiny").exit_code == 0
    assert world.built == ["composite 2025-05", "indices 2025-05"]
    refused = habitat("product", "fires", *MONTH)
    assert (refused.exit_code, "does not make fires" in refused.stderr) == (2, True)


def test_store_and_workers_are_taken_from_the_command(habitat, here, monkeypatch):
    seen = []
    import habitat.jobs.runner as runner

    build = runner.run
    monkeypatch.setattr(runner, "run", lambda *parts, **more: (seen.append(parts[1]), build(*parts, **more))[1])
    assert habitat("run", "monthly", *MONTH, "--store", "elsewhere", "--workers", "3").exit_code == 0
    assert (seen[0].workers, seen[0].store.root) == (3, here / "elsewhere")
    assert seen[0].config_hash
    assert Store(here / "elsewhere").latest("change", "tiny", MAY) is not None


@pytest.mark.parametrize(
    ("period", "fault", "code"),
    [
        ("2025-05", PublishError("disk full"), 5),
        ("2025-05", ValueError("odd https://host/?sig=SECRET"), 5),
        ("2024-05", PublishError("disk full"), 4),
        ("2025-05", KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes_of_runs(habitat, world, period, fault, code):
    world.faults["composite", period] = fault
    result = habitat("run", "monthly", *MONTH)
    assert result.exit_code == code
    assert f"exit code {code}: {EXIT_CODES[code]}" in result.stdout
    assert "SECRET" not in result.output
    assert "Traceback" not in result.output


def test_no_scenes_and_a_lock(habitat, world, here):
    lock = BuildLock(Store(here / "store").layout.lock("composite", "tiny"))
    assert habitat("run", "monthly", *MONTH).exit_code == 75
    lock.release()
    world.scenes["2025-05"] = {}
    refused = habitat("run", "monthly", *MONTH)
    assert (refused.exit_code, "SECRET" in refused.output) == (3, False)


def test_traceback_is_shown_when_asked_for(habitat, world):
    world.faults["composite", "2025-05"] = ValueError("odd sig=SECRET")
    result = habitat("run", "monthly", *MONTH, "--verbose")
    assert "Traceback" in result.stderr
    assert "SECRET" not in result.output
    assert "Traceback" not in result.stdout


def test_termination_is_as_polite_as_control_c(habitat, here, world, installed):
    class Killed:
        """Terminates the process when it is asked for."""

        def get(self, key):
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    world.faults = Killed()
    result = habitat("run", "monthly", *MONTH)
    assert result.exit_code == 130
    assert list((here / "store" / ".work").iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before


def test_interruption_outside_a_run(habitat, monkeypatch):
    def interrupted(*words, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("habitat.jobs.listing.verified", interrupted)
    result = habitat("verify", "--json")
    assert (result.exit_code, only_json(result)["error"]) == (130, "Interrupted")


def test_fault_nobody_foresaw_is_one_line(habitat, monkeypatch):
    def broken(*words, **more):
        raise RuntimeError("oh token=SECRET")

    monkeypatch.setattr("habitat.jobs.listing.areas", broken)
    result = habitat("list", "--areas")
    assert result.exit_code == 5
    assert result.stderr.startswith("habitat: error: unexpected RuntimeError: oh token=***;")
    assert result.stderr.count("\n") == 1


def test_lists_for_people(habitat):
    assert habitat("list", "--store", "store").stdout == "store holds nothing yet\n"
    habitat("product", "indices", *MONTH)
    rows = habitat("list", "--store", "store").stdout.splitlines()
    assert rows[0].split() == ["product", "area", "period", "version", "created", "gaps"]
    assert rows[1].split()[:4] == ["composite", "tiny", "2025-05", "1"]
    products = habitat("list", "--products").stdout
    assert "needs indices, indices of the year before" in products
    assert "composite.grow_m = 120.0  [a number from 0 up to 5000]" in products
    assert "tiny" in habitat("list", "--areas").stdout
    assert "nbr " in habitat("list", "--indices").stdout


def test_check_config_shows_values_and_every_wrong_file(habitat, write):
    assert "composite.grow_m = 60.0  [a number from 0 up to 5000, default 120.0]" in habitat("check-config").stdout
    write("products: {composite: {grown: 1}}")
    result = habitat("check-config")
    assert result.exit_code == 2
    assert "monthly: all is well" in result.stdout
    assert "products.composite.grown: no such key" in result.stdout
    assert habitat("check-config", "monthly").exit_code == 0


def test_verify_finds_a_changed_file(habitat, here):
    habitat("product", "composite", *MONTH)
    assert habitat("verify", "--store", "store").stdout == "1 of 1 versions are as they were published\n"
    path = Store(here / "store").get("composite", "tiny", MAY).path("value")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    result = habitat("verify", "--store", "store")
    assert result.exit_code == 5
    assert "0 of 1 versions" in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["run", "monthly"],
        ["fly"],
        ["run", "monthly", *MONTH, "--workers", "0"],
        ["list", "--areas", "--indices"],
        ["run", "monthly", *MONTH, "--what"],
    ],
)
def test_wrong_use_is_exit_code_2(habitat, words):
    result = habitat(*words)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


def test_twin_commands(habitat, here):
    made = habitat("twin", "make", "--output", "twin", "--size", "tiny")
    assert made.exit_code == 0
    assert "catalogue: twin/catalog.json" in made.stdout
    assert habitat("twin", "describe", "twin").stdout.splitlines()[0] == made.stdout.splitlines()[0]
    assert only_json(habitat("twin", "describe", "twin", "--json"))["story_fire"]["area_ha"] > 0
    again = habitat("twin", "make", "--output", "twin")
    assert (again.exit_code, "holds a twin already" in again.stderr) == (2, True)
    assert habitat("twin", "make", "--output", "other", "--size", "huge").exit_code == 2
    assert habitat("twin", "make", "--output", "other", "--seed", "one").exit_code == 2
    assert habitat("twin", "describe", "other").exit_code == 2
    assert not (here / "other").exists()


def test_exit_codes_are_documented_as_they_are_used(habitat):
    text = habitat("run", "--help").stdout
    for code in EXIT_CODES:
        assert f" {code}  " in text


LIGHT = """
import sys
from habitat import cli
sys.argv = ["habitat", *sys.argv[1:]]
try:
    cli.main()
except SystemExit as error:
    assert not error.code, error.code
# typer itself brings pydantic.
heavy = {"numpy", "xarray", "rasterio", "structlog", "shapely", "numba", "requests", "dask", "matplotlib"}
print(sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"]])
def test_help_and_version_import_nothing_heavy(words):
    done = subprocess.run([sys.executable, "-c", LIGHT, *words], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
    if words == ["--version"]:
        assert done.stdout.splitlines()[0] == f"habitat {version('habitat')}"
