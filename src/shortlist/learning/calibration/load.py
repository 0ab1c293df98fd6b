"""Reading calibrators back."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import msgspec

from shortlist.core.errors import ReleaseError
from shortlist.learning.calibration.beta import BetaCalibrator
from shortlist.learning.calibration.calibrator import Calibrator
from shortlist.learning.calibration.histogram import HistogramCalibrator
from shortlist.learning.calibration.identity import IdentityCalibrator
from shortlist.learning.calibration.isotonic import IsotonicCalibrator
from shortlist.learning.calibration.platt import PlattCalibrator
from shortlist.learning.calibration.temperature import TemperatureCalibrator

__all__ = ["load_calibrator"]

_Kinds: TypeAlias = (
    IdentityCalibrator
    | PlattCalibrator
    | TemperatureCalibrator
    | BetaCalibrator
    | IsotonicCalibrator
    | HistogramCalibrator
)


def load_calibrator(path: Path) -> Calibrator:
    """Read what any kind's ``save`` wrote.

    Raises:
        ReleaseError: the file is missing, or its knots and values are not what a calibrator has.
    """
    try:
        found: _Kinds = msgspec.json.decode(path.read_bytes(), type=_Kinds)
    except (OSError, msgspec.MsgspecError) as error:
        raise ReleaseError(
            f"the calibrator cannot be read: {error}", where=str(path), fix="train a new release"
        ) from None
    if not _keeps_the_order(found):
        raise ReleaseError("the calibrator's knots or slopes do not rise", where=str(path), fix="train a new release")
    return found


def _keeps_the_order(found: _Kinds) -> bool:
    match found:
        case IsotonicCalibrator(knots=knots, values=values) | HistogramCalibrator(edges=knots, values=values):
            rises = all(a < b for a, b in pairwise(knots)) and all(a <= b for a, b in pairwise(values))
            return 0 < len(knots) == len(values) and rises and values[0] > 0.0 and values[-1] < 1.0
        case PlattCalibrator(slope=slope) | TemperatureCalibrator(inverse=slope):
            return slope >= 0.0
        case BetaCalibrator(a=a, b=b):
            return min(a, b) >= 0.0
        case _:
            return True
