"""``Lesson``: a page of prose with its widgets, and the list of all there are."""

from __future__ import annotations

from dataclasses import dataclass

from shortlist.lessons.candidate_generation.factors import factors
from shortlist.lessons.candidate_generation.new_item import newitem
from shortlist.lessons.candidate_generation.source_set import sources
from shortlist.lessons.losses_and_calibration.calibrators import calibrator
from shortlist.lessons.losses_and_calibration.confidence import confidence
from shortlist.lessons.losses_and_calibration.swap import swap
from shortlist.lessons.nearest_neighbours.frontier import frontier
from shortlist.lessons.nearest_neighbours.reorder import reorder
from shortlist.lessons.nearest_neighbours.stroll import stroll
from shortlist.lessons.negative_sampling.batch import batch
from shortlist.lessons.negative_sampling.gradient import gradient
from shortlist.lessons.negative_sampling.hard import hard
from shortlist.lessons.negative_sampling.logq import logq
from shortlist.lessons.position_bias.clip import clip
from shortlist.lessons.position_bias.loop import loop
from shortlist.lessons.position_bias.strength import strength
from shortlist.lessons.position_bias.swaps import swaps
from shortlist.lessons.position_bias.whom import whom
from shortlist.lessons.ranking_model.crossover import crossover
from shortlist.lessons.ranking_model.depth import depth
from shortlist.lessons.ranking_model.models import models
from shortlist.lessons.ranking_model.parts import parts
from shortlist.lessons.the_funnel.budget import budget
from shortlist.lessons.the_funnel.kept import kept
from shortlist.lessons.widget import Widget

__all__ = ["LESSONS", "WIDGETS", "Lesson"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson.

    Attributes:
        slug: its address and, with ``.html``, the name of its template.
        summary: one sentence on what it derives.
    """

    slug: str
    title: str
    summary: str
    minutes: int
    widgets: tuple[Widget, ...]


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        slug="01-the-funnel",
        title="The funnel",
        summary=(
            "Why a ranker cannot look at everything, how recall and milliseconds are shared out over the stages, "
            "and what a feed and a search page have in common."
        ),
        minutes=25,
        widgets=(kept, budget),
    ),
    Lesson(
        slug="02-candidate-generation",
        title="Candidate generation",
        summary=(
            "How counting, factors and towers find candidates, why their losses differ from a ranker's, what each adds "
            "to the others, and what to do about an item that nobody has met."
        ),
        minutes=35,
        widgets=(sources, factors, newitem),
    ),
    Lesson(
        slug="03-nearest-neighbours",
        title="Embeddings and nearest neighbours",
        summary=(
            "What near means, why inner product is not a metric, and how cells, codes and graphs find nearly all of "
            "the nearest by looking at few."
        ),
        minutes=30,
        widgets=(reorder, stroll, frontier),
    ),
    Lesson(
        slug="04-the-ranking-model",
        title="The ranking model",
        summary=(
            "From a weighted sum to trees, dots, crosses and masks: which interactions each can hold, at what "
            "price, and when features made by hand matter more than any of them."
        ),
        minutes=35,
        widgets=(models, depth, crossover, parts),
    ),
    Lesson(
        slug="05-losses-and-calibration",
        title="Losses and calibration",
        summary=(
            "What a score means is decided by the loss: log odds, or an order and no more. When order is enough, why "
            "money needs a probability that comes true, and how to make one and keep it."
        ),
        minutes=35,
        widgets=(swap, confidence, calibrator),
    ),
    Lesson(
        slug="06-negative-sampling",
        title="Negative sampling",
        summary=(
            "The full softmax is out of reach, so a few items stand for all. Whoever draws them brings a bias: where "
            "it comes from, what undoes it, and what it costs."
        ),
        minutes=35,
        widgets=(gradient, logq, hard, batch),
    ),
    Lesson(
        slug="07-position-and-selection-bias",
        title="Position and selection bias",
        summary=(
            "A log is the old ranker's: it chose what could be clicked, and where. How to see through its places, what "
            "another policy would have earned, when to say nothing, and why a click is not an effect."
        ),
        minutes=40,
        widgets=(strength, swaps, clip, loop, whom),
    ),
)

WIDGETS: dict[str, Widget] = {widget.name: widget for lesson in LESSONS for widget in lesson.widgets}
