"""Examples of the how-tos: what a page tells to write works when it is written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from habitat import twin
from habitat.contracts import Period
from habitat.imagery.indices import INDICES
from habitat.products import PRODUCTS, Workshop
from habitat.store import Store

REPOSITORY = Path(__file__).parents[2]
HOW_TO = REPOSITORY / "docs" / "how-to"


def example(page: str) -> dict[str, object]:
    """Run the Python of a page and return its names."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    found = re.search(r"^( *)```python\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no example"
    names: dict[str, object] = {"__name__": f"example_of_{page.partition('.')[0].replace('-', '_')}"}
    exec(compile(re.sub(rf"^{found[1]}", "", found[2], flags=re.MULTILINE), page, "exec"), names)
    return names


def test_the_index_is_on_the_list_and_computes():
    try:
        names = example("add-an-index.md")
        assert INDICES["gndvi"].bands == ("nir", "green")
        # Three tenths over five tenths.
        assert names["gndvi"](np.array([0.4, np.nan]), np.array([0.1, 0.1])).round(6).tolist()[0] == 0.6
    finally:
        INDICES.pop("gndvi", None)


def test_the_sensor_is_a_record():
    sensor = example("add-a-sensor.md")["EXAMPLE"]
    assert sensor.asset_names("example-1")["nir"] == ("nir08", "B4")


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Workshop:
    scenes = twin.make(tmp_path_factory.mktemp("twin"), size="tiny")
    workshop = Workshop(scenes.area, Store(tmp_path_factory.mktemp("store")), workers=2)
    for name in ("composite", "indices"):
        product = PRODUCTS[name]
        settings = {"catalogue": str(scenes.catalog)} if name == "composite" else {"names": ("ndsi",)}
        product.build(product.params(**settings), workshop, Period("2025-05"))
    return workshop


def test_the_product_builds_and_is_current_afterwards(shop):
    product = example("add-a-product.md")["SNOW"]
    params, period = product.params(min_ndsi=0.0), Period("2025-05")
    outcome = product.build(params, shop, period)
    snow = shop.store.read("snow", shop.area, period, "snow").values
    ndsi = shop.store.read("indices", shop.area, period, "ndsi").values
    np.testing.assert_array_equal(snow, np.where(np.isnan(ndsi), np.nan, ndsi > 0.0))
    assert 0 < np.nansum(snow) < snow.size
    assert outcome.published.record.inputs == product.inputs(params, shop, period)
