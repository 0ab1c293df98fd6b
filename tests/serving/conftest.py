"""Real servers in processes of their own, on free ports."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.serving.tiny_server import write_release

from shortlist.releases.active import activate

ADMIN_KEY = "an admin key for tests"


@dataclass
class Running:
    """A server that answers, and what it needs to be asked."""

    state: Path
    process: subprocess.Popen[str]
    http: httpx.Client

    @property
    def admin(self) -> dict[str, str]:
        return {"authorization": f"Bearer {ADMIN_KEY}"}


@contextmanager
def running(state: Path) -> Iterator[Running]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.serving.tiny_server", str(state), "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"SHORTLIST_ADMIN_KEY": ADMIN_KEY},
        cwd=Path(__file__).parents[2],
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), "the server did not start"
        with httpx.Client(base_url=address, timeout=20) as http:
            yield Running(state, process, http)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        if process.stdout is not None:
            process.stdout.close()


def new_state(folder: Path) -> Path:
    write_release(folder / "releases", "r1")
    activate(folder / "releases", "r1")
    return folder


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for the tests that leave no trace on each other."""
    with running(new_state(tmp_path_factory.mktemp("state"))) as server:
        yield server


@pytest.fixture
def own_state(tmp_path: Path) -> Path:
    return new_state(tmp_path / "state")
