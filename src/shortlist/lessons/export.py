"""A static copy of the course: pages, source files and every widget's grid of states, as files that open by themselves.

    index.html  lessons/<slug>.html  code/<path>.html  widgets/<name>.js  static/…

Links are relative and states come as classic scripts, so that the copy works from ``file://`` and under any address of
a web server. The same element that asks the engine on a server picks the nearest baked state here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import msgspec
from markupsafe import Markup

from shortlist.core.clock import iso
from shortlist.core.errors import ShortlistError
from shortlist.funnel.engine import Engine
from shortlist.lessons.drawing import Drawn, lessons_shell, source_lines, verdict, view_html
from shortlist.lessons.lesson import LESSONS, WIDGETS
from shortlist.lessons.widget import State, Widget
from shortlist.pages.links import FileLinks
from shortlist.pages.shell import Shell

__all__ = ["MARKER", "export_lessons"]

MARKER = ".shortlist-lessons"
"""Lists the files of a copy, one a line; a folder without it is nobody's to overwrite."""
LEFT_OUT = ("react.js",)
"""Scripts of pages that a copy does not have."""

Progress = Callable[[str, int, int | None], None]


def export_lessons(engine: Engine, folder: Path, *, made_us: int, progress: Progress = lambda *_: None) -> int:
    """Write a static copy of all lessons, in place of an earlier one.

    Args:
        engine: drives the widgets.
        folder: is made where it is missing; must be empty or hold an earlier copy and nothing else.
        made_us: the time that the copy's pages name.
        progress: is told what is being done, how much of it, and of how much.

    Returns:
        How many files the copy has.

    Raises:
        ShortlistError: the folder holds other files or cannot be written.
        NotFound: the release has no feed or no held-out requests to drive the widgets with.
    """
    earlier = _earlier(folder)
    made_of = f"release {engine.release.version}, {iso(made_us)}"
    copy = dict(_assets(files("shortlist.pages") / "static", "static"))
    copy |= _pages(lessons_shell(), engine, made_of, progress)
    try:
        _write(folder, copy, earlier)
    except OSError as error:
        raise ShortlistError(
            f"the copy cannot be written: {error.strerror}", where=str(folder), fix="choose a folder you may write to"
        ) from None
    return len(copy)


def _pages(shell: Shell, engine: Engine, made_of: str, progress: Progress) -> dict[str, bytes]:
    """Every page and every widget's states, by file name."""
    foot = f"A static copy of the course, made of {made_of}. Run shortlist serve, and the widgets run the engine."
    copy: dict[str, bytes] = {}
    linked: set[str] = set()

    def page(path: str, template: str, *, widgets: tuple[Widget, ...] = (), **values: Any) -> None:
        links = FileLinks(path, foot)
        states = links.scripts(widget.name for widget in widgets)
        text = shell.text(template, links, here="Lessons", states=states, **values)
        copy[FileLinks.file(path)] = text.encode()
        linked.update(links.asked)

    live = {}
    for widget in WIDGETS.values():
        live[widget.name], copy[f"widgets/{widget.name}.js"] = _baked(shell, widget, engine, made_of, progress)
    page("lessons", "index.html", lessons=LESSONS)
    for lesson in LESSONS:
        page(f"lessons/{lesson.slug}", f"{lesson.slug}.html", lesson=lesson, live=live, widgets=lesson.widgets)
    for path in sorted(path for path in linked if path.startswith("code/")):
        name = path.removeprefix("code/")
        page(path, "code.html", name=name, lines=source_lines(name))
    return copy


def _baked(shell: Shell, widget: Widget, engine: Engine, made_of: str, progress: Progress) -> tuple[Drawn, bytes]:
    """The widget in its default state, and the script that holds all its states."""
    states = list(widget.states())
    shown: dict[str, tuple[str, str]] = {}
    for done, state in enumerate(states):
        progress(f"widget {widget.name}", done, len(states))
        view = widget.view(engine, state)
        shown[_key(state)] = (str(view_html(shell, widget, view)), view.right_guess())
    progress(f"widget {widget.name}", len(states), len(states))
    grid = {f"{widget.name}.{control.name}": control.export for control in widget.controls}
    verdicts = {
        guess: [str(verdict(shell, widget, guess, right=right)) for right in (False, True)]
        for guess in widget.guess.options
    }
    held = msgspec.json.encode({"grid": grid, "verdicts": verdicts, "states": shown})
    script = b"(globalThis.bakedWidgets ??= {})[%s] = %s;\n" % (msgspec.json.encode(widget.name), held)
    note = (
        f"This copy holds {len(states)} states of the widget, computed by {made_of}, and shows the nearest; "
        "times are those of the machine that computed them."
    )
    start = widget.read({})
    default = Markup(shown[_key(start)][0])  # noqa: S704 - drawn above
    return Drawn(widget, start, default, note), script


def _key(state: State) -> str:
    return ",".join(map(str, state.values.values()))


def _assets(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for part in folder.iterdir():
        if part.is_dir():
            yield from _assets(part, f"{path}/{part.name}")
        elif part.name not in LEFT_OUT:
            yield f"{path}/{part.name}", part.read_bytes()


def _earlier(folder: Path) -> set[str]:
    """The files of the copy that the folder holds.

    Raises:
        ShortlistError: it holds something else.
    """
    if not folder.exists():
        above = next(one for one in folder.absolute().parents if one.exists())
        if above.is_dir():
            return set()
        raise ShortlistError(
            "the copy cannot be written: a file is in the way", where=str(above), fix="choose a folder you may write to"
        )
    if not folder.is_dir():
        raise ShortlistError("this is a file", where=str(folder), fix="name a folder for the copy")
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    listed = set((folder / MARKER).read_text(encoding="utf-8").splitlines()) if MARKER in present else set()
    foreign = sorted(present - listed - {MARKER})
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise ShortlistError(
            f"the folder holds files that are no copy of the lessons: {foreign[0]}{more}",
            where=str(folder),
            fix="choose an empty or a new folder",
        )
    return present - {MARKER}


def _write(folder: Path, copy: dict[str, bytes], earlier: set[str]) -> None:
    """The marker names old and new files until all is done, so that a copy that was cut short can be made again."""
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / MARKER
    marker.write_text("\n".join(sorted(copy.keys() | earlier)) + "\n", encoding="utf-8")
    for name, content in copy.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for name in earlier - copy.keys():
        (folder / name).unlink()
    marker.write_text("\n".join(sorted(copy)) + "\n", encoding="utf-8")
