"""The pages' world with every sheet prepared, small enough for a test."""

from __future__ import annotations

from tests.pages.world import World

from shortlist.lessons.sheets import sheet_path
from shortlist.workbook.prepare import MAKERS, prepare

_MADE: dict[int, dict[str, bytes]] = {}


def prepared_world(folder, seed=3):
    """A world of its own; its sheets are made once a process, for they depend on the seed alone."""
    world = World(folder, seed=seed).build()
    if seed not in _MADE:
        freshly_prepared(world)
        _MADE[seed] = {kind.name: sheet_path(world.engine, kind.name).read_bytes() for kind in MAKERS}
    for name, content in _MADE[seed].items():
        path = sheet_path(world.engine, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return world


def freshly_prepared(world):
    """The same world, its sheets made anew by the engine as it is now."""
    for made in prepare(world.engine, again=True, seed=0, progress=lambda *_: None):
        assert not isinstance(made, Exception), made
    return world
