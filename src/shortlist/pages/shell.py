"""The page shell: templates, relative addresses, the content security policy and pages for errors.

Addresses are relative to the page, so that the pages work under any prefix a proxy may add. Nothing is loaded from
another origin and nothing is inline: the policy that goes out with every page would refuse it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from litestar import MediaType, Request, Response, Router
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import HTTPException
from litestar.static_files import create_static_files_router
from markupsafe import Markup

from shortlist.core.errors import InvalidRequest, NotFound, ShortlistError, StageFailed
from shortlist.pages.links import Links, ServerLinks, root_of_path

__all__ = ["POLICY", "Shell", "root_of", "static_router"]

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The content security policy of every page."""

STATUS: dict[type[ShortlistError], int] = {NotFound: 404, InvalidRequest: 400, StageFailed: 503}
AnyRequest = Request[Any, Any, Any]


class Shell:
    """Renders one room's templates inside the shared frame.

    Args:
        package: the room; its ``templates`` folder is looked at before the shared one.
        helpers: functions and values that its templates may use, by name.
    """

    def __init__(self, package: str, helpers: dict[str, Any] | None = None) -> None:
        self._templates = Environment(
            loader=ChoiceLoader([PackageLoader(package), PackageLoader("shortlist.pages")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(helpers or {})

    def page(self, request: AnyRequest, template: str, *, status: int = 200, **values: Any) -> Response[str]:
        """A whole page."""
        return _html(self.text(template, ServerLinks(_path(request)), **values), status)

    def text(self, template: str, links: Links, **values: Any) -> str:
        """The text of a whole page, wherever its links lead."""
        given = {"here": "", "links": links, "root": links.root, "href": links.href, "static": links.static}
        return self._templates.get_template(template).render(given | values)

    def render(self, template: str, **values: Any) -> Markup:
        """A piece of a page, to be put into one."""
        return Markup(self._templates.get_template(template).render(**values))  # noqa: S704 - autoescaped

    def fragment(self, piece: Markup) -> Response[str]:
        """A piece of a page as an answer of its own."""
        return _html(str(piece), 200)

    def error_handlers(self) -> dict[type[Exception], Callable[[AnyRequest, Exception], Response[str]]]:
        """Handlers that answer a reader's mistake with a page; the rest is the server's business."""
        return {ShortlistError: self._mistake, HTTPException: self._refusal}

    def _mistake(self, request: AnyRequest, error: Exception) -> Response[str]:
        assert isinstance(error, ShortlistError)  # noqa: S101 - Litestar calls a handler with its own type only
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
        values = {"what": error.what, "where": error.where, "fix": error.fix}
        return self.page(request, "error.html", status=status, code=status, **values)

    def _refusal(self, request: AnyRequest, error: Exception) -> Response[str]:
        assert isinstance(error, HTTPException)  # noqa: S101 - Litestar calls a handler with its own type only
        extra = error.extra if isinstance(error.extra, list) else []
        where = "; ".join(f"{part.get('key', '')}: {part.get('message', '')}" for part in extra)
        fix = "correct the address" if error.status_code < 500 else ""
        what = "the address asks for something this page cannot show" if where else error.detail
        return self.page(
            request, "error.html", status=error.status_code, code=error.status_code, what=what, where=where, fix=fix
        )


def root_of(request: AnyRequest) -> str:
    """The way from a page back to the application's root: one ``../`` a folder of its path.

    A browser resolves it against the address that it sees, whatever prefix a proxy has put before it.
    """
    return root_of_path(_path(request))


def _path(request: AnyRequest) -> str:
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", "").rstrip("/"))


def static_router() -> Router:
    """``GET /static/…``: style, scripts and the font, for a year; their addresses carry a hash of their content."""
    return create_static_files_router(
        path="/static",
        directories=[Path(str(files("shortlist.pages") / "static"))],
        cache_control=CacheControlHeader(max_age=31_536_000, public=True, immutable=True),
        include_in_schema=False,
    )


def _html(text: str, status: int) -> Response[str]:
    headers = {
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
    }
    return Response(text, media_type=MediaType.HTML, status_code=status, headers=headers)
