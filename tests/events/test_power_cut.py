"""The power goes at every moment of a stream of writes, and takes along what was not synced."""

import random
from pathlib import Path

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from tests.events import power_cut
from tests.events.killed_writers import IN_BATCH, batch, record
from tests.events.power_cut import Recorder, read_back

from shortlist.events.database import checkpoint, open_database, prepare_database
from shortlist.events.event_log import EventLog
from shortlist.events.group_commit import GroupCommit
from shortlist.events.page_log import PageLog
from shortlist.events.pseudonyms import forget_user
from shortlist.events.tables import LOG

USER = 7_046_029_254_386_353_131  # its bytes can be looked for in the file
WHOLE = (IN_BATCH, 1, 2)
BATCHES = """
    select request_id, count(*), (select count(*) from pages where request_id = e.request_id),
           (select count(*) from slots where request_id = e.request_id)
    from events e group by request_id"""


def recorded(folder: Path, synchronous: str = "") -> Recorder:
    """A stream of acknowledged batches with checkpoints in between, and a user who is forgotten."""
    recorder = Recorder(f"recorder {synchronous}")
    url = f"sqlite:///{folder / 'events.sqlite'}"
    engine = prepare_database(sa.create_engine(url, module=power_cut, connect_args={"vfs": recorder.name}), LOG)
    recorder.acknowledge("opened")
    if synchronous:
        engine.dispose()
        sa.event.listen(engine, "connect", lambda raw, _: raw.cursor().execute(f"PRAGMA synchronous={synchronous}"))
    writer = GroupCommit(engine)
    for number in range(6):
        record(EventLog(writer), f"b{number}")
        recorder.acknowledge(f"b{number}")
        if number == 3:
            PageLog(writer).after([replace(batch("private")[0], user=USER)])
        if number == 2:
            assert checkpoint(engine)
        if number == 4:
            assert forget_user(engine, writer, USER)
            recorder.acknowledge("forgotten")
    writer.close()
    engine.dispose()
    return recorder


def known_at(recorder: Recorder, step: int) -> set[str]:
    return {what for what, at in recorder.acknowledged.items() if at <= step} - {"opened", "forgotten"}


def lost_by(recorder: Recorder, folder: Path, seed: int | None) -> dict[int, set[str]]:
    """What was acknowledged and is gone or torn, after each step with which the power may go."""
    opened = recorder.acknowledged["opened"]
    lost: dict[int, set[str]] = {}
    for step in range(opened, len(recorder.steps) + 1):
        at = folder / str(step)
        at.mkdir(parents=True)
        some = None if seed is None else random.Random(f"{seed} {step}")
        held = read_back(recorder.cut(step, at, some=some), BATCHES)
        whole = {name for name, *parts in held or () if tuple(parts) == WHOLE}
        lost[step] = known_at(recorder, step) - whole
        if held is None or len(whole) < len(held):
            lost[step].add("damaged")
    return {step: what for step, what in lost.items() if what}


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    return recorded(tmp_path_factory.mktemp("recorded"))


@pytest.mark.property
@pytest.mark.parametrize("seed", [None, 0], ids=["all is lost that was not synced", "some of it"])
def test_what_was_acknowledged_survives_a_power_cut_at_any_step(
    recorder: Recorder, tmp_path: Path, seed: int | None
) -> None:
    assert len(known_at(recorder, len(recorder.steps))) == 6
    assert lost_by(recorder, tmp_path, seed) == {}


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_without_a_sync_at_each_commit_acknowledged_events_are_lost(tmp_path: Path, synchronous: str) -> None:
    """The negative control: the same stream and the same cuts, with settings that sync less."""
    (tmp_path / "recorded").mkdir()
    lost = lost_by(recorded(tmp_path / "recorded", synchronous), tmp_path / "cuts", None)
    assert any(what - {"damaged"} for what in lost.values())


def test_a_file_that_was_cut_while_it_was_made_can_be_opened(recorder: Recorder, tmp_path: Path) -> None:
    opened = recorder.acknowledged["opened"]
    for step in range(0, opened, opened // 8):
        folder = tmp_path / str(step)
        folder.mkdir()
        engine = open_database(recorder.cut(step, folder, some=random.Random(step)) / "events.sqlite", LOG)
        writer = GroupCommit(engine)
        assert len(record(EventLog(writer), "first").new) == IN_BATCH
        writer.close()
        engine.dispose()


def test_a_forgotten_user_stays_forgotten_when_the_power_goes(recorder: Recorder, tmp_path: Path) -> None:
    """Neither the database nor the write-ahead log brings back the bytes that were deleted."""
    of = recorder.acknowledged
    found: dict[int, bool] = {}
    for step in range(of["b3"], len(recorder.steps) + 1):
        folder = tmp_path / str(step)
        folder.mkdir()
        files = recorder.cut(step, folder).iterdir()
        found[step] = any(USER.to_bytes(8, "big") in file.read_bytes() for file in files)
    assert any(here for step, here in found.items() if step < of["forgotten"]), "they were there before"
    assert not any(here for step, here in found.items() if step >= of["forgotten"])
