"""The port, the admin key, and what the command says."""

import socket
import stat
from pathlib import Path

import pytest

from shortlist.app.server import take_port
from shortlist.core.errors import SettingsError, ShortlistError
from shortlist.serving.admin import ADMIN_KEY_FILE, ADMIN_KEY_VARIABLE, admin_key


def test_a_port_is_taken_once() -> None:
    first = take_port("127.0.0.1", 0)
    first.listen()
    port = first.getsockname()[1]
    with pytest.raises(ShortlistError, match=f"port {port} is in use") as refused:
        take_port("127.0.0.1", port)
    assert refused.value.where == f"127.0.0.1:{port}"
    first.close()
    take_port("127.0.0.1", port).close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_of_another_machine_is_told(host: str) -> None:
    with pytest.raises(ShortlistError, match="cannot listen"):
        take_port(host, 0)


def test_answers_do_not_wait_for_the_clients_acknowledgement() -> None:
    """With the protocol unnamed asyncio leaves Nagle's algorithm on, and every answer took 44 ms."""
    with take_port("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_the_admin_key_is_derived_and_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ADMIN_KEY_VARIABLE, raising=False)
    key = admin_key(tmp_path, b"k" * 32)
    file = tmp_path / ADMIN_KEY_FILE
    assert file.read_text() == key + "\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert admin_key(tmp_path, b"k" * 32) == key
    assert admin_key(tmp_path, b"o" * 32) != key


def test_the_environments_key_is_written_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADMIN_KEY_VARIABLE, "an admin key of my own")
    assert admin_key(tmp_path, b"k" * 32) == "an admin key of my own"
    assert not any(tmp_path.iterdir())
    monkeypatch.setenv(ADMIN_KEY_VARIABLE, "hunter2")
    with pytest.raises(SettingsError, match="too short") as refused:
        admin_key(tmp_path, b"k" * 32)
    assert "hunter2" not in str(refused.value)
