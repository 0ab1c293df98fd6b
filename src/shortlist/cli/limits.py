"""Bounds of what several commands take."""

from __future__ import annotations

__all__ = ["LARGEST"]

LARGEST = 2**63 - 1
"""Of seeds and of catalogue keys: what 64 bits with a sign hold."""
