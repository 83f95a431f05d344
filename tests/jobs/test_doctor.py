"""Doctor: a sound machine is found sound, and each ailment is found with what to do."""

from __future__ import annotations

import http.server
import threading
from datetime import UTC, datetime

import pytest
from fake_products import MAY

from habitat.contracts.errors import PublishError
from habitat.jobs import doctor
from habitat.jobs.doctor import Check, Patient
from habitat.jobs.runner import run
from habitat.store import Store


@pytest.fixture
def patient(here, products):
    return Patient(store=here / "store", products=products)


def test_sound_machine(patient, here, monkeypatch):
    # Other tests of this process hold our reader against WarpedVRT, which brings a buried driver back.
    monkeypatch.setattr(doctor, "forbidden_drivers_alive", lambda: [])
    checks = doctor.examine(patient)
    assert {check.level for check in checks if not check.name.startswith("catalogue")} == {"ok"}
    assert doctor.exit_code(checks) == 0
    assert not (here / "store").exists()
    names = [check.name for check in checks]
    assert names[:2] == ["Python", "GDAL and PROJ"]
    assert {"drivers", "compiler", "processors", "memory", "clock", "disk", "store", "configurations", "areas"} <= {
        *names
    }


def test_warnings_are_no_failure_and_failures_are_exit_code_5():
    warned, failed = Check("a", "warn", "x", "do y"), Check("b", "fail", "x")
    assert (doctor.exit_code([warned]), doctor.exit_code([warned, failed])) == (0, 5)
    assert warned.text() == "warn  a: x; do y"


def test_projection_that_answers_nonsense_fails():
    check = doctor.projection(lambda *args: ([129.0], [43.0], None))
    assert check.level == "fail"
    assert "rasterio puts 129 E 43 N at 129 43 of EPSG:32652" in check.found


def test_python_out_of_range_is_warned_of():
    assert [doctor.python(found).level for found in ((3, 10), (3, 11), (3, 13), (3, 14))] == [
        "warn",
        "ok",
        "ok",
        "warn",
    ]


@pytest.mark.parametrize(("kilobytes", "level"), [(500_000, "fail"), (1_500_000, "warn"), (8_000_000, "ok")])
def test_memory(tmp_path, kilobytes, level):
    path = tmp_path / "meminfo"
    path.write_text(f"MemTotal: 16000000 kB\nMemAvailable:   {kilobytes} kB\n")
    assert doctor.memory(path).level == level
    assert doctor.memory(tmp_path / "none").level == "ok"


@pytest.mark.parametrize(("free", "level"), [(1e8, "fail"), (2e9, "warn"), (1e11, "ok")])
def test_disk(tmp_path, monkeypatch, free, level):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": free}))
    assert doctor.disk(tmp_path / "not" / "there").level == level


def test_clock_before_the_last_publication_fails(config, workshop, products):
    now = datetime.now(UTC)
    assert doctor.clock(Store(workshop.store.root), now).level == "ok"
    run(config, workshop, MAY, products, targets=["composite"])
    assert doctor.clock(workshop.store, now).level == "ok"
    early = doctor.clock(workshop.store, datetime(2026, 11, 2, tzinfo=UTC))
    assert early.level == ("fail" if now > datetime(2026, 11, 3, tzinfo=UTC) else "ok")
    assert "something was published at" in early.found
    assert doctor.clock(workshop.store, datetime(2001, 1, 1, tzinfo=UTC)).level == "fail"


def test_store_that_is_a_file_or_cannot_be_written(tmp_path, monkeypatch):
    path = tmp_path / "store"
    path.write_text("x")
    assert doctor.store(path).level == "fail"

    def refuse(path, content):
        raise PublishError("read-only")

    monkeypatch.setattr(doctor, "write_atomically", refuse)
    assert "cannot be used (read-only)" in doctor.store(tmp_path).found


def test_store_on_a_file_system_without_locks(tmp_path, monkeypatch):
    class Loose:
        def __init__(self, *args, **kwargs):
            self.acquire = lambda: None

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    monkeypatch.setattr(doctor, "FileLock", Loose)
    check = doctor.store(tmp_path)
    assert (check.level, "does not hold locks" in check.found) == ("fail", True)


def test_probing_a_store_leaves_nothing_behind(tmp_path):
    assert doctor.store(tmp_path).level == "ok"
    assert list(tmp_path.iterdir()) == []


def test_wrong_configuration_and_area_are_told(patient, here, write):
    write("products: {composite: {grow: 1}}")
    (here / "configs" / "areas" / "broken.yaml").write_text("name: broken\n")
    checks = {check.name: check for check in doctor.examine(patient)}
    assert "no such key; did you mean grow_m?" in checks["configurations"].found
    assert checks["areas"].level == "fail"


def test_folder_without_configurations(tmp_path, products):
    patient = Patient(store=tmp_path, runs=tmp_path / "runs", areas=tmp_path / "areas", products=products)
    assert [check.level for check in doctor.configurations(patient)] == ["warn"]
    assert [check.level for check in doctor.areas(patient.areas)] == ["warn"]
    assert doctor.catalogues(patient) == []


@pytest.fixture
def server():
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200 if self.path == "/good" else 503)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def test_catalogues_are_asked_only_if_allowed(here, products, write, server):
    address, asked = server
    write(f"products: {{composite: {{catalogue: '{address}/good'}}}}", "monthly")
    write(f"products: {{composite: {{catalogue: '{address}/bad'}}}}", "other")
    write("products: {composite: {catalogue: twin/catalog.json}}", "third")
    quiet = doctor.catalogues(Patient(products=products))
    assert ([check.level for check in quiet], asked) == (["ok", "ok", "warn"], [])
    assert quiet[2].advice == "run habitat demo to make it"
    checks = doctor.catalogues(Patient(products=products, online=True))
    assert [check.found for check in checks[:2]] == ["answers", "answers HTTP 503"]
    assert asked == ["/good", "/bad"]


def test_catalogue_that_does_not_answer(here, products, write, server):
    write("products: {composite: {catalogue: 'http://127.0.0.1:1/x'}}", "monthly")
    checks = doctor.catalogues(Patient(products=products, online=True))
    assert [(check.level, check.found) for check in checks] == [("fail", "cannot be reached (ConnectionError)")]


def test_unforeseen_trouble_is_a_finding_too(patient, monkeypatch):
    def broken():
        raise RuntimeError("oh")

    monkeypatch.setattr(doctor, "compiler", broken)
    found = [check for check in doctor.examine(patient) if check.name == "compiler"]
    assert [(check.level, check.found) for check in found] == [("fail", "unexpected RuntimeError: oh")]


def test_compiler_without_a_place_to_keep_its_work(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert doctor.compiler().level == "warn"


def test_forbidden_and_missing_drivers_are_found(monkeypatch):
    monkeypatch.setattr(doctor, "forbidden_drivers_alive", lambda: ["VRT"])
    monkeypatch.setattr("rasterio.Env.drivers", lambda self: {"GTiff": ""})
    assert [(check.name, check.level) for check in doctor.drivers()] == [
        ("forbidden drivers", "fail"),
        ("drivers", "warn"),
    ]


def test_report_tells_no_folder(tmp_path):
    checks = [Check("disk", "ok", f"9 GB free at {tmp_path}/store")]
    assert str(tmp_path) not in str(doctor.report(checks, tmp_path))
