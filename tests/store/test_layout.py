"""Layout: ids are read back as written, and no name leads out of the store."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.errors import ConfigError, PublishError
from habitat.contracts.period import Period
from habitat.store.layout import ItemId, Layout

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
PERIODS = st.one_of(
    st.builds(lambda year, month: f"{year}-{month:02d}", st.integers(1972, 2200), st.integers(1, 12)),
    st.builds(lambda year, quarter: f"{year}-Q{quarter}", st.integers(1972, 2200), st.integers(1, 4)),
    st.integers(1972, 2200).map(str),
)


@given(NAMES, NAMES, PERIODS, st.integers(1, 999))
def test_ids_are_read_back(product, area, period, version):
    item = ItemId(product, area, Period(period).label, version)
    assert ItemId.parse(str(item)) == item
    assert item.period == Period(period)
    assert item.file_name("ndvi.tif") == f"{product}-ndvi_{area}_{item.label}_v{version}.tif"


@pytest.mark.parametrize(
    "text",
    ["", "a_b_202505_v0", "a_b_202505_v01", "a_b_202513_v1", "a_b_197101_v1", "a_b_2025q5_v1", "A_b_202505_v1",
     "a_b_c_202505_v1", "../a_b_202505_v1", "a_b_202505_v1\n", "a_b_202505_v1.json", "a_b_２０２５05_v1"],
)  # fmt: skip
def test_what_is_no_id_is_none(text):
    assert ItemId.parse(text) is None


@given(st.text(max_size=40))
def test_no_text_leads_out_of_the_store(text):
    layout, item = Layout(Path("/store")), ItemId("base", "hunchun", "202505", 1)
    for make in (
        lambda: layout.collection(text),
        lambda: layout.lock(text, "area"),
        lambda: layout.lock("base", text),
        lambda: layout.folder(item) / item.file_name(text),
        lambda: layout.inside(item, text),
    ):
        try:
            path = make()
        except (ConfigError, PublishError, ValueError):
            continue
        assert path.resolve().is_relative_to("/store")
        assert ".." not in path.parts


@pytest.mark.parametrize(
    "href",
    ["../x.tif", "./../x.tif", "a/../../x.tif", "/etc/passwd", "file:///etc/passwd", "//host/x.tif", "https://h/x.tif",
     "%2e%2e%2fx.tif", "..%2Fx.tif", "x.tif?sig=1", "", ".", "./", "..", "a\\..\\x.tif", "/vsicurl/http://h/x.tif"],
)  # fmt: skip
def test_links_out_of_the_folder_are_refused(href, tmp_path):
    with pytest.raises(PublishError, match="no file beside it"):
        Layout(tmp_path).inside(ItemId("base", "hunchun", "202505", 1), href)
