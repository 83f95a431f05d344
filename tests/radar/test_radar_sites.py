"""Radar on sites that were interpreted by people: OPERA's series of gamma0 in power, 3 x 3 pixels each."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from habitat.change.monitoring.monitor_rules import MonitorRules
from habitat.change.monitoring.monitors import change_layers, monitored, opened_monitor
from habitat.change.monitoring.season_model import FitRules, Season
from habitat.imagery.backscatter.units import decibels

BEGINS, ENDS = np.datetime64("2021-10-01"), np.datetime64("2022-10-01")
RULES = MonitorRules(direction="fall", confirm=3, level=0.05, clip=5.0)


@pytest.fixture(scope="module")
def alarms(shared):
    """Day a fall of VH less half of VV was confirmed (NaT if never), by site and burst, beside what people saw."""
    folder = shared / "imagery/s1-rtc-opera-sites"
    table = pd.read_csv(folder / "rtc_timeseries.csv.gz", parse_dates=["datetime"])
    sites = json.loads((folder / "sites.geojson").read_text())["features"]
    seen = {site["properties"]["site_id"]: site["properties"] for site in sites}
    rows = []
    # One burst is one relative orbit: they are never mixed. Nine pixels are averaged as power.
    for (site, _), burst in table.groupby(["site_id", "burst_id"]):
        means = burst.groupby("datetime")[["vv", "vh"]].mean()
        level = decibels(means["vh"].to_numpy()) - 0.5 * decibels(means["vv"].to_numpy())
        days = means.index.to_numpy().astype("datetime64[D]")
        before, later = days < BEGINS, (days >= BEGINS) & (days < ENDS)
        stack = level[:, np.newaxis, np.newaxis]
        season = Season(order=1, trend=False, origin="2021-10-01")
        state = opened_monitor(stack[before], days[before], season, RULES, fit_rules=FitRules(stable_level=None))
        layers = change_layers(monitored(state, stack[later], days[later]))
        told = seen[site]
        confirmed = layers["confirmed"].to_numpy()[0, 0]
        rows.append((site, told["change_label"], told["change_type"], told["change_time"], confirmed))
    return pd.DataFrame(rows, columns=["site", "label", "kind", "begun", "confirmed"])


@pytest.mark.parametrize("kind", ["Fire", "Clear cut"])
def test_fire_and_felling_are_found_within_half_a_year(alarms, kind):
    found = alarms[alarms.kind == kind]
    late = (found.confirmed - pd.to_datetime(found.begun)).dt.days
    assert len(found) > 0
    assert late.min() > 0
    assert late.min() <= 183


def test_ground_without_change_alarms_seldom_but_does(alarms):
    # Measured: 5 of 20 series in a year, fields and wetlands among them; one year of history is little.
    quiet = alarms[alarms.label == "noChange"]
    assert len(quiet) == 20
    assert quiet.confirmed.notna().mean() <= 0.3
