"""Logs: plain lines for files, short ones for screens, progress in tenths, and no secret in any."""

from __future__ import annotations

import io
import logging

import structlog

from habitat.jobs.log import Log

SECRET = "https://host/a.tif?sv=1&sig=abcdef%3D"


def test_plain_lines_are_single_with_utc_time_level_and_pairs():
    stream = io.StringIO()
    with Log(stream=stream, terminal=False):
        structlog.get_logger("habitat.jobs").info("built", product="change", summary="two\nlines", seconds=1.5)
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert line.startswith("timestamp=20")
    assert "Z level=info event=built product=change summary=two\\nlines seconds=1.5" in line


def test_secrets_are_blotted_out_of_our_lines_of_others_and_of_tracebacks():
    stream = io.StringIO()
    with Log(stream=stream, terminal=False, verbose=True):
        structlog.get_logger("habitat.jobs").info(f"reading {SECRET}", address=SECRET, error=ValueError(SECRET))
        logging.getLogger("rasterio._env").warning("GDAL says %s", SECRET)
        try:
            raise OSError(SECRET)
        except OSError:
            logging.getLogger("habitat.sources").debug("failed", exc_info=True)
            structlog.get_logger("habitat.jobs").debug("failed", exc_info=True)
    text = stream.getvalue()
    assert text.count("sig=***") == 6
    assert "abcdef" not in text
    assert text.count("Traceback") == 2
    assert text.count("\n") == 4


def test_short_lines_for_a_person():
    stream = io.StringIO()
    with Log(stream=stream, terminal=True):
        log = structlog.get_logger("habitat.jobs")
        log.info("building", product="change", period="2025-05", why="not built yet")
        log.error("failed", product="change", period="2025-05", why="disk full [x]")
        log.info("run ends", exit_code=5)
    assert stream.getvalue().splitlines() == [
        "change 2025-05: building (not built yet)",
        "error: change 2025-05: failed (disk full [x])",
        "run ends (exit code 5)",
    ]


def test_details_are_told_only_when_asked_for():
    for verbose, wanted in ((False, 0), (True, 1)):
        stream = io.StringIO()
        with Log(stream=stream, terminal=False, verbose=verbose):
            structlog.get_logger("habitat.jobs").debug("detail")
            logging.getLogger("urllib3").info("chatter")
        assert stream.getvalue().count("\n") == wanted


def test_progress_is_a_line_for_every_tenth():
    stream = io.StringIO()
    with Log(stream=stream, terminal=False) as log:
        for done in range(1001):
            log.progress("tiles", done, 1000)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[3].endswith("event=progress what=tiles done=300 total=1000")
    assert lines[-1].endswith("done=1000 total=1000")


def test_progress_is_a_bar_on_a_screen():
    stream = io.StringIO()
    with Log(stream=stream, terminal=True) as log:
        log.progress("compositing tiles", 1, 4)
        structlog.get_logger("habitat.jobs").info("a line above")
        log.progress("checking scenes", 0, 2)
        log.progress("checking scenes", 2, 2)
    assert "compositing tiles" in stream.getvalue()
    assert "1/4" in stream.getvalue()
    assert "a line above" in stream.getvalue()


def test_progress_over_nothing_divides_by_nothing():
    stream = io.StringIO()
    with Log(stream=stream, terminal=False) as log:
        log.progress("tiles", 0, 0)
    assert stream.getvalue().count("\n") == 1


def test_leaving_puts_things_back():
    before = list(logging.getLogger().handlers), logging.getLogger().level
    with Log(stream=io.StringIO(), terminal=False):
        assert logging.getLogger().handlers != before[0]
    assert (list(logging.getLogger().handlers), logging.getLogger().level) == before
