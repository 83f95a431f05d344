"""Compiled season fits: blocks of pixels whose normal equations are built, weighted and solved side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from habitat.change.monitoring.stable_history import stable_start

BLOCK = 256
"""Pixels worked at once: their history, 120 dates in double precision, stays in the second-level cache."""
OK, TOO_FEW, UNSTABLE, NO_DATA, SINGULAR, FLAT = 0, 1, 2, 3, 4, 5
"""What became of a pixel's fit."""
_LARGE = 1e30
_SINGULAR = 1e-9
"""A pivot below this share of its diagonal is no information, only rounding."""
_FLAT = 1e-7
"""A scatter below this share of the values' size is rounding of single precision, not noise."""
_BISQUARE = 4.685
_MAD_TO_SD = 0.6745
_ROUNDS = 50
_STEADY = 1e-8


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def take(line: Any, code: Any, values: Any, known: Any) -> None:
    """Write one date of a block, 0 with weight 0 where there is a gap; code is (nodata, scale, offset)."""
    nodata, scale, offset = code
    for i in range(line.shape[0]):
        value = np.float64(line[i])
        # Not-a-number and infinity fail the comparison; nodata of floats may be NaN itself.
        good = (abs(value) <= _LARGE) & (value != nodata)
        values[i] = value * scale + offset if good else 0.0
        known[i] = 1.0 if good else 0.0


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def keep_usable(usable: Any, values: Any, known: Any) -> None:
    """Drop what a mask bars."""
    for i in range(usable.shape[0]):
        values[i] = values[i] if usable[i] != 0 else 0.0
        known[i] = known[i] if usable[i] != 0 else 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def fit_pixels(read: Any, design: Any, rules: Any, written: Any, piece: Any) -> None:
    """Fit the pixels first to last of a flat stack.

    read: stack (time, pixel), usable (time, pixel) or empty, (nodata, scale, offset).
    design: orthonormal columns (time, term), products of each two (time, pair), their map to coefficients (term, term).
    rules: fewest observations, critical value of a stable history or 0, 1 if robust.
    written: coefficients (term, pixel), sigma, count, first date, code (pixel).
    """
    stack, usable, code = read
    basis, pairs, back = design
    dates, terms = basis.shape
    values, known = np.empty((dates, BLOCK)), np.empty((dates, BLOCK))
    weights, weighted = np.empty((dates, BLOCK)), np.empty((dates, BLOCK))
    right, found = np.empty((terms, BLOCK)), np.empty((terms, BLOCK))
    gram, notes = np.empty((pairs.shape[1], BLOCK)), np.empty((6, BLOCK))
    for left in range(piece[0], piece[1], BLOCK):
        n = min(BLOCK, piece[1] - left)
        block = slice(left, left + n)
        values[:] = 0.0
        known[:] = 0.0
        for t in range(dates):
            take(stack[t, block], code, values[t], known[t])
            if usable.shape[0]:
                keep_usable(usable[t, block], values[t], known[t])
        _screen(basis, values, known, rules, notes)
        _normal_equations(basis, pairs, known, values, gram, right)
        _solve(gram, right, notes[2], notes[3])
        _scatter(basis, right, values, known, notes)
        if rules[2]:
            _reweight(basis, pairs, (values, known), (weights, weighted), (gram, right, found, notes))
        _write(back, right, notes, rules[0], written, block, n)


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _screen(basis: Any, values: Any, known: Any, rules: Any, notes: Any) -> None:
    """Count what is known, and forget what is older than a stable history.

    notes: observations, first date, whether sound, room, stable observations, sigma.
    """
    dates = basis.shape[0]
    notes[0] = 0.0
    notes[1] = 0.0
    notes[2] = 1.0
    for t in range(dates):
        for i in range(BLOCK):
            notes[0, i] += known[t, i]
    notes[4] = notes[0]
    if rules[1] <= 0:
        return
    for i in range(BLOCK):
        if notes[0, i] < rules[0]:
            continue
        start = stable_start(basis, values[:, i], known[:, i], rules[1], 0)
        notes[1, i] = start
        for t in range(start):
            notes[4, i] -= known[t, i]
            values[t, i] = 0.0
            known[t, i] = 0.0


@njit(nogil=True, cache=True, error_model="numpy", inline="never", fastmath={"contract"})
def _add_products(factors: Any, rows: Any, sums: Any) -> None:
    """Add factors' × rows to the sums; four dates at once, so that a sum is fetched once for four."""
    dates = rows.shape[0]
    for k in range(factors.shape[1]):
        total = sums[k]
        t = 0
        while t + 4 <= dates:
            f0, f1, f2, f3 = factors[t, k], factors[t + 1, k], factors[t + 2, k], factors[t + 3, k]
            r0, r1, r2, r3 = rows[t], rows[t + 1], rows[t + 2], rows[t + 3]
            for i in range(BLOCK):
                total[i] += (f0 * r0[i] + f1 * r1[i]) + (f2 * r2[i] + f3 * r3[i])
            t += 4
        while t < dates:
            f0, r0 = factors[t, k], rows[t]
            for i in range(BLOCK):
                total[i] += f0 * r0[i]
            t += 1


@njit(nogil=True, cache=True, error_model="numpy")
def _normal_equations(basis: Any, pairs: Any, weights: Any, weighted: Any, gram: Any, right: Any) -> None:
    gram[:] = 0.0
    right[:] = 0.0
    _add_products(pairs, weights, gram)
    _add_products(basis, weighted, right)


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _solve(gram: Any, right: Any, sound: Any, least: Any) -> None:
    """Solve the packed normal equations of a block by Cholesky's method, in place; sound becomes 0 where they fail."""
    terms = right.shape[0]
    for p in range(terms):
        row = p * (p + 1) // 2
        for i in range(BLOCK):
            least[i] = gram[row + p, i] * _SINGULAR
        for q in range(p):
            column = q * (q + 1) // 2
            for k in range(q):
                _subtract_product(gram[row + k], gram[column + k], gram[row + q])
            _divide(gram[row + q], gram[column + q])
        pivot = gram[row + p]
        for k in range(p):
            _subtract_product(gram[row + k], gram[row + k], pivot)
            _subtract_product(gram[row + k], right[k], right[p])
        for i in range(BLOCK):
            good = pivot[i] > least[i]
            sound[i] = sound[i] if good else 0.0
            pivot[i] = np.sqrt(pivot[i] if good else 1.0)
        _divide(right[p], pivot)
    for p in range(terms - 1, -1, -1):
        for k in range(p + 1, terms):
            _subtract_product(gram[k * (k + 1) // 2 + p], right[k], right[p])
        _divide(right[p], gram[p * (p + 1) // 2 + p])


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _divide(target: Any, divisor: Any) -> None:
    for i in range(BLOCK):
        target[i] = target[i] / divisor[i]


@njit(nogil=True, cache=True, error_model="numpy", inline="never", fastmath={"contract"})
def _subtract_product(left: Any, other: Any, target: Any) -> None:
    for i in range(BLOCK):
        target[i] -= left[i] * other[i]


@njit(nogil=True, cache=True, error_model="numpy", inline="never", fastmath={"contract"})
def season_of(row: Any, coefficients: Any, out: Any) -> None:
    """Write what the model expects on one date of a block."""
    factor, first = row[0], coefficients[0]
    for i in range(BLOCK):
        out[i] = factor * first[i]
    for k in range(1, row.shape[0]):
        factor, term = row[k], coefficients[k]
        for i in range(BLOCK):
            out[i] += factor * term[i]


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _scatter(basis: Any, found: Any, values: Any, known: Any, notes: Any) -> None:
    """Write the residual standard deviation, with as many degrees of freedom as are left."""
    expected = notes[3]
    squares, sigma = notes[5], notes[4]
    squares[:] = 0.0
    for t in range(basis.shape[0]):
        season_of(basis[t], found, expected)
        seen, weight = values[t], known[t]
        for i in range(BLOCK):
            residual = (seen[i] - expected[i]) * weight[i]
            squares[i] += residual * residual
    terms = basis.shape[1]
    for i in range(BLOCK):
        squares[i] = np.sqrt(squares[i] / max(sigma[i] - terms, 1.0))


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _reweight(basis: Any, pairs: Any, seen: Any, weighed: Any, work: Any) -> None:
    """Fit again and again with Tukey's weights until no coefficient of a pixel moves; what rests is left alone."""
    values, known = seen
    weights, weighted = weighed
    gram, right, found, notes = work
    dates, terms = basis.shape
    found[:] = right
    resting = np.zeros(BLOCK, np.bool_)
    residuals = np.empty((dates, BLOCK))
    sizes = np.empty(dates)
    sound = np.empty(BLOCK)
    for _ in range(_ROUNDS):
        for t in range(dates):
            season_of(basis[t], found, residuals[t])
            for i in range(BLOCK):
                residuals[t, i] = values[t, i] - residuals[t, i]
        for i in range(BLOCK):
            if not resting[i]:
                scale = _weigh(residuals[:, i], known[:, i], sizes, weights[:, i])
                notes[5, i] = scale if scale > 0 else notes[5, i]
                resting[i] = scale <= 0 or notes[2, i] == 0 or notes[4, i] < terms
        for t in range(dates):
            for i in range(BLOCK):
                weighted[t, i] = weights[t, i] * values[t, i]
        _normal_equations(basis, pairs, weights, weighted, gram, right)
        sound[:] = 1.0
        _solve(gram, right, sound, notes[3])
        if _settle(found, right, sound, resting, notes):
            break
    right[:] = found


@njit(nogil=True, cache=True, error_model="numpy")
def _settle(found: Any, right: Any, sound: Any, resting: Any, notes: Any) -> bool:
    """Take over the new coefficients of pixels that do not rest; answer whether all rest now."""
    for i in range(BLOCK):
        if resting[i]:
            continue
        if sound[i] == 0:
            # So many outliers that the rest does not carry a model: the fit is not to be trusted.
            notes[2, i] = 0.0
            resting[i] = True
            continue
        moved, size = 0.0, 0.0
        for k in range(found.shape[0]):
            moved = max(moved, abs(right[k, i] - found[k, i]))
            size = max(size, abs(right[k, i]))
            found[k, i] = right[k, i]
        resting[i] = moved <= _STEADY * size
    return bool(resting.all())


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _weigh(residuals: Any, known: Any, sizes: Any, weights: Any) -> float:
    """Write Tukey's weights of one pixel; answer the robust scatter they are made with."""
    n = 0
    for t in range(residuals.shape[0]):
        weights[t] = known[t]
        if known[t] != 0:
            sizes[n] = abs(residuals[t])
            n += 1
    if n == 0:
        return 0.0
    scale = np.median(sizes[:n]) / _MAD_TO_SD
    if scale <= 0:
        return 0.0
    for t in range(residuals.shape[0]):
        share = residuals[t] / (scale * _BISQUARE)
        weights[t] = known[t] * (1.0 - share * share) ** 2 if abs(share) < 1 else 0.0
    return float(scale)


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _write(back: Any, found: Any, notes: Any, fewest: Any, written: Any, block: Any, n: int) -> None:
    coefficients, sigmas, counts, firsts, codes = written
    terms = found.shape[0]
    for i in range(n):
        pixel = block.start + i
        every, stable, sigma = notes[0, i], notes[4, i], notes[5, i]
        size = 0.0
        for k in range(terms):
            size = max(size, abs(found[k, i]))
        if every == 0:
            code = NO_DATA
        elif every < fewest:
            code = TOO_FEW
        elif stable < fewest:
            code = UNSTABLE
        elif notes[2, i] == 0:
            code = SINGULAR
        else:
            code = FLAT if sigma <= _FLAT * size / np.sqrt(stable) else OK
        codes[pixel], counts[pixel], firsts[pixel] = code, stable, notes[1, i]
        fitted = code in (OK, FLAT)
        sigmas[pixel] = sigma if fitted else np.nan
        for k in range(terms):
            total = 0.0
            for q in range(terms):
                total += back[k, q] * found[q, i]
            coefficients[k, pixel] = total if fitted else np.nan
