"""What holds for all tests: no example is given a time, for the first may have to compile; what is slow is made once.

Workers and the processes they start compute on one thread each: with a thread a core in every one of them, libraries wait
for one another's turns. Must be said before NumPy, torch or faiss are imported.
"""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import settings

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What all modules and tests consist of is there to stay: no collection of garbage walks through it again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """The pages' world with every sheet; it belongs to all, so that nobody clicks in it or writes a sheet."""
    from tests.lessons.prepared import prepared_world

    return prepared_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def course(prepared, tmp_path_factory):
    """The folder of its static copy."""
    from tests.pages.world import NOW_US

    from shortlist.lessons.export import export_lessons

    folder = tmp_path_factory.mktemp("copy") / "deep" / "course"
    count = export_lessons(prepared.engine, folder, made_us=NOW_US)
    assert count == sum(one.is_file() for one in folder.rglob("*")) - 1, "all but the marker"
    return folder


# Groups that take longest, in the order in which workers begin with them.
FIRST = ("lessons", "real server", "tests/training/test_train_release.py", "tests/contracts/test_rankers.py")


def group_of(nodeid):
    """What one worker runs: a file, or the files that share what is slow to make.

    These are the lessons' sheets, the release that tests of training read, and a model in its file.
    """
    file = nodeid.split("::")[0]
    if file == "tests/browser/test_real_server.py":
        return "real server"
    if file.startswith(("tests/browser/", "tests/lessons/")):
        return "lessons"
    return file.replace("test_added_items", "test_train_release").replace("test_bad_rows", "test_quantize")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    place = {name: n for n, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(group_of(item.nodeid), len(FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Workers take whole groups in the order of collection, so that what a file prepares is prepared once."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group_of(nodeid)

    config.option.loadscopereorder = False
    return Groups(config, log)
