"""Rows of the alerts: whether the agent is right, how many alerts are of nothing, and how much is called half lost."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.jobs.evidence import Evidence
from habitat.jobs.rows.forest_change import Season
from habitat.jobs.rows.true_losses import Loss, whole
from habitat.twin.measures import Agreement, Share, ratio
from habitat.twin.scorecard import Row

PRODUCT = "alerts"
NAIVE = "every alert is called logging"
"""The naive method: most of what is lost here is felled."""
AGENTS = ("none", "fire", "logging", "windthrow or other")
"""In the order of their codes."""
FIRE, LOGGING, OTHER = 1, 2, 3
AGENT_OF: MappingProxyType[Loss, int] = MappingProxyType(
    {
        Loss.GROUND_FIRE: FIRE,
        Loss.CROWN_FIRE: FIRE,
        Loss.CLEAR_CUT: LOGGING,
        Loss.SELECTIVE: LOGGING,
        Loss.FIELD: LOGGING,
        Loss.WINDTHROW: OTHER,
    }
)
"""Which agent each true loss has."""
CONFIRMED, HIGH = (3, 6, 7, 8), (4, 5, 6, 8)
"""Codes of the status that are confirmed, and that say that half or more is lost."""
STAND_LOSSES = (Loss.CLEAR_CUT, Loss.FIELD, Loss.WINDTHROW, Loss.CROWN_FIRE)
"""Losses of half and more."""
_NOBODY_KNOWS = 255


def alert_rows(evidence: Evidence) -> list[Row]:
    """Hold confirmed alerts against true losses since October of the year before."""
    season, tile = Season(evidence), whole(evidence.truth)
    status, agent, confidence = (
        evidence.codes(PRODUCT, name, name, tile) for name in ("status", "agent", "confidence")
    )
    confirmed = np.isin(status, CONFIRMED)
    true = true_agents(season.losses.kind)
    there = confirmed & (true > 0) & (agent != _NOBODY_KNOWS) & (agent > 0)
    table, plain = Agreement(len(AGENTS)), Agreement(len(AGENTS))
    table.add(agent, true, there)
    plain.add(np.full_like(agent, LOGGING), true, there)
    count = int(there.sum())
    rows = [
        _row("agent, right", "%", _right(table), count, better="higher", baseline=_right(plain),
             note="confirmed alerts of true losses; windthrow counts as windthrow or other"),
        *_agent_rows(season, np.where(confirmed, agent, 0), true, table, plain),
        *_confidence_rows(confidence, agent == true, there),
        _high_row(season, status, confirmed & season.losses.lost),
    ]  # fmt: skip
    return [*rows, *_list_rows(season, evidence)]


def true_agents(kinds: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the agent of each kind of loss.

    Examples
    --------
    >>> true_agents(np.array([0, 1, 3, 6], np.uint8)).tolist()
    [0, 1, 2, 3]
    """
    table = np.zeros(256, np.uint8)
    for loss, code in AGENT_OF.items():
        table[loss] = code
    agents: NDArray[np.uint8] = table[kinds]
    return agents


def _right(table: Agreement) -> float:
    return 100 * ratio(float(np.trace(table.counts)), float(table.count))


def _agent_rows(
    season: Season, told: NDArray[np.uint8], true: NDArray[np.uint8], table: Agreement, plain: Agreement
) -> list[Row]:
    """Return what is missed and wrong of each agent; an alert of another agent is missed here and wrong there."""
    rows, living = [], "ground fires need not be told"
    for code in (FIRE, LOGGING, OTHER):
        missed, wrong = Share(), Share()
        # Ground fires leave the trees alive: that is no loss that must be told.
        must = season.settled & (true == code) & (season.losses.kind != Loss.GROUND_FIRE)
        missed.add(told != code, among=must)
        wrong.add(true != code, among=told == code)
        rows += [
            _row(f"{AGENTS[code]}, omission", "%", missed.percent, missed.whole, note=living),
            _row(f"{AGENTS[code]}, commission", "%", wrong.percent, wrong.whole),
            _row(f"{AGENTS[code]}, F1", "1", table.f1(code), int(table.counts[:, code].sum()), better="higher",
                 baseline=plain.f1(code), tolerance=0.03, note="among confirmed alerts of true losses"),
        ]  # fmt: skip
    return rows


def _confidence_rows(confidence: NDArray[np.uint8], right: NDArray[np.bool_], there: NDArray[np.bool_]) -> list[Row]:
    sure = there & (confidence != _NOBODY_KNOWS)
    count = int(sure.sum())
    apart = ratio(float(confidence[sure].astype(np.int64).sum()) - 100 * float(right[sure].sum()), count)
    return [_row("confidence less share right", "%", apart, count, better="zero", note="mean over alerts of losses")]


def _high_row(season: Season, status: NDArray[np.uint8], judged: NDArray[np.bool_]) -> Row:
    high, true = np.isin(status, HIGH), season.losses.of(*STAND_LOSSES)
    right = Share()
    right.add(high == true, among=judged)
    return _row("half lost or less, right", "%", right.percent, right.whole, better="higher",
                note="half and more is lost to clear-cuts, fields, windthrow and crown fires")  # fmt: skip


def _list_rows(season: Season, evidence: Evidence) -> list[Row]:
    """Return how many alerts of the list are of nothing: the numbers of the raster lead to its patches."""
    number = evidence.codes(PRODUCT, "number", "number", whole(evidence.truth)).astype(np.int64)
    listed = number > 0
    pixels = np.bincount(number[listed], minlength=1)
    true = np.bincount(number[listed & season.lately], minlength=len(pixels))
    there = pixels > 0
    nothing = Share(int((true[there] < 0.5 * pixels[there]).sum()), int(there.sum()))
    return [
        _row("listed alerts of nothing", "%", nothing.percent, nothing.whole, tolerance=10.0,
             note="less than half of their pixels lost anything, ground fires too")
    ]  # fmt: skip


def _row(measure: str, unit: str, value: float, n: int, **more: Any) -> Row:
    more = {"tolerance": 3.0, "better": "lower", **more}
    method = NAIVE if more.get("baseline") is not None else ""
    return Row(PRODUCT, measure, unit, more.pop("better"), value, n, baseline_method=method, **more)
