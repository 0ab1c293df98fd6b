"""The static copy: what it holds, whom it refuses to overwrite, and that it can be made again."""

from __future__ import annotations

import re

import msgspec
import pytest
from tests.lessons.prepared import prepared_world
from tests.pages.world import NOW_US, World
from typer.testing import CliRunner

from shortlist.cli.lessons import app
from shortlist.core.errors import NotFound, ReleaseError, ShortlistError
from shortlist.lessons.export import MARKER, export_lessons
from shortlist.lessons.lesson import LESSONS, WIDGETS


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return prepared_world(tmp_path_factory.mktemp("world")).engine


@pytest.fixture(scope="module")
def copy(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy") / "deep" / "course"
    count = export_lessons(engine, folder, made_us=NOW_US)
    assert count == len(files_of(folder)) - 1, "all but the marker"
    return folder


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def baked(copy, name):
    """The states in a widget's script, which is one assignment of one JSON value."""
    script = (copy / "widgets" / f"{name}.js").read_text()
    assert script.startswith(f'(globalThis.bakedWidgets ??= {{}})["{name}"] = ')
    return msgspec.json.decode(script.split(" = ", 1)[1].rstrip().removesuffix(";"))


def test_every_link_and_asset_of_every_page_is_a_file_of_the_copy(copy):
    pages = sorted(copy.rglob("*.html"))
    assert len(pages) > 2 + len(LESSONS)
    for page in pages:
        for address in re.findall(r'(?:href|src|action)="([^"#?]*)', page.read_text()):
            if address:
                assert (page.parent / address).resolve().is_file(), (page, address)
    for address in re.findall(r'url\("([^"]+)"\)', (copy / "static" / "site.css").read_text()):
        assert (copy / "static" / address).is_file()


@pytest.mark.parametrize("name", sorted(WIDGETS))
def test_the_grid_has_its_default_and_every_state_has_its_view(copy, name):
    held, widget = baked(copy, name), WIDGETS[name]
    assert set(held["states"]) == {",".join(map(str, state.values.values())) for state in widget.states()}
    assert ",".join(map(str, widget.read({}).values.values())) in held["states"]
    assert list(held["grid"]) == [f"{name}.{control.name}" for control in widget.controls]
    assert held["verdicts"].keys() == widget.guess.options.keys()


def test_a_page_says_that_it_is_a_copy_and_of_what(copy, engine):
    text = (copy / "lessons" / "01-the-funnel.html").read_text()
    assert f"made of release {engine.release.version}" in text
    assert "This copy holds" in text
    assert "Run it again" not in text
    assert ">Traces<" not in text


def test_an_earlier_copy_is_replaced_and_what_it_had_alone_is_gone(copy, engine):
    before = files_of(copy)
    (copy / "lessons" / "99-old.html").write_text("old")
    (copy / MARKER).write_text((copy / MARKER).read_text() + "lessons/99-old.html\n../../world\n")
    export_lessons(engine, copy, made_us=NOW_US)
    assert files_of(copy) == before
    assert "99-old" not in (copy / MARKER).read_text()


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
    with pytest.raises(ShortlistError, match="cannot be written"):
        export_lessons(engine, tmp_path / "course" / "below", made_us=NOW_US)


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
