"""Tables of stations: what they may look like, and every mistake in them."""

from __future__ import annotations

import numpy as np
import pytest

from habitat.contracts.errors import InputError
from habitat.sources.weather_stations import read_stations

HEADER = "id,lat,long,yr,mon,day,temp,rh,ws,prec"
ROWS = ("a,43.4,131,2025,4,1,10,40,12,0", "a,43.4,131,2025,4,2,11,41,13,1.5")


@pytest.fixture
def write(tmp_path):
    def written(*rows, header=HEADER, encoding="utf-8"):
        path = tmp_path / "stations.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
        return path

    return written


def test_rows_become_stations(write):
    other = "b,-33,18,2025,4,1,20,50,5,0"
    table = read_stations(write(ROWS[0], other, ROWS[1]))
    one, two = table.stations
    assert (one.name, one.latitude, two.name, two.latitude) == ("a", 43.4, "b", -33.0)
    assert one.values["temperature"].tolist() == [10, 11]
    assert one.values["rain"].tolist() == [0, 1.5]
    assert one.rows.tolist() == [0, 2]
    assert one.days.astype(str).tolist() == ["2025-04-01", "2025-04-02"]


def test_days_without_a_row_and_cells_without_a_number_are_unknown(write):
    record = read_stations(write(ROWS[0], "a,43.4,131,2025,4,4,,NA,13, ")).stations[0]
    assert record.rows.tolist() == [0, -1, -1, 1]
    assert np.isnan(record.values["temperature"]).tolist() == [False, True, True, True]
    assert np.isnan(record.values["wind"]).tolist() == [False, True, True, False]


def test_columns_in_any_order_and_case_and_some_left_away(write):
    record = read_stations(write("1985,4,13,17,42,25,0,40", header="YR,MON,DAY,TEMP,RH,WS,PREC,LAT")).stations[0]
    assert record.latitude == 40
    assert record.name == "40 N 0 E"
    header = HEADER + ",TMAX,snd"
    record = read_stations(write(ROWS[0] + ",14,0.1", header=header, encoding="utf-8-sig")).stations[0]
    assert record.values["temperature_max"].tolist() == [14]
    assert record.values["snow_depth"].tolist() == [0.1]


def changed(row=0, **cells):
    names = HEADER.split(",")
    values = dict(zip(names, ROWS[row].split(","), strict=True)) | {name: str(value) for name, value in cells.items()}
    return ",".join(values[name] for name in names)


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ({"rh": 101}, "line 3: rh is 101, wants percent from 0 to 100; so in 1 of 2 rows"),
        ({"rh": -99}, "line 3: rh is -99"),
        ({"prec": -0.1}, "prec is -0.1, wants millimetres"),
        ({"temp": 285}, "temp is 285, wants degrees Celsius .Kelvin perhaps"),
        ({"ws": -1}, "ws is -1, wants km/h"),
        ({"lat": 95}, "lat is 95, wants degrees north"),
        ({"temp": "warm"}, "line 3: temp is 'warm', wants a number"),
        ({"temp": "inf"}, "line 3: temp is 'inf', wants a number"),
        ({"mon": 13}, "line 3: 2025-13-2 is no date"),
        ({"day": 31, "mon": 4}, "2025-4-31 is no date"),
        ({"day": 1.5}, "is no date"),
        ({"yr": ""}, "line 3 has no yr"),
        ({"lat": 43.5}, "station 'a' lies on 2 latitudes"),
        ({"day": 1}, "line 3: station 'a', 2025-04-01 is there twice"),
        ({"mon": 3}, "line 3: station 'a', 2025-03-02 follows 2025-04-01; sort the rows"),
    ],
)
def test_impossible_cells_are_told_with_their_line(write, cells, text):
    with pytest.raises(InputError, match=text):
        read_stations(write(ROWS[0], changed(1, **cells)))


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (HEADER.replace("temp", "temperature"), r"lacks temp and has the unknown temperature \(temp\?\)"),
        (HEADER.replace("prec", "rain"), "lacks prec and has the unknown rain; wants the columns lat, yr"),
        (HEADER.replace("long", "colour"), "has the unknown colour"),
        (HEADER.replace("long", "LAT"), "has the column lat twice"),
        (HEADER.replace(",prec", ""), "more cells than columns"),
        (HEADER.replace(",", ";"), "separated by semicolons"),
    ],
)
def test_wrong_columns_are_told(write, header, text):
    rows = ROWS if "," in header else [row.replace(",", ";") for row in ROWS]
    with pytest.raises(InputError, match=text):
        read_stations(write(*rows, header=header))


def test_files_that_are_no_tables_are_told(tmp_path, write):
    with pytest.raises(InputError, match="there is no table"):
        read_stations(tmp_path / "none.csv")
    with pytest.raises(InputError, match="has no rows"):
        read_stations(write())
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_stations(tmp_path / "empty.csv")
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + b"\n\xe9\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_stations(tmp_path / "latin.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_stations(tmp_path)


def test_made_up_stations_are_read(tmp_path):
    hours = pytest.importorskip("habitat.twin.land.hours")
    from habitat.twin.land.weather import weather_of
    from habitat.twin.world import world_of

    world = world_of("tiny", 1)
    path = tmp_path / "stations.csv"
    hours.station_table(weather_of(world), hours.stations_of(world)).to_csv(path, index=False)
    found = read_stations(path).stations
    assert [station.name for station in found] == ["XA-01", "XB-01"]
    assert all((station.rows >= 0).all() and station.days.size > 365 for station in found)
