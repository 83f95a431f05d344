"""The twin beside real scenes: means, spreads, ties between bands and texture in space, all ranges taken from the data.

Real pixels are summarised here, in the test, and the twin's must fall among them. The twin is drawn without air and
without the sensor's noise, so what is compared is the land.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np
import pytest
import rasterio
from scipy import ndimage

from habitat.twin.land.events import Fire, History
from habitat.twin.land.landscape import FORESTS, Cover, landscape_in
from habitat.twin.land.seasons import seasons_of
from habitat.twin.land.vegetation import ground_on
from habitat.twin.land.weather import weather_of
from habitat.twin.materials import bands_of, spectra_of
from habitat.twin.sensors.optics import LANDSAT_LEFT, SENTINEL2_LEFT, coarsened, light_on, lit_reflectance, sun_at
from habitat.twin.world import Window, world_of

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

EDGE = 720
LAGS = range(1, 11)
SUMMER = date(2024, 8, 13)
SNOW_DAYS = (date(2024, 1, 20), date(2024, 2, 10), date(2025, 2, 20))


@lru_cache
def land():
    world = world_of("demo", 1)
    corner = (world.pixels - EDGE) // 2
    weather = weather_of(world)
    return world, landscape_in(world, Window(corner, corner, EDGE, EDGE)), weather, seasons_of(world, weather)


@lru_cache(maxsize=12)
def seen(day, platform="S2A", factor=1, burnt=""):
    """Bands of the twin on a day (band, y, x), without air, and the ground below."""
    world, landscape, weather, seasons = land()
    ground = ground_on(world, landscape, History(weather, fires(burnt), ()), seasons, day)
    sun = sun_at(datetime(day.year, day.month, day.day, 2, 2, tzinfo=UTC), 132.0, 43.35)
    left = LANDSAT_LEFT if platform[0] == "L" else SENTINEL2_LEFT
    light = light_on(landscape, ground.stand.canopy, bands_of(platform), sun, (6.0, 284.0), left=left)
    return lit_reflectance(ground, landscape, spectra_of(platform), light, factor), ground


def fires(kind):
    """The whole window burnt in April 2024."""
    if not kind:
        return ()
    _, landscape, _, _ = land()
    shape = (EDGE // 2, EDGE // 2)
    severity = np.full(shape, 0.93 if kind == "crown" else 0.5, np.float32)
    start = datetime(2024, 4, 24, 5, tzinfo=UTC)
    place = (landscape.window.row // 2, landscape.window.column // 2)
    return (Fire(1, kind, "spring", start, "unknown", place, *place, np.zeros(shape, np.float32), severity),)


def forest(factor, share=0.95):
    """Pixels that are forest nearly all over, at a coarser size."""
    _, landscape, _, _ = land()
    return coarsened(np.isin(landscape.cover, FORESTS).astype(np.float32), factor) >= share


def of_cover(covers, factor):
    _, landscape, _, _ = land()
    return coarsened(np.isin(landscape.cover, covers).astype(np.float32), factor) >= 0.99


def ratio(a, b):
    # Pixels without data are 0 in both bands.
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a - b) / (a + b)


def variogram(field, where):
    """Semivariance at lags 1 to 10 as a share of the variance."""
    found = []
    for lag in LAGS:
        across = (field[:, lag:] - field[:, :-lag])[where[:, lag:] & where[:, :-lag]]
        down = (field[lag:] - field[:-lag])[where[lag:] & where[:-lag]]
        found.append(0.5 * np.mean(np.concatenate([across, down]) ** 2))
    return np.array(found) / field[where].var()


def off_diagonal(matrix):
    return matrix[np.triu_indices(len(matrix), 1)]


def read(path):
    with rasterio.open(path) as source:
        return source.read(1)


def read_cube(path, name=""):
    with rasterio.open(f"netcdf:{path}" + (f":{name}" if name else "")) as source:
        return source.read().astype(np.float64)


def date_with(wanted, days):
    """The day with the most or the least snow."""
    return wanted(days, key=lambda day: seen(day)[1].snow.mean())


# --- forest in summer ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slovenia(shared):
    """Sentinel-2 of 13 August over forested hills, at 120 m: blue, green, red, nir, and where forest stands dense."""
    folder = shared / "imagery/s2-l2a-33twm-slovenia/sentinel-2-l2a/S2B_33TWM_20230813_0_L2A"
    bands = np.stack([read(folder / f"B0{number}.tif") for number in (2, 3, 4, 8)]) / 1e4
    woods = (read(folder / "SCL.tif") == 4) & (ratio(bands[3], bands[2]) > 0.8) & (bands[2] < 0.035)
    dense = woods & (ndimage.uniform_filter(woods.astype(float), 15) > 0.85)
    return bands, woods, dense


@pytest.fixture(scope="module")
def august():
    """The twin like `slovenia`."""
    bands, _ = seen(SUMMER)
    chosen = [bands_of("S2A").index(name) for name in ("blue", "green", "red", "nir")]
    return np.stack([coarsened(bands[number], 12) for number in chosen]), forest(12)


def test_summer_forest_is_as_bright_as_slovenias(slovenia, august):
    real, woods, _ = slovenia
    bands, ours = august
    assert ours.sum() > 500
    low, high = np.percentile(real[:, woods], [10, 90], axis=1)
    mean = bands[:, ours].mean(axis=1)
    assert (mean > low).all()
    assert (mean < high).all()
    green = ratio(real[3], real[2])[woods]
    assert np.percentile(green, 10) < ratio(bands[3], bands[2])[ours].mean() < np.percentile(green, 90)


def test_summer_forest_varies_as_much_as_slovenias(slovenia, august):
    real, woods, dense = slovenia
    bands, ours = august

    def spread(values, where):
        return values[:, where].std(axis=1) / values[:, where].mean(axis=1)

    compared = spread(bands, ours) / spread(real, dense)
    assert (compared > 0.5).all()
    assert (compared < 1.3).all()
    greens = [ratio(values[3], values[2])[where].std() for values, where in ((bands, ours), (real, woods))]
    assert 0.3 < greens[0] / greens[1] < 1.5


def test_bands_of_summer_forest_hang_together_as_in_slovenia(slovenia, august):
    real, _, dense = slovenia
    bands, ours = august
    apart = off_diagonal(np.corrcoef(bands[:, ours])) - off_diagonal(np.corrcoef(real[:, dense]))
    assert np.abs(apart).max() < 0.30
    assert np.abs(apart).mean() < 0.18


def test_summer_forest_is_as_rough_in_space_as_slovenias(slovenia, august):
    real, _, dense = slovenia
    bands, ours = august
    for number in range(4):
        theirs, own = variogram(real[number], dense), variogram(bands[number], ours)
        assert np.abs(own - theirs).mean() < 0.22
        assert 0.2 < own[0] < 0.85
        assert own[-1] > own[0]


def test_landsat8_sees_the_forest_as_it_sees_one_in_colombia(shared):
    folder = shared / "imagery/landsat-c2l2-008059-colombia/landsat-c2-l2/LC08_L2SP_008059_20191201_20200825_02_T1"
    real = np.stack([read(folder / f"SR_B{number}.TIF") for number in range(2, 8)]) * 2.75e-5 - 0.2
    woods = (read(folder / "QA_PIXEL.TIF") == 21824) & (ratio(real[3], real[2]) > 0.8)
    bands, _ = seen(SUMMER, "L8", 3)
    bands, ours = bands[1:], forest(3)
    low, high = np.percentile(real[:, woods], [2, 98], axis=1)
    mean = bands[:, ours].mean(axis=1)
    # Blue of Colombia still holds haze.
    assert (mean[1:] > low[1:]).all()
    assert (mean[1:] < high[1:]).all()
    for other in (4, 5):
        inside = np.percentile(ratio(real[3], real[other])[woods], [1, 99])
        assert inside[0] < np.median(ratio(bands[3], bands[other])[ours]) < inside[1]
    # There as here what is bright is bright in all bands; spread is of the same order.
    own, theirs = (off_diagonal(np.corrcoef(values[:, where])) for values, where in ((bands, ours), (real, woods)))
    assert own.min() > 0.3
    assert np.abs(own - theirs).mean() < 0.3
    spread = (bands[:, ours].std(axis=1) / mean) / (real[:, woods].std(axis=1) / real[:, woods].mean(axis=1))
    assert (spread > 0.5).all()
    assert (spread < 2.0).all()


def test_ten_bands_hang_together_as_over_a_wood_of_slovenia(shared):
    """Level-1C of 30 August 2015, a square kilometre at 10 m."""
    folder = shared / "imagery/s2-l1c-slovenia-eopatch"
    names = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
    real = np.stack([read(folder / f"sentinel-2-l1c/S2A_L1C_20150830_eopatch/{name}.tif") for name in names]) / 1e4
    woods = read_cube(folder / "timeseries.nc", "lulc")[0] == 2
    bands, _ = seen(SUMMER)
    chosen = [number for number, name in enumerate(bands_of("S2A")) if name not in ("coastal", "nir09")]
    # A few square kilometres hold more kinds of forest than one; a piece like theirs is cut out.
    pieces = [np.s_[:, row : row + 100, column : column + 100] for row in (50, 300, 550) for column in (50, 300, 550)]
    own = []
    for piece in pieces:
        where = forest(1)[piece[1:]]
        if where.mean() > 0.6:
            own.append(off_diagonal(np.corrcoef(bands[chosen][piece][:, where])))
    theirs = off_diagonal(np.corrcoef(real[:, woods]))
    assert len(own) >= 3
    assert np.abs(np.median(own, axis=0) - theirs).mean() < 0.25
    # Neighbouring pixels are alike, but not the same.
    rough = [variogram(bands[chosen[6]][piece[1:]], forest(1)[piece[1:]]) for piece in pieces[:3]]
    real_rough = variogram(real[6], woods)
    assert np.median([one[0] for one in rough]) < 3.5 * real_rough[0]
    assert all(one[9] > one[0] for one in rough)


# --- the leafless months ---------------------------------------------------------------------------------------------


def test_woods_lose_as_much_green_in_winter_as_in_slovenia(shared):
    """NDVI of a mixed wood, clear and snow-free in late autumn, against summer: the ratio is free of most of the air."""
    path = shared / "imagery/s2-l1c-slovenia-eopatch/timeseries.nc"
    ndvi, cloud = read_cube(path, "ndvi") / 1e4, read_cube(path, "clp") / 255
    woods = read_cube(path, "lulc")[0] == 2
    with rasterio.open(f"netcdf:{path}:ndvi") as source:
        seconds = [float(source.tags(band)["NETCDF_DIM_time"]) for band in source.indexes]
    days = [date(2015, 7, 11) + timedelta(seconds=second) for second in seconds]
    clear = [number for number in range(len(days)) if cloud[number][woods].mean() < 0.16]
    summer = np.median([np.median(ndvi[n][woods]) for n in clear if days[n].month in (6, 7, 8)])
    # Snow takes the index below 0.35 there; those dates are compared below.
    bare = [float(np.median(ndvi[n][woods])) for n in clear if days[n].month in (11, 12, 1, 2)]
    leafless = np.median([value for value in bare if value > 0.35])
    snowy = np.median([value for value in bare if value <= 0.35])

    def twin(day, covers):
        bands, ground = seen(day)
        where = of_cover(covers, 1)
        return float(np.median(ratio(bands[7], bands[3])[where])), float(ground.snow[where].mean())

    oak, pine = (Cover.OAK,), (Cover.PINE_BROADLEAF,)
    late = date_with(min, [date(year, 11, day) for year in (2023, 2024) for day in (1, 8, 15)])
    for covers, lower, upper in ((oak, 0.6, 1.05), (pine, 0.85, 1.3)):
        found, snow = twin(late, covers)
        assert snow < 0.05
        share = found / twin(SUMMER, covers)[0]
        assert lower * leafless / summer < share < upper * leafless / summer
    mixed, snow = twin(date_with(max, SNOW_DAYS), pine)
    assert snow > 0.1
    assert 0.4 * snowy < mixed < 1.5 * snowy


def test_snow_under_trees_looks_as_in_colorado(shared):
    """Landsat 5 and 7, twenty-nine winters of a conifer forest; ours has more leafless crowns and is brighter."""
    cube = read_cube(shared / "imagery/landsat-stack-p035r032-colorado/cube.nc").reshape(447, 8, 5, 5)
    # The last band is Fmask: 0 clear land, 3 snow. Where forest was not lost, the burn ratio stays high to the end.
    bands, fmask = cube[:, :6].transpose(1, 0, 2, 3) / 1e4, cube[:, 7]
    late = np.ma.masked_where(np.broadcast_to(fmask[-120:] != 0, (6, 120, 5, 5)), bands[:, -120:])
    standing = np.ma.median(ratio(late[3], late[5]), axis=0).filled(0) > 0.4
    assert 5 <= standing.sum() <= 15
    real = bands[:, (fmask == 3) & standing & (bands > 0).all(axis=0) & (bands < 1).all(axis=0)]
    assert real.shape[1] > 200
    bands, _ = seen(date_with(max, SNOW_DAYS), "L7", 3)
    woods = bands[:, of_cover((Cover.PINE_BROADLEAF,), 3)]
    low, high = np.percentile(real, [5, 95], axis=1)
    middle = np.median(woods, axis=1)
    assert (middle > low).all()
    assert (middle < 1.3 * high).all()
    ndsi = np.percentile(ratio(real[1], real[4]), [5, 95])
    assert ndsi[0] < np.median(ratio(woods[1], woods[4])) < ndsi[1]
    # Snow ties visible light together and leaves the shortwave infrared to the crowns.
    own, theirs = np.corrcoef(woods), np.corrcoef(real)
    assert min(own[0, 2], own[1, 2]) > min(theirs[0, 2], theirs[1, 2]) - 0.1
    assert own[0, 4] < own[0, 2]


def test_open_snow_is_as_bright_as_in_chukotka(shared):
    folder = next((shared / "imagery/s2-l2a-01wcr-chukotka/sentinel-s2-l2a").glob("S2*"))
    real = (read(folder / "B04.tif") * 1e-4 - 0.1)[read(folder / "SCL.tif") == 11]
    bands, ground = seen(date_with(max, SNOW_DAYS))
    deep = ground.snow > 0.75
    assert deep.sum() > 50
    assert np.percentile(real, 5) < np.median(bands[3][deep]) < np.percentile(real, 95)


# --- fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("month", "day"), [(8, date(2024, 6, 8)), (10, date(2024, 8, 13))])
def test_fields_vary_as_belgian_ones_do(shared, month, day):
    """Monthly composites of arable land; `month` counts from November."""
    path = shared / "imagery/s2-s1-worldcereal-belgium/inputs.nc"
    real = np.stack([read_cube(path, f"S2-L2A-{name}")[month - 1] for name in ("B03", "B04", "B08", "B11", "B12")])
    real = real.reshape(5, -1) / 1e4
    real = real[:, (real < 1).all(axis=0)]
    bands, _ = seen(day)
    own = bands[[bands_of("S2A").index(name) for name in ("green", "red", "nir", "swir16", "swir22")]]
    own = own[:, of_cover((Cover.FIELD,), 1)]
    assert own.shape[1] > 2000
    for first, second in ((2, 1), (2, 4)):
        theirs = np.percentile(ratio(real[first], real[second]), [5, 50, 95])
        ours = np.percentile(ratio(own[first], own[second]), [5, 50, 95])
        assert theirs[0] - 0.1 < ours[1] < theirs[2] + 0.05
        # Bare next to green: fields are the most varied cover there is.
        assert 0.4 < (ours[2] - ours[0]) / (theirs[2] - theirs[0]) < 1.8
    tied, theirs = np.corrcoef(own), np.corrcoef(real)
    assert tied[1, 4] > 0.5
    assert theirs[1, 4] > 0.5
    assert tied[1, 2] < 0.4


# --- burnt ground ----------------------------------------------------------------------------------------------------


def burn_pair(shared, name):
    """Landsat 7 before and after, six bands."""
    pair = []
    for when in ("before", "after"):
        folder = next((shared / f"imagery/landsat-fires-usgs-basins/{name}").glob(f"*{when}"))
        names = ("blue", "green", "red", "nir08", "swir16", "swir22")
        pair.append(np.stack([read(folder / f"{band}.tif") for band in names]) * 2.75e-5 - 0.2)
    known = (pair[0] > -0.19).all(axis=0) & (pair[1] > -0.19).all(axis=0)
    return pair[0][:, known], pair[1][:, known]


def test_burnt_crowns_look_as_after_fires_in_the_west_of_america(shared):
    before, after = burn_pair(shared, "wal-waldo-canyon")
    severe = ratio(before[3], before[5]) - ratio(after[3], after[5]) > 0.44
    bands, _ = seen(date(2024, 6, 1), "L7", 3, burnt="crown")
    own = bands[:, forest(3)]
    low, high = np.percentile(after[:, severe], [1, 99], axis=1)
    # Their summers are dry and their soils bright: ours may be darker in the shortwave infrared.
    mean = own.mean(axis=1)
    assert (mean[:4] > 0.8 * low[:4]).all()
    assert (mean < high).all()
    assert (mean[4:] > 0.6 * low[4:]).all()
    nbr = np.percentile(ratio(after[3], after[5])[severe], [2, 98])
    assert nbr[0] < np.median(ratio(own[3], own[5])) < nbr[1] + 0.05
    assert off_diagonal(np.corrcoef(own)).min() > 0.2


def test_burnt_ground_under_trees_is_a_weak_likeness_of_burnt_crowns(shared):
    folder = shared / "imagery/s2-fire-llutxent-2018/derived"
    real = read(folder / "dnbr_x1000.tif") / 1000
    severe = float(np.median(real[real > 0.27]))
    day = date(2024, 5, 3)
    woods = of_cover((Cover.OAK,), 1)

    def nbr(burnt):
        bands, _ = seen(day, burnt=burnt)
        return ratio(bands[8], bands[11])[woods]

    plain, ground, crown = (np.median(nbr(kind)) for kind in ("", "ground", "crown"))
    assert 0.10 < plain - ground < 0.35
    assert plain - ground < 0.6 * severe
    assert plain - crown > 1.3 * (plain - ground)
