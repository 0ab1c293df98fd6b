"""How long work tells what it is doing."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "silent"]

Progress = Callable[[str, int, int], None]
"""What is going on, steps done, steps in all."""


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
