"""Widgets: a pure function that calls the engine and returns a view, with its controls and the guess it asks for.

    @widget("kept", title="…", controls=(Slider(…), …), guess=Guess(…))
    def kept(engine: Engine, state: State) -> KeptView: …

The server draws the view for a state; the page's script sends a new state and swaps what comes back. ``states`` lists
the states that a static copy of the lesson needs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from markupsafe import Markup

from shortlist.core.errors import InvalidRequest
from shortlist.funnel.engine import Engine

__all__ = ["Choice", "Guess", "Slider", "State", "View", "Widget", "widget"]


class View(Protocol):
    """What a widget shows for one state."""

    def answer(self) -> str:
        """What the engine says to the question that the guess was about, with its figure."""
        ...

    def right_guess(self) -> str:
        """The value of the guess that comes nearest to the answer."""
        ...

    def html(self) -> Markup:
        """Figures, drawings and tables."""
        ...


@dataclass(frozen=True, slots=True)
class Slider:
    """A whole number between ``low`` and ``high`` in steps.

    Attributes:
        export: the values that a static copy has.
    """

    name: str
    label: str
    low: int
    high: int
    step: int
    default: int
    export: tuple[int, ...]

    def read(self, text: str) -> int:
        """The number in a query string.

        Raises:
            InvalidRequest: it is none of the slider's.
        """
        on_step = text.isascii() and text.isdigit() and len(text) < 10 and (int(text) - self.low) % self.step == 0
        if not on_step or not self.low <= int(text) <= self.high:
            raise InvalidRequest(
                f"{self.name} is {text[:20]!r}",
                where="the widget's state",
                fix=f"a whole number from {self.low} to {self.high} in steps of {self.step}",
            )
        return int(text)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several options; the values are numbers that the widget's function knows.

    Attributes:
        options: a label a value, the values being 0, 1, 2, …
    """

    name: str
    label: str
    options: tuple[str, ...]
    default: int = 0

    @property
    def export(self) -> tuple[int, ...]:
        """Every option."""
        return tuple(range(len(self.options)))

    def read(self, text: str) -> int:
        """The option's number in a query string.

        Raises:
            InvalidRequest: there is no such option.
        """
        if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text) < len(self.options)):
            raise InvalidRequest(
                f"{self.name} is {text[:20]!r}",
                where="the widget's state",
                fix=f"a number from 0 to {len(self.options) - 1}",
            )
        return int(text)


@dataclass(frozen=True, slots=True)
class Guess:
    """What a reader predicts before anything is shown: a label a value."""

    question: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class State:
    """The controls' values by name, and the reader's guess, empty where there is none yet."""

    values: Mapping[str, int]
    guess: str = ""

    def __getitem__(self, control: str) -> int:
        return self.values[control]


@dataclass(frozen=True, slots=True)
class Widget:
    """A function of the engine with its controls; ``name`` prefixes their names in addresses, as in ``kept.n=40``."""

    name: str
    title: str
    controls: tuple[Slider | Choice, ...]
    guess: Guess
    view: Callable[[Engine, State], View]

    def read(self, query: Mapping[str, str]) -> State:
        """The state in a query string; the default where a control is not named.

        Raises:
            InvalidRequest: a value is out of a control's range.
        """
        values = {
            control.name: control.read(query[key])
            if (key := f"{self.name}.{control.name}") in query
            else control.default
            for control in self.controls
        }
        guess = query.get(f"{self.name}.guess", "")
        if guess and guess not in self.guess.options:
            raise InvalidRequest(
                f"the guess is {guess[:20]!r}", where="the widget's state", fix=f"one of {list(self.guess.options)}"
            )
        return State(values, guess)

    def states(self) -> Iterator[State]:
        """Every state of a static copy."""
        names = [control.name for control in self.controls]
        for values in itertools.product(*(control.export for control in self.controls)):
            yield State(dict(zip(names, values, strict=True)))


def widget(
    name: str, *, title: str, controls: tuple[Slider | Choice, ...], guess: Guess
) -> Callable[[Callable[[Engine, State], View]], Widget]:
    """Make a widget of a function."""
    return lambda view: Widget(name, title, controls, guess, view)
