"""Campaigns as a JSON file: how a market is handed over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from shortlist.core.campaign import Campaign
from shortlist.core.errors import DataError

__all__ = ["read_campaigns", "write_campaigns"]


def read_campaigns(path: Path) -> tuple[Campaign, ...]:
    """The campaigns of a file.

    Raises:
        DataError: the file is missing, is not JSON, or a campaign is not as ``core.campaign`` says.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[Campaign, ...])
    except OSError as error:
        raise DataError(
            f"the campaigns cannot be read: {error.strerror}", where=str(path), fix="name a file that exists"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"the campaigns are malformed: {error}", where=str(path), fix="mend the field") from None


def write_campaigns(path: Path, campaigns: Sequence[Campaign]) -> None:
    """Write what ``read_campaigns`` reads, one campaign a line."""
    lines = ",\n".join(msgspec.json.encode(campaign).decode() for campaign in campaigns)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
