"""What was served comes back out of the log whole; events count once; a forgotten user is nobody."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.clock import HOUR_US
from shortlist.core.errors import DataError, ShortlistError
from shortlist.core.page import Page, PolicyRecord, ShownAd, ShownItem
from shortlist.core.stages import SideEffect
from shortlist.core.trace import CandidateTrace, Degradation
from shortlist.events import database, read
from shortlist.events.database import open_database
from shortlist.events.event import Event, EventConflict
from shortlist.events.event_log import EventLog
from shortlist.events.export import export_log, scan_exported
from shortlist.events.group_commit import GroupCommit
from shortlist.events.lookup import find_recorded, find_served, served_of
from shortlist.events.page_log import PageLog
from shortlist.events.pseudonyms import forget_user
from shortlist.events.tables import EVENTS, LOG, PSEUDONYMS, SCORED

DRAW_KEY = 2**63 - 1
AD = ShownAd(
    slot=1,
    item=12,
    campaign=7,
    creative=1,
    keyword=2,
    match_type="exact",
    currency="EUR",
    bid=900_000,
    reserve=50_000,
    quality=0.3,
    p_click_1=0.25,
    slot_effect=1.0,
    auction_score=270_000.0,
    price=(1 << 53) + 1,
    selection_propensity=1.0,
    throttle_probability=0.5,
)

ORGANIC = CandidateTrace(item=10, sources={"als": 1}, values={"p_like": 0.5}, slot=1)
LOSER = CandidateTrace(
    item=12,
    sources={"keywords": 2},
    values={"campaign": 2**53 + 1, "creative": 1, "keyword": 2, "bid": 300_000, "p_click_1": 0.1},
    block="sponsored",
)


def page(request_id: str = "p1", user: int | None = 5, served_us: int = 10, *, scored: bool = False) -> Page:
    return Page(
        request_id=request_id,
        surface="search",
        user=user,
        known_user=True,
        query="red kettle",
        release="r1",
        served_us=served_us,
        policy=PolicyRecord(policy="softmax", temperature=0.02, draw_key=DRAW_KEY),
        items=(
            ShownItem(slot=1, item=10, sources=("als", "popular"), selection_propensity=0.75, scores={"p_like": 0.5}),
            ShownItem(slot=2, item=11, sources=("als",), selection_propensity=0.25, scores={"p_like": 0.25}),
        ),
        ads=(AD,),
        degradations=(Degradation(stage="retrieve", name="two_tower", reason="late"),),
        scored=(ORGANIC, LOSER) if scored else (),
        scored_sampling_rate=0.01,
    )


def click(event_id: str = "e1", **changes: object) -> Event:
    event = Event(event_id=event_id, kind="click", request_id="p1", block="organic", slot=1, item=10, event_us=11)
    return msgspec.structs.replace(event, **changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.sqlite"


@pytest.fixture
def engine(path: Path) -> Iterator[sa.Engine]:
    engine = open_database(path, LOG)
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine: sa.Engine) -> Iterator[GroupCommit]:
    writer = GroupCommit(engine)
    yield writer
    writer.close()


def test_a_page_comes_back_whole(engine: sa.Engine, writer: GroupCommit) -> None:
    effect: SideEffect = PageLog(writer)
    effect.after([page(scored=True)])
    logged = read.read_pages(engine).row(0, named=True)
    assert logged["draw_key"] == DRAW_KEY
    assert logged["temperature"] == 0.02
    assert logged["scored"]
    assert logged["degradations"] == [{"stage": "retrieve", "name": "two_tower", "reason": "late"}]
    slots = read.read_slots(engine)
    assert slots.schema == pl.Schema(read.SLOTS_SCHEMA)
    assert slots["block"].to_list() == ["organic", "organic", "sponsored"]
    assert slots["selection_propensity"].to_list() == [0.75, 0.25, 1.0]
    assert slots["scores"][0].to_list() == [{"name": "p_like", "value": 0.5}]
    assert slots["sources"][0].to_list() == ["als", "popular"]
    ad = slots.row(2, named=True)
    assert {name: ad[name] for name in AD.__struct_fields__} == msgspec.structs.asdict(AD)
    assert slots["campaign"].to_list() == [None, None, 7]
    assert set(slots["draw_key"]) == {DRAW_KEY}
    scored = read.read_scored(engine)
    assert scored["sources"][0].to_list() == [{"name": "als", "rank": 1}]
    names = ("block", "item", "slot", "campaign", "creative", "keyword")
    assert scored.select(names).rows() == [("organic", 10, 1, None, None, None), ("sponsored", 12, 0, 2**53 + 1, 1, 2)]
    assert [score["name"] for score in scored["scores"][1]] == ["bid", "p_click_1"], "ids are columns"


def test_tables_without_rows_have_their_schema(engine: sa.Engine) -> None:
    assert read.read_pages(engine).schema == pl.Schema(read.PAGES_SCHEMA)
    assert read.read_slots(engine).schema == pl.Schema(read.SLOTS_SCHEMA)
    assert read.read_scored(engine).schema == pl.Schema(read.SCORED_SCHEMA)
    assert read.read_events(engine).schema == pl.Schema(read.EVENTS_SCHEMA)


def test_a_page_that_comes_twice_is_logged_once(engine: sa.Engine, writer: GroupCommit) -> None:
    PageLog(writer).after([page()])
    PageLog(writer).after([page()])
    assert (len(read.read_pages(engine)), len(read.read_slots(engine))) == (1, 3)


def test_many_pages_are_one_transaction_and_one_that_fails_harms_no_other(
    engine: sa.Engine, writer: GroupCommit
) -> None:
    twice = page("p1").items[0]
    pages = [page(f"p{number}") for number in range(300)]
    pages[7] = msgspec.structs.replace(pages[7], items=(twice, twice))
    with pytest.raises(ExceptionGroup, match="not in the log") as failed:
        PageLog(writer).after(pages)
    assert writer.commits == 1
    assert set(read.read_pages(engine)["request_id"]) == {one.request_id for one in pages} - {"p7"}
    (only,) = failed.value.exceptions
    assert only.__notes__ == ["page p7"]


def test_a_page_that_is_still_in_memory_is_written_with_its_event(engine: sa.Engine, writer: GroupCommit) -> None:
    log = EventLog(writer)
    log.record([click()], 20, [page(scored=True)])
    assert writer.commits == 1
    assert read.read_events(engine)["surface"].to_list() == ["search"], "joined with its page"
    assert read.read_clicks(engine)[0].rows() == [(5, 10, 20)]
    PageLog(writer).after([page(scored=True)])
    assert (len(read.read_pages(engine)), len(read.read_scored(engine))) == (1, 2)

    assert forget_user(engine, writer, 5)
    log.record([click("e2", slot=2, item=11)], 21, [page()])
    assert read.read_clicks(engine)[0].is_empty(), "a page that the log holds brings no forgotten user back"

    with pytest.raises(EventConflict):
        log.record([click(slot=2)], 22, [page("p9")])
    assert len(read.read_pages(engine)) == 1, "a refused batch leaves no page either"


def test_clicks_on_one_slot_are_one_history_entry(engine: sa.Engine, writer: GroupCommit) -> None:
    PageLog(writer).after([page(), page("p2")])
    log = EventLog(writer)
    flood = log.record([click(f"e{number}") for number in range(1_000)], received_us=20)
    assert (len(flood.new), [event.event_id for event in flood.first]) == (1_000, ["e0"])
    _, known = read.read_clicks(engine)
    more = log.record(
        [
            click("again"),
            click("seen", kind="impression"),
            click("other slot", slot=2, item=11),
            click("other page", request_id="p2"),
        ],
        received_us=30,
    )
    assert [event.event_id for event in more.first] == ["seen", "other slot", "other page"]
    assert read.read_clicks(engine)[0].rows() == [(5, 10, 20), (5, 11, 30), (5, 10, 30)]
    assert read.read_clicks(engine, after_sequence=known)[0].rows() == [(5, 11, 30), (5, 10, 30)]


def test_ids_of_recorded_events_are_read_beside_the_writer(engine: sa.Engine, writer: GroupCommit) -> None:
    EventLog(writer).record([click(), click("e2")], received_us=20)
    commits = writer.commits
    assert find_recorded(engine, ["e1", "e9"]) == {"e1"}
    assert find_recorded(engine, [f"x{number}" for number in range(1_000)]) == set()
    assert writer.commits == commits


def test_a_file_of_before_gets_the_columns_that_it_lacks(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "events.sqlite") as old:
        columns = "request_id, candidate, item, slot, sources, scores, dropped_by, reason"
        old.execute(f"create table scored ({columns})")
        old.execute("insert into scored values ('p0', 0, 10, 1, '{}', '{}', '', '')")
    old.close()
    engine = open_database(tmp_path / "events.sqlite", LOG)
    with engine.connect() as connection:
        assert connection.execute(sa.select(SCORED.c.item, SCORED.c.block)).all() == [(10, None)]
    engine.dispose()


def test_an_event_sent_again_counts_once(engine: sa.Engine, writer: GroupCommit) -> None:
    log = EventLog(writer)
    first = log.record([click(), click("e2", kind="impression"), click()], received_us=20)
    assert ([event.event_id for event in first.new], first.duplicates) == (["e1", "e2"], 1)
    again = log.record([click("e2", kind="impression"), click("e3")], received_us=30)
    assert ([event.event_id for event in again.new], again.duplicates) == (["e3"], 1)
    table = read.read_events(engine)
    assert table.select("event_id", "event_us", "received_us").rows() == [
        ("e1", 11, 20),
        ("e2", 11, 20),
        ("e3", 11, 30),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "conversion"},
        {"request_id": "p2"},
        {"block": "sponsored"},
        {"slot": 2},
        {"item": 11},
        {"event_us": 12},
        {"event_us": None},
        {"value_micros": 1},
        {"currency": "EUR"},
    ],
)
def test_an_id_with_other_content_is_a_conflict_and_writes_nothing(
    engine: sa.Engine, writer: GroupCommit, changes: dict[str, object]
) -> None:
    log = EventLog(writer)
    log.record([click()], received_us=20)
    with pytest.raises(EventConflict, match=next(iter(changes))) as refused:
        log.record([click("e9"), click(**changes)], received_us=21)
    assert refused.value.where == "events[1]"
    assert len(read.read_events(engine)) == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), min_size=1, max_size=30), st.randoms())
@settings(max_examples=15, derandomize=True)
def test_the_log_holds_each_id_once_whatever_is_sent(
    tmp_path_factory: pytest.TempPathFactory, sent: list[tuple[int, int]], random: object
) -> None:
    engine = open_database(tmp_path_factory.mktemp("log") / "events.sqlite", LOG)
    writer = GroupCommit(engine)
    held: dict[int, int] = {}
    accepted = duplicates = 0
    for number, slot in sent:
        event = click(f"e{number}", slot=slot + 1)
        if held.setdefault(number, slot) == slot:
            recorded = EventLog(writer).record([event], received_us=1)
            accepted, duplicates = accepted + len(recorded.new), duplicates + recorded.duplicates
        else:
            with pytest.raises(EventConflict):
                EventLog(writer).record([event], received_us=1)
    assert read.read_events(engine)["slot"].to_list() == [slot + 1 for slot in held.values()]
    assert accepted == len(held)
    assert accepted + duplicates == sum(held[number] == slot for number, slot in sent)
    writer.close()
    engine.dispose()


def test_threads_share_commits_and_one_failure_harms_nobody(engine: sa.Engine, writer: GroupCommit) -> None:
    started = threading.Event()
    failures: list[str] = []

    def send(thread: int) -> None:
        started.wait()
        for number in range(20):
            try:
                EventLog(writer).record(
                    [click(f"{thread}-{number}"), click("same", slot=thread % 2 + 1)], received_us=1
                )
            except EventConflict:
                failures.append(f"{thread}-{number}")

    threads = [threading.Thread(target=send, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    started.set()
    for thread in threads:
        thread.join()
    recorded = set(read.read_events(engine)["event_id"])
    assert len(failures) == 80
    assert recorded == {f"{t}-{n}" for t in range(8) for n in range(20)} - set(failures) | {"same"}
    assert writer.commits < writer.written + len(failures)


def test_what_was_recorded_is_in_the_file_before_the_answer(path: Path, writer: GroupCommit) -> None:
    EventLog(writer).record([click()], received_us=1)
    other = sqlite3.connect(path)
    assert other.execute("select count(*) from events").fetchone() == (1,)
    other.close()


def test_commits_reach_the_disk(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_closed_writer_says_so(engine: sa.Engine) -> None:
    writer = GroupCommit(engine)
    writer.close()
    writer.close()
    with pytest.raises(ShortlistError, match="closed"):
        EventLog(writer).record([click()], received_us=1)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "events.sqlite").write_bytes(b"this is no database, " * 100)
    with pytest.raises(DataError, match="not a database") as refused:
        open_database(tmp_path / "events.sqlite", LOG)
    assert refused.value.where.endswith("events.sqlite")


def test_users_are_pseudonyms_and_can_be_forgotten(engine: sa.Engine, writer: GroupCommit, path: Path) -> None:
    log = PageLog(writer)
    user = 7_046_029_254_386_353_131  # its bytes can be looked for in the file
    log.after([page("p1", user)])
    log.after([page("p2", user)])
    log.after([page("p3", 6)])
    log.after([page("p4", None)])
    EventLog(writer).record([click(), click("e2", request_id="p3"), click("e3", request_id="p4")], received_us=20)
    users = read.read_pages(engine)["user"].to_list()
    assert users[0] == users[1] != users[2]
    assert users[3] is None
    assert not {user, 6} & set(users)
    clicks, last = read.read_clicks(engine)
    assert clicks.rows() == [(user, 10, 20), (6, 10, 20)]
    assert read.read_clicks(engine, after_sequence=last)[0].is_empty()

    held = read.read_slots(engine)
    assert forget_user(engine, writer, user)
    assert not forget_user(engine, writer, user)
    assert read.read_slots(engine).equals(held), "training still reads the log"
    assert read.read_clicks(engine)[0].rows() == [(6, 10, 20)]
    served = find_served(engine, "p1")
    assert served is not None
    assert served.user is None
    on_disk = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert user.to_bytes(8, "big") not in on_disk
    log.after([page("p5", user)])
    assert read.read_pages(engine)["user"].to_list()[-1] not in users


def test_a_reader_who_keeps_the_forgotten_on_the_disk_is_told_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 20)
    engine = open_database(path, LOG)
    writer = GroupCommit(engine)
    PageLog(writer).after([page("p1", 7)])
    with engine.connect() as reader, reader.begin():
        reader.execute(sa.select(PSEUDONYMS)).all()
        with pytest.raises(DataError, match="write-ahead log"):
            forget_user(engine, writer, 7)
    writer.close()
    engine.dispose()


def test_the_file_did_hold_the_users_bytes_before(engine: sa.Engine, writer: GroupCommit, path: Path) -> None:
    user = 7_046_029_254_386_353_131
    PageLog(writer).after([page("p1", user)])
    assert user.to_bytes(8, "big") in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_a_logged_page_answers_as_one_in_memory(engine: sa.Engine, writer: GroupCommit) -> None:
    PageLog(writer).after([page()])
    assert find_served(engine, "p1") == served_of(page())
    assert find_served(engine, "p2") is None


def test_the_export_is_partitioned_by_hour_and_late_events_by_arrival(
    engine: sa.Engine, writer: GroupCommit, tmp_path: Path
) -> None:
    start = 1_764_000_000_000_000 // HOUR_US * HOUR_US
    for number, at in enumerate((start, start + HOUR_US - 1, start + HOUR_US)):
        PageLog(writer).after([page(f"p{number + 1}", served_us=at, scored=number == 0)])
    EventLog(writer).record([click(event_us=start + 5)], received_us=start + 30 * HOUR_US)
    folder = tmp_path / "out"
    written = {one.table: (one.files, one.rows) for one in export_log(engine, folder)}
    assert written == {"pages": (2, 3), "slots": (2, 9), "scored": (1, 2), "events": (1, 1)}
    for table, schema in {
        "pages": read.PAGES_SCHEMA,
        "slots": read.SLOTS_SCHEMA,
        "scored": read.SCORED_SCHEMA,
        "events": read.EVENTS_SCHEMA,
    }.items():
        back = scan_exported(folder, table).collect()
        assert dict(back.drop("date", "hour").schema) == schema
        assert len(back) == written[table][1]
    hours = scan_exported(folder, "pages").collect().sort("served_us")
    assert hours["hour"].n_unique() == 2
    late = scan_exported(folder, "events").collect().row(0, named=True)
    assert (late["served_us"], late["event_us"], late["received_us"]) == (start, start + 5, start + 30 * HOUR_US)
    names = sorted(file.name for file in folder.rglob("*") if file.is_file())
    export_log(engine, folder)
    assert sorted(file.name for file in folder.rglob("*") if file.is_file()) == names
    with pytest.raises(DataError, match="no exported table"):
        scan_exported(tmp_path / "nowhere", "pages")


def test_every_column_of_an_event_is_logged() -> None:
    assert set(Event.__struct_fields__) | {"sequence", "received_us"} == set(EVENTS.c.keys())
    assert set(PSEUDONYMS.c.keys()) == {"user", "pseudonym"}
