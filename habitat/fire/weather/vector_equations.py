"""The equations of the Fire Weather Index System over blocks of cells, in single precision and without branches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from habitat.fire.weather.vector_math import FLAGS, exponential, logarithm, power

BLOCK = 1024
"""Cells worked at once: their numbers stay in the second-level cache, and loops of a known length need no rest."""

_f = np.float32
_LN_10 = _f(2.302585092994046)
_WETTEST_AIR = _f(99.9999)
_SMALL = _f(1e-30)
"""Keeps a quotient of zeros from being NaN."""

# Every lane is computed and the right one is picked, because a branch would keep a loop from becoming vector
# instructions; whatever the other lane holds (a logarithm of 0, say) is finite and thrown away.


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FLAGS, inline="never")
def soak(f: Any, r: Any, constant: Any, m: Any) -> None:
    """Write the moisture `m` [%] of fine fuel of code `f` after rain `r` [mm]."""
    for i in range(BLOCK):
        before = constant * (_f(101) - f[i]) / (_f(59.5) + f[i])
        base = min(before, _f(250))
        rain = max(r[i] - _f(0.5), _f(1e-8))
        gain = _f(42.5) * rain * exponential(_f(-100) / (_f(251) - base)) * (_f(1) - exponential(_f(-6.93) / rain))
        above = max(base - _f(150), _f(0))
        wetter = min(base + gain + _f(0.0015) * above * above * np.sqrt(rain), _f(250))
        m[i] = wetter if r[i] > _f(0.5) else before


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FLAGS, inline="never")
def air_out(t: Any, h: Any, w: Any, m: Any, constant: Any, f: Any) -> None:
    """Write the fine fuel moisture code `f` after a day in air of temperature, humidity and wind."""
    for i in range(BLOCK):
        humidity = min(h[i], _WETTEST_AIR)
        warmth = _f(0.18) * (_f(21.1) - t[i]) * (_f(1) - exponential(_f(-0.115) * humidity))
        damp = exponential((humidity - _f(100)) * _f(0.1))
        log_h = logarithm(humidity)
        dry_end = _f(0.942) * exponential(_f(0.679) * log_h) + _f(11) * damp + warmth
        wet_end = _f(0.618) * exponential(_f(0.753) * log_h) + _f(10) * damp + warmth
        now = m[i]
        dries = now > dry_end
        x = (humidity if dries else _f(100) - humidity) * _f(0.01)
        x2 = x * x
        x4 = x2 * x2
        pace = _f(0.424) * (_f(1) - power(x, _f(1.7))) + _f(0.0694) * np.sqrt(w[i]) * (_f(1) - x4 * x4)
        pace = pace * _f(0.581) * exponential(_f(0.0365) * t[i])
        end = dry_end if dries else min(wet_end, dry_end)
        later = end + (now - end) * exponential(-_LN_10 * pace)
        later = later if (dries or now < wet_end) else now
        code = _f(59.5) * (_f(250) - later) / (constant + later)
        f[i] = min(max(code, _f(0)), _f(101))


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FLAGS, inline="never")
def dry_duff(t: Any, h: Any, r: Any, hours: Any, form: Any, p: Any) -> None:
    """Write the duff moisture code `p` of the next day over that of the day before."""
    scale, rate, top = form
    for i in range(BLOCK):
        code = p[i]
        drying = _f(1.894e-4) * (max(t[i], _f(-1.1)) + _f(1.1)) * (_f(100) - min(h[i], _WETTEST_AIR)) * hours[i]
        log_p = logarithm(code)
        steep = _f(14) - _f(1.3) * log_p if code <= _f(65) else _f(6.2) * log_p - _f(17.2)
        slope = _f(100) / (_f(0.5) + _f(0.3) * code) if code <= _f(33) else steep
        through = _f(0.92) * max(r[i], _f(1.5)) - _f(1.27)
        wet = scale * exponential(-rate * code) + _f(1000) * through / (_f(48.77) + slope * through)
        washed = max(top - _f(43.43) * logarithm(wet), _f(0))
        p[i] = max((washed if r[i] > _f(1.5) else code) + drying, _f(0))


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FLAGS, inline="never")
def dry_deep(t: Any, r: Any, factor: Any, d: Any) -> None:
    """Write the drought code `d` of the next day over that of the day before."""
    for i in range(BLOCK):
        code = d[i]
        evaporation = max((_f(0.36) * (max(t[i], _f(-2.8)) + _f(2.8)) + factor[i]) * _f(0.5), _f(0))
        through = _f(0.83) * max(r[i], _f(2.8)) - _f(1.27)
        relative = _f(3.937 / 800) * through * exponential(code * _f(1 / 400))
        washed = max(code - _f(400) * logarithm(_f(1) + relative), _f(0))
        d[i] = (washed if r[i] > _f(2.8) else code) + evaporation


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FLAGS, inline="never")
def spread(f: Any, w: Any, constant: Any, s: Any) -> None:
    """Write the initial spread index `s`."""
    for i in range(BLOCK):
        wet = constant * (_f(101) - f[i]) / (_f(59.5) + f[i])
        push = exponential(_f(0.05039) * w[i] - _f(0.1386) * wet)
        s[i] = _f(0.208 * 91.9) * push * (_f(1) + power(wet, _f(5.31)) * _f(1 / 4.93e7))


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FLAGS, inline="never")
def build_up(p: Any, d: Any, u: Any) -> None:
    """Write the build-up index `u`."""
    for i in range(BLOCK):
        duff = p[i]
        deep = _f(0.4) * d[i]
        mean = _f(2) * deep * duff / max(duff + deep, _SMALL)
        excess = (duff - mean) / max(duff, _SMALL)
        duller = max(duff - excess * (_f(0.92) + power(_f(0.0114) * duff, _f(1.7))), _f(0))
        u[i] = duller if mean < duff else mean


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FLAGS, inline="never")
def intensity(s: Any, u: Any, x: Any) -> None:
    """Write the fire weather index `x`."""
    for i in range(BLOCK):
        fuel = u[i]
        low = _f(0.626) * power(fuel, _f(0.809)) + _f(2)
        high = _f(1000) / (_f(25) + _f(108.64) * exponential(_f(-0.023) * fuel))
        scale = _f(0.1) * s[i] * (low if fuel <= _f(80) else high)
        steep = exponential(_f(2.72) * power(_f(0.434) * logarithm(max(scale, _f(1))), _f(0.647)))
        x[i] = scale if scale <= _f(1) else steep


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FLAGS, inline="never")
def severity(x: Any, y: Any) -> None:
    """Write the daily severity rating `y`."""
    for i in range(BLOCK):
        y[i] = _f(0.0272) * power(x[i], _f(1.77))
