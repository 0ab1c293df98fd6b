"""A release is whole and this installation's, or it is refused by the name of the file that is wrong."""

import shutil
import stat
from pathlib import Path

import pytest

from shortlist.core.clock import ManualClock
from shortlist.core.errors import ReleaseError
from shortlist.releases.active import ACTIVE_FILE, activate, active_release, active_version, list_releases
from shortlist.releases.key import KEY_FILE, make_key, read_key
from shortlist.releases.manifest import Manifest, Probability, ReleaseFacts
from shortlist.releases.release import MANIFEST_FILE, SIGNATURE_FILE, open_release
from shortlist.releases.writer import ReleaseWriter

FACTS = ReleaseFacts(
    dataset="tiny",
    licence="public domain",
    policy="softmax-1",
    probabilities={"p_like": Probability(of="P(like | rated)", negatives="none")},
    slot_effects=(1.0, 0.6),
    metrics={"ndcg@10": 0.5},
)


@pytest.fixture
def releases_dir(tmp_path: Path) -> Path:
    return tmp_path / "state" / "releases"


def write(releases_dir: Path, version: str = "r1", at_us: int = 1) -> Path:
    with ReleaseWriter(releases_dir, version, clock=ManualClock(at_us)) as writer:
        (writer.folder / "catalogue.parquet").write_bytes(b"items")
        (writer.folder / "retrieval" / "als").mkdir(parents=True)
        (writer.folder / "retrieval" / "als" / "items.npy").write_bytes(b"vectors")
        return writer.finish(FACTS).folder


def test_round_trip(releases_dir: Path) -> None:
    release = open_release(write(releases_dir))
    assert release.version == "r1"
    assert release.manifest.facts == FACTS
    assert set(release.manifest.files) == {"catalogue.parquet", "retrieval/als/items.npy"}
    assert [path.name for path in releases_dir.iterdir()] == ["r1"]


@pytest.mark.parametrize("name", ["catalogue.parquet", "retrieval/als/items.npy"])
@pytest.mark.parametrize("harm", ["altered", "longer", "missing", "empty"])
def test_a_harmed_file_is_named(releases_dir: Path, name: str, harm: str) -> None:
    folder = write(releases_dir)
    path = folder / name
    raw = path.read_bytes()
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes({"altered": bytes([raw[0] ^ 1]) + raw[1:], "longer": raw + b"\0", "empty": b""}[harm])
    with pytest.raises(ReleaseError) as refused:
        open_release(folder)
    assert refused.value.where == str(path)


@pytest.mark.parametrize("name", ["extra.npy", "retrieval/als/.hidden"])
def test_an_extra_file_is_named(releases_dir: Path, name: str) -> None:
    folder = write(releases_dir)
    (folder / name).write_bytes(b"")
    with pytest.raises(ReleaseError) as refused:
        open_release(folder)
    assert refused.value.where == str(folder / name)


def test_a_link_is_refused(releases_dir: Path, tmp_path: Path) -> None:
    folder = write(releases_dir)
    (tmp_path / "same").write_bytes(b"items")
    (folder / "catalogue.parquet").unlink()
    (folder / "catalogue.parquet").symlink_to(tmp_path / "same")
    with pytest.raises(ReleaseError, match="plain files"):
        open_release(folder)


def test_the_manifest_cannot_be_changed_together_with_a_file(releases_dir: Path) -> None:
    folder = write(releases_dir)
    raw = (folder / MANIFEST_FILE).read_bytes()
    (folder / MANIFEST_FILE).write_bytes(raw.replace(b"tiny", b"huge"))
    with pytest.raises(ReleaseError, match="signature"):
        open_release(folder)


@pytest.mark.parametrize("name", [MANIFEST_FILE, SIGNATURE_FILE])
def test_without_manifest_or_signature_there_is_no_release(releases_dir: Path, name: str) -> None:
    folder = write(releases_dir)
    (folder / name).unlink()
    with pytest.raises(ReleaseError) as refused:
        open_release(folder)
    assert refused.value.where == str(folder / name)


def test_another_installations_release_is_refused(releases_dir: Path, tmp_path: Path) -> None:
    folder = write(releases_dir)
    there = tmp_path / "elsewhere"
    make_key(there)
    shutil.copytree(folder, there / "releases" / "r1")
    with pytest.raises(ReleaseError, match="signature"):
        open_release(there / "releases" / "r1")
    assert open_release(there / "releases" / "r1", key=read_key(releases_dir.parent)).version == "r1"


def test_a_renamed_folder_is_refused(releases_dir: Path) -> None:
    write(releases_dir).rename(releases_dir / "r9")
    with pytest.raises(ReleaseError, match="'r1'"):
        open_release(releases_dir / "r9")


@pytest.mark.parametrize("version", ["", ".", "..", "../r1", "a/b", ".hidden", "x" * 81, "é"])
def test_a_version_is_a_plain_name(releases_dir: Path, version: str) -> None:
    with pytest.raises(ReleaseError):
        ReleaseWriter(releases_dir, version)
    with pytest.raises(ReleaseError):
        activate(releases_dir, version)


@pytest.mark.parametrize("path", ["../../secret.key", "/etc/passwd", "a/../../b", ""])
def test_a_manifest_names_files_of_its_own_folder_only(path: str) -> None:
    raw = (
        b'{"format":2,"version":"r1","created_us":1,"facts":{"dataset":"","licence":"","policy":""},"files":{"%s":'
        b'{"sha256":"%s","bytes":1}}}' % (path.encode(), b"0" * 64)
    )
    with pytest.raises(ReleaseError, match="names"):
        Manifest.decode(raw, "manifest.json")


def test_another_format_is_refused() -> None:
    raw = b'{"format":1,"version":"r1","created_us":1,"facts":{"dataset":"","licence":"","policy":""},"files":{}}'
    with pytest.raises(ReleaseError, match="format 1"):
        Manifest.decode(raw, "manifest.json")


def test_a_writer_that_fails_leaves_nothing(releases_dir: Path) -> None:
    def half_a_training() -> None:
        with ReleaseWriter(releases_dir, "r1") as writer:
            (writer.folder / "half").write_bytes(b"half")
            raise RuntimeError("training broke off")

    with pytest.raises(RuntimeError, match="training"):
        half_a_training()
    assert list(releases_dir.iterdir()) == []
    assert list_releases(releases_dir) == ()


def test_a_version_is_never_replaced(releases_dir: Path) -> None:
    write(releases_dir)
    with pytest.raises(ReleaseError, match="already"), ReleaseWriter(releases_dir, "r1"):
        pass
    assert open_release(releases_dir / "r1").version == "r1"


def test_activation_refuses_a_harmed_release_and_keeps_the_old_one(releases_dir: Path) -> None:
    write(releases_dir, "r1", 1)
    second = write(releases_dir, "r2", 2)
    assert active_version(releases_dir) is None
    with pytest.raises(ReleaseError, match="no release is active"):
        active_release(releases_dir)
    activate(releases_dir, "r1")
    (second / "catalogue.parquet").write_bytes(b"other")
    with pytest.raises(ReleaseError, match=r"catalogue\.parquet"):
        activate(releases_dir, "r2")
    assert active_release(releases_dir).version == "r1"
    with pytest.raises(ReleaseError, match="known: 'r1', 'r2'"):
        activate(releases_dir, "r3")
    assert sorted(path.name for path in releases_dir.iterdir()) == [ACTIVE_FILE, "r1", "r2"]


def test_the_list_names_what_is_wrong(releases_dir: Path) -> None:
    write(releases_dir, "b", 1)
    write(releases_dir, "a", 2)
    write(releases_dir, "c", 3)
    activate(releases_dir, "a")
    (releases_dir / "c" / SIGNATURE_FILE).write_bytes(b"00")
    listed = list_releases(releases_dir)
    assert [(one.version, one.active, bool(one.problem)) for one in listed] == [
        ("c", False, True),
        ("b", False, False),
        ("a", True, False),
    ]


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    key = make_key(tmp_path)
    assert make_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(ReleaseError, match="chmod 600"):
        read_key(tmp_path)
