"""Exponential and logarithm in single precision that compilers turn into vector instructions."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic

# NaN marks what is missing, so the flags that let a compiler forget about NaN stay out.
FLAGS = {"contract", "arcp", "nsz"}
"""Liberties of arithmetic that keep NaN and infinity what they are."""

_f = np.float32
_i = np.int32
_LOG2_E = _f(1.4426950408889634)
_LN_2_HIGH, _LN_2_LOW = _f(0.693359375), _f(-2.12194440e-4)
"""ln 2 in two parts: products with small integers and the first are exact."""
_LOWEST, _HIGHEST = _f(-87.0), _f(88.0)
_EXPONENT_BITS, _BIAS = _i(23), _i(127)
_ROOT_HALF = _i(0x3F3504F3)
"""Bits of sqrt(1/2): mantissas are taken from there to sqrt(2)."""


def _fitted(values: Any, low: float, high: float, degree: int) -> tuple[np.float32, ...]:
    """Return the coefficients of a polynomial, lowest power first, fitted at Chebyshev's nodes."""
    nodes = np.cos((2 * np.arange(400) + 1) / 800 * np.pi)
    at = (low + high) / 2 + (high - low) / 2 * nodes
    fit = np.polynomial.Chebyshev.fit(at, values(at), degree, domain=[low, high])
    return tuple(_f(value) for value in fit.convert(kind=np.polynomial.Polynomial).coef)


_HALF_LN_2 = float(np.log(2) / 2)
_E0, _E1, _E2, _E3, _E4 = _fitted(lambda r: (np.expm1(r) - r) / r**2, -_HALF_LN_2, _HALF_LN_2, 4)
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7 = _fitted(
    lambda f: (np.log1p(f) - f) / f**2, float(np.sqrt(0.5)) - 1, float(np.sqrt(2)) - 1, 7
)


def _typed_bits(_context: Any, _number: Any) -> Any:
    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


def _typed_number(_context: Any, _bits: Any) -> Any:
    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


_bits_of: Any = intrinsic(_typed_bits)
_number_of: Any = intrinsic(_typed_number)
"""A float32 as the int32 of the same bits, and back; Python has no word for it that stays in a register."""


@njit(inline="always", error_model="numpy", fastmath=FLAGS)
def exponential(x: Any) -> Any:
    """exp(x) of a float32, to 1e-7 of its value between -87 and 88; beyond, that of the nearer end.

    For use inside compiled loops only. x = n ln 2 + r, exp(r) by a polynomial, and n goes into the exponent's bits.
    """
    held = min(max(x, _LOWEST), _HIGHEST)
    n = np.floor(held * _LOG2_E + _f(0.5))
    r = (held - n * _LN_2_HIGH) - n * _LN_2_LOW
    p = (((_E4 * r + _E3) * r + _E2) * r + _E1) * r + _E0
    y = (p * r) * r + r + _f(1)
    return y * _number_of((_i(n) + _BIAS) << _EXPONENT_BITS)


@njit(inline="always", error_model="numpy", fastmath=FLAGS)
def logarithm(x: Any) -> Any:
    """ln(x) of a normal positive float32, to 1e-7 of 1 or of its value; of 0 about -88, of less nothing of use.

    For use inside compiled loops only. x = 2**e m with m around 1, ln(m) by a polynomial.
    """
    bits = _bits_of(x)
    e = (bits - _ROOT_HALF) >> _EXPONENT_BITS
    f = _number_of(bits - (e << _EXPONENT_BITS)) - _f(1)
    n = _f(e)
    p = ((((((_L7 * f + _L6) * f + _L5) * f + _L4) * f + _L3) * f + _L2) * f + _L1) * f + _L0
    return (f * f * p + n * _LN_2_LOW) + f + n * _LN_2_HIGH


@njit(inline="always", error_model="numpy", fastmath=FLAGS)
def power(x: Any, exponent: Any) -> Any:
    """x**exponent of float32, x of 0 or more; of 0 next to nothing."""
    return exponential(exponent * logarithm(x))
