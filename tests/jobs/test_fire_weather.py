"""The station command's work: reference tables through files, states, notes and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from habitat.contracts.errors import ConfigError, InputError, PublishError
from habitat.fire.weather_index import CODES
from habitat.jobs.fire_weather import write_station_codes

HEADER = "id,lat,long,yr,mon,day,temp,rh,ws,prec"


@pytest.fixture
def stations(tmp_path):
    def written(rows, header=HEADER):
        path = tmp_path / "stations.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return written


def rows_of(count, *, name="a", lat=43.4, first="2025-05-01", **cells):
    days = np.datetime64(first) + np.arange(count)
    values = {"temp": 17, "rh": 42, "ws": 25, "prec": 0} | cells
    for day in days.astype(object):
        yield ",".join(map(str, (name, lat, 131, day.year, day.month, day.day, *values.values())))


@pytest.mark.parametrize("constant", ["147.2", "147.27723"])
def test_reference_table_through_files(shared, tmp_path, constant):
    folder = shared / "reference" / "fire_weather"
    rows = pd.read_csv(folder / "fwi_daily_cffdrs110_default.csv")
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    rows[["LONG", "LAT", "YR", "MON", "DAY", "TEMP", "RH", "WS", "PREC"]].to_csv(source, index=False)
    report = write_station_codes(source, output, constant=constant)
    found = pd.read_csv(output)
    assert list(found.columns[:9]) == ["LONG", "LAT", "YR", "MON", "DAY", "TEMP", "RH", "WS", "PREC"]
    assert list(found.columns[9:]) == [*CODES, "season"]
    assert report.states == {"in-season": 48}
    if constant == "147.27723":
        for name in CODES:
            apart = np.abs(found[name] - rows[name.upper()])
            assert ((apart <= 0.006) | (apart <= 6e-4 * rows[name.upper()])).all(), name
    else:
        exact = pd.read_csv(folder / "fwi_daily_cffdrs1818_default_start.csv")
        for name in CODES[:6]:
            assert np.abs(found[name] / exact[name] - 1).max() < 1e-9, name


def test_rows_and_cells_stay_as_they_were_written(stations, tmp_path):
    one, two = list(rows_of(3)), list(rows_of(3, name="b", lat=-33.0))
    mixed = [row for pair in zip(one, two, strict=True) for row in pair]
    mixed[0] = mixed[0].replace(",17,", ",17.50,")
    report = write_station_codes(stations(mixed), tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert [line.rsplit(",", 8)[0] for line in lines[1:]] == mixed
    found = pd.read_csv(tmp_path / "out.csv")
    # Autumn in the south: May dries less there.
    assert (found["dmc"][found["id"] == "b"].to_numpy() < found["dmc"][found["id"] == "a"].to_numpy()).all()
    assert (report.stations, report.rows) == (2, 6)
    assert report.notes == ("b: lies south of the equator and has the day lengths of its own latitude",)


def test_gaps_are_told_and_never_silent(stations, tmp_path):
    days = list(rows_of(20))
    days[4] = next(rows_of(1, first="2025-05-05", rh=""))
    del days[10:16]
    report = write_station_codes(stations(days), tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv")
    assert found["season"].tolist() == ["in-season"] * 4 + ["missing"] + ["in-season"] * 5 + ["settling"] * 4
    assert found["fwi"].isna().tolist() == [number == 4 for number in range(14)]
    assert report.notes == (
        "a: 6 days have no row, the first is 2025-05-11; they count as missing",
        "a: 7 days without complete weather have no codes",
        "a: 4 days after longer gaps have codes that are still settling",
    )
    assert report.to_dict()["states"] == {"in-season": 9, "missing": 1, "settling": 4}
    assert "14 days of 1 stations; 9 in-season, 1 missing, 4 settling" in report.text()


def test_seasons_by_name(stations, tmp_path):
    cold = list(rows_of(20, first="2025-03-20", temp=3))
    warm = list(rows_of(6, first="2025-04-09", temp=15))
    output = tmp_path / "out.csv"

    def states(name, header=HEADER, rows=(*cold, *warm)):
        write_station_codes(stations(rows, header), output, season=name)
        return pd.read_csv(output)["season"].tolist()

    assert states("temperature") == ["not-started"] * 23 + ["in-season"] * 3
    assert states("dates") == ["not-started"] * 12 + ["in-season"] * 14
    snow = [f"{row},{0.2 if number < 20 else 0}" for number, row in enumerate([*cold, *warm])]
    assert states("snow", f"{HEADER},snd", snow) == ["not-started"] * 22 + ["in-season"] * 4
    # The highest temperature of the day decides where the table has it.
    hot = [f"{row},20" for row in cold]
    assert states("temperature", f"{HEADER},tmax", hot) == ["not-started"] * 3 + ["in-season"] * 17
    with pytest.raises(InputError, match="no snow depth"):
        states("snow")
    with pytest.raises(ConfigError, match="no season 'summer'"):
        states("summer")


def test_table_without_any_code_is_told(stations, tmp_path):
    report = write_station_codes(stations(rows_of(3, temp="")), tmp_path / "out.csv")
    assert any("no day has codes" in note for note in report.notes)


def test_nothing_is_written_over_the_source_or_half(stations, tmp_path):
    path = stations(rows_of(3))
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="is the table to read"):
        write_station_codes(path, tmp_path / "." / "stations.csv")
    assert path.read_bytes() == before
    with pytest.raises(ConfigError, match="no FFMC constant"):
        write_station_codes(path, tmp_path / "out.csv", constant="147.3")
    with pytest.raises(PublishError, match="cannot write"):
        write_station_codes(path, tmp_path / "nowhere" / "out.csv")
    bad = stations([*rows_of(3), "a,43.4,131,2025,5,4,17,142,25,0"])
    with pytest.raises(InputError, match="rh is 142"):
        write_station_codes(bad, tmp_path / "out.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["stations.csv"]
