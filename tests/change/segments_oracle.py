"""Plain oracle of segmentation: the published steps in Python lists and NumPy, slow and easy to read."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.special import chdtri
from sklearn.linear_model import Lasso

YEAR = 365.25
DETECTION = slice(1, 6)


class Oracle:
    """Segments of one pixel of clear looks: days ascending and different, values (look, band)."""

    def __init__(self, days, values, *, probability=0.99, confirm=6, penalty=20.0, screen=4.42):
        self.days = list(days)
        self.values = [np.asarray(look, float) for look in values]
        self.boundary, self.outlier = chdtri(5, 1 - probability), chdtri(5, 1e-5)
        self.confirm, self.penalty, self.screen = confirm, penalty, screen
        self.least = np.maximum(np.median(np.abs(np.diff(values, axis=0)), axis=0), 1e-6)
        self.found = []

    def terms(self, days, count):
        t = np.asarray(days, float)
        waves = [f(2 * np.pi * k * t / YEAR) for k in (1, 2, 3) for f in (np.cos, np.sin)]
        return np.stack([(t - self.days[0]) / YEAR, *waves], axis=1)[:, : count - 1]

    def fit(self, begin, stop, count):
        """Return a function that expects, RMSE, and the slopes."""
        terms = self.terms(self.days[begin:stop], count)
        values = np.array(self.values[begin:stop])
        mean, spread = terms.mean(0), terms.std(0)
        models = []
        for band in values.T:
            model = Lasso(alpha=self.penalty, tol=1e-12, max_iter=200_000)
            models.append(model.fit((terms - mean) / spread, band))
        self.fitted = stop - begin

        def expected(days):
            scaled = (self.terms(days, count) - mean) / spread
            return np.stack([model.predict(scaled) for model in models], axis=1)

        residuals = values - expected(self.days[begin:stop])
        rmse = np.sqrt((residuals**2).sum(0) / max(stop - begin - count, 1))
        return expected, rmse, np.array([model.coef_[0] for model in models]) / spread[0]

    def outliers(self, begin, stop):
        """Return which looks a robust season of green or SWIR 1 bars."""
        t = np.array(self.days[begin:stop], float)
        years = max(int(np.ceil((t[-1] - t[0]) / YEAR)), 1)
        angles = [2 * np.pi * t / YEAR / n for n in (1, years)]
        columns = np.stack([np.ones(len(t)), *(f(a) for a in angles for f in (np.cos, np.sin))], axis=1)
        barred = np.zeros(len(t), bool)
        for band in (1, 4):
            y = np.array([look[band] for look in self.values[begin:stop]])
            found = np.linalg.lstsq(columns, y, rcond=None)[0]
            left = np.linalg.svd(columns[:, : 3 if years == 1 else 5], full_matrices=False)[0]
            raised = 1 / np.sqrt(1 - np.minimum((left**2).sum(1), 0.9999))
            for _ in range(100):
                sizes = np.sort(np.abs(y - columns @ found) * raised)
                share = (y - columns @ found) * raised / (4.685 * max(np.median(sizes[4:]) / 0.6745, 1e-6))
                weight = np.where(np.abs(share) < 1, (1 - share**2), 0)
                found = np.linalg.lstsq(columns * weight[:, None], y * weight, rcond=None)[0]
            barred |= np.abs(y - columns @ found) > self.screen * self.least[band]
        return barred

    def scaled(self, model, place, rmse):
        return ((self.values[place] - model[0](self.days[place : place + 1])[0]) / np.maximum(self.least, rmse))[
            DETECTION
        ]

    def drop(self, place):
        del self.days[place], self.values[place]

    def agree(self, window):
        return all((w**2).sum() > self.boundary for w in window) and angle(window) < 45

    def run(self):
        first, following, dense, trained = 0, 12, 0, False
        while following <= len(self.days) - self.confirm:
            if following - first < 12 or self.days[following - 1] - self.days[first] < YEAR:
                following += 1
                continue
            if not trained:
                if max(np.diff(self.days[first:following])) > YEAR:
                    first, following, dense = first + 1, following + 1, first + 1
                    continue
                barred = self.outliers(first, following + self.confirm)[: following - first]
                kept = np.flatnonzero(~barred) + first
                if len(kept) < 12 or self.days[kept[-1]] - self.days[kept[0]] < YEAR:
                    following += 1
                    continue
                for place in (np.flatnonzero(barred) + first)[::-1]:
                    self.drop(place)
                following -= int(barred.sum())
                model = self.fit(first, following, 4)
                if not self.steady(model, first, following):
                    first, following = first + 1, following + 1
                    continue
                trained = True
                first, following = self.look_back(model, first, following, dense)
                if not self.found and first - dense >= 6:
                    self.fit(dense, first, 4)
                    self.write(self.days[dense], self.days[first - 1], self.days[first], 14, 100)
                window, grown = None, following - first
            window, model, grown = self.step(window, None if window is None else model, grown, first, following)
            if self.agree(window):
                self.write(self.days[first], self.days[following - 1], self.days[following], self.count, 100)
                first, trained = following, False
            elif (window[0] ** 2).sum() > self.outlier:
                self.drop(following)
                continue
            following += 1
        self.end(window if trained else None, first)
        return self.found

    def steady(self, model, first, following):
        ends = [np.abs(self.values[k] - model[0](self.days[k : k + 1])[0]) for k in (first, following - 1)]
        slope = np.abs(model[2] * (self.days[following - 1] - self.days[first]) / YEAR)
        size = (slope + np.maximum(*ends)) / np.maximum(self.least, model[1])
        return (size[DETECTION] ** 2).sum() <= self.boundary

    def look_back(self, model, first, following, dense):
        begin = dense
        if self.found:
            begin = next(k for k, day in enumerate(self.days) if day >= self.found[-1]["break"])
        for place in range(first - 1, begin - 1, -1):
            looked = min(self.confirm, place - begin + 1)
            window = [self.scaled(model, place - k, model[1]) for k in range(looked)]
            if self.agree(window):
                break
            if (window[0] ** 2).sum() > self.outlier:
                self.drop(place)
                following -= 1
            first = place
        return first, following

    def step(self, window, model, grown, first, following):
        looks = following - first
        self.count = 4 if looks < 18 else 6 if looks < 24 else 8
        if window is None or looks <= 24:
            model = (*self.fit(first, following, self.count), first, following)
            return [self.scaled(model, following + k, model[1]) for k in range(self.confirm)], model, grown
        since = following - model[4]
        if since >= 1 and since > int(grown * 0.03):
            model, grown = (*self.fit(first, following, self.count), first, following), looks
        last = following + self.confirm - 1
        apart = np.abs(np.array(self.days[model[3] : model[4]]) - self.days[last]) % YEAR
        near = np.argsort(np.minimum(apart, YEAR - apart), kind="stable")[: 3 * self.count] + model[3]
        residuals = np.array([self.values[k] - model[0](self.days[k : k + 1])[0] for k in near])
        local = np.sqrt((residuals**2).sum(0) / (len(near) - self.count))
        return [*window[1:], self.scaled(model, last, local)], model, grown

    def end(self, window, first):
        if window is not None:
            stable = self.confirm
            for k in range(self.confirm - 1, -1, -1):
                if (window[k] ** 2).sum() <= self.boundary or angle(window[k:]) >= 45:
                    stable = k + 1
                    break
            place = len(self.days) - self.confirm + stable
            broken = self.days[place] if stable < self.confirm else 0
            share = int((self.confirm - stable) * 100 / self.confirm)
            self.write(self.days[first], self.days[place - 1], broken, self.count, share)
            return
        first = next((k for k, d in enumerate(self.days) if not self.found or d >= self.found[-1]["break"]), 10**9)
        if len(self.days) - first >= 6:
            for place in (np.flatnonzero(self.outliers(first, len(self.days))) + first)[::-1]:
                self.drop(place)
        if len(self.days) - first >= 6:
            self.fit(first, len(self.days), 4)
            self.write(self.found[-1]["break"] if self.found else self.days[0], self.days[-1], 0, 24, 0)

    def write(self, start, end, broken, code, share):
        told = {"start": start, "end": end, "break": broken, "n": self.fitted, "code": code, "probability": share}
        self.found.append({name: int(value) for name, value in told.items()})


def angle(window):
    """Return the mean angle from look to look, degrees."""
    cosines = [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in pairwise(window)]
    return np.degrees(np.arccos(np.clip(cosines, -1, 1))).mean() if cosines else 0.0
