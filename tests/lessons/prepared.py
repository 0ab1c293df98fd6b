"""The pages' world with every sheet prepared, small enough for a test."""

from __future__ import annotations

from tests.pages.world import World

from shortlist.workbook.prepare import prepare


def prepared_world(folder, seed=3):
    world = World(folder, seed=seed).build()
    for made in prepare(world.engine, again=True, seed=0, progress=lambda *_: None):
        assert not isinstance(made, Exception), made
    return world
