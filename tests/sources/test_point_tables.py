"""Tables of points: columns by names and by hand, dates in four spellings, qualities, scales, doubles and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from habitat.contracts.errors import ConfigError, InputError
from habitat.sources.point_tables import CLOUD, FILL, SHADOW, SNOW, WATER, PointColumns, read_point_table


@pytest.fixture
def table(tmp_path):
    def write(text: str, name: str = "points.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_long_tables_of_several_points_are_sorted_and_scaled(table):
    path = table(
        "Plot_ID,date,NIR,swir2,qa\nb,2001-07-03,3000,1000,0\na,2001-07-01,2500,500,0\n"
        "b,2001-07-01,2000,1000,1\nb,2001-07-02,9000,9000,4\n"
    )
    found = read_point_table(path)
    assert [point.name for point in found.points] == ["b", "a"]
    first = found.points[0]
    assert [str(day) for day in first.days] == ["2001-07-01", "2001-07-02", "2001-07-03"]
    assert first.bands["nir"] == pytest.approx([0.2, 0.9, 0.3])
    assert first.clear.tolist() == [True, False, True]
    assert first.state.tolist() == [WATER, CLOUD, 0]
    assert found.notes == ()


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2001-05-31", "2001-05-31"),
        ("2001-05-31T10:20:30Z", "2001-05-31"),
        ("730636", "2001-05-31"),  # date(2001, 5, 31).toordinal()
        ("2452061", "2001-05-31"),  # noon of that day is 2452061.0
        ("20010531", "2001-05-31"),
        ("991267200000", "2001-05-31"),  # milliseconds since 1970
    ],
)
def test_dates_in_many_spellings(table, cell, day):
    found = read_point_table(table(f"date,nir,swir2\n{cell},0.3,0.1\n"))
    assert str(found.points[0].days[0]) == day
    assert found.points[0].name == "points"


@pytest.mark.parametrize("cell", ["31/05/2001", "May 2001", "", "12"])
def test_dates_that_cannot_be_told_are_refused(table, cell):
    with pytest.raises(InputError, match="wants a date such as 2001-05-31"):
        read_point_table(table(f"id,date,nir,swir2\n1,{cell},0.3,0.1\n"))


def test_files_of_lcmap_have_no_names(table):
    path = table(
        "724746,  418, 633, 484, 4325, 1884, 893, 2916, 0\n724794, 20000, 772, 567, 4865, 2059, 1093, 2884, 3\n"
    )
    point = read_point_table(path).points[0]
    assert str(point.days[0]) == "1985-04-15"
    assert point.bands["nir"] == pytest.approx([0.4325, 0.4865])
    assert np.isnan(point.bands["blue"][1])  # 20000 is saturation
    assert point.state.tolist() == [0, SNOW]
    with pytest.raises(InputError, match="no names of columns and 3 of them"):
        read_point_table(table("1,2,3\n4,5,6\n", "other.csv"))


@pytest.mark.parametrize(
    ("column", "values", "states"),
    [
        # bits of Landsat Collection 2: clear land 21824, cloud 22280, shadow 23888, snow 30048, fill 1, water 21952
        ("QA_PIXEL", (21824, 22280, 23888, 30048, 1, 21952), (0, CLOUD, SHADOW, SNOW, FILL, WATER)),
        # bits of Landsat ARD, Collection 1
        ("pixel_qa", (66, 96, 72, 80, 1, 68), (0, CLOUD, SHADOW, SNOW, FILL, WATER)),
        ("SCL", (4, 9, 3, 11, 0, 6), (0, CLOUD, SHADOW, SNOW, FILL, WATER)),
        ("HLSL30_020_Fmask", (64, 66, 72, 80, 255, 96), (0, CLOUD, SHADOW, SNOW, FILL, WATER)),
        ("fmask", (0, 4, 2, 3, 255, 1), (0, CLOUD, SHADOW, SNOW, FILL, WATER)),
        ("clear", (1, 0, 0, 0, 0, 1), (0, CLOUD, CLOUD, CLOUD, CLOUD, 0)),
    ],
)
def test_qualities_of_the_services(table, column, values, states):
    rows = "".join(f"2001-07-0{n + 1},0.3,0.1,{value}\n" for n, value in enumerate(values))
    point = read_point_table(table(f"date,nir,swir2,{column}\n{rows}")).points[0]
    assert point.state.tolist() == list(states)


def test_bands_of_appeears_are_known_by_instrument(table):
    path = table("Category,ID,Date,HLSS30_020_B8A,HLSS30_020_B12,HLSS30_020_Fmask\nx,p,2020-07-01,0.3,0.1,64\n")
    assert {name: value[0] for name, value in read_point_table(path).points[0].bands.items()} == {
        "nir": 0.3,
        "swir2": 0.1,
    }
    path = table("ID,Date,LT05.002_SR_B4,LT05.002_SR_B7\np,2000-07-01,18181.8,10909.1\n")
    found = read_point_table(path)
    assert found.points[0].bands["nir"] == pytest.approx([18181.8 * 2.75e-5 - 0.2])
    assert sum("Landsat Collection 2" in note for note in found.notes) == 2


def test_columns_can_be_said_and_unknown_ones_are_refused_with_a_hint(table):
    path = table("Stand,When,SR_B5,SR_B7,NBR_mean\n1,2001-07-01,0.3,0.1,0.5\n")
    said = PointColumns(point="stand", date="When", bands={"nir": "SR_B5", "swir2": "SR_B7"}, series="nbr_mean")
    point = read_point_table(path, said).points[0]
    assert (point.name, point.values.tolist(), sorted(point.bands)) == ("1", [0.5], ["nir", "swir2"])
    with pytest.raises(InputError, match="no column of dates"):
        read_point_table(path)
    with pytest.raises(InputError, match="did you mean 'NBR_mean'"):
        read_point_table(path, PointColumns(date="When", series="NBR_maen"))
    with pytest.raises(InputError, match="none of which is a band"):
        read_point_table(path, PointColumns(date="When"))


def test_scale_can_be_said(table):
    path = table("date,nir,swir2\n2001-07-01,30,10\n2002-07-01,-9999,10\n")
    point = read_point_table(path, PointColumns(scale=0.01)).points[0]
    assert point.bands["nir"] == pytest.approx([0.3, np.nan], nan_ok=True)


def test_several_looks_of_a_day(table):
    head = "date,nir,swir2,qa"
    one_clear = table(f"{head}\n2001-07-01,0.3,0.1,4\n2001-07-01,0.2,0.1,0\n")
    found = read_point_table(one_clear)
    assert found.points[0].bands["nir"].tolist() == [0.2]
    assert "1 further looks" in found.notes[0]
    both_clear = table(f"{head}\n2001-07-01,0.3,0.1,0\n2001-07-01,0.2,0.1,0\n")
    with pytest.raises(InputError, match="several clear looks of 2001-07-01"):
        read_point_table(both_clear)
    assert read_point_table(both_clear, PointColumns(same_day="first")).points[0].bands["nir"].tolist() == [0.3]
    sensors = table(f"{head},sensor\n2001-07-01,0.3,0.1,0,8\n2001-07-01,0.2,0.1,0,2\n")
    assert len(read_point_table(sensors).points[0].days) == 2


def test_a_table_without_quality_says_so(table):
    found = read_point_table(table("date,nir,swir2\n2001-07-01,0.3,0.1\n2001-08-01,,\n"))
    assert "every look with a value counts as clear" in found.notes[0]
    assert found.points[0].clear.tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cannot be read as a table"),
        ("date,nir,swir2\n", "no rows"),
        ("date;nir;swir2\n2001-07-01;1;2\n", "separated by semicolons"),
        ("date,nir,NIR\n2001-07-01,1,2\n", "twice"),
        ("date,nir,nir08\n2001-07-01,0.1,0.2\n", "say which with --bands nir="),
        ("date,nir,swir2\n2001-07-01,much,0.1\n", "row 1: nir is 'much'"),
        ("date,nir,swir2,qa\n2001-07-01,0.3,0.1,4\n", "none of 1 looks is clear"),
        ("date,nir,swir2,qa\n2001-07-01,0.3,0.1,21824\n", "not the classes of Fmask"),
    ],
)
def test_tables_that_are_not_as_they_should_be(table, text, told):
    with pytest.raises(InputError, match=told):
        read_point_table(table(text))


def test_missing_files_and_wrong_settings(tmp_path):
    with pytest.raises(InputError, match="there is no table"):
        read_point_table(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"date,nir\n2001-07-01,\xe9\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_point_table(tmp_path / "latin.csv")
    for wrong in ({"quality_kind": "good"}, {"same_day": "last"}, {"bands": {"b5": "B5"}}):
        with pytest.raises(ConfigError):
            PointColumns(**wrong)


def test_every_file_of_lcmap_is_read(shared):
    folder = shared / "imagery" / "landsat-pixels-lcmap"
    for path in sorted(folder.glob("sample*.csv")):
        point = read_point_table(path).points[0]
        assert len(point.days) > 60
        assert point.clear.sum() >= 20
        assert set(point.bands) == {"blue", "green", "red", "nir", "swir1", "swir2"}
    julian = read_point_table(folder / "sample_1.csv").points[0]
    assert str(julian.days.max()) == "2014-12-29"
