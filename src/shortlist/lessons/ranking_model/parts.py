"""Widget: what moved one candidate's score, feature by feature, beside another of the same held-out request."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from shortlist.core.arrays import Int64, Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.columns import P_LIKE_RAW, RANK_SCORE
from shortlist.core.errors import NotFound
from shortlist.core.request import RequestBatch
from shortlist.funnel.engine import Engine
from shortlist.funnel.feed import all_ranked
from shortlist.funnel.why_score import ExplainsScores
from shortlist.lessons.bars import Bars, bars
from shortlist.lessons.once import OncePerEngine
from shortlist.lessons.the_funnel.held_out import held_out_requests
from shortlist.lessons.views import Figure, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget
from shortlist.ranking.contributions import Contribution

__all__ = ["GROUPS", "REQUESTS", "Explained", "PartsView", "explained", "group_of", "pair_of", "parts"]

REQUESTS, PLACES = 12, 20
BESIDE = ("the candidate in the middle", "the next one in the ranking")
GROUPS = {
    "sources": "who found it, at which rank",
    "person": "how near it is to what the person liked",
    "item": "what is known of the item itself",
}
SHOWN = 9
_SOURCES = ("found by ", "retrieval_score", "n_sources")
_PERSON = ("category_", "near", "follows", "met_gap", "age_gap")
_SHORT = {"sources": "who found it", "person": "nearness to the person", "item": "the item itself"}
_LABEL_WIDTH = 172.0


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """Some held-out requests with their scored candidates, and what lifts the first of each above the middle one.

    Attributes:
        scorer: the feed's.
        requests: each with its candidates, the best by rank score first.
        lifts: log odds a group (``GROUPS``), mean over the requests.
    """

    scorer: ExplainsScores
    requests: Sequence[tuple[RequestBatch, Candidates]]
    lifts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PartsView:
    """One candidate beside another.

    Attributes:
        titles: of both.
        p: ``P_LIKE_RAW`` of both.
        places: of both in the ranking, from 1.
        found: contributions, largest first.
        lifts: of all requests' first items, by group.
        n_requests: that these are means over.
    """

    titles: tuple[str, str]
    p: tuple[float, float]
    places: tuple[int, int]
    found: tuple[Contribution, ...]
    lifts: Mapping[str, float]
    n_requests: int

    @property
    def difference(self) -> float:
        """Of the log odds; what the contributions add up to."""
        return _logit(self.p[0]) - _logit(self.p[1])

    def answer(self) -> str:
        """What the groups add, over all requests."""
        most = self.right_guess()
        others = ", ".join(f"{GROUPS[name]} {lift:+z.2f}" for name, lift in self.lifts.items() if name != most)
        return (
            f"Over {self.n_requests} held-out requests, what lifts the first item above the one in the middle most is "
            f"{GROUPS[most]}: {self.lifts[most]:+z.2f} of the log odds. The rest: {others}."
        )

    def right_guess(self) -> str:
        """The group that adds most."""
        return max(self.lifts, key=lambda name: self.lifts[name])

    def html(self) -> Markup:
        """Both candidates, the largest contributions as bars, and all of them as a table."""
        first, rest = self.found[:SHOWN], self.found[SHOWN:]
        names = [_plain(one.feature) for one in first]
        values = [one.log_odds for one in first]
        if rest:
            names.append(f"{len(rest)} others")
            values.append(sum(one.log_odds for one in rest))
        largest = self.found[0]
        error = max(one.error for one in self.found)
        return Markup().join(
            [
                figures(
                    Figure("P(like), raw", f"{self.p[0]:.4f}", f"no. {self.places[0]} of the ranking", "p"),
                    Figure("beside", f"{self.p[1]:.4f}", f"no. {self.places[1]}", "other"),
                    Figure("difference", f"{self.difference:+z.3f}", "log odds", "difference"),
                    Figure("largest part", f"{largest.log_odds:+z.3f}", _plain(largest.feature), "largest"),
                ),
                Markup("<p><b>{}</b> beside <b>{}</b>.</p>").format(*self.titles),
                side_by_side(
                    bars(
                        "What each feature adds, log odds",
                        names,
                        [Bars("against the other candidate", "one", tuple(values))],
                        form=lambda value: f"{value:+z.2f}",
                        left=_LABEL_WIDTH,
                    ),
                    bars(
                        f"The first item of {self.n_requests} requests, log odds",
                        list(_SHORT.values()),
                        [Bars("against the middle one, mean", "two", tuple(self.lifts[name] for name in _SHORT))],
                        form=lambda value: f"{value:+z.2f}",
                        left=_LABEL_WIDTH,
                    ),
                ),
                Markup('<p class="small muted">{}</p>').format(
                    "Shapley values of the release's own ranker. They add up to the difference exactly; "
                    + (
                        f"how it is split is a mean over drawn orders, with standard errors up to {error:.3f}."
                        if error > 0
                        else "the split is exact, too."
                    )
                ),
                table(
                    "All of them, with both candidates' values",
                    ("feature", "here", "there", "log odds"),
                    [(_plain(one.feature), one.value, one.beside, f"{one.log_odds:+z.3f}") for one in self.found],
                ),
            ]
        )


def explained(engine: Engine) -> Explained:
    """Run some held-out requests through the feed's funnel, all at once, and take their first items' scores apart.

    Raises:
        NotFound: the release has no held-out requests, or its ranker cannot explain itself.
    """
    funnel = all_ranked(engine.feed.funnel)
    scorer = next((stage.component for stage in funnel.scorers if isinstance(stage.component, ExplainsScores)), None)
    if scorer is None:
        raise NotFound(
            "this release's ranker cannot take a score apart", where="its scorers", fix="train a new release"
        )
    held_out, _ = held_out_requests(engine)
    chosen = [held_out[k] for k in np.linspace(0, len(held_out) - 1, min(REQUESTS, len(held_out))).astype(int)]
    run = funnel.run(RequestBatch.of(*chosen), patient=True)
    requests = []
    for r, request in enumerate(run.batch.requests):
        batch = RequestBatch.of(request).with_history(_only(run.batch.history, r), _only(run.batch.seen, r))
        rows = run.scored.rows_of(r)
        order: Int64 = rows.start + np.argsort(-run.scored[RANK_SCORE][rows], kind="stable")
        requests.append((batch, run.scored.arrange(order, np.array([0, len(order)]))))
    requests = [one for one in requests if len(one[1]) > 1]
    if not requests:
        raise NotFound("no held-out request has two candidates", where="held-out requests", fix="train on more data")
    lifts = dict.fromkeys(GROUPS, 0.0)
    for batch, candidates in requests:
        for one in scorer.contributions(batch, pair_of(candidates, 1, beside=0)[0]):
            lifts[group_of(one.feature)] += one.log_odds / len(requests)
    return Explained(scorer, requests, lifts)


def pair_of(candidates: Candidates, place: int, *, beside: int) -> tuple[Candidates, tuple[int, int]]:
    """Two candidates of a ranking and their places: the one asked for, and the middle one or the next."""
    n = len(candidates)
    first = min(place, n) - 1
    other = n // 2 if beside == 0 else first + 1
    if other in (first, n):
        other = first - 1
    return candidates.arrange(np.array([first, other]), np.array([0, 2])), (first + 1, other + 1)


def group_of(feature: str) -> str:
    """The group (``GROUPS``) that a feature belongs to."""
    if feature.startswith(_SOURCES):
        return "sources"
    return "person" if feature.startswith(_PERSON) else "item"


def _only(lists: Ragged, index: int) -> Ragged:
    return Ragged.from_lists([lists[index]])


def _plain(feature: str) -> str:
    return feature.replace("_", " ")


def _logit(p: float) -> float:
    return math.log(p) - math.log1p(-p)


_once = OncePerEngine(explained)


@widget(
    "parts",
    title="What moved this score?",
    controls=(
        Slider("request", "Held-out request", 1, REQUESTS, 1, 1, (1, 4, 8, 12)),
        Slider("place", "Place in its ranking", 1, PLACES, 1, 1, (1, 2, 5, 10, 20)),
        Choice("beside", "Beside", BESIDE),
    ),
    guess=Guess(
        "Before you look: the first item of a ranking beside the one in the middle. What lifts it the most, as the "
        "model sees it?",
        GROUPS,
    ),
)
def parts(engine: Engine, state: State) -> PartsView:
    """Ask the scorer about two candidates."""
    known = _once(engine)
    batch, candidates = known.requests[min(state["request"], len(known.requests)) - 1]
    pair, places = pair_of(candidates, state["place"], beside=state["beside"])
    titles = [engine.catalogue.title(int(item)) or f"item {item}" for item in pair.item]
    p = pair[P_LIKE_RAW]
    return PartsView(
        titles=(titles[0], titles[1]),
        p=(float(p[0]), float(p[1])),
        places=places,
        found=known.scorer.contributions(batch, pair),
        lifts=known.lifts,
        n_requests=len(known.requests),
    )
