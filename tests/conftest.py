"""What holds for all tests: no example is given a time, for the first may have to compile; what is slow is made once."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """What takes long to prepare is prepared by one worker: the lessons' sheets, and the release of the real server."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        if item.path.name == "test_real_server.py":
            item.add_marker(pytest.mark.xdist_group("real server"))
        elif item.path.parent.name in {"browser", "lessons"}:
            item.add_marker(pytest.mark.xdist_group("lessons"))
