"""Short-lived tokens: forged, expired and shared ones."""

import stat
import threading
from pathlib import Path

import pytest

from service.errors import SettingsError
from service.tokens import KEPT_AS, LIFETIME_S, TokenSigner, load_secret

SECRET = b"s" * 32


def test_a_token_names_its_key_until_it_ends() -> None:
    """Ten minutes, to the second."""
    now = [1000.0]
    signer = TokenSigner(SECRET, lambda: now[0])

    token, expires_at = signer.issue("camera.7")

    assert expires_at == 1000 + LIFETIME_S
    assert signer.name_of(token) == "camera.7"
    now[0] = expires_at - 0.5
    assert signer.name_of(token) == "camera.7"
    now[0] = expires_at
    assert signer.name_of(token) is None


@pytest.mark.parametrize(
    "forged",
    ["", ".", "a", "a.b", "a.9999999999.", "a.9999999999.x", "a..", "é.9999999999.ü", "a.b.c.d"],
)
def test_any_other_text_is_no_token(forged: str) -> None:
    """Whatever it looks like."""
    assert TokenSigner(SECRET).name_of(forged) is None


def test_a_changed_token_is_no_token() -> None:
    """Neither the name nor the end can be moved."""
    token, expires_at = TokenSigner(SECRET).issue("a")
    signature = token.rpartition(".")[2]

    assert TokenSigner(SECRET).name_of(f"admin.{expires_at}.{signature}") is None
    assert TokenSigner(SECRET).name_of(f"a.{expires_at + 1}.{signature}") is None
    assert TokenSigner(b"t" * 32).name_of(token) is None


def test_the_secret_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    """Processes that start together agree on it."""
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(load_secret(None, tmp_path))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(found)) == 1
    assert len(found) == 8
    assert stat.S_IMODE((tmp_path / KEPT_AS).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEPT_AS]


def test_a_short_secret_stops_the_start(tmp_path: Path) -> None:
    """It could be guessed."""
    path = tmp_path / "secret"
    path.write_text("password")

    with pytest.raises(SettingsError, match="holds 8 bytes, a secret has at least 32"):
        load_secret(path, tmp_path)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_secret(tmp_path / "none", tmp_path)
