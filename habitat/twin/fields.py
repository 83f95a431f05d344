"""Random fields with the look of terrain, forests and clouds, drawn by seeded noise."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""Two-dimensional array (y, x) of float32."""


def random_field(
    rng: np.random.Generator, pixels: int, slope: float, *, longest: float = 1.0, stretch: float = 1.0
) -> Field:
    """Return a square field whose power falls as one over frequency to a power.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    pixels : int
        Rows and columns.
    slope : float
        Exponent of the power spectrum: 4 is smooth as hills, 2 rough as rubble.
    longest : float
        Wavelength of the largest features in widths of the field.
    stretch : float
        How many times longer than wide features are, along x.

    Returns
    -------
    array (y, x) [1]
        Mean 0, standard deviation 1.

    Examples
    --------
    >>> field = random_field(np.random.default_rng(1), 32, 3.0)
    >>> field.shape, abs(float(field.std()) - 1) < 1e-3
    ((32, 32), True)
    """
    # The transform repeats at its edges; a third more is drawn and cut off so that edges do not match.
    drawn = scipy.fft.next_fast_len(pixels + pixels // 3 + 2, real=True)
    spectrum = scipy.fft.rfft2(rng.standard_normal((drawn, drawn), dtype=np.float32))
    fy = scipy.fft.fftfreq(drawn).astype(np.float32)[:, None]
    fx = scipy.fft.rfftfreq(drawn).astype(np.float32)[None, :] * np.float32(stretch)
    power = fy * fy + fx * fx
    np.maximum(power, np.float32((1 / (longest * pixels)) ** 2), out=power)
    spectrum *= power ** np.float32(-slope / 4)
    spectrum[0, 0] = 0.0
    field = scipy.fft.irfft2(spectrum, s=(drawn, drawn))[:pixels, :pixels]
    field -= field.mean()
    standard: Field = (field / max(float(field.std()), 1e-9)).astype(np.float32)
    return standard


def random_line(rng: np.random.Generator, pixels: int, slope: float) -> NDArray[np.float32]:
    """Return a random walk of smooth bends: mean 0, standard deviation 1."""
    noise = rng.standard_normal(2 * pixels)
    frequency = scipy.fft.rfftfreq(2 * pixels)
    frequency[0] = 1.0
    spectrum = scipy.fft.rfft(noise) * frequency ** (-slope / 2)
    spectrum[0] = 0.0
    line = scipy.fft.irfft(spectrum, n=2 * pixels)[:pixels]
    line = line - line.mean()
    walk: NDArray[np.float32] = (line / max(float(line.std()), 1e-9)).astype(np.float32)
    return walk


def ramp(values: Field, low: float, high: float) -> Field:
    """Return 0 below `low`, 1 above `high` and a smooth step between (low may exceed high)."""
    share = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    step: Field = (share * share * (3 - 2 * share)).astype(np.float32)
    return step


def halved(values: Field) -> Field:
    """Return means of 2 by 2 pixels: a 10 m field at 20 m."""
    rows, columns = values.shape
    means: Field = values.reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3), dtype=np.float32)
    return means
