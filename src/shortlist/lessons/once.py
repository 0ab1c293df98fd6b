"""Work that is done once an engine: a new release gets its own result, the old one's is let go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from shortlist.funnel.engine import Engine

__all__ = ["OncePerEngine"]

T = TypeVar("T")


class OncePerEngine(Generic[T]):
    """Remembers what ``make`` made of the last engine; callers that come meanwhile wait for it."""

    def __init__(self, make: Callable[[Engine], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._last: tuple[Engine, T] | None = None

    def __call__(self, engine: Engine) -> T:
        """The result for this engine."""
        with self._lock:
            if self._last is None or self._last[0] is not engine:
                self._last = (engine, self._make(engine))
            return self._last[1]
