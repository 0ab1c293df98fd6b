"""The runner: merging, deadlines, failure policies, drop reasons, traces. Components here are real, only tiny."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from shortlist.core.candidates import Candidates
from shortlist.core.columns import RANK_SCORE, RETRIEVAL_SCORE, SELECTION_PROPENSITY, SLOT
from shortlist.core.errors import ShortlistError, StageFailed
from shortlist.core.request import Request, RequestBatch
from shortlist.core.stages import Dropped, Filtered
from shortlist.funnel.runner import Funnel, Stage
from shortlist.funnel.source_pool import MAX_OVERDUE, SourcePool

GENEROUS = 5_000.0


class Lists:
    """A source that finds the same items for every request."""

    def __init__(self, name, items, *, wait_s=0.0, fails=False, held=None):
        self.name, self.items, self.wait_s, self.fails, self.held = name, np.array(items, np.int64), wait_s, fails, held

    def retrieve(self, batch):
        time.sleep(self.wait_s)
        if self.held is not None:
            self.held.wait(10)
        if self.fails:
            raise RuntimeError("secret detail")
        n, r = len(self.items), len(batch)
        return Candidates.found(
            self.name, np.arange(r + 1) * n, np.tile(self.items, r), np.tile(np.arange(n, 0, -1.0), r)
        )


class Hangs(Lists):
    """A source that does not answer until it is released, and counts its calls."""

    def __init__(self, name, items):
        super().__init__(name, items)
        self.begun, self.released = 0, threading.Event()

    def retrieve(self, batch):
        self.begun += 1
        self.released.wait(10)
        return super().retrieve(batch)


def until(true):
    """Tries again until it is true; a test that waits in vain fails."""
    patience = time.monotonic() + 10
    while not true():
        assert time.monotonic() < patience
        time.sleep(0.005)


class NoOdd:
    name = "no_odd"

    def __init__(self, *, cheats=False):
        self.cheats = cheats

    def filter(self, batch, candidates):
        kept = candidates.item % 2 == 0
        gone = candidates.key[~kept]
        return Filtered(kept, () if self.cheats else (Dropped("odd", gone),))


class ByItem:
    name = "by_item"

    def __init__(self, *, fails=False):
        self.fails = fails

    def score(self, batch, candidates):
        if self.fails:
            raise ShortlistError("the model is cold", where="by_item", fix="warm it")
        return {RANK_SCORE: candidates.item.astype(float)}


class Top:
    name = "top"

    def select(self, batch, candidates):
        column = RANK_SCORE if RANK_SCORE in candidates else RETRIEVAL_SCORE
        picks, offsets = [], [0]
        for n, request in enumerate(batch.requests):
            rows = candidates.rows_of(n)
            order = np.argsort(-candidates[column][rows], kind="stable")[: request.k] + rows.start
            picks.append(order)
            offsets.append(offsets[-1] + len(order))
        shown = candidates.arrange(np.concatenate(picks), np.array(offsets))
        return shown.with_columns({SLOT: np.arange(len(shown)) + 1, SELECTION_PROPENSITY: np.ones(len(shown))})


def funnel(*sources, filters=(), scorers=(), deadline_ms=GENEROUS, pool=None):
    return Funnel(
        name="test",
        deadline_ms=deadline_ms,
        sources=sources,
        filters=filters,
        scorers=scorers,
        selector=Stage(Top(), GENEROUS, required=True),
        pool=pool or SourcePool(),
    )


def ask(n=1, k=3):
    return RequestBatch.of(*(Request(f"r{i}", k=k, at_us=0) for i in range(n)))


def spans(run):
    return {span.name: span for span in run.trace.spans}


def test_the_whole_story_of_one_request():
    run = funnel(
        Stage(Lists("a", [2, 3, 4]), GENEROUS),
        Stage(Lists("b", [4, 6, 7]), GENEROUS),
        filters=(Stage(NoOdd(), GENEROUS),),
        scorers=(Stage(ByItem(), GENEROUS),),
    ).run(ask(k=2), debug=True)
    assert run.shown.item.tolist() == [6, 4]
    assert run.shown.sources_of(1) == ("a", "b")
    assert spans(run)["no_odd"].dropped == {"odd": 2}
    assert (spans(run)["no_odd"].n_in, spans(run)["no_odd"].n_out) == (5, 3)
    assert run.trace.degradations == ()
    told = {row.item: row for row in run.trace.candidates}
    assert set(told) == {2, 3, 4, 6, 7}
    assert (told[4].slot, told[4].sources) == (2, {"a": 3, "b": 1})
    assert (told[2].slot, told[2].dropped_by) == (0, "")
    assert (told[7].dropped_by, told[7].reason) == ("no_odd", "odd")


def test_sources_run_side_by_side():
    """Each waits for the other: one after the other they would never meet."""
    meet = threading.Barrier(2, timeout=5)

    class Meets(Lists):
        def retrieve(self, batch):
            meet.wait()
            return super().retrieve(batch)

    run = funnel(Stage(Meets("a", [1]), GENEROUS), Stage(Meets("b", [2]), GENEROUS)).run(ask())
    assert sorted(run.shown.item.tolist()) == [1, 2]


def test_an_inline_source_runs_on_the_request_s_thread_while_the_others_run_on_theirs():
    meet, threads = threading.Barrier(2, timeout=5), {}

    class Meets(Lists):
        def retrieve(self, batch):
            threads[self.name] = threading.current_thread()
            meet.wait()
            return super().retrieve(batch)

    run = funnel(Stage(Meets("a", [1]), GENEROUS, inline=True), Stage(Meets("b", [2]), GENEROUS)).run(ask())
    assert sorted(run.shown.item.tolist()) == [1, 2]
    assert threads["a"] is threading.current_thread()
    assert threads["b"] is not threading.current_thread()


def test_an_inline_source_keeps_what_it_found_however_late_and_the_next_one_is_skipped():
    run = funnel(
        Stage(Lists("slow", [1], wait_s=0.05), 1.0, inline=True),
        Stage(Lists("next", [2]), GENEROUS, inline=True),
        deadline_ms=40,
    ).run(ask())
    assert run.shown.item.tolist() == [1]
    assert spans(run)["slow"].over_budget
    assert spans(run)["next"].outcome == "skipped"


def test_an_inline_source_that_fails_follows_its_failure_policy():
    broken = Lists("broken", [2], fails=True)
    run = funnel(Stage(Lists("ok", [1]), GENEROUS, inline=True), Stage(broken, GENEROUS, inline=True)).run(ask())
    assert run.shown.item.tolist() == [1]
    assert run.trace.degradations[0].reason == "failed: RuntimeError"
    with pytest.raises(StageFailed, match="broken"):
        funnel(Stage(broken, GENEROUS, required=True, inline=True)).run(ask())


def test_a_late_source_is_dropped_and_named():
    held = threading.Event()
    run = funnel(Stage(Lists("quick", [1, 2]), GENEROUS), Stage(Lists("slow", [3], held=held), 30.0)).run(ask())
    held.set()
    assert run.shown.item.tolist() == [1, 2]
    assert spans(run)["slow"].outcome == "late"
    (degradation,) = run.trace.degradations
    assert (degradation.name, degradation.reason) == ("slow", "late: no answer in 30 ms")


def test_the_deadline_of_the_run_caps_a_generous_budget():
    held = threading.Event()
    run = funnel(Stage(Lists("q", [1]), GENEROUS), Stage(Lists("slow", [3], held=held), GENEROUS), deadline_ms=40).run(
        ask()
    )
    held.set()
    assert spans(run)["slow"].outcome == "late"


def test_a_patient_run_waits():
    slow = Stage(Lists("slow", [3], wait_s=0.05), 1.0)
    assert funnel(slow, deadline_ms=1.0).run(ask(), patient=True).shown.item.tolist() == [3]


def test_a_required_source_may_use_the_whole_deadline():
    slow = Stage(Lists("slow", [3], wait_s=0.05), 5.0, required=True)
    run = funnel(slow, Stage(Lists("quick", [1]), GENEROUS)).run(ask())
    assert sorted(run.shown.item.tolist()) == [1, 3]
    assert spans(run)["slow"].over_budget


def test_a_required_source_that_misses_the_deadline_fails_the_request():
    held = threading.Event()
    with pytest.raises(StageFailed, match="'slow' was late"):
        funnel(Stage(Lists("slow", [3], held=held), GENEROUS, required=True), deadline_ms=20).run(ask())
    held.set()


def test_a_source_that_hangs_is_left_out_and_comes_back_when_its_calls_end():
    hanging = Hangs("hanging", [3])
    f = funnel(Stage(Lists("quick", [1]), GENEROUS), Stage(hanging, 5.0))
    until(
        lambda: f.run(ask()) and hanging.begun == MAX_OVERDUE
    )  # a call that had not begun was cancelled, and does not count
    assert spans(f.run(ask()))["hanging"].outcome == "skipped"
    assert hanging.begun == MAX_OVERDUE
    hanging.released.set()
    until(lambda: spans(f.run(ask()))["hanging"].outcome == "ok")


def test_calls_that_a_failing_request_leaves_behind_count_too():
    hanging = Hangs("hanging", [3])
    f = funnel(Stage(Lists("broken", [], fails=True), GENEROUS, required=True), Stage(hanging, GENEROUS))

    def fails():
        with pytest.raises(StageFailed, match="broken"):
            f.run(ask())
        return hanging.begun == MAX_OVERDUE

    until(fails)
    fails()
    assert hanging.begun == MAX_OVERDUE
    hanging.released.set()


def test_an_optional_failure_is_reported_without_its_details():
    run = funnel(Stage(Lists("ok", [1]), GENEROUS), Stage(Lists("broken", [2], fails=True), GENEROUS)).run(ask())
    assert run.shown.item.tolist() == [1]
    (degradation,) = run.trace.degradations
    assert degradation.reason == "failed: RuntimeError"
    assert "secret" not in str(run.trace)


def test_without_its_scorer_the_page_falls_back_to_the_retrieval_order_and_says_so():
    run = funnel(
        Stage(Lists("a", [5, 9, 7]), GENEROUS),
        Stage(Lists("b", [9]), GENEROUS),
        scorers=(Stage(ByItem(fails=True), GENEROUS),),
    ).run(ask())
    assert run.shown.item.tolist()[0] == 9
    assert run.trace.degradations[0].reason.startswith("failed: the model is cold")


def test_a_required_scorer_that_fails_fails_the_request():
    with pytest.raises(StageFailed, match="by_item"):
        funnel(Stage(Lists("a", [5]), GENEROUS), scorers=(Stage(ByItem(fails=True), GENEROUS, required=True),)).run(
            ask()
        )


def test_after_the_deadline_optional_stages_are_skipped_and_required_ones_run():
    class Dawdles(NoOdd):
        def filter(self, batch, candidates):
            time.sleep(0.08)
            return Filtered(np.ones(len(candidates), bool), ())

    run = funnel(
        Stage(Lists("a", [5, 9]), GENEROUS),
        filters=(Stage(Dawdles(), GENEROUS, required=True),),
        scorers=(Stage(ByItem(), GENEROUS),),
        deadline_ms=60,
    ).run(ask())
    assert spans(run)["by_item"].outcome == "skipped"
    assert spans(run)["top"].outcome == "ok"


def test_a_filter_that_loses_rows_is_found_out():
    with pytest.raises(StageFailed, match="kept and dropped other rows"):
        funnel(Stage(Lists("a", [1, 2]), GENEROUS), filters=(Stage(NoOdd(cheats=True), GENEROUS, required=True),)).run(
            ask()
        )


def test_a_batch_gives_each_request_what_it_gets_alone():
    f = funnel(
        Stage(Lists("a", [2, 3, 4]), GENEROUS),
        Stage(Lists("b", [4, 6, 7]), GENEROUS),
        scorers=(Stage(ByItem(), GENEROUS),),
    )
    alone = f.run(ask(1)).shown.item.tolist()
    together = f.run(ask(5)).shown
    assert together.request_offsets.tolist() == [0, 3, 6, 9, 12, 15]
    assert together.item.reshape(5, 3).tolist() == [alone] * 5


def test_nothing_found_is_an_empty_page():
    run = funnel(
        Stage(Lists("a", []), GENEROUS), Stage(Lists("b", []), GENEROUS), scorers=(Stage(ByItem(), GENEROUS),)
    ).run(ask(), debug=True)
    assert len(run.shown) == 0
    assert run.trace.candidates == ()
