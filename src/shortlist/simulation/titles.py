"""Titles as people type them."""

from __future__ import annotations

import re

__all__ = ["short_title"]

_YEAR = re.compile(r"\s*\(\d{4}\)\s*$")
_TRAILING_ARTICLE = re.compile(r"^(.*), (The|A|An|Les?|La|El|Il|Das|Der|Die)$")


def short_title(title: str) -> str:
    """A title without its year, with its article in front.

    Example:
        >>> short_title("Usual Suspects, The (1995)")
        'The Usual Suspects'
    """
    plain = _YEAR.sub("", title)
    return _TRAILING_ARTICLE.sub(r"\2 \1", plain)
