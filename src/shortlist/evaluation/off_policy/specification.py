"""Does the log read as the position-based model says? A test of what its estimators rest on.

If a click at a place depends on what stands there alone, what happened above it says nothing more: with e = click -
predicted click,

    T = mean over lists of  Σ_r e_r Σ_{j < r} e_j

has expectation 0 (a conditional moment test: Newey, Econometrica 53, 1985); predictions must come from rows other than
those they are compared with. Users who stop at what they were looking for (cascade, DBN) make it negative.

The test is one-sided, for above 0 there is another cause. Users who click more readily than others, contexts of unlike
level or attractions shrunk towards their mean leave residuals that all places of a page share: its clicks come together
more than the model says, ``T > 0``, while each still depends on its own place alone, so that weights by place stay
right. ``z = T / se(T)``, by user where users are named, is taken for Student's with one degree less than there are
users: under the null the test is wrong in ``level`` of all logs, and less often where pages differ as said. What it
cannot see is readers who warm up to a list, and readers who stop but differ by more than that.
"""

from __future__ import annotations

import msgspec
import numpy as np
from scipy.special import stdtr

from shortlist.core.arrays import Array
from shortlist.core.errors import DataError
from shortlist.evaluation.off_policy.estimate import Estimate

__all__ = ["SpecificationTest", "reading_test"]


class SpecificationTest(msgspec.Struct, frozen=True):
    """What the test found.

    Attributes:
        z: negative where clicks above make clicks below rarer, positive where clicks come together on a page.
        p_value: one-sided, the chance of a z as low as this.
        level: below which the model is rejected.
    """

    z: float
    p_value: float
    level: float

    @property
    def rejected(self) -> bool:
        """Do readers stop, as the position-based model says that they do not?"""
        return self.p_value < self.level

    @property
    def together(self) -> bool:
        """Do clicks come together on a page more than the model says? It does not by itself bias weights by place."""
        return 1.0 - self.p_value < self.level


def reading_test(
    click: Array, predicted: Array, cluster: Array | None = None, *, level: float = 0.05
) -> SpecificationTest:
    """Test lists of clicks against a position-based model's predictions, ``(S, L)`` both.

    Args:
        click: what was clicked.
        predicted: its chance.
        cluster: ``(S,)``, the user of each list, whose lists may depend on each other; None for independent lists.
        level: of the test.

    Raises:
        DataError: the shapes differ, or there are fewer than two lists or places.
    """
    seen, said = np.asarray(click, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if seen.shape != said.shape or seen.ndim != 2 or min(seen.shape) < 2:
        raise DataError(f"shapes {seen.shape} and {said.shape}", where="test of reading", fix="give (S, L) twice")
    e = seen - said
    above = np.cumsum(e, axis=1) - e
    terms = (e * above).sum(axis=1)
    mean = float(terms.mean())
    error = Estimate("T", mean, terms - mean).standard_error(cluster)
    z = mean / error if error > 0.0 else 0.0
    users = len(terms) if cluster is None else len(np.unique(cluster))
    return SpecificationTest(z, float(stdtr(max(1, users - 1), z)), level)
