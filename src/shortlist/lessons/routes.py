"""``GET /lessons``, a lesson, a widget's fragment, and the source files that the lessons point to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import Request as HttpRequest
from litestar import Response, Router, get
from litestar.params import FromPath

from shortlist.core.errors import NotFound
from shortlist.funnel.engine import Engine
from shortlist.lessons.drawing import drawn, lessons_shell, source_lines
from shortlist.lessons.lesson import LESSONS, WIDGETS, Lesson

__all__ = ["lessons_router"]

Http = HttpRequest[Any, Any, Any]


def lessons_router(engine: Callable[[], Engine]) -> Router:
    """The lessons' pages.

    Args:
        engine: the active engine; asked for at every request, so that a new release drives the widgets at once.
    """
    shell = lessons_shell()

    @get("/lessons", sync_to_thread=False)
    def index(request: Http) -> Response[str]:
        """All lessons."""
        return shell.page(request, "index.html", here="Lessons", lessons=LESSONS)

    @get("/lessons/{slug:str}", sync_to_thread=True)
    def lesson(request: Http, slug: FromPath[str]) -> Response[str]:
        """A lesson, its widgets in the state that the address asks for, or in their default."""
        found = _lesson(slug)
        query = dict(request.query_params)
        live = {widget.name: drawn(shell, widget, engine(), query) for widget in found.widgets}
        return shell.page(request, f"{slug}.html", here="Lessons", lesson=found, live=live, states=())

    @get("/lessons/widgets/{name:str}", sync_to_thread=True)
    def fragment(request: Http, name: FromPath[str]) -> Response[str]:
        """A widget for one state: what the page's script swaps in."""
        if name not in WIDGETS:
            raise NotFound(f"there is no widget {name[:40]!r}", where="lessons", fix=f"one of {sorted(WIDGETS)}")
        widget = WIDGETS[name]
        return shell.fragment(drawn(shell, widget, engine(), dict(request.query_params)).view)

    @get("/code/{path:path}", sync_to_thread=True)
    def code(request: Http, path: FromPath[str]) -> Response[str]:
        """A source file of this package, line by line."""
        name = path.lstrip("/")
        return shell.page(request, "code.html", name=name, lines=source_lines(name))

    return Router(
        "/",
        route_handlers=[index, lesson, fragment, code],
        exception_handlers=shell.error_handlers(),  # type: ignore[arg-type]
        include_in_schema=False,
    )


def _lesson(slug: str) -> Lesson:
    for lesson in LESSONS:
        if lesson.slug == slug:
            return lesson
    raise NotFound(f"there is no lesson {slug[:60]!r}", where="lessons", fix="pick one from the list of lessons")
