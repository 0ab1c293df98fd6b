"""Early stopping: training ends when what it is for no longer gets better."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["EarlyStopping"]


@dataclass(slots=True)
class EarlyStopping:
    """Keeps count of a figure that should rise, such as recall on later positives.

    Attributes:
        patience: checks without a better figure after which to stop.
        seen: the figures so far; give those of an interrupted run to go on from there.

    Example:
        >>> stopping = EarlyStopping(patience=2)
        >>> [stopping.better(recall) for recall in (0.1, 0.3, 0.2, 0.3)]
        [True, True, False, False]
        >>> stopping.over, stopping.best
        (True, 1)
    """

    patience: int
    seen: list[float] = field(default_factory=list)

    @property
    def best(self) -> int:
        """Which check was the best; the first of equals."""
        return self.seen.index(max(self.seen))

    @property
    def over(self) -> bool:
        """Have there been ``patience`` checks since the best one?"""
        return bool(self.seen) and len(self.seen) - 1 - self.best >= self.patience

    def better(self, figure: float) -> bool:
        """Note a check; was it better than all before it?"""
        self.seen.append(figure)
        return self.best == len(self.seen) - 1
