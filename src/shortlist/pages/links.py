"""Where a page's links lead: to a server's paths, or to the files of a static copy. Both are relative to the page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Protocol

__all__ = ["FileLinks", "Links", "ServerLinks", "root_of_path"]


class Links(Protocol):
    """What the shared frame needs to know of the place that a page lives in.

    Attributes:
        nav: name and path of the main pages.
        foot: the sentence at the bottom.
        preload: whether fonts may be asked for early; a browser refuses that for files.
    """

    nav: tuple[tuple[str, str], ...]
    foot: str
    preload: bool

    @property
    def root(self) -> str:
        """The way from the page to the root: one ``../`` a folder."""
        ...

    def href(self, path: str) -> str:
        """The address of a page by its path on a server."""
        ...

    def static(self, name: str) -> str:
        """The address of a style sheet, a script or a picture."""
        ...


class ServerLinks:
    """Links between the pages of a server; a file's address carries a hash of its content."""

    nav: tuple[tuple[str, str], ...] = (
        ("Feed", ""),
        ("Search", "search"),
        ("Traces", "trace"),
        ("Lessons", "lessons"),
        ("API", "api"),
    )
    foot = "Every page is computed by the engine that serves the API, and every page has a trace."
    preload = True

    def __init__(self, path: str) -> None:
        self.root = root_of_path(path)

    def href(self, path: str) -> str:
        """See ``Links``."""
        return (self.root + path) or "./"

    def static(self, name: str) -> str:
        """See ``Links``."""
        return f"{self.root}static/{name}?v={_version(name)}"


class FileLinks:
    """Links between the files of a static copy of the lessons.

    Args:
        path: the page's, as on a server.
        foot: says of what the copy was made.

    Attributes:
        asked: the paths that were linked to, so that the copy can hold them all.

    Example:
        >>> links = FileLinks("lessons/01-the-funnel", foot="")
        >>> links.href("lessons"), links.href("code/core/page.py"), links.static("site.css")
        ('../index.html', '../code/core/page.py.html', '../static/site.css')
    """

    nav: tuple[tuple[str, str], ...] = (("Lessons", "lessons"),)
    preload = False

    def __init__(self, path: str, foot: str) -> None:
        self.root, self.foot = root_of_path(f"/{self.file(path)}"), foot
        self.asked: set[str] = set()

    @staticmethod
    def file(path: str) -> str:
        """The file that holds a page."""
        return "index.html" if path in ("", "lessons") else f"{path}.html"

    def href(self, path: str) -> str:
        """See ``Links``."""
        self.asked.add(path)
        return self.root + self.file(path)

    def static(self, name: str) -> str:
        """See ``Links``."""
        return f"{self.root}static/{name}"

    def scripts(self, names: Iterable[str]) -> tuple[str, ...]:
        """The addresses of the baked states of widgets."""
        return tuple(f"{self.root}widgets/{name}.js" for name in names)


def root_of_path(path: str) -> str:
    """The way from a path that begins with a slash back to the root.

    Example:
        >>> root_of_path("/"), root_of_path("/trace/1")
        ('', '../')
    """
    return "../" * max(path.count("/") - 1, 0)


@cache
def _version(name: str) -> str:
    content = (files("shortlist.pages") / "static" / name).read_bytes()
    return hashlib.blake2b(content, digest_size=6).hexdigest()
