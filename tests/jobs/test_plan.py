"""Plans: order, reasons, what is optional, and that no step hides another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_products import LAST_MAY, MAY

from habitat.contracts.errors import CatalogueError, ConfigError
from habitat.contracts.period import Period
from habitat.jobs.config import load
from habitat.jobs.plan import order, plan
from habitat.jobs.runner import run
from habitat.products import Need


def lines(planned) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(step.product, str(step.period), step.action, step.reasons) for step in planned.steps]


def test_everything_stands_behind_what_it_needs_and_is_not_built_yet(config, workshop, products, world):
    planned = plan(config, workshop, MAY, products)
    assert lines(planned) == [
        ("composite", "2025-05", "build", ("not built yet",)),
        ("indices", "2025-05", "build", ("not built yet", "needs composite, which will be built")),
        ("composite", "2024-05", "build", ("not built yet",)),
        ("indices", "2024-05", "build", ("not built yet", "needs composite, which will be built")),
        (
            "change",
            "2025-05",
            "build",
            ("not built yet", "needs indices, which will be built", "needs indices 2024-05, which will be built"),
        ),
    ]
    assert [step.optional for step in planned.steps] == [False, False, True, True, False]
    assert not planned.nothing_to_build
    assert world.built == []
    assert not workshop.store.root.exists()


def test_plan_as_text_and_json(config, workshop, products):
    planned = plan(config, workshop, MAY, products, targets=["indices"])
    assert planned.text().splitlines() == [
        "plan of monthly for tiny, 2025-05",
        "  composite  2025-05  build: not built yet",
        "  indices    2025-05  build: not built yet; needs composite, which will be built",
    ]
    told = planned.to_dict()
    assert (told["config"], told["area"], told["period"], told["nothing_to_build"]) == (
        "monthly",
        "tiny",
        "2025-05",
        False,
    )
    assert told["steps"][0] == {
        "product": "composite",
        "period": "2025-05",
        "action": "build",
        "reasons": ["not built yet"],
        "optional": False,
    }


def test_order_of_the_file_does_not_matter(write, workshop, products):
    config = load(write("products: {change: {}, indices: {}, composite: {}}"), products=products)
    names = [f"{turn.node}" for turn in order(config, MAY, products)]
    assert names == ["composite 2025-05", "indices 2025-05", "composite 2024-05", "indices 2024-05", "change 2025-05"]


def test_nothing_to_build_after_a_run(config, workshop, products):
    run(config, workshop, MAY, products)
    planned = plan(config, workshop, MAY, products)
    assert {step.action for step in planned.steps} == {"current"}
    assert planned.nothing_to_build
    assert planned.text().endswith("nothing to build: everything is current")


def test_parameter_change_says_so_and_what_follows_waits(config, here, workshop, products):
    run(config, workshop, MAY, products)
    changed = load("monthly", products=products, overrides=["composite.grow_m=30"])
    told = {(step.product, str(step.period)): step for step in plan(changed, workshop, MAY, products).steps}
    assert told["composite", "2025-05"].reasons == ("parameters changed (grow_m 60.0 -> 30.0)",)
    assert (told["indices", "2025-05"].action, told["indices", "2025-05"].reasons) == (
        "wait",
        ("needs composite, which will be built",),
    )
    assert told["change", "2025-05"].action == "wait"


def test_setting_that_decides_no_pixel_rebuilds_nothing(config, here, workshop, products):
    run(config, workshop, MAY, products)
    elsewhere = load("monthly", products=products, overrides=["composite.catalogue=elsewhere"])
    assert plan(elsewhere, workshop, MAY, products).nothing_to_build


def test_new_scene_and_new_method_are_reasons(config, workshop, products, world):
    run(config, workshop, MAY, products)
    world.scenes["2025-05"]["S2_B"] = 5
    newer = products | {"change": replace(products["change"], method="2")}
    told = {(step.product, str(step.period)): step for step in plan(config, workshop, MAY, newer).steps}
    assert told["composite", "2025-05"].reasons == ("inputs changed (1 new, 0 gone, 0 altered: +S2_B)",)
    assert told["change", "2025-05"].reasons == ("method 1 -> 2", "needs indices, which will be built")
    assert told["composite", "2024-05"].action == "current"


def test_absent_year_before_does_not_stop_the_plan(config, workshop, products, world):
    del world.scenes["2024-05"]
    told = {(step.product, str(step.period)): step for step in plan(config, workshop, MAY, products).steps}
    assert (told["composite", "2024-05"].action, told["composite", "2024-05"].code) == ("cannot", 3)
    assert told["composite", "2024-05"].reasons == ("no scenes for 2024-05 in https://host/x?sig=***",)
    assert told["indices", "2024-05"].reasons == ("needs composite, which cannot be built",)
    assert told["change", "2025-05"].action == "build"


def test_required_step_that_cannot_is_shown_and_what_needs_it_too(config, workshop, products, world):
    world.scenes["2025-05"] = {}
    planned = plan(config, workshop, MAY, products)
    told = {(step.product, str(step.period)): step.action for step in planned.steps}
    assert told["composite", "2025-05"] == told["indices", "2025-05"] == told["change", "2025-05"] == "cannot"
    assert told["composite", "2024-05"] == "build"
    assert not planned.nothing_to_build


def test_published_version_stays_when_the_catalogue_is_out_of_reach(config, workshop, products, world):
    run(config, workshop, MAY, products)

    def unreachable(params, workshop, period):
        raise CatalogueError("the catalogue does not answer")

    broken = products | {"composite": replace(products["composite"], inputs=unreachable)}
    step = plan(config, workshop, MAY, broken).steps[0]
    assert (step.action, step.reasons) == ("cannot", ("the catalogue does not answer; version 1 stays",))


def test_fault_in_one_product_does_not_hide_the_others(write, workshop, products):
    config = load(write("products: {composite: {}, snow: {}}"), products=products)

    def broken(params, workshop, period):
        raise ZeroDivisionError("by zero")

    steps = plan(config, workshop, MAY, products | {"composite": replace(products["composite"], inputs=broken)}).steps
    assert [(step.action, step.code) for step in steps] == [("cannot", 5), ("build", 0)]
    assert steps[0].reasons == ("unexpected ZeroDivisionError: by zero",)


def test_files_that_are_gone_or_cannot_be_read_are_built_again(config, workshop, products):
    run(config, workshop, MAY, products)
    found = workshop.store.get("composite", "tiny", MAY)
    found.path("value").unlink()
    workshop.store.get("indices", "tiny", MAY).path("record").write_text("{}")
    steps = plan(config, workshop, MAY, products).steps
    assert steps[0].reasons == ("published files are gone (composite-value_tiny_202505_v1.tif)",)
    assert steps[1].action == "build"
    assert steps[1].reasons[0].startswith("the published version cannot be read (the text is no record")


def test_item_that_cannot_be_read_is_told(config, workshop, products):
    run(config, workshop, MAY, products)
    workshop.store.get("composite", "tiny", MAY).item_path.write_text("{")
    step = plan(config, workshop, MAY, products).steps[0]
    assert (step.action, step.code) == ("cannot", 5)
    assert "cannot be read" in step.reasons[0]


def test_circle_is_refused(config, workshop, products):
    circular = products | {"composite": replace(products["composite"], needs=(Need("change"),))}
    with pytest.raises(ConfigError, match="in a circle: composite needs change needs indices needs composite"):
        plan(config, workshop, MAY, circular)


def test_endless_chain_of_years_is_a_circle(config, workshop, products):
    endless = products | {"composite": replace(products["composite"], needs=(Need("composite", 1, optional=True),))}
    with pytest.raises(ConfigError, match="in a circle: composite needs composite"):
        plan(config, workshop, MAY, endless)


def test_unknown_need_and_unknown_target_are_refused(config, workshop, products):
    lost = products | {"composite": replace(products["composite"], needs=(Need("terrain"),))}
    with pytest.raises(ConfigError, match=r"composite needs terrain, which configs/runs/monthly.yaml does not make"):
        plan(config, workshop, MAY, lost)
    with pytest.raises(ConfigError, match=r"does not make indicez; did you mean indices\?"):
        plan(config, workshop, MAY, products, targets=["indicez"])


def test_years_before_satellites_are_left_out(config, products):
    names = [str(turn.node) for turn in order(config, Period("1972-08"), products)]
    assert names == ["composite 1972-08", "indices 1972-08", "change 1972-08"]
    strict = products | {"change": replace(products["change"], needs=(Need("indices", 1),))}
    with pytest.raises(ConfigError, match="Landsat begins in 1972"):
        order(config, Period("1972-08"), strict)


def test_what_one_product_requires_and_another_welcomes_is_required(config, products):
    strict = products | {"snow": replace(products["snow"], needs=(Need("indices", 1),))}
    listed = replace(config, products=dict(config.products) | {"snow": config.products["change"]})
    optional = {str(turn.node): turn.optional for turn in order(listed, MAY, strict)}
    assert optional == {
        "composite 2025-05": False,
        "indices 2025-05": False,
        "composite 2024-05": False,
        "indices 2024-05": False,
        "change 2025-05": False,
        "snow 2025-05": False,
    }


def test_planning_searches_once_per_period(config, workshop, products, world):
    plan(config, workshop, MAY, products)
    assert world.searches == 2
    assert str(LAST_MAY) == "2024-05"
