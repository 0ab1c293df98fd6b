"""Randomness that can be replayed: a draw key in the log is enough to draw the same page again."""

from __future__ import annotations

import secrets
from typing import TypeAlias

import numpy as np

__all__ = ["Rng", "generator", "new_draw_key"]

Rng: TypeAlias = np.random.Generator | int
"""What every function that draws takes: a generator, or a seed for one."""


def generator(rng: Rng) -> np.random.Generator:
    """A generator from a seed, or the generator itself.

    Example:
        >>> bool(generator(7).random() == generator(7).random())
        True
    """
    return rng if isinstance(rng, np.random.Generator) else np.random.Generator(np.random.Philox(rng))


def new_draw_key() -> int:
    """A fresh seed for one page, logged with it: 53 bits, so that it is the same number in every JSON reader."""
    return secrets.randbits(53)
