"""The ring keeps the newest pages, and fewer of the large traces."""

from shortlist.core.page import Page, PolicyRecord
from shortlist.core.trace import CandidateTrace, Trace
from shortlist.serving.recent_pages import RecentPages


def page(number: int, *, detailed: bool = False) -> Page:
    rows = (CandidateTrace(item=1, sources={}, values={}),) if detailed else ()
    return Page(
        request_id=str(number),
        surface="feed",
        user=None,
        known_user=False,
        query="",
        release="r1",
        served_us=number,
        policy=PolicyRecord(policy="p", temperature=0.0, draw_key=0),
        items=(),
        traces=(Trace(funnel="feed", request_id=str(number), deadline_ms=1.0, took_ms=1.0, spans=(), candidates=rows),),
        scored=rows,
    )


def test_it_keeps_the_newest_newest_first() -> None:
    recent = RecentPages(capacity=3)
    for number in range(5):
        recent.add(page(number))
    assert [kept.request_id for kept in recent.latest(10)] == ["4", "3", "2"]
    assert [kept.request_id for kept in recent.latest(1)] == ["4"]
    assert recent.latest(0) == ()
    assert recent.get("1") is None
    assert recent.get("2") == page(2)
    assert len(recent) == 3


def test_only_the_newest_keep_their_candidates() -> None:
    recent = RecentPages(capacity=10, with_candidates=2)
    for number in range(4):
        recent.add(page(number, detailed=True))
        recent.add(page(number + 100))
    kept = {one.request_id: (len(one.traces[0].candidates), len(one.scored)) for one in recent.latest(10)}
    assert {name: counts for name, counts in kept.items() if int(name) < 100} == {
        "3": (1, 1),
        "2": (1, 1),
        "1": (0, 0),
        "0": (0, 0),
    }


def test_a_page_that_leaves_takes_its_candidates_along() -> None:
    recent = RecentPages(capacity=2, with_candidates=2)
    for number in range(3):
        recent.add(page(number, detailed=True))
    recent.add(page(9))
    recent.add(page(10))
    recent.add(page(11, detailed=True))
    assert [len(one.scored) for one in recent.latest(3)] == [1, 0]
