"""Side effects run off the response path, in order, and nothing is lost."""

from __future__ import annotations

import threading

from shortlist.core.page import Page, PolicyRecord
from shortlist.funnel.side_effects import MAX_PAGES, SideEffects


def page(name):
    return Page(
        request_id=name,
        surface="feed",
        user=None,
        known_user=False,
        query="",
        release="r",
        served_us=0,
        policy=PolicyRecord(policy="p", temperature=0.0, draw_key=0),
        items=(),
    )


class Keeps:
    name = "keeps"

    def __init__(self, *, gate=None, fails_on=()):
        self.seen, self.calls, self.threads, self.gate, self.fails_on = [], [], set(), gate, set(fails_on)
        self.begun = threading.Event()

    def after(self, pages):
        self.begun.set()
        if self.gate is not None:
            self.gate.wait(5)
        self.threads.add(threading.current_thread().name)
        self.seen += [page.request_id for page in pages]
        self.calls.append(len(pages))
        if self.fails_on & {page.request_id for page in pages}:
            raise OSError("disk full")


def test_pages_are_kept_in_order_on_another_thread():
    keeps = Keeps()
    effects = SideEffects([keeps])
    for n in range(50):
        effects.submit(page(str(n)))
    effects.close()
    assert keeps.seen == [str(n) for n in range(50)]
    assert keeps.threads == {"side-effects"}


def test_what_waits_is_handed_over_at_once():
    keeps = Keeps(gate=threading.Event())
    effects = SideEffects([keeps])
    effects.submit(page("first"))
    assert keeps.begun.wait(5)
    for n in range(MAX_PAGES + 10):
        effects.submit(page(str(n)))
    keeps.gate.set()
    effects.close()
    assert keeps.calls == [1, MAX_PAGES, 10]
    assert effects.done == MAX_PAGES + 11


def test_a_page_is_found_until_its_effects_have_run_and_nobody_waits_for_one_that_never_came():
    keeps = Keeps(gate=threading.Event())
    effects = SideEffects([keeps])
    pages = [page("running"), page("queued")]
    for one in pages:
        effects.submit(one)
    assert keeps.begun.wait(5)
    assert [effects.waiting("running"), effects.waiting("queued")] == pages
    assert effects.waiting("never") is None, "answered while the worker stands still"
    keeps.gate.set()
    effects.close()
    assert effects.waiting("queued") is None


def test_the_caller_does_not_wait_for_a_slow_effect():
    gate = threading.Event()
    keeps = Keeps(gate=gate)
    effects = SideEffects([keeps])
    effects.submit(page("a"))  # returns although the effect cannot finish yet
    assert keeps.seen == []
    gate.set()
    effects.close()
    assert keeps.seen == ["a"]


def test_a_full_queue_makes_the_caller_do_the_work_and_loses_nothing():
    gate = threading.Event()
    keeps = Keeps(gate=gate)
    effects = SideEffects([keeps], capacity=1)
    callers = [threading.Thread(target=effects.submit, args=(page(str(n)),), name="caller") for n in range(8)]
    for caller in callers:
        caller.start()
    gate.set()
    for caller in callers:
        caller.join()
    effects.close()
    assert sorted(keeps.seen) == [str(n) for n in range(8)]
    assert "caller" in keeps.threads


def test_one_failure_stops_neither_the_other_effects_nor_the_next_pages(caplog):
    broken, keeps = Keeps(fails_on={"a"}), Keeps()
    effects = SideEffects([broken, keeps])
    effects.submit(page("a"))
    assert broken.begun.wait(5)
    effects.submit(page("b"))
    effects.close()
    assert keeps.seen == ["a", "b"]
    assert (effects.done, effects.failed) == (2, 1)
    assert "failed for a" in caplog.text


def test_closing_deals_with_what_still_waits():
    keeps = Keeps()
    effects = SideEffects([keeps])
    for n in range(200):
        effects.submit(page(str(n)))
    effects.close()
    assert len(keeps.seen) == 200
