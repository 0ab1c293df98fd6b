"""The manifest of a release: which files it holds, what it was trained on, and what its numbers mean."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated

import msgspec

from shortlist.core.errors import ReleaseError

__all__ = [
    "FORMAT",
    "FileFact",
    "Manifest",
    "Probability",
    "RankerFact",
    "ReleaseFacts",
    "SourceFact",
    "check_version",
]

FORMAT = 2
"""Version of the folder's layout; another one is refused."""

_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,79}")


class FileFact(msgspec.Struct, frozen=True, kw_only=True):
    """What a file must be: SHA-256 in hex, and its length in bytes."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    bytes: Annotated[int, msgspec.Meta(ge=0)]


class Probability(msgspec.Struct, frozen=True, kw_only=True):
    """What a probability of this release is a probability *of*.

    Attributes:
        of: the event and its condition, for example "P(rating of 4 stars or more | the user rates the item)".
        negatives: how negatives were made, and how that was corrected.
        simulated: whether it was fitted to simulated outcomes; said wherever the number shows.
    """

    of: str
    negatives: str = ""
    simulated: bool = False


class SourceFact(msgspec.Struct, frozen=True, kw_only=True):
    """How a source was fitted: on what, in words for people, and how long it took in seconds."""

    note: str
    seconds: float


class RankerFact(msgspec.Struct, frozen=True, kw_only=True):
    """How the feed's ranker was fitted.

    Attributes:
        losses: its log-loss on thinned rows of the calibration window after each pass; the best pass was kept.
        calibrator: what turns its probability into ``p_like``: "identity", "platt" or "isotonic".
        calibrator_losses: log-loss of each kind that was tried, on users of that window that it was not fitted on.
    """

    losses: tuple[float, ...]
    calibrator: str
    calibrator_losses: dict[str, float]


class ReleaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What training knows about a release.

    Attributes:
        dataset: name of the data it was trained on.
        licence: that data's terms, in words for people.
        policy: id of the policy under the settings of the training; a served page's own is logged with the page.
        probabilities: by column name (``p_like``, ``p_click_1``).
        slot_effects: alpha of each sponsored slot from the top; 1 at the reference slot.
        reference_slot: the slot at which ``p_click_1`` is evaluated.
        sampling_rates: share of rows kept in training, by table.
        features_hash: SHA-256 of the feature spec, in hex; a server with another spec refuses the release.
        sources: how each source was fitted, by its name.
        ranker: how the feed's ranker was fitted; None without a feed.
        metrics: held-out figures by name, as the evaluation printed them.
    """

    dataset: str
    licence: str
    policy: str
    probabilities: dict[str, Probability] = {}
    slot_effects: tuple[float, ...] = ()
    reference_slot: int = 1
    sampling_rates: dict[str, float] = {}
    features_hash: str = ""
    sources: dict[str, SourceFact] = {}
    ranker: RankerFact | None = None
    metrics: dict[str, float] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``manifest.json``.

    Attributes:
        format: version of the folder's layout.
        version: the release's name; also that of its folder.
        created_us: microseconds UTC.
        files: every file of the folder but the manifest and its signature, by path with forward slashes.
    """

    format: int
    version: str
    created_us: int
    facts: ReleaseFacts
    files: dict[str, FileFact]

    @classmethod
    def decode(cls, raw: bytes, where: str) -> Manifest:
        """Read ``manifest.json``.

        Raises:
            ReleaseError: it is not a manifest, is of another format, or names a file outside of its folder.
        """
        try:
            manifest = msgspec.json.decode(raw, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ReleaseError(f"this is no manifest: {error}", where=where, fix="restore the release") from None
        if manifest.format != FORMAT:
            raise ReleaseError(
                f"the release has format {manifest.format}, this version reads {FORMAT}",
                where=where,
                fix="train it again, or install the version that wrote it",
            )
        check_version(manifest.version)
        for path in manifest.files:
            parts = PurePosixPath(path).parts
            if not parts or path.startswith("/") or ".." in parts or "\\" in path:
                raise ReleaseError(f"the manifest names {path!r}", where=where, fix="restore the release")
        return manifest


def check_version(version: str) -> str:
    """A version that can be a folder's name, as it is.

    Raises:
        ReleaseError: it cannot.

    Example:
        >>> check_version("2026-11-24.1")
        '2026-11-24.1'
    """
    if not _VERSION.fullmatch(version):
        raise ReleaseError(
            f"{version!r} cannot name a release",
            where="version",
            fix="use 1 to 80 letters, digits, '.', '-' or '_', and begin with a letter or a digit",
        )
    return version
