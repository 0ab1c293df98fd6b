"""How lessons and their widgets become HTML: what the server and the static copy have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from latex2mathml.converter import convert
from markupsafe import Markup

from shortlist.core.errors import NotFound, ShortlistError
from shortlist.funnel.engine import Engine
from shortlist.lessons.widget import Choice, State, View, Widget
from shortlist.pages.shell import Shell

__all__ = ["Drawn", "drawn", "lessons_shell", "permalink", "source_lines", "tex", "verdict", "view_html"]

SOURCE = Path(str(files("shortlist")))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A widget as the page's template needs it: its controls, their state, and the view for it.

    Attributes:
        note: of a static copy, what it holds; empty where the engine itself answers.
        asked: whether the address names a state of it, so that the view is open from the start.
    """

    widget: Widget
    state: State
    view: Markup
    note: str = ""
    asked: bool = False


def lessons_shell() -> Shell:
    """The shell with what the lessons' templates use."""
    helpers = {"tex": tex, "permalink": permalink, "is_choice": lambda control: isinstance(control, Choice)}
    return Shell("shortlist.lessons", helpers)


def drawn(shell: Shell, widget: Widget, engine: Engine, query: Mapping[str, str]) -> Drawn:
    """A widget's view for the state in a query string; a release that cannot drive it says why in its place."""
    state = widget.read(query)
    asked = any(name.startswith(f"{widget.name}.") for name in query)
    try:
        view = widget.view(engine, state)
    except ShortlistError as error:
        return Drawn(widget, state, shell.render("_missing.html", reason=str(error)), asked=asked)
    return Drawn(widget, state, view_html(shell, widget, view, state.guess), asked=asked)


def view_html(shell: Shell, widget: Widget, view: View, guess: str = "") -> Markup:
    """A view, what the engine says to the question first."""
    before = verdict(shell, widget, guess, right=view.right_guess() == guess) if guess else Markup()
    return shell.render("_view.html", before=before, answer=view.answer(), html=view.html())


def verdict(shell: Shell, widget: Widget, guess: str, *, right: bool) -> Markup:
    """What is said to a reader's guess."""
    return shell.render("_verdict.html", guessed=widget.guess.options[guess], right=right)


def source_lines(name: str) -> list[str]:
    """The lines of a source file of this package.

    Raises:
        NotFound: there is no such file.
    """
    file = SOURCE if "\0" in name else (SOURCE / name).resolve()  # a zero byte cannot be looked up
    if not (file.is_relative_to(SOURCE.resolve()) and file.suffix == ".py" and file.is_file()):
        raise NotFound(f"there is no source file {name[:80]!r}", where="code", fix="follow a link of a lesson")
    return file.read_text(encoding="utf-8").splitlines()


def tex(formula: str, *, block: bool = False) -> Markup:
    """A formula as MathML; one that stands by itself scrolls in its own box.

    Example:
        >>> str(tex("x"))[:5]
        '<math'
    """
    math = Markup(convert(formula, display="block" if block else "inline"))  # noqa: S704 - the templates' own formulas
    box = Markup('<div class="formula" tabindex="0" role="group" aria-label="Formula">{}</div>')
    return box.format(math) if block else math


def permalink(widget: Widget, figure: str, words: str, **values: int) -> Markup:
    """A link to a widget of the same page in one state, and to one figure that it shows there.

    Args:
        widget: one of the lesson's.
        figure: the ``key`` of a ``Figure`` of the widget's view.
        words: the link's text.
        values: of the controls; those that are not named stand at their default.

    Raises:
        InvalidRequest: a value is out of a control's range.
        KeyError: the widget has no such control.
    """
    controls = {control.name: control for control in widget.controls}
    state = {name: controls[name].read(str(value)) for name, value in values.items()}
    full = {control.name: state.get(control.name, control.default) for control in widget.controls}
    query = "&".join(f"{widget.name}.{name}={value}" for name, value in full.items())
    link = Markup('<a class="permalink" data-widget="{}" data-key="{}" href="?{}#{}">{}</a>')
    return link.format(widget.name, figure, query, widget.name, words)
