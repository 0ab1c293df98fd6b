"""The static copy: what it holds, whom it refuses to overwrite, and that it can be made again."""

from __future__ import annotations

import re

import msgspec
import pytest
from tests.pages.world import NOW_US, World
from typer.testing import CliRunner

from shortlist.cli.lessons import app
from shortlist.core.errors import NotFound, ReleaseError, ShortlistError
from shortlist.lessons import export
from shortlist.lessons.export import MARKER, export_lessons
from shortlist.lessons.lesson import LESSONS, WIDGETS


@pytest.fixture
def engine(prepared):
    return prepared.engine


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def baked(course, name):
    """The states in a widget's script, which is one assignment of one JSON value."""
    script = (course / "widgets" / f"{name}.js").read_text()
    assert script.startswith(f'(globalThis.bakedWidgets ??= {{}})["{name}"] = ')
    return msgspec.json.decode(script.split(" = ", 1)[1].rstrip().removesuffix(";"))


def test_every_link_and_asset_of_every_page_is_a_file_of_the_copy(course):
    pages = sorted(course.rglob("*.html"))
    assert len(pages) > 2 + len(LESSONS)
    for page in pages:
        for address in re.findall(r'(?:href|src|action)="([^"#?]*)', page.read_text()):
            if address:
                assert (page.parent / address).resolve().is_file(), (page, address)
    for address in re.findall(r'url\("([^"]+)"\)', (course / "static" / "site.css").read_text()):
        assert (course / "static" / address).is_file()


@pytest.mark.parametrize("name", sorted(WIDGETS))
def test_the_grid_has_its_default_and_every_state_has_its_view(course, name):
    held, widget = baked(course, name), WIDGETS[name]
    states = {",".join(map(str, state.values.values())) for state in widget.states()}
    assert set(held["states"]) == states
    assert 1 < len(states) <= 200
    for view, right_guess in held["states"].values():
        assert "nan" not in view.lower()
        assert right_guess in widget.guess.options
    assert ",".join(map(str, widget.read({}).values.values())) in held["states"]
    assert list(held["grid"]) == [f"{name}.{control.name}" for control in widget.controls]
    assert held["verdicts"].keys() == widget.guess.options.keys()


def test_a_page_says_that_it_is_a_copy_and_of_what(course, engine):
    text = (course / "lessons" / "01-the-funnel.html").read_text()
    assert f"made of release {engine.release.version}" in text
    assert "This copy holds" in text
    assert "Run it again" not in text
    assert ">Traces<" not in text


def test_an_earlier_copy_is_replaced_and_what_it_had_alone_is_gone(course, engine):
    before = files_of(course)
    (course / "lessons" / "99-old.html").write_text("old")
    (course / MARKER).write_text((course / MARKER).read_text() + "lessons/99-old.html\n../../world\n")
    export_lessons(engine, course, made_us=NOW_US)
    assert files_of(course) == before
    assert "99-old" not in (course / MARKER).read_text()


@pytest.mark.parametrize("mine", ["notes.txt", "lessons/mine.html", ".hidden"])
def test_a_folder_with_other_files_is_refused_and_left_alone(engine, tmp_path, mine):
    (tmp_path / mine).parent.mkdir(exist_ok=True)
    (tmp_path / mine).write_text("mine")
    with pytest.raises(ShortlistError, match=re.escape(mine)) as refused:
        export_lessons(engine, tmp_path, made_us=NOW_US)
    assert refused.value.fix
    assert files_of(tmp_path) == {mine}


def test_a_file_in_the_place_of_the_folder_is_refused(engine, tmp_path):
    (tmp_path / "course").write_text("a file")
    with pytest.raises(ShortlistError, match="this is a file"):
        export_lessons(engine, tmp_path / "course", made_us=NOW_US)
    with pytest.raises(ShortlistError, match="cannot be written: a file is in the way"):
        export_lessons(engine, tmp_path / "course" / "far" / "below", made_us=NOW_US)


def test_a_copy_that_cannot_be_written_says_so(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "WIDGETS", {})
    monkeypatch.setattr(export, "LESSONS", ())
    (tmp_path / "index.html").mkdir()
    with pytest.raises(ShortlistError, match="cannot be written: Is a directory"):
        export_lessons(engine, tmp_path, made_us=NOW_US)


def test_a_release_that_cannot_drive_the_widgets_is_not_exported(tmp_path):
    world = World(tmp_path / "world").build()
    (world.release.folder / "lessons" / "funnel_requests.parquet").unlink()
    with pytest.raises(NotFound, match="no held-out requests"):
        export_lessons(world.engine, tmp_path / "course", made_us=NOW_US)
    assert not (tmp_path / "course").exists()


def test_the_command_needs_a_release(tmp_path):
    result = CliRunner().invoke(app, ["export", str(tmp_path / "course"), "--state", str(tmp_path / "state")])
    assert isinstance(result.exception, ReleaseError)
    assert not (tmp_path / "course").exists()
