"""Noise is a function of place: windows agree, statistics hold, and nothing repeats or shows a lattice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from habitat.twin.noise import fractal, halved, line, ramp, white
from habitat.twin.world import Window

EAST = 743405.0 + np.arange(240) * 10.0
NORTH = 4799995.0 - np.arange(200) * 10.0


def places(east: int, north: int, count: int, step: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    return east + np.arange(count) * step, north - np.arange(count) * step


@settings(max_examples=25)
@given(row=st.integers(0, 190), column=st.integers(0, 230), rows=st.integers(1, 10), columns=st.integers(1, 10))
def test_any_window_of_fractal_noise_is_bit_equal_to_the_whole(row: int, column: int, rows: int, columns: int) -> None:
    whole = fractal(11, EAST, NORTH, 700.0, stretch=2.5, turn=0.4)
    part = fractal(11, EAST[column : column + columns], NORTH[row : row + rows], 700.0, stretch=2.5, turn=0.4)
    assert part.tobytes() == whole[row : row + rows, column : column + columns].tobytes()


def test_bent_noise_agrees_between_windows_and_moves_with_its_shift() -> None:
    shift = np.stack([40 * fractal(k, EAST, NORTH, 900.0) for k in (1, 2)])
    whole = fractal(11, EAST, NORTH, 700.0, shift=shift)
    part = fractal(11, EAST[31:], NORTH[17:], 700.0, shift=shift[:, 17:, 31:])
    assert part.tobytes() == whole[17:, 31:].tobytes()
    constant = np.empty((2, NORTH.size, EAST.size), np.float32)
    constant[0], constant[1] = 50.0, -30.0
    moved = fractal(11, EAST, NORTH, 700.0, shift=constant)
    assert np.allclose(moved, fractal(11, EAST + 50, NORTH - 30, 700.0), atol=1e-5)


def test_pixel_centres_that_coincide_at_another_resolution_hold_the_same_values() -> None:
    # 10 m centres lie at 5, 15, 25 ...; 30 m centres at 15, 45 ...: every third from the second on.
    ten, thirty = fractal(4, EAST, NORTH, 500.0), fractal(4, EAST[0] + 10 + np.arange(80) * 30, NORTH[1::3], 500.0)
    assert thirty.tobytes() == np.ascontiguousarray(ten[1::3, 1::3]).tobytes()


@pytest.mark.parametrize(("octaves", "roughness"), [(1, 0.5), (6, 0.5), (4, 0.8)])
@pytest.mark.parametrize("stretch", [1.0, 3.0])
def test_mean_is_0_and_deviation_1_over_many_wavelengths(octaves: int, roughness: float, stretch: float) -> None:
    east, north = places(700000, 4800000, 700)
    field = fractal(5, east, north, 120.0, octaves=octaves, roughness=roughness, stretch=stretch, turn=1.0)
    assert field.dtype == np.float32
    assert float(field.mean()) == pytest.approx(0, abs=0.04)
    assert float(field.std()) == pytest.approx(1, abs=0.04)


def test_other_keys_give_fields_without_likeness() -> None:
    east, north = places(700000, 4800000, 500)
    fields = [fractal(key, east, north, 100.0).ravel() for key in (1, 2, 3, 2**31 + 1)]
    likeness = np.corrcoef(fields) - np.eye(4)
    assert np.abs(likeness).max() < 0.03


def test_longest_waves_are_as_long_as_asked() -> None:
    east, north = places(700000, 4800000, 1024)
    power = np.zeros(200)
    for key in range(4):
        field = fractal(key, east, north, 512.0, octaves=1) * np.hanning(1024) * np.hanning(1024)[:, None]
        rings = np.hypot(*np.meshgrid(*[np.fft.fftfreq(1024) * 1024] * 2)).round().astype(int)
        power += np.bincount(rings.ravel(), np.abs(np.fft.fft2(field)).ravel() ** 2, minlength=200)[:200]
    # 10,240 m hold 20 waves of 512 m.
    assert 15 <= int(power.argmax()) <= 25


def test_stretched_features_are_long_where_they_are_turned_to() -> None:
    east, north = places(700000, 4800000, 600)
    field = fractal(9, east, north, 150.0, octaves=1, stretch=4.0)
    rough_east, rough_north = (float(np.diff(field, axis=axis).std()) for axis in (1, 0))
    assert rough_north / rough_east == pytest.approx(4, rel=0.15)
    turned = fractal(9, east, north, 150.0, octaves=1, stretch=4.0, turn=np.pi / 2)
    assert float(np.diff(turned, axis=1).std() / np.diff(turned, axis=0).std()) == pytest.approx(4, rel=0.15)


def test_no_lattice_shows_in_the_directions_of_slopes() -> None:
    east, north = places(700000, 4800000, 800)
    down, right = np.gradient(fractal(3, east, north, 200.0))
    turns = np.histogram(np.arctan2(-down, right), 16, (-np.pi, np.pi))[0] / down.size
    assert np.abs(turns * 16 - 1).max() < 0.12


def test_lines_agree_between_pieces_and_have_deviation_1() -> None:
    positions = np.arange(0.0, 200_000.0, 2.0)
    whole = line(8, positions, 300.0)
    assert line(8, positions[777:], 300.0).tobytes() == whole[777:].tobytes()
    assert float(whole.mean()) == pytest.approx(0, abs=0.03)
    assert float(whole.std()) == pytest.approx(1, abs=0.03)
    # The shortest of 4 octaves has cells of 22.5 m: in 2 m its noise cannot leap.
    assert np.abs(np.diff(whole)).max() < 0.35


def test_white_noise_is_normal_and_its_neighbours_are_strangers() -> None:
    field = white(21, Window(-300, 200, 600, 600), 10.0)
    assert stats.kstest(field.ravel()[::3], "norm").pvalue > 0.01
    assert stats.kurtosis(field.ravel()) == pytest.approx(0, abs=0.03)
    for first, second in ((field[:, 1:], field[:, :-1]), (field[1:], field[:-1]), (field[1:, 1:], field[:-1, :-1])):
        assert abs(float(np.corrcoef(first.ravel(), second.ravel())[0, 1])) < 0.01


@pytest.mark.parametrize("resolution_m", [10.0, 20.0, 60.0])
def test_white_noise_agrees_between_windows_and_differs_between_resolutions(resolution_m: float) -> None:
    step = int(resolution_m // 10)
    whole = white(21, Window(-6, 0, 120, 180), resolution_m)
    part = white(21, Window(54, 60, 60, 120), resolution_m)
    assert whole.shape == (120 // step, 180 // step)
    assert part.tobytes() == np.ascontiguousarray(whole[60 // step :, 60 // step :]).tobytes()
    if step > 1:
        assert not np.array_equal(whole, white(21, Window(-6, 0, 120, 180), 10.0)[: 120 // step, : 180 // step])


def test_ramp_is_smooth_between_its_ends_both_ways() -> None:
    values = np.array([-1.0, 0.25, 0.5, 3.0], np.float32)
    # 3 t² - 2 t³ at 1/4: 3/16 - 2/64 = 0.15625.
    assert ramp(values, 0, 1).tolist() == [0.0, 0.15625, 0.5, 1.0]
    assert ramp(values, 1, 0).tolist() == [1.0, 0.84375, 0.5, 0.0]


def test_halved_takes_means_of_four() -> None:
    field = np.arange(24, dtype=np.float32).reshape(4, 6)
    assert halved(field).tolist() == [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]]
