"""The one door that the API and the console go through: serve a page, take an event."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.ledger import Ledger
from shortlist.core.clock import Clock
from shortlist.core.errors import InvalidRequest, NotFound
from shortlist.core.page import Page, ShownAd
from shortlist.core.randomness import new_draw_key
from shortlist.core.request import Request
from shortlist.events.event import Event
from shortlist.events.event_log import EventLog, Recorded
from shortlist.events.lookup import Served, find_recorded, find_served, served_of
from shortlist.events.read import read_sponsored_clicks
from shortlist.funnel.engine import Engine
from shortlist.funnel.side_effects import SideEffects
from shortlist.releases.key import derive_key
from shortlist.serving import tokens
from shortlist.serving.disclosure import without_losers, without_visitor
from shortlist.serving.live_engine import LiveEngine
from shortlist.serving.recent_pages import RecentPages
from shortlist.serving.schemas import SentEvent

__all__ = ["FrontDesk"]

RECONCILED_US = 2 * tokens.LIFETIME_US
"""How far back clicks are compared with the ledger at the start."""


class FrontDesk:
    """Serves, logs and remembers pages; records events, charges clicks on ads, extends histories.

    Args:
        live: the engine that serves.
        events: the log of events.
        database: the log's.
        ledger: charges clicks.
        campaigns: who pays for them.
        after: the side effects of served pages, among them the log.
        recent: the last pages.
        key: the installation's key.
        clock: gives pages and events their time.
        local: whether only this machine reaches the server. If not, what is told of served pages leaves out what
            losing advertisers bid, and the list of the last pages says neither who asked nor for what.
    """

    def __init__(
        self,
        *,
        live: LiveEngine,
        events: EventLog,
        database: sa.Engine,
        ledger: Ledger,
        campaigns: CampaignStore,
        after: SideEffects,
        recent: RecentPages,
        key: bytes,
        clock: Clock,
        local: bool,
    ) -> None:
        self._live, self._events, self._database = live, events, database
        self._ledger, self._campaigns = ledger, campaigns
        self._after, self._recent, self._clock = after, recent, clock
        self._local = local
        self._token_key = derive_key(key, "ad token")

    def feed(self, engine: Engine, *, user: int | None, k: int, debug: bool = True) -> Page:
        """A feed that this engine makes, logged, with its trace; ``debug`` has the trace tell of every candidate.

        The engine is the live one as the request found it, whatever has taken over since: its catalogue holds every
        item of the page.

        Raises:
            NotFound: the active release has no feed.
            StageFailed: a required stage failed.
        """
        request = Request(uuid.uuid4().hex, k=k, at_us=self._clock.now_us(), user=user, draw_key=new_draw_key())
        return self._keep(engine.feed.serve(request, debug=debug))

    def search(
        self, engine: Engine, *, query: str, user: int | None, k: int, sponsored_slots: int, debug: bool = True
    ) -> Page:
        """A search page that this engine makes, logged, with its traces; all of it as in ``feed``.

        Raises:
            StageFailed: a required stage of the organic results failed.
        """
        request = Request(
            uuid.uuid4().hex,
            k=k,
            at_us=self._clock.now_us(),
            user=user,
            query=query,
            sponsored_slots=sponsored_slots,
            draw_key=new_draw_key(),
        )
        return self._keep(engine.search.serve(request, debug=debug))

    def page(self, request_id: str) -> Page:
        """A page that was served a short while ago, as far as its traces are for everybody who reaches the server.

        Raises:
            NotFound: it is not among those that are remembered.
        """
        page = self._remembered(request_id)
        return page if self._local else without_losers(page)

    def recent(self, n: int) -> Sequence[Page]:
        """The last pages, newest first."""
        latest = self._recent.latest(n)
        return latest if self._local else [without_visitor(without_losers(page)) for page in latest]

    def token(self, page: Page, ad: ShownAd) -> str:
        """The token that goes out with an ad."""
        return tokens.issue(ad, request_id=page.request_id, served_us=page.served_us, key=self._token_key)

    def click(self, *, request_id: str, slot: int, item: int, sponsored: bool) -> None:
        """A click on a slot of a remembered page, recorded and charged as one sent to the API would be.

        The slot says which of two ads for the same item is charged; the item, that the reader saw what the slot held.

        Raises:
            NotFound: the page is not remembered, or its slot did not show the item.
        """
        page = self._remembered(request_id)
        ad = next((shown for shown in page.ads if (shown.slot, shown.item) == (slot, item)), None)
        organic = any((shown.slot, shown.item) == (slot, item) for shown in page.items)
        if not (ad if sponsored else organic):
            raise NotFound(
                f"slot {slot} of page {request_id!r} did not show item {item}",
                where="slot",
                fix="click on what it showed",
            )
        event = SentEvent(
            event_id=uuid.uuid4().hex,
            kind="click",
            request_id=request_id,
            block="sponsored" if sponsored else "organic",
            slot=slot,
            item=item,
            token=self.token(page, ad) if ad and sponsored else "",
        )
        self.record([event])

    def record(self, events: Sequence[SentEvent]) -> Recorded:
        """Record events, charge the clicks on ads, extend the histories of those who clicked on organic items.

        A page that only memory holds yet is written in the events' own transaction. An event that is sent again is
        charged again as well, which the ledger takes for what it is: a crash between the log and the ledger leaves no
        click unpaid. A history takes one click a slot, however many ids it is sent under.

        Raises:
            InvalidRequest: an event names a page, a slot or an item that was not served, or its token is not good.
            EventConflict: an id is taken by an event of other content. In all cases nothing was recorded.
        """
        now_us = self._clock.now_us()
        pages: dict[str, Page] = {}
        served: dict[str, Served] = {}
        for number, event in enumerate(events):
            if event.request_id not in served:
                page = self._in_memory(event.request_id)
                if page is not None:
                    pages[event.request_id] = page
                served[event.request_id] = self._served(event.request_id, number) if page is None else served_of(page)
            _check_slot(event, served[event.request_id], number)
        claims = self._claims(events, now_us)
        plain = [Event(**{name: getattr(event, name) for name in Event.__struct_fields__}) for event in events]
        with self._live.recording():
            recorded = self._events.record(plain, now_us, tuple(pages.values()))
            history = self._live.engine.history
            for new in recorded.first:
                user = served[new.request_id].user
                if new.kind == "click" and new.block == "organic" and user is not None:
                    history.append(user=user, item=new.item, at_us=now_us, positive=True)
        for claim in claims:
            self._charge(claim.campaign, claim.impression, claim.price, now_us)
        return recorded

    def reconcile(self) -> int:
        """Charge the recorded clicks that a crash kept from the ledger; how many these were."""
        since_us = self._clock.now_us() - RECONCILED_US
        charged = self._ledger.charged(since_us=since_us)
        unpaid = 0
        for request_id, slot, campaign, price, received_us in read_sponsored_clicks(
            self._database, since_us=since_us
        ).iter_rows():
            impression = tokens.impression_id(request_id, slot)
            if impression not in charged:
                self._charge(campaign, impression, price, received_us)
                charged.add(impression)
                unpaid += 1
        return unpaid

    def _keep(self, page: Page) -> Page:
        self._recent.add(page)
        return page

    def _charge(self, campaign: int, impression: str, price: int, at_us: int) -> None:
        self._ledger.charge(
            self._campaigns.get(campaign), impression=impression, kind="click", price=price, at_us=at_us
        )

    def _remembered(self, request_id: str) -> Page:
        page = self._recent.get(request_id)
        if page is None:
            raise NotFound(
                f"no page {request_id!r} is remembered",
                where="request_id",
                fix="load the page anew; see the log for old ones",
            )
        return page

    def _in_memory(self, request_id: str) -> Page | None:
        """The page whole while the log may lack it; after that, as long as it is remembered."""
        return self._after.waiting(request_id) or self._recent.get(request_id)

    def _served(self, request_id: str, number: int) -> Served:
        served = find_served(self._database, request_id)
        if served is None:
            raise InvalidRequest(
                f"no page {request_id!r} was served here",
                where=f"events[{number}].request_id",
                fix="send the request_id that came with the page",
            )
        return served

    def _claims(self, events: Sequence[SentEvent], now_us: int) -> list[tokens.AdClaim]:
        """What the clicks on ads were promised, but for late repetitions of what was recorded and charged in time."""
        claims: list[tokens.AdClaim] = []
        refused: dict[str, InvalidRequest] = {}
        for number, event in enumerate(events):
            if event.block != "sponsored" or event.kind != "click":
                continue
            impression = tokens.impression_id(event.request_id, event.slot)
            try:
                claims.append(tokens.verify(event.token, impression=impression, now_us=now_us, key=self._token_key))
            except InvalidRequest as error:
                told = InvalidRequest(error.what, where=f"events[{number}].{error.where}", fix=error.fix)
                refused.setdefault(event.event_id, told)
        if refused:
            known = find_recorded(self._database, refused)
            for event_id, mistake in refused.items():
                if event_id not in known:
                    raise mistake
        return claims


def _check_slot(event: Event, page: Served, number: int) -> None:
    shown = page.items.get((event.block, event.slot))
    if shown is None:
        raise InvalidRequest(
            f"page {event.request_id!r} has no {event.block} slot {event.slot}",
            where=f"events[{number}].slot",
            fix="send the slot as the page numbered it, from 1 in each block",
        )
    if shown != event.item:
        raise InvalidRequest(
            f"slot {event.slot} of page {event.request_id!r} did not show item {event.item}",
            where=f"events[{number}].item",
            fix="send the item that the page showed in that slot",
        )
