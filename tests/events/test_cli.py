"""``shortlist log`` on a real log."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from shortlist.cli.log import app
from shortlist.core.errors import DataError
from shortlist.core.page import Page, PolicyRecord, ShownItem
from shortlist.events.database import open_database
from shortlist.events.export import scan_exported
from shortlist.events.group_commit import GroupCommit
from shortlist.events.page_log import PageLog
from shortlist.events.tables import LOG


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
    writer.close()
    engine.dispose()
    return tmp_path


def test_export(state: Path) -> None:
    done = CliRunner().invoke(app, ["export", str(state / "out"), "--state", str(state)])
    assert done.exit_code == 0, done.output
    assert "pages" in done.output
    assert scan_exported(state / "out", "slots").collect()["selection_propensity"].to_list() == [0.5]


def test_forget(state: Path) -> None:
    first = CliRunner().invoke(app, ["forget", "5", "--state", str(state)])
    again = CliRunner().invoke(app, ["forget", "5", "--state", str(state)])
    assert (first.output, again.output) == ("user 5 is forgotten\n", "the log knows no user 5\n")


def test_without_a_log(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", str(tmp_path / "out"), "--state", str(tmp_path)])
    assert isinstance(done.exception, DataError)
    assert not any(tmp_path.iterdir())
