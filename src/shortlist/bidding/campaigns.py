"""``CampaignStore``: the campaigns of the market, durable, with what serving needs compiled from them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from shortlist.bidding.tables import CAMPAIGNS
from shortlist.bidding.validation import KnownItems, check_campaign
from shortlist.core.campaign import Campaign
from shortlist.core.errors import InvalidRequest, NotFound
from shortlist.retrieval.keywords import KeywordIndex

__all__ = ["CampaignBook", "CampaignStore"]


@dataclass(frozen=True, slots=True)
class CampaignBook:
    """All campaigns at one moment.

    Attributes:
        version: rises with every change of the store.
        campaigns: by catalogue key.
    """

    version: int
    campaigns: Mapping[int, Campaign]


class CampaignStore:
    """Creates, reads and pauses campaigns. Every change is on the disk when it returns. Safe to share.

    A market has one currency: that of its first campaign, for bids of different currencies cannot be compared.

    Args:
        market: opened by ``open_market``.
        known_items: tells of each item key whether the catalogue has it; without it items are not checked.
    """

    def __init__(self, market: sa.Engine, known_items: KnownItems | None = None) -> None:
        self._market = market
        self._known_items = known_items
        self._gate, self._compiling = threading.Lock(), threading.Lock()
        with market.connect() as connection:
            stored = connection.execute(sa.select(CAMPAIGNS.c.document).order_by(CAMPAIGNS.c.campaign)).scalars().all()
        held = (msgspec.json.decode(document, type=Campaign) for document in stored)
        self._book = CampaignBook(1, {campaign.campaign: campaign for campaign in held})
        self._keywords_version = self._compiled_version = 1
        self._index = KeywordIndex.compile(self._book.campaigns.values())

    @property
    def version(self) -> int:
        """Rises with every change."""
        return self._book.version

    def book(self) -> CampaignBook:
        """All campaigns at this moment; never changes once it is handed out."""
        return self._book

    def index(self) -> KeywordIndex:
        """The keyword index over all campaigns; the first to ask after campaigns were created compiles it.

        So a hundred new campaigns cost one compilation. Whatever the index finds, a book asked for later knows.
        """
        if self._compiled_version == self._keywords_version:
            return self._index
        with self._compiling:
            if self._compiled_version != self._keywords_version:
                # The version is read before the book: what is created in between is compiled again, never missed.
                version = self._keywords_version
                self._index = KeywordIndex.compile(self._book.campaigns.values())
                self._compiled_version = version
            return self._index

    def create(self, campaign: Campaign) -> Campaign:
        """Store a new campaign.

        Raises:
            InvalidRequest: its key is taken, or it does not make sense; the message names the field.
        """
        with self._gate:
            if campaign.campaign in self._book.campaigns:
                raise InvalidRequest(
                    f"there is a campaign {campaign.campaign} already",
                    where="field 'campaign'",
                    fix="choose a key that is not taken",
                )
            self._add([campaign])
        return campaign

    def create_many(self, campaigns: Iterable[Campaign]) -> int:
        """Store the campaigns whose keys are not taken yet, all of them or, if one does not make sense, none.

        Returns:
            How many were new.

        Raises:
            InvalidRequest: a campaign does not make sense, or two share a key.
        """
        with self._gate:
            new = [campaign for campaign in campaigns if campaign.campaign not in self._book.campaigns]
            if len({campaign.campaign for campaign in new}) < len(new):
                raise InvalidRequest(
                    "two of the campaigns have the same key", where="field 'campaign'", fix="give each its own key"
                )
            if new:
                self._add(new)
        return len(new)

    def get(self, key: int) -> Campaign:
        """One campaign.

        Raises:
            NotFound: there is none with that key.
        """
        try:
            return self._book.campaigns[key]
        except KeyError:
            raise NotFound(
                f"there is no campaign {key}", where="campaign", fix="create it, or ask for another"
            ) from None

    def list(self) -> tuple[Campaign, ...]:
        """All campaigns, by key."""
        campaigns = self._book.campaigns
        return tuple(campaigns[key] for key in sorted(campaigns))

    def pause(self, key: int, *, paused: bool = True) -> Campaign:
        """Stop a campaign, or let it run again.

        Raises:
            NotFound: there is none with that key.
        """
        with self._gate:
            changed = msgspec.structs.replace(self.get(key), paused=paused)
            with self._market.connect().execution_options(writes=True) as connection, connection.begin():
                connection.execute(
                    sa.update(CAMPAIGNS)
                    .where(CAMPAIGNS.c.campaign == key)
                    .values(document=msgspec.json.encode(changed))
                )
            # The keywords are the same: the index stands.
            self._book = CampaignBook(self.version + 1, {**self._book.campaigns, key: changed})
        return changed

    def _add(self, new: Sequence[Campaign]) -> None:
        currency = next((c.currency for c in self._book.campaigns.values()), new[0].currency)
        for campaign in new:
            check_campaign(campaign, currency=currency, known_items=self._known_items)
        rows = [{"campaign": c.campaign, "document": msgspec.json.encode(c)} for c in new]
        with self._market.connect().execution_options(writes=True) as connection, connection.begin():
            connection.execute(sa.insert(CAMPAIGNS), rows)
        self._book = CampaignBook(self.version + 1, {**self._book.campaigns, **{c.campaign: c for c in new}})
        self._keywords_version += 1
