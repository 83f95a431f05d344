"""Preflight: files that are not what their items say are found before any pixel counts."""

from __future__ import annotations

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from made_scenes import NORTH, SIZE, WEST, area, asset, scene, write

from habitat.contracts.errors import ConfigError, MixedRadiometry, OffsetDisagreement, TooMuchMissing
from habitat.contracts.grid import Tile
from habitat.sources.scenes.pixels import PixelReader
from habitat.sources.scenes.preflight import (
    Checked,
    Missing,
    check_offsets_agree,
    check_scenes,
    common_bands,
    refuse_much_missing,
)
from habitat.sources.scenes.rasters import Rasters

BANDS = ("red", "nir", "swir2")


def only_missing(made, **options):
    with Rasters(None) as rasters:
        checked = check_scenes([made], rasters, BANDS, **options)
    assert checked.scenes == ()
    (entry,) = checked.missing
    return entry.reason, entry.text


@pytest.fixture
def made(tmp_path):
    return scene(tmp_path, "a")


def spoil(made, band, content):
    from pathlib import Path

    Path(made.bands[band].href).write_bytes(content)


def test_a_good_scene_passes_with_the_headers_of_all_its_files(made):
    with Rasters(None) as rasters:
        checked = check_scenes([made], rasters, BANDS)
    assert checked.scenes == (made,)
    assert checked.missing == ()
    assert set(checked.headers) == {made.mask.href, *(a.href for a in made.bands.values())}
    assert checked.headers[made.bands["swir2"].href].geometry.shape == (SIZE // 2, SIZE // 2)


def test_a_missing_file(made, tmp_path):
    (tmp_path / "a-nir.tif").unlink()
    reason, text = only_missing(made)
    assert reason == "missing"
    assert "a-nir.tif could not be read" in text


def test_a_web_page_that_calls_itself_tif(made):
    spoil(made, "red", b"<!DOCTYPE html><html><body>Sign in to continue</body></html>")
    assert only_missing(made)[0] == "corrupt"


def test_a_vrt_that_calls_itself_tif_reads_no_other_file(made, tmp_path):
    secret = tmp_path / "secret.tif"
    write(secret, np.full((SIZE, SIZE), 77, np.uint16), 10, WEST, NORTH)
    vrt = f"""<VRTDataset rasterXSize="{SIZE}" rasterYSize="{SIZE}"><SRS>EPSG:32652</SRS>
    <GeoTransform>{WEST}, 10, 0, {NORTH}, 0, -10</GeoTransform><VRTRasterBand dataType="UInt16" band="1">
    <SimpleSource><SourceFilename>{secret}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>
    </VRTRasterBand></VRTDataset>"""
    spoil(made, "red", vrt.encode())
    assert only_missing(made)[0] == "corrupt"


def test_a_file_cut_inside_its_header(made, tmp_path):
    spoil(made, "red", (tmp_path / "a-red.tif").read_bytes()[:40])
    assert only_missing(made)[0] == "corrupt"


def test_another_coordinate_system_than_the_item_says(made, tmp_path):
    write(tmp_path / "a-red.tif", np.ones((SIZE, SIZE), np.uint16), 10, WEST, NORTH, crs=32653)
    reason, text = only_missing(made)
    assert reason == "wrong-crs"
    assert "the file is in EPSG:32653, its item says EPSG:32652" in text


def test_another_place_than_the_item_says(made, tmp_path):
    write(tmp_path / "a-red.tif", np.ones((SIZE, SIZE), np.uint16), 10, WEST + 10, NORTH)
    reason, text = only_missing(made)
    assert reason == "moved"
    assert "from 600010.0" in text


def test_several_bands_or_wrong_numbers(made, tmp_path):
    write(tmp_path / "a-red.tif", np.ones((SIZE, SIZE), np.float32), 10, WEST, NORTH)
    reason, text = only_missing(made)
    assert reason == "corrupt"
    assert "its pixels are float32, wants uint16" in text


def test_no_coordinate_system(made, tmp_path):
    write(tmp_path / "a-red.tif", np.ones((SIZE, SIZE), np.uint16), 10, WEST, NORTH, crs=None)
    reason, text = only_missing(made)
    assert (reason, "no coordinate system" in text) == ("corrupt", True)


def test_a_scene_without_mask_or_band(made):
    reason, text = only_missing(replace(made, mask=None))
    assert (reason, "has no quality mask" in text) == ("no-mask", True)
    bands = {name: entry for name, entry in made.bands.items() if name != "swir2"}
    reason, text = only_missing(replace(made, bands=bands))
    assert (reason, "no asset for swir2" in text) == ("asset", True)


_CODES = {"/404.tif": 404, "/403.tif": 403}


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(_CODES.get(self.path, 200))
        body = b"<html>not a picture</html>"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *about):
        pass


@pytest.fixture(scope="module")
def server():
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.mark.parametrize(("name", "reason"), [("404", "missing"), ("403", "forbidden"), ("200", "corrupt")])
def test_what_a_server_answers(made, server, name, reason, monkeypatch):
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "0")
    bands = dict(made.bands) | {"red": replace(made.bands["red"], href=f"{server}/{name}.tif")}
    assert only_missing(replace(made, bands=bands))[0] == reason


def dark(folder, name, *, offset_in, says, days=0):
    """A scene of dark vegetation whose numbers have the +1000, or not."""
    made = scene(folder, name, days=days, scl=np.full((SIZE // 2, SIZE // 2), 4, np.uint8), bands=())
    numbers = np.full((SIZE, SIZE), 1150 if offset_in else 150, np.uint16)
    red = asset(folder, f"{name}-dark", numbers, 10, WEST, NORTH, offset=-0.1 if says else 0.0)
    return replace(made, bands={"red": red}, offset_present=says)


@pytest.mark.parametrize("offset_in", [True, False])
def test_pixels_that_contradict_the_metadata_stop_the_run(tmp_path, offset_in):
    wrong = dark(tmp_path, "wrong", offset_in=offset_in, says=not offset_in)
    right = dark(tmp_path, "right", offset_in=offset_in, says=offset_in)
    with Rasters(None) as rasters:
        assert check_scenes([right], rasters, ("red",)).evidence["right"].verdict == (
            "present" if offset_in else "absent"
        )
        with pytest.raises(OffsetDisagreement, match="scene wrong"):
            check_scenes([right, wrong], rasters, ("red",))


def test_mixed_offsets_are_harmonised_if_pixels_confirm_both_kinds_or_refused(tmp_path):
    old = dark(tmp_path, "old", offset_in=False, says=False)
    new = dark(tmp_path, "new", offset_in=True, says=True, days=5)
    with Rasters(None) as rasters:
        checked = check_scenes([old, new], rasters, ("red",))
        note = check_offsets_agree(checked, "harmonise")
        assert note.startswith("the +1000 offset is in the digital numbers of 1 scenes and not in those of 1")
        assert check_offsets_agree(check_scenes([old], rasters, ("red",)), "refuse") == ""
        with pytest.raises(MixedRadiometry, match="mixed_offsets: harmonise"):
            check_offsets_agree(checked, "refuse")
        with pytest.raises(ConfigError, match="wants harmonise or refuse"):
            check_offsets_agree(checked, "guess")
        reader = PixelReader(checked, area(rows=20, columns=20), rasters, bands=("red",))
        with rasters.env():
            numbers = reader.at(Tile(0, 0, 20, 20)).band("red").numbers
        # Reflectance 0.015 either way: (0.015 + 0.2) / 0.0001 in common codes.
        assert (numbers == 2150).all()
    unconfirmed = Checked(checked.scenes, checked.headers, (), {"old": checked.evidence["old"]})
    with pytest.raises(MixedRadiometry, match="confirm that it is present"):
        check_offsets_agree(unconfirmed, "harmonise")


def test_bands_most_scenes_have_are_wanted_of_all(tmp_path):
    whole = [scene(tmp_path, f"s{n}", days=n) for n in range(3)]
    red_only = [replace(s, bands={"red": s.bands["red"]}) for s in whole]
    assert common_bands(whole, ("red", "blue", "swir2")) == (("red", "swir2"), {"blue": "no scene has it"})
    kept, left_out = common_bands([whole[0], *red_only[1:]], ("red", "swir2"))
    assert kept == ("red",)
    assert left_out == {"swir2": "only 1 of 3 sentinel2 scenes have it"}
    assert common_bands([*whole[:2], red_only[2]], ("red", "swir2"))[0] == ("red", "swir2")


def test_without_takes_one_scene_out(tmp_path):
    scenes = [scene(tmp_path, f"s{n}", days=n) for n in range(2)]
    with Rasters(None) as rasters:
        checked = check_scenes(scenes, rasters, BANDS)
    from habitat.sources.scenes.preflight import Missing

    rest = checked.without(Missing(scenes[0], "corrupt", "torn"))
    assert rest.scenes == (scenes[1],)
    assert [entry.reason for entry in rest.missing] == ["corrupt"]


def test_much_missing_is_refused_and_later_days_are_not_looked_at(made):
    from datetime import timedelta

    lost = Missing(made, "http", "no answer")
    half = Checked((made,), {}, (lost,))
    refuse_much_missing(half, area(), 0.5)
    with pytest.raises(TooMuchMissing, match=r"1 of 2 scenes cannot be read, 50%.*allows 49%.*missing:http"):
        refuse_much_missing(half, area(), 0.49)
    with pytest.raises(TooMuchMissing, match="1 of 1 scenes"):
        refuse_much_missing(Checked((), {}, (lost,)), area(), 1.0)
    refuse_much_missing(Checked((), {}, (lost,)), area(), 0.0, until=made.solar_day - timedelta(days=1))
