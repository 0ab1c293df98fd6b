"""Labels of clicks and conversions as they were known at an instant: nothing that came later is looked at."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Float32, Int64
from shortlist.core.clock import HOUR_US
from shortlist.core.errors import DataError

__all__ = ["NEVER", "conversion_labels"]

NEVER = np.iinfo(np.int64).max
"""The instant of a conversion that has not come."""


def conversion_labels(
    shown_us: Int64, click: Array, converted_us: Int64, *, now_us: int, unit_us: int = 24 * HOUR_US
) -> Float32:
    """Click, conversion by now, and the time that was waited: float32 ``(N, 3)`` for the losses of the entire space.

    The third column is the delay from impression to conversion where there is one by now, and elsewhere from the
    impression until now.

    Args:
        shown_us: int64 ``(N,)``, of each impression.
        click: bool ``(N,)``.
        converted_us: int64 ``(N,)``, of the first conversion that the click is credited with; ``NEVER`` for none.
        now_us: when the model is trained.
        unit_us: of the third column; days unless it is given.

    Raises:
        DataError: an impression is of after ``now_us``, or a conversion is of before its impression or without a click.

    Example:
        >>> day = 24 * HOUR_US
        >>> shown, converted = np.array([0, day, day]), np.array([2 * day, 9 * day, NEVER])
        >>> conversion_labels(shown, np.array([True, True, False]), converted, now_us=4 * day).tolist()
        [[1.0, 1.0, 2.0], [1.0, 0.0, 3.0], [0.0, 0.0, 3.0]]
    """
    if len(shown_us) and int(shown_us.max()) > now_us:
        raise DataError(
            "an impression is of after the training", where="shown_us", fix="train on what lies before now_us"
        )
    known = converted_us != NEVER
    for wrong, what, fix in (
        (known & (converted_us < shown_us), "before its impression", "check the times"),
        (known & ~np.asarray(click, dtype=np.bool_), "without a click", "credit conversions to clicks"),
    ):
        if wrong.any():
            raise DataError(f"the conversion of row {int(wrong.argmax())} is {what}", where="converted_us", fix=fix)
    converted = converted_us <= now_us
    waited = (np.where(converted, converted_us, now_us) - shown_us) / unit_us
    return np.stack([np.asarray(click), converted, waited], axis=1).astype(np.float32)
