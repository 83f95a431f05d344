"""Configurations: what is read, what overrides change, and every kind of mistake, all told at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from habitat.contracts.errors import ConfigError
from habitat.jobs.config import at, load, parsed_override, run_names, schema
from habitat.jobs.parameters import describe
from habitat.products import PRODUCTS, Need, Product
from habitat.sources.areas.reading import read_area


def problems(error: pytest.ExceptionInfo[ConfigError]) -> list[str]:
    return [line.removeprefix("- ") for line in str(error.value).splitlines()[1:]]


def test_named_configuration_is_read_with_the_defaults_of_each_class(here, products):
    config = load("monthly", products=products)
    assert (config.name, config.title, config.area, config.store) == ("monthly", "A run", "tiny", Path("store"))
    assert list(config.products) == ["composite", "indices", "change"]
    assert (config.products["composite"].grow_m, config.products["composite"].dates) == (60.0, 3)
    assert config.products["indices"].names == "all"


def test_options_win_over_the_file_and_the_file_over_the_class(here, products):
    config = load("monthly", products=products, overrides=["composite.grow_m=30", "indices.names=[nbr, ndvi]"])
    assert config.products["composite"].grow_m == 30.0
    assert config.products["composite"].catalogue == "folder"
    assert config.products["indices"].names == ("nbr", "ndvi")


def test_store_and_workers_can_be_replaced_without_changing_the_digest(config):
    other = at(config, store=Path("elsewhere"), workers=7)
    assert (other.store, other.workers, other.digest) == (Path("elsewhere"), 7, config.digest)


def test_digest_follows_every_setting_and_no_spelling(here, products, write):
    first = load("monthly", products=products)
    assert len(first.digest) == 64
    path = write(
        """
        products: {change: {}, indices: null, composite: {grow_m: 60.0, catalogue: folder}}
        store: other
        area: tiny
        title: A run
        """
    )
    assert load(path, products=products).digest == first.digest
    assert load("monthly", products=products, overrides=["composite.dates=4"]).digest != first.digest


def test_every_mistake_is_told_at_once_with_its_place(write, products):
    path = write(
        """
        titlee: x
        workers: 0
        products:
          compozite: {}
          composite:
            grow_m: 120 m
            cloud: 101
            dates: two
            purpose: forrest
            sensors: [sentinel2, sentinel3]
            clip: 1
            grown: 3
          indices: [nbr]
          change:
            min_z: .nan
        """
    )
    with pytest.raises(ConfigError) as error:
        load(path, products=products, overrides=["composite.dates=x", "nonsense", "snow.min_z=1"])
    assert str(error.value).startswith(f"{path} has 14 problems:")
    told = dict(line.split(": ", 1) for line in problems(error))
    assert told["titlee"] == "no such key; did you mean title?"
    assert told["workers"].startswith("found 0, wanted a whole number from 1 or null (Threads")
    assert told["products.compozite"] == "no such product; did you mean composite?"
    wanted = "wanted a number from 0 up to 5000 (Clouds are widened by this distance [m])"
    assert told["products.composite.grow_m"] == f'found "120 m", {wanted}; write 120 alone, in the unit told'
    assert told["products.composite.cloud"].startswith("found 101, wanted a number from 0 up to 100 or null")
    assert told["--set composite.dates"] == 'found "x", wanted a whole number (Fewest dates)'
    assert told["products.composite.purpose"].endswith("did you mean forest?")
    assert told["products.composite.sensors[1]"].startswith("found \"sentinel3\", wanted 'sentinel2' or 'landsat'")
    assert told["products.composite.clip"].startswith("found 1, wanted true or false")
    assert told["products.composite.grown"] == "no such key; did you mean grow_m?"
    assert told["products.indices"].startswith('found ["nbr"], wanted a section')
    assert told["products.change.min_z"].startswith("found nan, wanted a finite number")
    assert told["--set nonsense"].startswith("wants product.key=value")
    assert told["--set snow.min_z=1"].startswith("this run does not make snow")


def test_needed_product_that_is_not_listed_is_named_with_who_needs_it(write, products):
    with pytest.raises(ConfigError) as error:
        load(write("products: {change: {}, composite: {}}"), products=products)
    wanted = "products: change needs indices, which is not listed; add a line 'indices:' to products"
    assert problems(error) == [wanted]


def test_optional_need_may_be_left_out(write, products):
    needs = (Need("snow", optional=True),)
    old = products["composite"]
    loose = Product(old.name, "", "", "1", old.params, old.inputs, old.build, needs)
    assert list(load(write("products: {composite: {}}"), products=products | {"composite": loose}).products) == [
        "composite"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: x", "products: is missing; write a mapping of texts"),
        ("products: {}", "products: found {}, wanted"),
        ("products: [composite]", 'products: found ["composite"], wanted a mapping'),
        ("products: {composite: {cloud: yes}}", 'products.composite.cloud: found "yes", wanted a number'),
        ("products: {composite: {dates: true}}", "products.composite.dates: found true, wanted a whole number"),
        ('products: {composite: {dates: "3"}}', 'products.composite.dates: found "3", wanted a whole number'),
        ("products: {composite: {dates: 2.5}}", "products.composite.dates: found 2.5, wanted a whole number"),
        ("products: {composite: {catalogue: 2025-05-01}}", None),
        ("products: {composite: !!python/name:os.system {}}", "holds a tag"),
        ("products: {composite: &a {}, indices: *a}", "holds an anchor or alias"),
        ("products: {composite: {}, composite: {}}", "duplicate"),
    ],
)
def test_single_mistakes(write, products, text, told):
    path = write(text)
    if told is None:
        assert load(path, products=products).products["composite"].catalogue == "2025-05-01"
        return
    with pytest.raises(ConfigError) as error:
        load(path, products=products)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("grow_m=60", "wants product.key=value"),
        ("composite.grow_m", "wants product.key=value"),
        ("composite..grow_m=1", "wants product.key=value"),
        ("composite.catalogue=[a", "cannot be read"),
        ("composite.catalogue=!!python/name:os.system", "anchor, alias or tag"),
        ("composite.catalogue=&a x", "anchor, alias or tag"),
        ("composite.catalogue={a: 1}", "is a mapping"),
        ("composite.cloud=.inf", "not a finite number"),
        (f"composite.catalogue={'x' * 10001}", "10001 characters"),
    ],
)
def test_malformed_overrides(here, products, text, told):
    with pytest.raises(ConfigError) as error:
        load("monthly", products=products, overrides=[text])
    assert told in str(error.value)
    assert str(error.value).startswith("configs/runs/monthly.yaml has 1 problem:\n- --set ")


def test_override_of_unknown_product_or_below_a_plain_value(here, products):
    with pytest.raises(ConfigError) as error:
        load("monthly", products=products, overrides=["compozite.grow_m=1", "composite.grow_m.far=2"])
    assert problems(error) == [
        "--set compozite.grow_m=1: no such product; did you mean composite?",
        "--set composite.grow_m.far=2: composite.grow_m is no section, so nothing can be set below it",
    ]


def test_empty_value_is_null():
    assert parsed_override("composite.cloud=") == (["composite", "cloud"], None)


def test_unknown_name_suggests_a_close_one(here, products):
    with pytest.raises(ConfigError, match=r"there is no run 'monthy'; did you mean monthly\?"):
        load("monthy", products=products)
    with pytest.raises(ConfigError, match=r"there is no run file 'x/monthly.yaml'"):
        load("x/monthly.yaml", products=products)


def test_name_where_no_configuration_lies(tmp_path, monkeypatch, products):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="none lies in configs/runs"):
        load("monthly", products=products)


def test_name_of_a_file_becomes_one_that_can_stand_in_file_names(write, products):
    assert load(write("products: {composite: {}}", "My run (2)"), products=products).name == "my-run-2"


def test_params_that_refuse_by_a_config_error_are_told_with_their_place(write, products):
    class Fussy(products["composite"].params):
        """Fussy."""

        def model_post_init(self, context):
            raise ConfigError("three is the only number")

    old = products["composite"]
    fussy = Product("composite", "", "", "1", Fussy, old.inputs, old.build)
    with pytest.raises(ConfigError, match=r"- products.composite: three is the only number"):
        load(write("products: {composite: {}}"), products={"composite": fussy})


def test_schema_has_every_product_with_the_meaning_of_its_fields(products):
    whole = schema(products)
    listed = whole["properties"]["products"]
    assert list(listed["properties"]) == list(products)
    assert whole["additionalProperties"] is False
    assert listed["additionalProperties"] is False
    assert whole["required"] == ["products"]
    name = listed["properties"]["composite"]["anyOf"][0]["$ref"].removeprefix("#/$defs/")
    field = whole["$defs"][name]["properties"]["grow_m"]
    assert (field["description"], field["maximum"]) == ("Clouds are widened by this distance [m].", 5000)
    json.dumps(whole, allow_nan=False)


def test_parameters_are_described_in_words(config, products):
    told = {f"{one.product}.{one.name}": one for one in describe(products, config.products)}
    grow = told["composite.grow_m"]
    assert (grow.type, grow.default, grow.value) == ("a number from 0 up to 5000", 120.0, 60.0)
    assert told["composite.cloud"].type == "a number from 0 up to 100 or null"
    assert told["composite.sensors"].type == "a list of sentinel2 or landsat"
    assert told["indices.names"].type == "a list of texts or all"
    assert told["snow.min_z"].value == 2.0


def test_shipped_configurations_and_their_areas_are_valid(repository):
    names = run_names(repository / "configs" / "runs")
    assert {"demo", "monthly"} <= set(names)
    for name in names:
        config = load(name, configs=repository / "configs" / "runs")
        assert set(config.products) <= set(PRODUCTS)
        if config.area:
            assert read_area(config.area, configs=repository / "configs" / "areas").name == config.area


def test_every_parameter_of_the_real_products_is_explained():
    assert [f"{one.product}.{one.name}" for one in describe(PRODUCTS) if not one.meaning] == []
