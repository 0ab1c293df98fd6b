"""What is a page ranked for? Two policies from one log: one for clicks, one for what brings users back.

The log says of every shown item whether it was clicked and whether the click satisfied (a long look, a like), and of
every page whether its user returned. So three things can be learned from it,

    a = P(click | looked at)                   the position-based model (``position_clicks``)
    s = P(satisfied | click)                   a candidate's own rate, held near the mean where clicks are few
    P(return) = b + g satisfied + l other clicks of the page, by least squares

and the value model ``g a s + l a (1 - s)`` is the change in returns of showing the item where it is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shortlist.core.arrays import Bool, Float64
from shortlist.core.errors import DataError
from shortlist.ranking.value_model import ValueModel
from shortlist.training.list_log import LIST_LOG, ListLog, PolicyTable, read_list_log, read_table
from shortlist.training.position_clicks import fit_position_clicks

__all__ = ["CLICKS", "RETURNS", "Outcomes", "Visits", "learn_outcomes", "objective_policies", "read_visits"]

CLICKS, RETURNS = "for clicks", "for return visits"
_TASKS = ("satisfied click", "other click")
_SHRINK = 5.0
"""Clicks that the mean satisfaction counts for beside a candidate's own."""


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """A log of lists with what came of them.

    Attributes:
        lists: with clicks.
        satisfied: bool ``(S, L)``, a click that satisfied.
        returned: bool ``(S,)``, did the user come back within a day?
    """

    lists: ListLog
    satisfied: Bool
    returned: Bool


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What was learned.

    Attributes:
        attraction: float64 ``(G, n)``, a.
        satisfaction: float64 ``(G, n)``, s.
        worth: what a satisfied click and another one add to the chance of a return.
    """

    attraction: Float64
    satisfaction: Float64
    worth: ValueModel

    def value(self) -> Float64:
        """``g a s + l a (1 - s)``, float64 ``(G, n)``."""
        a, s = self.attraction.ravel(), self.satisfaction.ravel()
        chances = np.column_stack([a * s, a * (1.0 - s)])
        return self.worth.score(_TASKS, chances).reshape(self.attraction.shape)


def read_visits(path: Path, policies: PolicyTable) -> Visits:
    """Read a log with all of ``LIST_LOG``'s columns but users and times.

    Raises:
        DataError: a column is missing or does not fit, a page has two answers, or what was not clicked satisfied.
    """
    lists = read_list_log(path, policies)
    rows = read_table(path, LIST_LOG, ("request", "place", "satisfied", "returned")).sort("request", "place")
    satisfied, returned = (rows[name].to_numpy().reshape(lists.click.shape) for name in ("satisfied", "returned"))
    if (returned != returned[:, :1]).any() or (satisfied & ~lists.click).any():
        raise DataError(
            "a page both returned and did not, or something satisfied without a click",
            where=str(path),
            fix="repeat 'returned' on every row of a page, and set 'satisfied' where there was a click",
        )
    return Visits(lists, satisfied, returned[:, 0])


def learn_outcomes(visits: Visits, *, contexts: int, candidates: int) -> Outcomes:
    """Learn all three from one log.

    Raises:
        DataError: nothing was clicked.
    """
    log = visits.lists
    if not log.click.any():
        raise DataError("nothing was clicked", where="learning of outcomes", fix="give a log with clicks")
    pairs = contexts * candidates
    pair = (log.context[:, None] * candidates + log.shown).ravel()
    clicks = np.bincount(pair, log.click.ravel(), pairs)
    pleased = np.bincount(pair, visits.satisfied.ravel(), pairs)
    satisfaction = (pleased + _SHRINK * pleased.sum() / clicks.sum()) / (clicks + _SHRINK)
    good = visits.satisfied.sum(axis=1)
    design = np.column_stack([np.ones(len(log)), good, log.click.sum(axis=1) - good])
    _, gain, loss = np.linalg.lstsq(design, visits.returned.astype(np.float64), rcond=None)[0]
    return Outcomes(
        attraction=fit_position_clicks(log, contexts=contexts, candidates=candidates).attraction,
        satisfaction=satisfaction.reshape(contexts, candidates),
        worth=ValueModel(weights=dict(zip(_TASKS, (float(gain), float(loss)), strict=True))),
    )


def objective_policies(served: PolicyTable, outcomes: Outcomes) -> PolicyTable:
    """The policy that served, and after it one for each objective, with scores as far apart as its own are."""
    spread = float(served.score[0].std())
    learned = (np.log(outcomes.attraction), outcomes.value())
    scores = [served.score[0], *(spread * (values - values.mean()) / values.std() for values in learned)]
    names = (served.names[0], CLICKS, RETURNS)
    return PolicyTable(names, np.repeat(served.temperature[:1], len(names)), served.item, np.stack(scores))
