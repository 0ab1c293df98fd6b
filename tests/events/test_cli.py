"""``shortlist log`` on a real log."""

from pathlib import Path

import polars as pl
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from shortlist.cli.log import app
from shortlist.core.clock import HOUR_US
from shortlist.core.errors import DataError, SettingsError
from shortlist.core.page import Page, PolicyRecord, ShownItem
from shortlist.events.database import open_database
from shortlist.events.event import Event
from shortlist.events.event_log import EventLog
from shortlist.events.export import scan_exported
from shortlist.events.group_commit import GroupCommit
from shortlist.events.page_log import PageLog
from shortlist.events.tables import LOG

DAY = 24 * HOUR_US


@pytest.fixture
def state(tmp_path: Path) -> Path:
    engine = open_database(tmp_path / "events.sqlite", LOG)
    writer = GroupCommit(engine)
    shown = ShownItem(slot=1, item=10, sources=("popular",), selection_propensity=0.5, scores={})
    page = Page(
        request_id="p1",
        surface="feed",
        user=5,
        known_user=False,
        query="",
        release="r1",
        served_us=7,
        policy=PolicyRecord(policy="softmax", temperature=0.1, draw_key=3),
        items=(shown,),
    )
    PageLog(writer).after([page])
    seen = Event(event_id="c", kind="click", request_id="p1", block="organic", slot=1, item=10, event_us=7)
    bought = replace(seen, event_id="b", kind="conversion", event_us=DAY, value_micros=250_000, currency="EUR")
    EventLog(writer).record([bought, seen], received_us=DAY)
    writer.close()
    engine.dispose()
    return tmp_path


def test_export(state: Path) -> None:
    done = CliRunner().invoke(app, ["export", str(state / "out"), "--state", str(state)])
    assert done.exit_code == 0, done.output
    assert "pages" in done.output
    assert scan_exported(state / "out", "slots").collect()["selection_propensity"].to_list() == [0.5]


def test_attribute(state: Path) -> None:
    command = ["attribute", str(state / "credits.parquet"), "--state", str(state)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "1 conversions, 0 of them credited to nothing" in done.output
    assert "0.25 EUR" in done.output
    assert pl.read_parquet(state / "credits.parquet")["credited"].to_list() == ["click"]
    earlier = CliRunner().invoke(app, [*command, "--click-days", "0.5"])
    assert "1 of them credited to nothing" in earlier.output
    for windows in (("1", "25"), ("inf", "1"), ("1e300", "1"), ("7", "nan"), ("7", "-1")):
        refused = CliRunner().invoke(app, [*command, "--click-days", windows[0], "--view-hours", windows[1]])
        assert isinstance(refused.exception, SettingsError), windows
    nowhere = CliRunner().invoke(app, ["attribute", str(state / "no" / "x.parquet"), "--state", str(state)])
    assert isinstance(nowhere.exception, DataError)


def test_forget(state: Path) -> None:
    first = CliRunner().invoke(app, ["forget", "5", "--state", str(state)])
    again = CliRunner().invoke(app, ["forget", "5", "--state", str(state)])
    assert (first.output, again.output) == ("user 5 is forgotten\n", "the log knows no user 5\n")


def test_without_a_log(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", str(tmp_path / "out"), "--state", str(tmp_path)])
    assert isinstance(done.exception, DataError)
    assert not any(tmp_path.iterdir())
