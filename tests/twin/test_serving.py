"""Serving: whole files and parts of them, and nothing outside the folder."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
from urllib.parse import urlsplit

import numpy as np
import pystac
import pytest
import rasterio

from habitat.contracts.errors import ConfigError
from habitat.twin.serving import serve

BODY = bytes(range(256)) * 5


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "root"
    (root / "scenes").mkdir(parents=True)
    (root / "scenes" / "b 1.tif").write_bytes(BODY)
    (root / "catalog.json").write_text('{"type": "Catalog"}')
    (root / "empty.csv").write_bytes(b"")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "inside.tif").symlink_to(root / "scenes" / "b 1.tif")
    (root / "away").symlink_to(tmp_path, target_is_directory=True)
    return root


@pytest.fixture
def ask(folder):
    with serve(folder) as address:
        parts = urlsplit(address)

        def request(path, method="GET", **headers):
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
            try:
                connection.putrequest(method, path, skip_host=False)
                for name, value in headers.items():
                    connection.putheader(name, value)
                connection.endheaders()
                answer = connection.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()
            finally:
                connection.close()

        yield request


def test_whole_files(ask):
    status, headers, body = ask("/scenes/b%201.tif")
    assert (status, body) == (200, BODY)
    assert headers["Content-Length"] == "1280"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Type"].startswith("image/tiff")
    assert "Content-Range" not in headers


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [("bytes=0-9", 0, 10), ("bytes=1000-", 1000, 1280), ("bytes=-30", 1250, 1280), ("bytes=1279-99999", 1279, 1280), ("bytes=-99999", 0, 1280), ("bytes=5-5", 5, 6)],
)  # fmt: skip
def test_parts_of_files(ask, asked, first, end):
    status, headers, body = ask("/scenes/b%201.tif", Range=asked)
    assert (status, body) == (206, BODY[first:end])
    assert headers["Content-Range"] == f"bytes {first}-{end - 1}/1280"
    assert headers["Content-Length"] == str(end - first)


@pytest.mark.parametrize("asked", ["bytes=1280-", "bytes=5000-6000", "bytes=-0"])
def test_parts_there_are_none_of(ask, asked):
    status, headers, _ = ask("/scenes/b%201.tif", Range=asked)
    assert status == 416
    assert headers["Content-Range"] == "bytes */1280"
    assert ask("/empty.csv", Range="bytes=0-10")[0] == 416


@pytest.mark.parametrize("asked", ["bytes=9-3", "lines=1-2", "bytes=0-1,5-6", "bytes=a-b", "bytes=-", ""])
def test_what_is_no_single_range_gives_the_whole(ask, asked):
    status, _, body = ask("/scenes/b%201.tif", Range=asked)
    assert (status, body) == (200, BODY)


def test_head_is_the_same_without_a_body(ask):
    for headers in ({}, {"Range": "bytes=10-19"}):
        got, head = ask("/scenes/b%201.tif", **headers), ask("/scenes/b%201.tif", "HEAD", **headers)
        assert head[2] == b""
        assert head[0] == got[0]
        assert {key: value for key, value in head[1].items() if key != "Date"} == {
            key: value for key, value in got[1].items() if key != "Date"
        }
    assert ask("/nothing", "HEAD")[::2] == (404, b"")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("catalog.json", "application/json"), ("empty.csv", "text/csv; charset=utf-8")],
)
def test_media_types(ask, folder, name, kind):
    assert ask(f"/{name}")[1]["Content-Type"] == kind
    (folder / "x.bin").write_bytes(b"1")
    assert ask("/x.bin")[1]["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt", "/scenes/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/scenes/%2e%2e/%2e%2e/secret.txt",
        "/link.txt", "/away/secret.txt", "//secret.txt", "/scenes", "/scenes/", "/", "/..\\secret.txt", "/%00", "/%ff", "/nothing.tif",
        "secret.txt", "/" + "a" * 5000,
    ],
)  # fmt: skip
def test_nothing_leads_out_and_no_folder_is_listed(ask, path):
    status, _, body = ask(path)
    assert status == 404
    assert b"secret" not in body
    assert b"b 1" not in body


def test_an_absolute_path_of_this_machine_is_not_found(ask, folder):
    assert ask(f"/{folder.parent / 'secret.txt'}")[0] == 404
    assert ask(str(folder.parent / "secret.txt"))[0] == 404


def test_links_that_stay_inside_are_followed(ask):
    assert ask("/inside.tif", Range="bytes=0-3")[2] == BODY[:4]


def test_other_methods_are_refused(ask):
    assert ask("/catalog.json", "POST")[0] == 501
    assert ask("/catalog.json", "DELETE")[0] == 501


def test_queries_are_ignored(ask):
    assert ask("/catalog.json?sig=abc")[0] == 200


def test_several_requests_over_one_connection_and_many_at_once(folder):
    with serve(folder) as address:
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        for start in (0, 700, 20):
            connection.request("GET", "/scenes/b%201.tif", headers={"Range": f"bytes={start}-{start + 9}"})
            assert connection.getresponse().read() == BODY[start : start + 10]
        results = []

        def fetch():
            other = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
            other.request("GET", "/scenes/b%201.tif")
            results.append(other.getresponse().read() == BODY)
            other.close()

        # While the first connection stays open.
        threads = [threading.Thread(target=fetch) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        connection.close()
    assert results == [True] * 12


def test_after_the_block_the_port_is_free_again(folder):
    with serve(folder) as address:
        port = urlsplit(address).port
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    with serve(folder, port) as again:
        assert again == address


def test_it_ends_while_a_reader_holds_a_connection(folder):
    with serve(folder) as address:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(address).port, timeout=5)
        connection.request("GET", "/catalog.json")
        assert json.loads(connection.getresponse().read()) == {"type": "Catalog"}
    connection.close()


def test_what_cannot_be_served(folder, tmp_path):
    with pytest.raises(ConfigError, match="no folder"), serve(tmp_path / "nowhere"):
        pass
    with (
        serve(folder) as address,
        pytest.raises(ConfigError, match="another port"),
        serve(folder, urlsplit(address).port),
    ):
        pass


def test_gdal_reads_parts_of_a_cloud_optimised_file(tmp_path):
    values = np.random.default_rng(1).integers(1, 5000, (512, 512), dtype=np.uint16)
    profile = {"width": 512, "height": 512, "count": 1, "dtype": "uint16", "crs": "EPSG:32652", "nodata": 0}
    with rasterio.open(
        tmp_path / "B04.tif", "w", driver="COG", blocksize=128, compress="DEFLATE",
        transform=rasterio.Affine(10, 0, 743400, 0, -10, 4800000), **profile,
    ) as target:  # fmt: skip
        target.write(values, 1)
    options = {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",
        "GDAL_HTTP_PROXY": "",
        "NO_PROXY": "127.0.0.1",
    }
    with serve(tmp_path) as address, rasterio.Env(**options), rasterio.open(f"/vsicurl/{address}/B04.tif") as source:
        window = rasterio.windows.Window(300, 200, 60, 40)
        assert np.array_equal(source.read(1, window=window), values[200:240, 300:360])
        assert source.crs.to_epsg() == 32652


def test_pystac_reads_a_catalogue_over_it(tmp_path):
    catalogue = pystac.Catalog("twin", "made up")
    collection = pystac.Collection(
        "c", "made up", pystac.Extent(pystac.SpatialExtent([[131, 43, 132, 44]]), pystac.TemporalExtent([[None, None]]))
    )
    catalogue.add_child(collection)
    catalogue.normalize_and_save(str(tmp_path), pystac.CatalogType.SELF_CONTAINED)
    before = os.environ.get("NO_PROXY")
    os.environ["NO_PROXY"] = "127.0.0.1"
    try:
        with serve(tmp_path) as address:
            read = pystac.Catalog.from_file(f"{address}/catalog.json")
            assert [child.id for child in read.get_children()] == ["c"]
    finally:
        if before is None:
            del os.environ["NO_PROXY"]
        else:
            os.environ["NO_PROXY"] = before
