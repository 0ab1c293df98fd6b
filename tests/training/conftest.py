"""A release of the made-up world, trained once for all who only read it."""

from __future__ import annotations

import pytest
from tests.training.made_up import dataset

from shortlist.training.release import train_release


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Its folder belongs to all: who writes or activates copies it first."""
    return train_release(dataset(), tmp_path_factory.mktemp("state") / "releases", version="one", seed=3)
