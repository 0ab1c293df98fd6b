"""``GET /lessons``, a lesson, a widget's fragment, and the source files that the lessons point to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from litestar import Request as HttpRequest
from litestar import Response, Router, get
from litestar.params import FromPath
from markupsafe import Markup

from shortlist.core.errors import NotFound, ShortlistError
from shortlist.funnel.engine import Engine
from shortlist.lessons.lesson import LESSONS, WIDGETS, Lesson
from shortlist.lessons.widget import Choice, State, Widget
from shortlist.pages.shell import Shell

__all__ = ["lessons_router"]

SOURCE = Path(str(files("shortlist")))
Http = HttpRequest[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A widget as the page's template needs it: its controls, their state, and the view for it."""

    widget: Widget
    state: State
    view: Markup


def lessons_router(engine: Callable[[], Engine]) -> Router:
    """The lessons' pages.

    Args:
        engine: the active engine; asked for at every request, so that a new release drives the widgets at once.
    """
    shell = Shell("shortlist.lessons", {"tex": tex, "is_choice": lambda control: isinstance(control, Choice)})

    @get("/lessons", sync_to_thread=False)
    def index(request: Http) -> Response[str]:
        """All lessons."""
        return shell.page(request, "index.html", here="Lessons", lessons=LESSONS)

    @get("/lessons/{slug:str}", sync_to_thread=True)
    def lesson(request: Http, slug: FromPath[str]) -> Response[str]:
        """A lesson, its widgets in the state that the address asks for, or in their default."""
        found = _lesson(slug)
        query = dict(request.query_params)
        live = {widget.name: _drawn(shell, widget, engine(), query) for widget in found.widgets}
        return shell.page(request, f"{slug}.html", here="Lessons", lesson=found, live=live)

    @get("/lessons/widgets/{name:str}", sync_to_thread=True)
    def fragment(request: Http, name: FromPath[str]) -> Response[str]:
        """A widget for one state: what the page's script swaps in."""
        if name not in WIDGETS:
            raise NotFound(f"there is no widget {name[:40]!r}", where="lessons", fix=f"one of {sorted(WIDGETS)}")
        return shell.fragment(_drawn(shell, WIDGETS[name], engine(), dict(request.query_params)).view)

    @get("/code/{path:path}", sync_to_thread=True)
    def code(request: Http, path: FromPath[str]) -> Response[str]:
        """A source file of this package, line by line."""
        name = path.lstrip("/")
        file = (SOURCE / name).resolve()
        if not (file.is_relative_to(SOURCE.resolve()) and file.suffix == ".py" and file.is_file()):
            raise NotFound(f"there is no source file {name[:80]!r}", where="code", fix="follow a link of a lesson")
        return shell.page(request, "code.html", name=name, lines=file.read_text(encoding="utf-8").splitlines())

    return Router(
        "/",
        route_handlers=[index, lesson, fragment, code],
        exception_handlers=shell.error_handlers(),  # type: ignore[arg-type]
        include_in_schema=False,
    )


def tex(formula: str, *, block: bool = False) -> Markup:
    """A formula as MathML; one that stands by itself scrolls in its own box.

    Example:
        >>> str(tex("x"))[:5]
        '<math'
    """
    math = Markup(convert(formula, display="block" if block else "inline"))  # noqa: S704 - the templates' own formulas
    box = Markup('<div class="formula" tabindex="0" role="group" aria-label="Formula">{}</div>')
    return box.format(math) if block else math


def _lesson(slug: str) -> Lesson:
    for lesson in LESSONS:
        if lesson.slug == slug:
            return lesson
    raise NotFound(f"there is no lesson {slug[:60]!r}", where="lessons", fix="pick one from the list of lessons")


def _drawn(shell: Shell, widget: Widget, engine: Engine, query: Mapping[str, str]) -> Drawn:
    """A widget's view for the state in a query; a release that cannot drive it says why in its place."""
    state = widget.read(query)
    try:
        view = widget.view(engine, state)
    except ShortlistError as error:
        return Drawn(widget, state, shell.render("_missing.html", reason=str(error)))
    values = {
        "guessed": widget.guess.options.get(state.guess, ""),
        "right": view.right_guess() == state.guess,
        "answer": view.answer(),
        "html": view.html(),
    }
    return Drawn(widget, state, shell.render("_view.html", **values))
