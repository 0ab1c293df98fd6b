"""``shortlist releases`` on real folders."""

from pathlib import Path

from typer.testing import CliRunner

from shortlist.cli.releases import app
from shortlist.core.clock import ManualClock
from shortlist.core.errors import ReleaseError
from shortlist.releases.manifest import ReleaseFacts
from shortlist.releases.writer import ReleaseWriter


def test_list_verify_activate(tmp_path: Path) -> None:
    for at_us, version in enumerate(("r1", "r2")):
        with ReleaseWriter(tmp_path / "releases", version, clock=ManualClock(at_us)) as writer:
            (writer.folder / "file").write_bytes(b"x")
            writer.finish(ReleaseFacts(dataset="tiny", licence="none", policy="greedy"))

    def run(*words: str) -> tuple[str, BaseException | None]:
        done = CliRunner().invoke(app, [*words, "--state", str(tmp_path)])
        return done.output, done.exception

    assert run("verify", "r1") == ("r1 is whole: 1 files, 0.0 MB\n", None)
    assert run("activate", "r2") == ("r2 is active\n", None)
    (tmp_path / "releases" / "r1" / "manifest.sig").write_bytes(b"00")
    first, second = run("list")[0].splitlines()
    assert first.startswith("  r1  refused: ")
    assert second == "* r2  1970-01-01T00:00:00Z  tiny"
    assert isinstance(run("activate", "r1")[1], ReleaseError)
