"""What is fixed before anything is drawn: worlds, sizes, challengers and the bounds of the gates.

The plan's file is hashed; the offline estimates are hashed; and the seeds of the experiments are made from that second
hash, so that nobody, the estimator least of all, can have seen an experiment before the estimates were final.
"""

from __future__ import annotations

import hashlib

import msgspec

from shortlist.training.challengers import CHALLENGERS

__all__ = ["Bounds", "PlannedWorld", "RehearsalPlan", "seed_of", "sha256"]


class PlannedWorld(msgspec.Struct, frozen=True):
    """A kind of world and how often it is drawn.

    Attributes:
        name: of a ``worlds.ReadingWorld``.
        logs: each of a world of its own, drawn anew.
    """

    name: str
    logs: int


class Bounds(msgspec.Struct, frozen=True):
    """Where a gate is passed; of the gated method in the position-based world, unless it says otherwise.

    Attributes:
        error: most that the RMSE of lifts may be of the A/B's standard error.
        sign: least share of right signs, where the true lift is over two standard errors of the A/B.
        coverage: the 99% interval of the 95% intervals' coverage, clustered by log, must meet this range.
        logs: fewest independent logs that coverage is judged on; the fewer, the wider its interval, so that a gate
            without this bound would be the easier to pass the less there is to see.
        regret: most that the mean regret may be of the A/B's.
        regret_floor: a mean regret of less, as a lift, passes: an A/B that happens to err nowhere asks for no miracle.
        rank: least that the lower end of mean τ's 95% interval, by log, may be.
        shuffled_rank: most that mean τ of shuffled propensities may be away from 0.
        flagged: least share of logs that the test of reading must flag where users stop.
        spared: most that it may flag in the position-based world.
        abstained: least share of policies without an estimate on a log that hardly varies.
    """

    error: float = 1.5
    sign: float = 0.95
    coverage: tuple[float, float] = (0.92, 0.97)
    logs: int = 100
    regret: float = 1.0
    regret_floor: float = 0.001
    rank: float = 0.7
    shuffled_rank: float = 0.15
    flagged: float = 0.9
    spared: float = 0.1
    abstained: float = 0.9


class RehearsalPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A rehearsal, fixed.

    Attributes:
        gated: the method that the gates judge.
        worlds: what is drawn.
        pages: of each log, and of each A/B, half of them an arm.
        older_pages: of the log that challengers learn from.
        temperature: of the control.
        seed: of worlds and logs.
        refitted_logs: of the position-based world, for which DR has a second interval, by a bootstrap that refits.
        refit_draws: of it.
        objective_worlds: in which policies are learned for clicks and for return visits.
        objective_pages: of the log that they are learned from.
        promotion_users: of the log that tells whom to show a promotion to.
        retraining_worlds: in which rankers are trained on what they served.
        retraining_pages: of each generation's log.
        generations: of them.
        challengers: their names, in order.
        bounds: of the gates.
    """

    gated: str = "DR"
    worlds: tuple[PlannedWorld, ...]
    pages: int
    older_pages: int = 3_000
    temperature: float = 0.5
    seed: int
    refitted_logs: int = 0
    refit_draws: int = 0
    objective_worlds: int = 20
    objective_pages: int = 10_000
    promotion_users: int = 40_000
    retraining_worlds: int = 6
    retraining_pages: int = 4_000
    generations: int = 6
    challengers: tuple[str, ...] = tuple(one.name for one in CHALLENGERS)
    bounds: Bounds = Bounds()

    @classmethod
    def full(cls, seed: int) -> RehearsalPlan:
        """400 logs of the position-based world, and for 60 of them intervals that refit the click model."""
        return cls(worlds=_worlds(400, 100, 100, 100, 20), pages=10_000, seed=seed, refitted_logs=60, refit_draws=100)

    @classmethod
    def quick(cls, seed: int) -> RehearsalPlan:
        """100 logs of the position-based world, smaller ones: under five minutes on one core."""
        return cls(worlds=_worlds(100, 20, 30, 20, 10), pages=6_000, seed=seed)


def _worlds(*logs: int) -> tuple[PlannedWorld, ...]:
    names = ("position-based", "trust bias", "cascade", "dynamic", "thin")
    return tuple(PlannedWorld(name, n) for name, n in zip(names, logs, strict=True))


def sha256(content: bytes) -> str:
    """In hex."""
    return hashlib.sha256(content).hexdigest()


def seed_of(*parts: object) -> int:
    """A seed that only these words have: 56 bits of their hash.

    Example:
        >>> seed_of("world", 1) == seed_of("world", 1) != seed_of("world", 2)
        True
    """
    return int(sha256("|".join(map(str, parts)).encode())[:14], 16)
