"""What holds for all tests: no example is given a time, for the first may have to compile; what is slow is made once.

Workers and the processes they start compute on one thread each: with a thread a core in every one of them, libraries wait
for one another's turns. Must be said before NumPy, torch or faiss are imported.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

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
