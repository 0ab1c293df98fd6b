"""kill -9 in the middle of writing, again and again: what was acknowledged is in the log once, and nothing is torn."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.events import killed_writers
from tests.events.killed_writers import IN_BATCH, record

from shortlist.events.database import open_database
from shortlist.events.event_log import EventLog
from shortlist.events.group_commit import GroupCommit
from shortlist.events.read import read_events, read_slots
from shortlist.events.tables import LOG


def killed(nursery: "subprocess.Popen[str]", order: str, moment: random.Random) -> list[str]:
    """What one writer acknowledged before it was killed: at an instant, or a hair after some acknowledgement."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(f"{order}\n")
    nursery.stdin.flush()
    pid, acknowledged = 0, []
    wanted, pause = moment.randint(1, 5), moment.uniform(0, 0.004)
    if moment.random() < 0.3:
        wanted, pause = 0, moment.uniform(0, 0.1)  # while it opens the file, perhaps
    while not pid or len(acknowledged) < wanted:
        what, _, name = nursery.stdout.readline().strip().partition(" ")
        if what == "pid":
            pid = int(name)
        else:
            assert what == "acknowledged", "the writer ended by itself"
            acknowledged.append(name)
    time.sleep(pause)
    os.kill(pid, signal.SIGKILL)
    while (line := nursery.stdout.readline().strip()) != "dead":
        acknowledged.append(line.removeprefix("acknowledged "))
    return acknowledged


def killed_one_after_another(path: Path, kills: int, *options: str) -> tuple[list[str], str]:
    """What writers of one file acknowledged, and what the last of them may have written without saying so."""
    moment = random.Random(5)
    acknowledged: list[str] = []
    unanswered = ""
    command = [sys.executable, killed_writers.__file__, str(path), *options]
    alone = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=alone) as nursery:
        for generation in range(kills):
            more = killed(nursery, f"{generation} {unanswered}", moment)
            acknowledged += more
            if unanswered in more or not unanswered:
                unanswered = f"{generation}-{sum(name.startswith(f'{generation}-') for name in more)}"
        assert nursery.stdin is not None
        nursery.stdin.close()
    assert nursery.returncode == 0
    return acknowledged, unanswered


@pytest.mark.property
def test_fifty_killed_writers_lose_nothing_that_they_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    acknowledged, unanswered = killed_one_after_another(path, 50)
    assert len(acknowledged) == len(set(acknowledged)) > 50

    engine = open_database(path, LOG)
    events, slots = read_events(engine), read_slots(engine)
    held = Counter(name.split("/")[0] for name in events["event_id"])
    assert set(held) >= set(acknowledged), "what was acknowledged is there"
    assert set(held.values()) == {IN_BATCH}, "whole"
    assert events["event_id"].n_unique() == len(events), "and once"
    assert events["surface"].null_count() == 0, "no event is without its page"
    assert Counter(slots["request_id"]) == dict.fromkeys(held, 2), "no page is without its slots"
    assert set(held) - set(acknowledged) <= {unanswered}, "whoever got no answer asked again"

    writer = GroupCommit(engine)
    again = record(EventLog(writer), acknowledged[-1])
    assert (again.new, again.duplicates) == ((), IN_BATCH)
    writer.close()
    engine.dispose()
    checked = sqlite3.connect(path)
    assert checked.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    checked.close()


def test_writers_who_acknowledge_before_they_commit_are_found_out(tmp_path: Path) -> None:
    """The negative control: the same killing, and writers that are hasty."""
    path = tmp_path / "events.sqlite"
    acknowledged, _ = killed_one_after_another(path, 6, "hasty")
    engine = open_database(path, LOG)
    held = {name.split("/")[0] for name in read_events(engine)["event_id"]}
    engine.dispose()
    assert set(acknowledged) - held
