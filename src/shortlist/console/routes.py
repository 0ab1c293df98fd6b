"""``GET /``, ``/search``, ``/trace`` and ``/trace/{request_id}``: the playground and the traces behind it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Request as HttpRequest
from litestar import Response, Router, get, post
from litestar.exceptions import PermissionDeniedException
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from shortlist.console.desk import Desk
from shortlist.console.items import cards_of, simulated_note, value_text
from shortlist.console.score_table import score_tables
from shortlist.console.trace_view import funnel_view, matching_items
from shortlist.console.unfilled import WithoutUnfilled
from shortlist.core.clock import iso
from shortlist.core.page import Page
from shortlist.funnel.engine import Engine
from shortlist.pages.shell import Shell, root_of
from shortlist.pages.trace_chart import count_rows

__all__ = ["Reaction", "console_router"]

VISITORS = 2**52
"""Keys from here on are drawn for new visitors: nobody has a history under them."""
SPONSORED_SLOTS = 3
RECENT = 50
LIKED_SHOWN = 5

Http = HttpRequest[Any, Any, Any]
UserKey = Annotated[int | None, QueryParameter(ge=0, le=2**63 - 1)]
Slots = Annotated[int, QueryParameter(ge=1, le=50)]
Words = Annotated[str, QueryParameter(max_length=500)]


class Reaction(msgspec.Struct, frozen=True):
    """The form behind an item's button: a click, and the page to come back to.

    Attributes:
        slot: from 1 in each block; two ads may show one item, and the slot says which of them was clicked.
        sponsored: "1" for an ad's slot.
    """

    request_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    slot: Annotated[int, msgspec.Meta(ge=1, le=200)]
    item: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    sponsored: str = ""
    user: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    k: Annotated[int, msgspec.Meta(ge=1, le=50)] = 10
    q: Annotated[str, msgspec.Meta(max_length=500)] = ""


def console_router(engine: Callable[[], Engine], desk: Desk) -> Router:
    """The console's pages.

    Args:
        engine: the active engine; asked for at every request, so that a new release shows at once.
        desk: serves and remembers pages as the API does.
    """
    shell = Shell("shortlist.console", {"iso": iso, "value_text": value_text})

    @get("/", sync_to_thread=True)
    def playground(
        request: Http, user: UserKey = None, k: Slots = 10, *, visitor: FromQuery[bool] = False
    ) -> Response[str] | Redirect:
        """The feed of a user, of a new visitor, or of the user with the smallest key."""
        active = engine()
        known = active.history.users(8)
        if not known:
            return Redirect("search", status_code=303)  # a catalogue without users has no feed
        if visitor:
            user = VISITORS + secrets.randbelow(VISITORS)
        user = known[0] if user is None else user
        page = desk.feed(active, user=user, k=k)
        return shell.page(
            request, "feed.html", here="Feed", user=user, k=k, known=known, **_page_values(page, active, user)
        )

    @get("/search", sync_to_thread=True)
    def search(request: Http, q: Words = "", user: UserKey = None, k: Slots = 10) -> Response[str]:
        """Results and sponsored results for a query; without one, the empty box."""
        active = engine()
        values: dict[str, Any] = {"page": None}
        if q.strip():
            page = desk.search(active, query=q, user=user, k=k, sponsored_slots=SPONSORED_SLOTS)
            values = _page_values(page, active, user)
        return shell.page(request, "search.html", here="Search", q=q, user=user, k=k, **values)

    @post("/react", sync_to_thread=True)
    def react(request: Http, data: URLEncodedBody[Reaction]) -> Redirect:
        """A click on an item, from the button's form; back to the page that it was on."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise PermissionDeniedException("a click may only come from these pages")
        desk.click(request_id=data.request_id, slot=data.slot, item=data.item, sponsored=bool(data.sponsored))
        state = {"user": data.user, "k": data.k, "q": data.q}
        query = urlencode({name: value for name, value in state.items() if value not in (None, "")})
        return Redirect(f"{root_of(request) or './'}{'search' if data.q else ''}?{query}", status_code=303)

    @get("/trace", sync_to_thread=True)
    def traces(request: Http) -> Response[str]:
        """The last pages that were served."""
        return shell.page(request, "traces.html", here="Traces", pages=desk.recent(RECENT))

    @get("/trace/{request_id:str}", sync_to_thread=True)
    def trace(request: Http, request_id: FromPath[str], why: Words = "") -> Response[str]:
        """What one request did, stage by stage, and what became of its candidates."""
        page = desk.page(request_id)
        catalogue = engine().catalogue
        asked = matching_items(why, catalogue)
        funnels = [funnel_view(part, page, catalogue, asked) for part in page.traces]
        scores = score_tables(engine(), page, asked)
        met = {story.item for funnel in funnels for story in funnel.asked}
        missed = [catalogue.title(item) or f"item {item}" for item in asked if item not in met]
        return shell.page(
            request,
            "trace.html",
            here="Traces",
            page=page,
            funnels=funnels,
            scores=scores,
            why=why,
            missed=missed,
            n_asked=len(asked),
        )

    return Router(
        "/",
        route_handlers=[playground, search, react, traces, trace],
        middleware=[WithoutUnfilled],
        exception_handlers=shell.error_handlers(),  # type: ignore[arg-type]
        include_in_schema=False,
    )


def _page_values(page: Page, active: Engine, user: int | None) -> dict[str, Any]:
    items, ads = cards_of(page, active.catalogue)
    liked, _ = active.history.before([user], [page.served_us])
    recent = [active.catalogue.title(int(item)) for item in liked[0][::-1][:LIKED_SHOWN]]
    counts = [(trace, count_rows(trace)) for trace in page.traces]
    return {
        "page": page,
        "items": items,
        "ads": ads,
        "simulated": simulated_note(page, active.release),
        "unmatched": bool(page.items) and not any("lexical" in shown.sources for shown in page.items),
        "liked": recent,
        "n_liked": len(liked[0]),
        "counts": counts,
    }
