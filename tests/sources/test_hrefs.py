"""Hrefs: sixty ways to lead a reader astray, and the few that are right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.errors import UnsafeReference
from habitat.sources.catalogues.hrefs import checked_address, checked_href, checked_id, confined_path
from habitat.sources.catalogues.providers import provider_for

COGS = "https://sentinel-cogs.s3.us-west-2.amazonaws.com"
ITEM = "https://earth-search.aws.element84.com/v1/collections/sentinel-2-l2a/items/x"

HOSTILE = [
    # GDAL's virtual file systems and drivers by name
    "/vsicurl/http://10.0.0.1/a.tif",
    "/vsicurl?url=http://169.254.169.254/latest&x=.tif",
    "/VSIS3/bucket/a.tif",
    "/vsimem/a.tif",
    "/vsizip//etc/a.zip/a.tif",
    "/vsistdin/",
    "/vsisubfile/0_100,/etc/passwd",
    "vrt:///etc/passwd",
    "vrt://a.tif?bands=1",
    "NETCDF:/etc/passwd:x",
    "GTIFF_DIR:1:/etc/a.tif",
    "HDF5:a.h5://x",
    "WMS:http://10.0.0.1/",
    "DERIVED_SUBDATASET:LOGAMPLITUDE:/etc/a.tif",
    "<VRTDataset></VRTDataset>",
    # other schemes
    "file:///etc/passwd",
    "file:a.tif",
    "FILE:///etc/passwd",
    "data:image/tiff;base64,SUkq",
    "ftp://sentinel-cogs.s3.us-west-2.amazonaws.com/a.tif",
    "gs://bucket/a.tif",
    "az://container/a.tif",
    "javascript:alert(1)",
    "jar:file:///a!/b.tif",
    # hosts that are not on the list
    "https://example.org/a.tif",
    "http://sentinel-cogs.s3.us-west-2.amazonaws.com/a.tif",
    "https://sentinel-cogs.s3.us-west-2.amazonaws.com.evil.org/a.tif",
    "https://evil-sentinel-cogs.s3.us-west-2.amazonaws.com/a.tif",
    "https://sentinel-cogs.s3.us-west-2.amazonaws.com@evil.org/a.tif",
    "https://sentinel-cogs.s3.us-west-2.amazonaws.com\\@evil.org/a.tif",
    "https://evil.org#.sentinel-cogs.s3.us-west-2.amazonaws.com/a.tif",
    "https://evil.org?sentinel-cogs.s3.us-west-2.amazonaws.com/a.tif",
    "https://sentinel-cogs.s3.us-west-2.amazonaws.com./a.tif",
    "https://s3.us-west-2.amazonaws.com/sentinel-cogs/a.tif",
    "https://ѕentinel-cogs.s3.us-west-2.amazonaws.com/a.tif",
    "https://xn--entinel-cogs-8bh.s3.us-west-2.amazonaws.com/a.tif",
    "//evil.org/a.tif",
    "https:///a.tif",
    "https:sentinel-cogs/a.tif",
    # bare numbers, inside addresses, odd ports, users
    "https://127.0.0.1/a.tif",
    "http://169.254.169.254/latest/meta-data/",
    "https://10.0.0.1/a.tif",
    "https://[::1]/a.tif",
    "https://[::ffff:127.0.0.1]/a.tif",
    "https://2130706433/a.tif",
    "https://0x7f000001/a.tif",
    "https://0177.0.0.1/a.tif",
    "https://127.1/a.tif",
    "https://localhost/a.tif",
    f"{COGS}:8443/a.tif",
    f"{COGS}:99999/a.tif",
    "https://user:pw@sentinel-cogs.s3.us-west-2.amazonaws.com/a.tif",
    "https://user@sentinel-cogs.s3.us-west-2.amazonaws.com/a.tif",
    # climbing, hidden characters, credentials
    f"{COGS}/a/../../other/b.tif",
    f"{COGS}/a/%2e%2e/b.tif",
    f"{COGS}/a/%252e%252e/b.tif",
    f"{COGS}/a/..%5cb.tif",
    f"{COGS}/a\x00.tif",
    f"{COGS}/a\r\nHost: evil.org/.tif",
    f"{COGS}/a\u202egpj.tif",
    f" {COGS}/a.tif",
    f"{COGS}/" + "a" * 3000 + ".tif",
    f"{COGS}/a.tif?sig=abc",
    f"{COGS}/a.tif?X-Amz-Signature=abc&x=1",
    # buckets
    "s3://evil-bucket/a.tif",
    "s3://usgs-landsat@evil/a.tif",
    "s3://usgs-landsat/../evil/a.tif",
    "s3:usgs-landsat/a.tif",
    # paths, where the item came from an API
    "/etc/passwd",
    "",
]


@pytest.mark.parametrize("href", HOSTILE)
@pytest.mark.parametrize("base", ["", ITEM], ids=["alone", "with a base"])
def test_hostile_href_is_refused(href, base):
    with pytest.raises(UnsafeReference) as caught:
        checked_href(href, provider_for("earth-search"), base)
    text = str(caught.value)
    assert len(text) < 600
    assert text.isprintable()
    assert "pw" not in text
    assert "sig=abc" not in text


def test_there_are_enough_of_them():
    assert len(set(HOSTILE)) >= 60


@pytest.mark.parametrize("href", [None, 5, ["a"], {"href": "a"}, b"a.tif"])
def test_hrefs_that_are_no_text_are_refused(href):
    with pytest.raises(UnsafeReference, match="no text"):
        checked_href(href, provider_for("earth-search"), ITEM)


@pytest.mark.parametrize(
    ("catalogue", "href", "opened"),
    [
        ("earth-search", f"{COGS}/a/B04.tif", f"{COGS}/a/B04.tif"),
        ("earth-search", f"{COGS}:443/a/B04.tif", f"{COGS}:443/a/B04.tif"),
        ("earth-search", f"{COGS}/a%20b/B04.tif?versionId=3", f"{COGS}/a%20b/B04.tif?versionId=3"),
        ("earth-search", "HTTPS" + COGS[5:] + "/B04.tif", f"{COGS}/B04.tif"),
        ("earth-search", "s3://usgs-landsat/a/SR_B4.TIF", "/vsis3/usgs-landsat/a/SR_B4.TIF"),
        ("cdse", "s3://eodata/Sentinel-2/a.SAFE/B04_10m.jp2", "/vsis3/eodata/Sentinel-2/a.SAFE/B04_10m.jp2"),
        (
            "planetary-computer",
            "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/a.tif",
            "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/a.tif",
        ),
        ("usgs", "https://landsatlook.usgs.gov/data/a.TIF", "https://landsatlook.usgs.gov/data/a.TIF"),
    ],
)
def test_right_hrefs_are_kept_or_rewritten(catalogue, href, opened):
    assert checked_href(href, provider_for(catalogue)) == opened


@pytest.mark.parametrize(
    "href",
    ["https://other.blob.core.windows.net/sentinel2-l2/a.tif", "https://sentinel2l2a01.blob.core.windows.net.evil/a"],
)
def test_an_account_of_somebody_else_is_refused(href):
    with pytest.raises(UnsafeReference, match="keeps its files"):
        checked_href(href, provider_for("planetary-computer"))


def test_a_host_with_a_dot_stands_for_all_below_it_but_not_beside_it():
    provider = provider_for("https://stac.example.org", hosts=[("https", ".tiles.example.org")])
    assert checked_href("https://a.tiles.example.org/x.tif", provider) == "https://a.tiles.example.org/x.tif"
    for other in ("https://tiles.example.org/x.tif", "https://eviltiles.example.org/x.tif"):
        with pytest.raises(UnsafeReference):
            checked_href(other, provider)


def test_loopback_is_trusted_only_as_the_user_typed_it():
    provider = provider_for("http://127.0.0.1:8123/stac")
    assert checked_href("http://127.0.0.1:8123/a.tif", provider) == "http://127.0.0.1:8123/a.tif"
    assert checked_href("./a.tif", provider, "http://127.0.0.1:8123/items/x") == "http://127.0.0.1:8123/items/a.tif"
    for other in ("http://127.0.0.1:8124/a.tif", "http://127.0.0.1/a.tif", "http://localhost:8123/a.tif"):
        with pytest.raises(UnsafeReference):
            checked_href(other, provider)


def test_an_address_is_checked_like_an_asset():
    with pytest.raises(UnsafeReference, match="not one of"):
        checked_address("gopher://x/y", provider_for("earth-search"))
    with pytest.raises(UnsafeReference, match="no address"):
        checked_address("https://[::1/a", provider_for("earth-search"))


@pytest.fixture
def catalogue(tmp_path):
    root = tmp_path / "catalogue"
    (root / "items" / "a").mkdir(parents=True)
    (root / "catalog.json").write_text("{}")
    (root / "items" / "a" / "B04.tif").write_bytes(b"II*\0")
    (root / "items" / "a" / "снимок 1.tif").write_bytes(b"II*\0")
    (root / "items" / "a" / "50%20cover.tif").write_bytes(b"II*\0")
    (tmp_path / "secret.tif").write_bytes(b"II*\0")
    return root


@pytest.mark.parametrize(
    ("href", "name"),
    [
        ("./B04.tif", "B04.tif"),
        ("B04.tif", "B04.tif"),
        ("../a/B04.tif", "B04.tif"),
        ("снимок 1.tif", "снимок 1.tif"),
        ("%D1%81%D0%BD%D0%B8%D0%BC%D0%BE%D0%BA%201.tif", "снимок 1.tif"),
        ("50%20cover.tif", "50%20cover.tif"),
        ("missing.tif", "missing.tif"),
    ],
)
def test_paths_below_a_catalogue(catalogue, href, name):
    item = catalogue / "items" / "a" / "item.json"
    assert checked_href(href, provider_for(catalogue), item) == str(catalogue / "items" / "a" / name)


def test_an_absolute_path_below_the_catalogue_is_one_too(catalogue):
    path = str(catalogue / "items" / "a" / "B04.tif")
    assert checked_href(path, provider_for(catalogue), catalogue / "items" / "a" / "item.json") == path


@pytest.mark.parametrize(
    "href",
    [
        "../../../secret.tif",
        "..",
        ".",
        "../..",
        "%2e%2e/%2e%2e/%2e%2e/secret.tif",
        "/etc/passwd",
        "/secret.tif",
        "//etc/passwd",
        "/vsizip/a.zip/b.tif",
        "..\\..\\secret.tif",
        "a.tif%00.png",
        "file:B04.tif",
        "C:/windows/a.tif",
        "http://127.0.0.1/a.tif",
        "https://example.org/a.tif",
    ],
)
def test_paths_out_of_a_catalogue_are_refused(catalogue, href):
    with pytest.raises(UnsafeReference):
        checked_href(href, provider_for(catalogue), catalogue / "items" / "a" / "item.json")


def test_symbolic_links_may_stay_inside_and_not_lead_out(catalogue):
    folder = catalogue / "items" / "a"
    (folder / "inside.tif").symlink_to("B04.tif")
    (folder / "outside.tif").symlink_to(catalogue.parent / "secret.tif")
    (folder / "away").symlink_to(catalogue.parent, target_is_directory=True)
    provider, item = provider_for(catalogue), folder / "item.json"
    assert checked_href("inside.tif", provider, item) == str(folder / "B04.tif")
    for href in ("outside.tif", "away/secret.tif"):
        with pytest.raises(UnsafeReference, match="leads out"):
            checked_href(href, provider, item)


def test_an_api_has_no_paths(tmp_path):
    with pytest.raises(UnsafeReference, match="no path below"):
        confined_path("a.tif", provider_for("earth-search"), tmp_path)


@given(st.text(max_size=40))
def test_no_text_leads_out_of_a_catalogue(tmp_path_factory, text):
    root = tmp_path_factory.getbasetemp() / "confined"
    root.mkdir(exist_ok=True)
    (root / "catalog.json").write_text("{}")
    try:
        path = checked_href(text, provider_for(root), root / "item.json")
    except UnsafeReference:
        return
    assert path.startswith("https://") or Path(os.path.normpath(path)).is_relative_to(root)


@pytest.mark.parametrize(
    "text",
    ["S2B_52TFN_20250503_0_L2A", "LC08_L2SP_115030_20191214_20201023_02_T1", "SR_B4.TIF", "red-jp2", "_x", "a+b"],
)
def test_harmless_ids(text):
    assert checked_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        7,
        "../../etc/passwd",
        "a/../b",
        "a..b",
        "/etc/passwd",
        "..",
        ".hidden",
        "-rf",
        "a b",
        "a\x00b",
        "a\nb",
        "a/b",
        "a\\b",
        "a:b",
        "x" * 201,
        "ＳentinelX",
        "а",
        "a\u202eb",
        "$(id)",
        "a;b",
        "a%2e%2e",
    ],
)
def test_harmful_ids_are_refused(text):
    with pytest.raises(UnsafeReference, match="asset id") as caught:
        checked_id(text, "asset")
    assert str(caught.value).isprintable()


@given(st.text(max_size=250))
def test_whatever_passes_as_an_id_is_a_plain_file_name(text):
    try:
        checked_id(text)
    except UnsafeReference:
        return
    assert Path(text).name == text
    assert text.isascii()
    assert not text.startswith((".", "-"))
