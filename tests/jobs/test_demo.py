"""The demonstration on a tiny twin with small products: what it prints, and that a second call builds nothing."""

from __future__ import annotations

import pytest

from habitat.jobs import demo as room
from habitat.jobs.demo import demo
from habitat.twin import find_or_make

DEMO = """
area: demo
store: data/demo/store
products: {composite: {catalogue: data/demo/twin/catalog.json}, indices: {}, change: {}}
"""


@pytest.fixture
def tiny(here, write, monkeypatch):
    write(DEMO, "demo")
    area = (here / "configs" / "areas" / "tiny.yaml").read_text()
    (here / "configs" / "areas" / "demo.yaml").write_text(area.replace("name: tiny", "name: demo"))
    monkeypatch.setattr(room, "find_or_make", lambda folder, *, size, **more: find_or_make(folder, size="tiny", **more))
    return here


def test_demo_tells_where_everything_is_and_what_changed(tiny, products):
    shown = demo(products=products)
    text = shown.text()
    store = "data/demo/store"
    assert shown.summary.exit_code == 0
    assert [path.name for path in shown.rasters] == [
        f"{name}-value_demo_202505_v1.tif" for name in ("composite", "indices", "change")
    ]
    assert f"   1 in {store}/change/change_demo_202505_v1" in text.splitlines()
    assert text.splitlines()[-1] == "change of 2025-05 says something"
    assert f"run record: {store}/runs/" in text
    assert str(tiny) not in text
    assert (tiny / "data/demo/twin/catalog.json").is_file()

    again = demo(products=products)
    assert "nothing to build: everything is current" in again.text()
    assert (again.rasters, again.sentence) == (shown.rasters, shown.sentence)
    assert (
        again.to_dict()["rasters"][0]
        == f"{store}/composite/composite_demo_202505_v1/composite-value_demo_202505_v1.tif"
    )


def test_demo_in_another_folder_searches_the_twin_there(tiny, products, world, monkeypatch):
    seen = []
    build = room.run
    monkeypatch.setattr(room, "run", lambda config, *args: (seen.append(config), build(config, *args))[1])
    shown = demo(tiny / "it's here", products=products)
    assert seen[0].products["composite"].catalogue == "it's here/twin/catalog.json"
    assert (tiny / "it's here" / "store" / "change").is_dir()
    assert shown.summary.exit_code == 0


def test_demo_that_fails_says_so(tiny, products, world):
    world.scenes["2025-05"] = {}
    shown = demo(products=products)
    assert (shown.summary.exit_code, shown.rasters, shown.sentence) == (3, (), "")
