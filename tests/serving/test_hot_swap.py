"""Another release takes over while requests run; one that is refused changes nothing; the end is clean."""

import json
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
from tests.serving.conftest import Running, running
from tests.serving.tiny_server import SLOW_USER, write_release

from shortlist.events.database import open_database
from shortlist.events.read import read_pages
from shortlist.events.tables import LOG
from shortlist.releases.active import ACTIVE_FILE, active_version
from shortlist.releases.manifest import ReleaseFacts
from shortlist.releases.writer import ReleaseWriter
from shortlist.testing import tiny_items


def release_of(server: Running) -> str:
    return server.http.get("/v1/health").json()["release"]


def activate(server: Running, version: str) -> tuple[int, dict]:
    answer = server.http.post(f"/v1/releases/{version}/activate", headers=server.admin)
    return answer.status_code, answer.json()


def test_hot_swap(own_state: Path) -> None:
    releases = own_state / "releases"
    with running(own_state) as server:
        page = server.http.post("/v1/feed", json={"user": 700, "k": 4}).json()
        shown = page["items"][0]
        event = {key: shown[key] for key in ("slot", "item")}
        event |= {"event_id": "e", "kind": "click", "request_id": page["request_id"], "block": "organic"}
        assert server.http.post("/v1/events", json={"events": [event]}).status_code == 200

        torn = write_release(releases, "torn")
        raw = (torn.folder / "catalogue.parquet").read_bytes()
        (torn.folder / "catalogue.parquet").write_bytes(raw[:-1] + b"x")
        for version, names in (("torn", "catalogue.parquet"), ("absent", "absent"), ("..%2f..", ""), ("%2e%2e", "")):
            status, told = activate(server, version)
            assert 400 <= status < 500, (version, told)
            assert names in json.dumps(told)
            assert release_of(server) == "r1"
        assert active_version(releases) == "r1"

        # Whole and signed, but not what this version reads.
        with ReleaseWriter(releases, "odd") as writer:
            tiny_items().drop("title").write_parquet(writer.folder / "catalogue.parquet")
            writer.finish(ReleaseFacts(dataset="odd", licence="none", policy="none"))
        assert activate(server, "odd")[0] == 409
        assert release_of(server) == "r1"

        write_release(releases, "r2", items=tiny_items().with_columns(title=pl.lit("New Title")))
        with ThreadPoolExecutor(4) as clients:
            stop = threading.Event()

            def ask() -> list[tuple[int, str]]:
                seen = []
                while not stop.is_set():
                    answer = server.http.post("/v1/feed", json={"user": 1})
                    seen.append((answer.status_code, answer.json()["release"]))
                return seen

            slow = clients.submit(server.http.post, "/v1/feed", json={"user": SLOW_USER})
            time.sleep(0.1)
            asking = clients.submit(ask)
            assert activate(server, "r2") == (200, activate(server, "r2")[1])
            stop.set()
            seen = asking.result()
        assert slow.result().json()["release"] == "r1", "in flight: finished on the engine that it began with"
        assert {status for status, _ in seen} == {200}
        releases_seen = [release for _, release in seen]
        assert releases_seen == sorted(releases_seen), "never back"
        assert release_of(server) == "r2"
        after = server.http.post("/v1/feed", json={"user": 700, "k": 4}).json()
        assert after["known_user"], "clicks stay with their users over a swap"
        assert shown["item"] not in {row["item"] for row in after["items"]}
        assert {row["title"] for row in after["items"]} == {"New Title"}
        listed = server.http.get("/v1/releases", headers=server.admin).json()["releases"]
        assert [one["version"] for one in listed if one["active"]] == ["r2"]
    assert (releases / ACTIVE_FILE).read_text() == "r2\n"


def test_sigterm_answers_what_is_in_flight_and_logs_it(own_state: Path) -> None:
    with running(own_state) as server, ThreadPoolExecutor(1) as clients:
        slow = clients.submit(server.http.post, "/v1/feed", json={"user": SLOW_USER})
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        page = slow.result().json()
        assert server.process.wait(timeout=60) == 0
    engine = open_database(own_state / "events.sqlite", LOG)
    assert page["request_id"] in set(read_pages(engine)["request_id"])
    engine.dispose()


def test_a_port_in_use_is_told(server: Running, tmp_path: Path) -> None:
    done = shortlist("serve", "--state", str(tmp_path), "--port", str(server.http.base_url.port))
    assert done.returncode == 2
    assert f"port {server.http.base_url.port} is in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_state_without_a_release_is_told(tmp_path: Path) -> None:
    done = shortlist("serve", "--state", str(tmp_path / "state"), "--port", "0")
    assert done.returncode == 2
    assert "no release is active" in done.stderr
    assert "Traceback" not in done.stderr


def shortlist(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shortlist.cli.main", *words], capture_output=True, text=True, timeout=60, check=False
    )
