"""Hotspot lists: every set of columns of the service, clocks, doubles, bounds, and what cannot be."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.errors import InputError
from habitat.sources import hotspots as room
from habitat.sources.hotspots import COLUMNS, read_hotspots

VIIRS = "latitude,longitude,bright_ti4,scan,track,acq_date,acq_time,satellite,instrument,confidence,version,bright_ti5,frp,daynight,type"
MODIS = VIIRS.replace("bright_ti4", "brightness").replace("bright_ti5", "bright_t31")
ROW = "43.2,131.5,330.1,0.45,0.41,2025-04-24,0512,N,VIIRS,n,2,295.0,12.5,D,0"
NRT = "43.2,131.5,330.1,0.45,0.41,2025-04-24,0512,N,VIIRS,n,2.0NRT,295.0,12.5,D,"


@pytest.fixture
def listed(tmp_path):
    def written(*rows, header=VIIRS, name="list.csv"):
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return written


def one(path):
    (row,) = read_hotspots([path]).table.to_dict("records")
    return row


def test_the_standard_archive(listed):
    found = read_hotspots([listed(ROW)])
    assert list(found.table.columns) == [*COLUMNS, "geometry"]
    assert found.table.crs == "EPSG:4326"
    assert dict(found.counts) == {"outside": 0, "broken": 0, "twice": 0, "superseded": 0, "kept": 1}
    assert found.notes == ()
    row = one(listed(ROW))
    assert row["when"] == pd.Timestamp("2025-04-24 05:12")
    assert row["solar_day"] == pd.Timestamp("2025-04-24")
    assert (row["sensor"], row["satellite"], row["confidence"], row["kind"]) == ("viirs", "N", "nominal", 0)
    assert (row["frp_mw"], row["scan_km"], row["track_km"], row["by_day"]) == (12.5, 0.45, 0.41, True)
    assert (row["geometry"].x, row["geometry"].y, row["line"], row["file"]) == (131.5, 43.2, 2, 0)
    types = found.table.dtypes.astype(str)
    assert dict(types[["when", "solar_day", "kind", "by_day"]]) == {
        **dict.fromkeys(("when", "solar_day"), "datetime64[ns]"),
        "kind": "Int8",
        "by_day": "bool",
    }


@pytest.mark.parametrize(
    ("header", "row", "sensor", "satellite", "confidence", "kind"),
    [
        # Archive of MODIS, collection 6.1, with a type.
        (
            MODIS,
            "43.2,131.5,320.1,1.1,1.0,2025-04-24,0215,Terra,MODIS,79,61.03,290.0,12.5,D,2",
            "modis",
            "Terra",
            "nominal",
            2,
        ),
        # Archive of collection 6, as CLIMADA has it.
        (
            MODIS,
            "43.2,131.5,320.1,1.1,1.0,2017-04-24,515,Aqua,MODIS,80,6.2,290.0,12.5,D,3",
            "modis",
            "Aqua",
            "high",
            3,
        ),
        # Near real time of the area interface: instrument, no type.
        (VIIRS[:-5], "43.2,131.5,330.1,0.4,0.4,2025-04-24,41,N21,VIIRS,l,2.0NRT,295,1,N", "viirs", "N21", "low", -1),
        # Near real time of the country interface.
        (
            "country_id," + MODIS[:-5],
            "RUS,43.2,131.5,301.9,1.0,1.0,2025-04-24,211,Terra,MODIS,29,6.1NRT,290.1,4.1,N",
            "modis",
            "Terra",
            "low",
            -1,
        ),
        # Lists of the last 24 hours and 7 days: no instrument, confidence in words.
        (
            VIIRS[:-5].replace("instrument,", ""),
            "43.2,131.5,330.1,0.4,0.4,2025-04-24,0822,1,nominal,2.0NRT,298.3,2.7,D",
            "viirs",
            "N20",
            "nominal",
            -1,
        ),
        # The same of MODIS, with letters for satellites, and the older one without day and night.
        (
            "latitude,longitude,brightness,scan,track,acq_date,acq_time,satellite,confidence,version,bright_t31,frp",
            "43.2,131.5,338.2,1.7,1.3,2012-11-04, 01:25,T,89,5.0       ,298.1,63",
            "modis",
            "Terra",
            "high",
            -1,
        ),
        # A shapefile's table: capital letters, dates with slashes, types as decimal numbers.
        (
            MODIS.upper(),
            "43.2,131.5,320.1,1.1,1.0,2025/04/24,0215,A,MODIS,30,61.03,290.0,12.5,D,0.0",
            "modis",
            "Aqua",
            "nominal",
            0,
        ),
        # VIIRS under the names of MODIS.
        (
            MODIS,
            "43.2,131.5,320.1,0.4,0.4,2025-04-24,0512,NOAA-20,VIIRS,high,2,290.0,12.5,D,0",
            "viirs",
            "N20",
            "high",
            0,
        ),
    ],
)
def test_all_sets_of_columns(listed, header, row, sensor, satellite, confidence, kind):
    found = one(listed(row, header=header))
    assert (found["sensor"], found["satellite"], found["confidence"], found["kind"]) == (
        sensor,
        satellite,
        confidence,
        kind,
    )


@pytest.mark.parametrize(
    ("cell", "clock"),
    [("5", "00:05"), ("0005", "00:05"), ("00:05", "00:05"), ("1705", "17:05"), ("9:30", "09:30"), ("930.0", "09:30")],
)
def test_clocks(listed, cell, clock):
    assert f"{one(listed(ROW.replace('0512', cell)))['when']:%H:%M}" == clock


def test_a_night_pass_belongs_to_the_next_local_day(listed):
    night = ROW.replace("0512", "1705").replace(",D,", ",N,")
    row = one(listed(night))
    assert row["when"] == pd.Timestamp("2025-04-24 17:05")
    # 131.5 E is 8 h 46 min ahead.
    assert row["solar_day"] == pd.Timestamp("2025-04-25")
    west = one(listed(night.replace("131.5", "-131.5")))
    assert west["solar_day"] == pd.Timestamp("2025-04-24")


@given(
    st.integers(0, 1439),
    st.integers(-18000, 18000),
    st.dates(min_value=pd.Timestamp("2001-01-01").date(), max_value=pd.Timestamp("2030-01-01").date()),
)
def test_solar_day_is_the_date_of_utc_plus_longitude(tmp_path_factory, minute, hundredths, day):
    longitude = hundredths / 100
    path = tmp_path_factory.mktemp("solar") / "list.csv"
    row = ROW.replace("131.5", str(longitude)).replace("2025-04-24", str(day))
    path.write_text(f"{VIIRS}\n{row.replace('0512', f'{minute // 60:02d}{minute % 60:02d}')}\n")
    found = one(path)
    seconds = minute * 60 + hundredths * 12 / 5
    assert found["solar_day"] == (pd.Timestamp(day) + pd.Timedelta(round(seconds * 1e9), "ns")).normalize()


def test_day_and_night_by_the_sun_where_the_list_does_not_tell(listed):
    header = VIIRS.replace(",daynight", "")
    rows = [ROW.replace(",D,", ",").replace("0512", clock) for clock in ("0512", "1705")]
    found = read_hotspots([listed(*rows, header=header)])
    assert found.table["by_day"].tolist() == [True, False]
    assert any("2 rows do not tell day or night" in note for note in found.notes)


def test_pixels_without_size_are_as_large_as_below_the_satellite(listed):
    header = VIIRS.replace("scan,track,", "")
    found = read_hotspots([listed(ROW.replace("0.45,0.41,", ""), header=header)])
    assert found.table[["scan_km", "track_km"]].to_numpy().tolist() == [[0.375, 0.375]]
    assert "has no scan and track" in found.notes[0]
    empty = one(listed(ROW.replace("0.45,0.41", ",").replace("VIIRS", "MODIS")))
    assert (empty["scan_km"], empty["track_km"]) == (1.0, 1.0)


def test_unknown_power_and_negative_power_are_unknown(listed):
    rows = [ROW.replace(",12.5,", f",{power},").replace("0512", f"051{n}") for n, power in enumerate(("", "-1.5", "0"))]
    power = read_hotspots([listed(*rows)]).table["frp_mw"].to_numpy()
    assert np.isnan(power[:2]).all()
    assert power[2] == 0


@pytest.mark.parametrize("twist", ["bom", "semicolons", "tabs", "packed", "crlf", "quoted", "blank"])
def test_ways_of_writing(tmp_path, twist):
    text = f"{VIIRS}\n{ROW}\n"
    if twist == "semicolons":
        text = text.replace(",", ";").replace(".", ",")
    elif twist == "tabs":
        text = text.replace(",", "\t")
    elif twist == "crlf":
        text = text.replace("\n", "\r\n")
    elif twist == "quoted":
        text = "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines())
    elif twist == "blank":
        text += "\n,,,,,,,,,,,,,,\n"
    path = tmp_path / "list.csv"
    content = text.encode("utf-8-sig" if twist == "bom" else "utf-8")
    path.write_bytes(gzip.compress(content) if twist == "packed" else content)
    row = one(path)
    assert (row["geometry"].x, row["geometry"].y, row["frp_mw"], row["scan_km"]) == (131.5, 43.2, 12.5, 0.45)


def test_lists_without_rows(listed):
    found = read_hotspots([listed(), listed(header=MODIS, name="other.csv")])
    assert len(found.table) == 0
    assert found.table.dtypes.astype(str)["when"] == "datetime64[ns]"
    assert list(found.table.columns) == [*COLUMNS, "geometry"]


def test_lists_that_were_glued_together(listed):
    found = read_hotspots([listed(ROW, VIIRS, ROW.replace("0512", "0655"))])
    assert found.table["line"].tolist() == [2, 4]
    assert found.notes == ("list.csv: 1 rows repeat the first line and are left out",)


def test_pieces_are_one_table(listed, monkeypatch):
    rows = [ROW.replace("0512", f"{n // 60:02d}{n % 60:02d}") for n in range(95)]
    whole = read_hotspots([listed(*rows)]).table
    monkeypatch.setattr(room, "_CHUNK", 10)
    pd.testing.assert_frame_equal(read_hotspots([listed(*rows)]).table, whole)
    assert whole["line"].tolist() == list(range(2, 97))


def test_bounds_are_looked_at_while_reading(listed):
    rows = [ROW.replace("131.5", east) for east in ("131.0", "131.2", "179.9", "-179.9")]
    found = read_hotspots([listed(*rows)], bounds=(131.1, 43.0, 131.3, 44.0))
    assert found.table.geometry.x.tolist() == [131.2]
    assert found.counts["outside"] == 3
    across = read_hotspots([listed(*rows)], bounds=(179.0, 43.0, -179.0, 44.0))
    assert across.table.geometry.x.tolist() == [-179.9, 179.9]
    assert len(read_hotspots([listed(*rows)], bounds=(131.1, 40.0, 131.3, 43.0)).table) == 0


def test_broken_rows_beyond_the_bounds_do_no_harm(listed):
    path = listed(ROW, ROW.replace("131.5", "10.0").replace("2025-04-24", "never"))
    assert read_hotspots([path], bounds=(131, 43, 132, 44)).counts["outside"] == 1


def test_the_standard_archive_wins(listed, tmp_path):
    # Reprocessed: 50 m away, a minute later; the second near-real-time row has no partner.
    nrt = listed(NRT, NRT.replace("43.2,", "43.21,"), name="nrt.csv")
    standard = listed(ROW.replace("43.2,", "43.20045,").replace("0512", "0513"), name="standard.csv")
    for order in ([nrt, standard], [standard, nrt]):
        found = read_hotspots(order)
        assert found.table.geometry.y.tolist() == [43.21, 43.20045]
        assert found.counts["superseded"] == 1
        assert "1 near-real-time rows are replaced" in found.notes[0]


def test_near_real_time_rows_of_other_pixels_passes_and_satellites_stay(listed):
    others = [NRT.replace("43.2,", "43.203,"), NRT.replace("0512", "0654"), NRT.replace(",N,", ",N20,")]
    found = read_hotspots([listed(*others, name="nrt.csv"), listed(ROW)])
    assert (found.counts["kept"], found.counts["superseded"]) == (4, 0)


def test_equal_rows_are_one(listed):
    found = read_hotspots([listed(ROW, ROW), listed(NRT, name="nrt.csv")])
    assert found.counts["twice"] == 2
    assert found.table["kind"].tolist() == [0], "the standard row is the one that stays"
    assert found.notes == ("2 rows stand in the lists twice; one of each is kept",)


def test_order_of_files_and_rows_does_not_matter(listed):
    rows = [ROW.replace("0512", f"{n:02d}12").replace("131.5", f"131.{n:02d}") for n in range(20)]
    one = read_hotspots([listed(*rows[:12], name="a.csv"), listed(*rows[8:], name="b.csv")])
    other = read_hotspots([listed(*rows[::-1], name="c.csv")])
    columns = [name for name in COLUMNS if name not in ("file", "line")]
    pd.testing.assert_frame_equal(one.table[columns], other.table[columns])
    assert one.counts["twice"] == 4


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("43.2,", "93.2,", "no place"),
        ("131.5", "x", "no place"),
        ("131.5", "", "no place"),
        ("2025-04-24", "2025-02-30", "acq_date is '2025-02-30'"),
        ("2025-04-24", "24.04.2025", "acq_date"),
        ("2025-04-24", "1985-04-24", "acq_date"),
        ("0512", "2460", "acq_time is '2460'"),
        ("0512", "05:75", "acq_time"),
        (",n,", ",maybe,", "confidence is 'maybe'"),
        (",n,", ",101,", "confidence is '101'"),
        ("0.45", "0.45km", "scan is '0.45km'"),
        ("0.41", "0", "track"),
        (",12.5,", ",much,", "frp is 'much'"),
        (",D,", ",X,", "daynight is 'X'"),
        (",D,0", ",D,7", "type is '7'"),
        (",0.45,", ",0,45,", "more cells than columns"),
    ],
)
def test_rows_that_cannot_be(listed, old, new, words):
    path = listed(ROW, ROW.replace(old, new, 1), ROW.replace("0512", "0655"))
    if (old, new) == ("0.41", "0"):
        path = listed(ROW, ROW.replace("0.41", "-1"), ROW.replace("0512", "0655"))
    with pytest.raises(InputError, match="line 3") as refused:
        read_hotspots([path])
    assert words in str(refused.value)
    assert "have broken rows dropped" in str(refused.value)
    found = read_hotspots([path], broken="drop")
    assert dict(found.counts) == {"outside": 0, "broken": 1, "twice": 0, "superseded": 0, "kept": 2}
    assert "1 broken rows are left out; line 3" in found.notes[0]


def test_five_broken_rows_are_told_and_the_rest_counted(listed):
    path = listed(*[ROW.replace("43.2,", "99,")] * 8)
    with pytest.raises(InputError, match=r"line 2: .*line 6: .*and 3 more rows") as refused:
        read_hotspots([path])
    assert "line 7" not in str(refused.value)


def test_unknown_satellites_are_told(listed):
    found = read_hotspots([listed(ROW.replace(",N,", ",N99,"))])
    assert found.table["satellite"].tolist() == ["N99"]
    assert "unknown satellites are kept as they are called: N99" in found.notes[0]
    header, row = VIIRS.replace("instrument,", "").replace("bright_ti4", "brightness"), ROW.replace("VIIRS,", "")
    assert one(listed(row.replace(",N,", ",N99,"), header=header))["sensor"] == "modis", "the brightness tells"


def test_columns_nobody_knows_are_told(listed):
    found = read_hotspots([listed(f"{ROW},here", header=f"{VIIRS},place")])
    assert found.notes == ("list.csv: nobody knows the columns place; they are not read",)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("a,b,c", "lacks latitude, longitude, acq_date"),
        (VIIRS.replace("acq_time,", ""), "lacks acq_time"),
        (VIIRS.replace("acq_date", "acqdate"), "acqdate is near"),
        ("latitude,longitude,acq_date,acq_time,satellite,confidence", "one of instrument, bright_ti4, brightness"),
        ("latitude,longitude,path,row,scan,track,acq_date,acq_time,satellite,confidence,daynight", "Landsat"),
        (VIIRS + ",satellite", "satellite twice"),
        ("YYYYMMDD HHMM sat lat lon T21 T31 sample FRP conf type dn", "wants a CSV of NASA's fire service"),
        ("", "is empty or begins with an empty line"),
    ],
)
def test_other_tables_are_refused(listed, header, words):
    with pytest.raises(InputError) as refused:
        read_hotspots([listed(header=header)])
    assert words in str(refused.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(InputError, match="there is no hotspot list"):
        read_hotspots([tmp_path / "none.csv"])
    with pytest.raises(InputError, match="no hotspot list is named"):
        read_hotspots([])
    with pytest.raises(InputError, match="cannot be read"):
        read_hotspots([tmp_path])
    path = tmp_path / "list"
    for content, words in (
        (b"PK\x03\x04....", "ZIP archive"),
        (b"\xff\xfel\x00a\x00", "not UTF-8"),
        (f"{VIIRS}\n{ROW}\n".encode() + b"\xff\n", "not UTF-8"),
        (gzip.compress(f"{VIIRS}\n{ROW}\n".encode() * 900)[:-40], "cannot be read to its end"),
        (f"{VIIRS}\n{ROW}\n{ROW},1,2,3\n".encode(), "cannot be read to its end"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            read_hotspots([path])


def test_portugal(shared):
    path = shared / "imagery" / "aux-fire-portugal-2017" / "firms_modis_portugal_2017.csv"
    found = read_hotspots([path])
    assert found.counts["kept"] == 6598
    assert found.notes == ()
    assert found.table["satellite"].value_counts().to_dict() == {"Terra": 3608, "Aqua": 2990}
    assert found.table["kind"].value_counts().to_dict() == {0: 6592, 3: 6}
    assert found.table["when"].is_monotonic_increasing
    assert (found.table["when"].min(), found.table["when"].max().year) == (pd.Timestamp("2017-01-01 12:01"), 2017)
