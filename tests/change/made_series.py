"""Made-up series with a season, noise and gaps, for the tests of season models and monitors."""

from __future__ import annotations

import numpy as np

from habitat.change.monitoring.season_model import Season

SEASON = Season(order=2, origin="2019-07-01")
LEVEL, AMPLITUDE, NOISE = 0.6, 0.2, 0.03


def dates(count: int = 200, step: int = 9, first: str = "2017-01-04") -> np.ndarray:
    return np.datetime64(first, "D") + step * np.arange(count)


def stack_of(times: np.ndarray, shape: tuple[int, int], *, gaps: float = 0.35, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    years = (times - np.datetime64("2019-07-01")).astype(float) / 365.25
    course = LEVEL + AMPLITUDE * np.cos(2 * np.pi * years)
    values = course[:, None, None] + NOISE * rng.standard_normal((len(times), *shape))
    values[rng.random(values.shape) < gaps] = np.nan
    return values.astype(np.float32)
