"""Single-precision mathematics and equations against double precision."""

from __future__ import annotations

import numpy as np
from numba import njit

from habitat.fire.weather import moisture_codes as plain
from habitat.fire.weather import vector_equations as vector
from habitat.fire.weather.vector_math import exponential, logarithm, power

F = np.float32
N = vector.BLOCK


@njit
def _three(x, y, out):
    for i in range(x.size):
        out[0, i] = exponential(x[i])
        out[1, i] = logarithm(y[i])
        out[2, i] = power(y[i], F(1.7))


def test_exponential_and_logarithm_are_good_to_the_last_bits():
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-80, 80, 50_000).astype(F), np.exp(rng.uniform(-40, 40, 50_000)).astype(F)
    y[:10_000] = rng.uniform(0.5, 2, 10_000)
    out = np.empty((3, x.size), F)
    _three(x, y, out)
    assert np.abs(out[0] / np.exp(x.astype(float)) - 1).max() < 1.5e-7
    exact = np.log(y.astype(float))
    assert np.abs(out[1] - exact).max() < 5e-6
    assert np.abs(out[1] - exact)[:10_000].max() < 8e-8
    assert np.abs(out[2][:10_000] / y[:10_000].astype(float) ** 1.7 - 1).max() < 4e-7


def test_ends_of_the_ranges():
    x, y = np.array([-1000, 0, 1000], F), np.array([0, 1, 1e-30], F)
    out = np.empty((3, 3), F)
    _three(x, y, out)
    assert 0 < out[0, 0] < 1e-37
    assert out[0, 1] == 1
    assert np.isfinite(out[0, 2])
    # A power of nothing is next to nothing, and 1 has no logarithm.
    assert out[2, 0] < 1e-37
    assert out[1, 1] == 0


def draw(rng, low, high):
    return rng.uniform(low, high, N).astype(F)


def test_each_equation_equals_its_plain_one():
    rng = np.random.default_rng(5)
    t, h, w = draw(rng, -30, 45), draw(rng, 0, 100), draw(rng, 0, 80)
    r = np.where(rng.random(N) < 0.5, rng.gamma(0.7, 8, N), 0).astype(F)
    f, p, d = draw(rng, 0, 101), draw(rng, 0, 250), draw(rng, 0, 900)
    # On both sides of every branch, and at its edge.
    r[:8], p[:4], d[:3] = [0, 0.5, 0.5001, 1.5, 1.5001, 2.8, 2.8001, 200], [0, 33, 65, 66], [0, 1, 2000]
    h[:3], w[:2], f[:3] = [0, 100, 99.9999], [0, 150], [0, 101, 50]
    hours, factor = draw(rng, 6, 14), draw(rng, -1.6, 6.4)
    constant = F(147.2)
    wide = [values.astype(float) for values in (f, t, h, w, r)]
    moisture, found = np.empty(N, F), f.copy()
    vector.soak(found, r, constant, moisture)
    vector.air_out(t, h, w, moisture, constant, found)
    assert np.abs(found - plain.fine_fuel_moisture_code(*wide)).max() < 2e-4
    duff, deep = p.copy(), d.copy()
    form = tuple(F(value) for value in plain.DUFF_EQUATIONS["1985"])
    vector.dry_duff(t, h, r, hours, form, duff)
    exact = plain.duff_moisture_code(p.astype(float), wide[1], wide[2], wide[4], hours.astype(float))
    assert (np.abs(duff - exact) / (1 + exact)).max() < 2e-5
    vector.dry_deep(t, r, factor, deep)
    exact = plain.drought_code(d.astype(float), wide[1], wide[4], factor.astype(float))
    assert (np.abs(deep - exact) / (1 + exact)).max() < 1e-5
    isi, bui, fwi, dsr = (np.empty(N, F) for _ in range(4))
    vector.spread(f, w, constant, isi)
    exact = plain.initial_spread_index(wide[0], wide[3])
    assert (np.abs(isi - exact) / (1 + exact)).max() < 3e-5
    vector.build_up(p, d, bui)
    exact = plain.build_up_index(p.astype(float), d.astype(float))
    assert (np.abs(bui - exact) / (1 + exact)).max() < 1e-5
    vector.intensity(isi, bui, fwi)
    exact = plain.fire_weather_index(isi.astype(float), bui.astype(float))
    assert (np.abs(fwi - exact) / (1 + exact)).max() < 5e-5
    vector.severity(fwi, dsr)
    exact = plain.daily_severity_rating(fwi.astype(float))
    assert (np.abs(dsr - exact) / (1 + exact)).max() < 5e-6


def test_build_up_of_nothing_is_nothing():
    bui = np.empty(N, F)
    vector.build_up(np.zeros(N, F), np.zeros(N, F), bui)
    assert (bui == 0).all()
