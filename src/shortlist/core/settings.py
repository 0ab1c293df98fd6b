"""``shortlist.toml``: every knob, typed, with its default and its unit. An unknown key names the nearest right one."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec

from shortlist.core.allowed import allowed
from shortlist.core.errors import SettingsError

__all__ = ["AuctionSettings", "FeedSettings", "SearchSettings", "ServerSettings", "Settings", "load_settings"]

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, msgspec.Meta(gt=0.0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]
Count = Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class FeedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The feed.

    Attributes:
        deadline_ms: for a whole page, milliseconds.
        source_budget_ms: for the sources, which run side by side.
        candidates_per_source: rows a source may bring.
        ranked_at_most: rows of the merge that go on to the ranker.
        diversity: weight of the likeness to what stands above in the re-ranker's marginal score (MMR), in [0, 1].
        temperature: of the slot softmax over marginal scores; 0 is greedy.
        scored_sampling_rate: share of pages whose scored candidates are logged whole.
        exploration: ε, the share of each slot that is kept for little-known items; 0 keeps none.
        exploration_temperature: of the softmax among the little-known items, whose scores are scaled to [0, 1].
        little_known_below: an item that the release's log met fewer times than this is little known.
    """

    deadline_ms: Positive = 100.0
    source_budget_ms: Positive = 20.0
    candidates_per_source: Count = 200
    ranked_at_most: Count = 100
    diversity: Share = 0.2
    temperature: NotNegative = 0.03
    scored_sampling_rate: Share = 0.01
    exploration: Share = 0.0
    exploration_temperature: NotNegative = 0.3
    little_known_below: Count = 20


class SearchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The organic results of a search page.

    Attributes:
        deadline_ms: for a whole page, milliseconds.
        source_budget_ms: for the sources, which run side by side.
        candidates_per_source: rows a source may bring.
        diversity: as in the feed.
        temperature: as in the feed.
        scored_sampling_rate: as in the feed.
    """

    deadline_ms: Positive = 100.0
    source_budget_ms: Positive = 20.0
    candidates_per_source: Count = 200
    diversity: Share = 0.0
    temperature: NotNegative = 0.03
    scored_sampling_rate: Share = 0.01


class AuctionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sponsored results of a search page.

    Attributes:
        reserve_micros: the least a click may cost, in micros of the campaign's currency.
        squashing: θ of the quality weight w = q_ref^(1-θ) q^θ; 1 is plain quality.
        deadline_ms: for the sponsored block, milliseconds.
    """

    reserve_micros: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 50_000
    squashing: Share = 1.0
    deadline_ms: Positive = 30.0


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The server.

    Attributes:
        host: the address to listen on; the loopback address unless it is set.
        port: TCP port.
        hosts: names under which it may be asked for, beside ``host`` and, where it listens there, the loopback's names.
        max_body_bytes: a larger request body is refused with status 413.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8000
    hosts: tuple[str, ...] = ()
    max_body_bytes: Annotated[int, msgspec.Meta(ge=1_024, le=2**27)] = 262_144


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of ``shortlist.toml``."""

    feed: FeedSettings = FeedSettings()
    search: SearchSettings = SearchSettings()
    auction: AuctionSettings = AuctionSettings()
    server: ServerSettings = ServerSettings()


def load_settings(path: Path | None = None) -> Settings:
    """Read a settings file; without one, the defaults.

    Raises:
        SettingsError: the file is missing or is not TOML, or it holds an unknown key or a value out of range.
    """
    if path is None:
        return Settings()
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError("there is no settings file", where=str(path), fix="name a file that exists") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the file is not TOML: {error}", where=str(path), fix="mend the line it names") from None
    _refuse_unknown(raw, Settings, path, "")
    try:
        return msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$.")
        key = place.rstrip("`")
        cure = f"give {key} {allowed(Settings, key)}"
        raise SettingsError(f"{key}: {what}", where=str(path), fix=cure) from None


def _refuse_unknown(raw: dict[str, Any], kind: type[msgspec.Struct], path: Path, prefix: str) -> None:
    known = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in raw.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
            raise SettingsError(
                f"unknown key {prefix + key!r}", where=str(path), fix=f"did you mean {prefix + near[0]!r}?"
            )
        inner = known[key]
        if isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            _refuse_unknown(value, inner, path, f"{prefix}{key}.")
