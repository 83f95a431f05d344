"""The point command's work: made-up tables with known changes, real series with stored breaks, and what is refused."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from habitat.change.history_layers import break_layers, index_at_breaks, losses_by_year
from habitat.change.segments import segments
from habitat.contracts.errors import ConfigError, InputError
from habitat.jobs.point_series import COLUMNS, PointColumns, PointRequest, named_bands, write_point_changes
from habitat.sources.point_tables import BANDS

FELLED = np.datetime64("2008-06-20")
LEVELS = {"blue": 400, "green": 600, "red": 500, "nir": 3000, "swir1": 1500, "swir2": 700}
LOST = {"blue": 200, "green": 300, "red": 600, "nir": -1200, "swir1": 1200, "swir2": 1300}


def made_rows(point: str, *, felled: bool, seed: int) -> pd.DataFrame:
    """Sixteen-day looks of 2000 to 2012 with a season, noise, clouds, and a felling in June 2008."""
    rng = np.random.default_rng(seed)
    days = np.arange(np.datetime64("2000-01-05"), np.datetime64("2012-12-31"), np.timedelta64(16, "D"))
    season = np.cos(2 * np.pi * ((days - np.datetime64("2000-07-15")).astype(float) / 365.25))
    rows = {"id": point, "date": days.astype(str)}
    for band, level in LEVELS.items():
        turn = {"nir": 500, "swir1": -200, "swir2": -100}.get(band, 0)
        rows[band] = np.rint(level + turn * season + rng.normal(0, 40, len(days)))
        rows[band] += LOST[band] * (days >= FELLED) if felled else 0
    rows["qa"] = np.where(rng.random(len(days)) < 0.35, 4, 0)
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("points") / "made.csv"
    table = pd.concat([made_rows("felled", felled=True, seed=1), made_rows("standing", felled=False, seed=2)])
    table.sample(frac=1, random_state=0).to_csv(path, index=False)  # unsorted, as exports are
    return path


def changes(request: PointRequest) -> pd.DataFrame:
    write_point_changes(request)
    return pd.read_csv(request.output, keep_default_na=False, dtype=str)


def row_of(found: pd.DataFrame, point: str, method: str) -> pd.Series:
    rows = found[(found["point"] == point) & (found["method"] == method)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_all_three_methods_find_the_felling_and_nothing_else(made, tmp_path):
    request = PointRequest(made, tmp_path / "out.csv", until=date(2006, 12, 31))
    report = write_point_changes(request)
    assert report.points == 2
    assert report.changes == {"monitor": 1, "segments": 1, "trajectories": 1}
    assert "monitor: 1 of 2 points changed" in report.text()
    json.dumps(report.to_dict(), allow_nan=False)
    table = pd.read_csv(request.output, keep_default_na=False, dtype=str)
    assert list(table.columns) == list(COLUMNS)
    for method in ("monitor", "segments", "trajectories"):
        felled = row_of(table, "felled", method)
        first, before = np.datetime64(felled["first_departure"]), np.datetime64(felled["last_before"])
        assert before < FELLED <= first or method == "trajectories"
        assert first - FELLED < np.timedelta64(70, "D")
        # NBR falls from about (3000 - 700) / 3700 to (1800 - 2000) / 3800
        assert float(felled["magnitude"]) == pytest.approx(-0.05 - 0.62, abs=0.12)
        assert felled["towards"] == "loss"
        standing = row_of(table, "standing", method)
        assert (standing["change"], standing["magnitude"], standing["first_departure"]) == ("0", "", "")
    assert felled["series"] == "nbr"


def test_confirmation_takes_as_many_looks_as_were_asked_for(made, tmp_path):
    looks = made_rows("felled", felled=True, seed=1)
    clear = looks.loc[(looks["qa"] == 0) & (looks["date"] >= str(FELLED)), "date"].tolist()
    found = changes(PointRequest(made, tmp_path / "out.csv", until=date(2006, 12, 31), process="iqr"))
    row = row_of(found, "felled", "monitor")
    assert [row["first_departure"], row["confirmed"]] == [clear[0], clear[2]]
    row = row_of(found, "felled", "segments")
    assert [row["first_departure"], row["confirmed"]] == [clear[0], clear[5]]


def test_a_column_of_an_index_alone_allows_monitors_and_trajectories(made, tmp_path):
    table = pd.read_csv(made)
    table["NBR_x1000"] = (1000 * (table["nir"] - table["swir2"]) / (table["nir"] + table["swir2"])).round(1)
    path = tmp_path / "index.csv"
    table[["id", "date", "NBR_x1000", "qa"]].to_csv(path, index=False)
    report = write_point_changes(PointRequest(path, tmp_path / "out.csv", series="nbr_x1000", until=date(2006, 12, 31)))
    assert report.changes == {"monitor": 1, "trajectories": 1}
    assert any("segments not run: the table has no blue" in note for note in report.notes)
    found = changes(PointRequest(path, tmp_path / "out.csv", series="NBR_x1000"))
    assert float(row_of(found, "felled", "trajectories")["magnitude"]) == pytest.approx(-670, abs=100)


def test_a_band_that_rises_with_loss_is_known_to(made, tmp_path):
    found = changes(PointRequest(made, tmp_path / "out.csv", series="swir2"))
    row = row_of(found, "felled", "trajectories")
    assert float(row["magnitude"]) == pytest.approx(1300, abs=60)
    assert row["towards"] == "loss"


def test_points_that_cannot_be_judged_say_why(made, tmp_path):
    table = pd.read_csv(made)
    cloudy = made_rows("cloudy", felled=False, seed=3).assign(qa=4)
    few = made_rows("few", felled=False, seed=4).iloc[::60].assign(qa=0)
    late = made_rows("late", felled=False, seed=5).query("date > '2007'")
    path = tmp_path / "table.csv"
    pd.concat([table, cloudy, few, late]).to_csv(path, index=False)
    found = changes(PointRequest(path, tmp_path / "out.csv", until=date(2006, 12, 31)))
    assert set(found.loc[found["point"] == "cloudy", "reason"]) == {"no clear looks"}
    few_told = found[found["point"] == "few"].set_index("method")["reason"].to_dict()
    assert few_told["monitor"].startswith("too few observations")
    assert few_told["segments"] == "too few observations"
    assert few_told["trajectories"] in ("too few years", "no data")
    assert "no usable look up to 2006-12-31" in row_of(found, "late", "monitor")["reason"]
    assert len(found) == 15


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        ({"methods": ("segment",)}, ConfigError, "no method segment"),
        ({"methods": ("monitor",)}, ConfigError, "say with --history-until"),
        ({"series": "nrb"}, InputError, "no column 'nrb'"),
        ({"series": "id"}, InputError, "id is"),
        ({"series": "qa"}, ConfigError, "say --direction"),
        ({"direction": "down"}, ConfigError, "the direction is 'down'"),
        ({"direction": "both"}, ConfigError, "trajectories want a direction"),
        ({"process": "bfast", "until": date(2006, 12, 31)}, ConfigError, "process"),
        ({"summer": "June"}, ConfigError, "wants two days"),
        ({"columns": PointColumns(point="plot")}, InputError, "no column 'plot'"),
    ],
)
def test_wrong_requests_are_refused_and_nothing_is_written(made, tmp_path, wrong, error, told):
    with pytest.raises(error, match=told):
        write_point_changes(PointRequest(made, tmp_path / "out.csv", **wrong))
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("text", ["nir", "nir=", "=B5", "nir=B5,swir2"])
def test_bands_that_name_no_column_are_refused(text):
    with pytest.raises(ConfigError, match="band=column"):
        named_bands(text)


def test_the_table_itself_is_not_overwritten(made):
    with pytest.raises(ConfigError, match="choose another file"):
        write_point_changes(PointRequest(made, made))


def test_an_index_whose_bands_are_not_there_is_refused(made, tmp_path):
    path = tmp_path / "two.csv"
    pd.read_csv(made)[["id", "date", "red", "nir", "qa"]].to_csv(path, index=False)
    with pytest.raises(InputError, match="to make it lacks the bands swir2"):
        write_point_changes(PointRequest(path, tmp_path / "out.csv"))


@pytest.mark.parametrize(
    ("name", "breaks"),
    [
        ("forest_fire_hls", ["2024-03-23"]),
        ("landsat_one_break", ["2013-06-21"]),
        ("bark_beetle_landsat", []),
        ("landsat_persistent_snow", []),
    ],
)
def test_stored_series_break_where_they_should(shared, tmp_path, name, breaks):
    path = shared / "reference" / "change_detection" / "ccdc_cold" / f"{name}.csv"
    found = changes(PointRequest(path, tmp_path / "out.csv", methods=("segments",)))
    assert [day for day in found["first_departure"] if day] == breaks


def test_files_of_lcmap_go_through(shared, tmp_path):
    for path in sorted((shared / "imagery" / "landsat-pixels-lcmap").glob("sample*.csv")):
        found = changes(PointRequest(path, tmp_path / "out.csv", until=date(2005, 12, 31)))
        assert set(found["point"]) == {path.stem}
        assert set(found["method"]) == {"monitor", "segments", "trajectories"}
        assert (found["reason"] != "").all()


# --- the layers a map makes of the same segments ---


def test_the_layers_of_breaks_say_what_the_rows_say():
    days = made_rows("x", felled=True, seed=1)["date"].to_numpy().astype("datetime64[D]")
    both = [made_rows("x", felled=felled, seed=1) for felled in (True, False)]
    stack = np.stack([[table[band].to_numpy(np.int16) for table in both] for band in BANDS]).transpose(0, 2, 1)
    clear = np.stack([table["qa"].to_numpy() == 0 for table in both], axis=1)
    found = segments(stack, days, clear=clear, workers=1)

    def nbr(reflectance):
        return (reflectance[3] - reflectance[5]) / (reflectance[3] + reflectance[5])

    layers = break_layers(found, nbr, loss=-1, least=0.1)
    assert layers.reason.tolist() == [1, 0]
    assert layers.count.tolist() == [1, 0]
    assert date.fromordinal(int(layers.day[0])) == days[clear[:, 0] & (days >= FELLED)][0].item()
    assert np.isnan(layers.before[1])
    row = int(np.flatnonzero(found.break_day)[0])
    expected = found.expected(row, found.break_day[row : row + 1])[:, 0]
    before, after = index_at_breaks(found, np.array([row]), nbr)
    assert before[0] == pytest.approx(nbr(expected))
    assert after[0] == pytest.approx(nbr(expected + found.magnitude[row]))
    assert break_layers(found, nbr, loss=1).reason.tolist() == [2, 0]
    pixels, years = losses_by_year(found, nbr, loss=-1, least=0.1)
    assert (pixels.tolist(), years.tolist()) == ([0], [2008])
    assert losses_by_year(found, nbr, loss=-1, least=2.0)[0].size == 0
