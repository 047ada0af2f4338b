"""The file of keys: what it may hold, and that a change of it counts at once."""

import os
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service import keys
from service.cli import app
from service.errors import SettingsError
from service.keys import KeyRing, new_key, parse_keys

DIGEST = "sha256:" + "0" * 64


def test_a_new_key_is_found_by_its_line(tmp_path: Path) -> None:
    """The file holds a hash; the key itself is nowhere in it."""
    key, line = new_key("camera-7", ["read", "score"], rate=120)
    path = tmp_path / "keys.txt"
    path.write_text(f"# cameras\n\n{line}  # north gate\n")

    caller = KeyRing(path).find(key)

    assert caller is not None
    assert (caller.name, set(caller.scopes), caller.rate) == ("camera-7", {"read", "score"}, 120)
    assert key not in path.read_text()
    assert KeyRing(path).find(key[:-1]) is None


def test_two_keys_are_never_the_same() -> None:
    """256 random bits each."""
    made = {new_key("a", ["read"])[0] for _ in range(50)}

    assert len(made) == 50
    assert all(re.fullmatch(r"saclip_[\w-]{43}", key) for key in made)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no key"),
        ("# only a comment\n", "holds no key"),
        ("camera\n", "f:1: expected NAME HASH SCOPES"),
        (f"cam/era {DIGEST} read\n", "f:1: a name is 1-64"),
        ("camera sha256:12 read\n", "the hash of camera"),
        (f"camera {DIGEST} write\n", "no scope is called 'write'; use read, score, admin, metrics"),
        (f"camera {DIGEST} read 5/s\n", "a rate is like 120/min"),
        (f"camera {DIGEST} read 0/min\n", "a rate is like 120/min"),
        (f"a {DIGEST} read\na {DIGEST} score\n", "the name a comes twice"),
    ],
)
def test_a_mistake_in_the_file_is_named(text: str, message: str) -> None:
    """By its line."""
    with pytest.raises(SettingsError, match=message):
        parse_keys(text, "f")


def test_a_withdrawn_key_stops_working_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a file that is broken for a moment locks nobody out."""
    monkeypatch.setattr(keys, "RELOAD_EVERY_S", 0.0)
    (first, first_line), (second, second_line) = new_key("a", ["read"]), new_key("b", ["admin"])
    path = tmp_path / "keys.txt"
    path.write_text(f"{first_line}\n{second_line}\n")
    ring = KeyRing(path)
    assert ring.find(first) is not None

    path.write_text("half a li")
    assert ring.find(first) is not None
    path.write_text(f"{second_line}\n")

    assert ring.find(first) is None
    assert ring.named("a") is None
    assert ring.find(second) is not None
    path.unlink()
    assert ring.find(second) is not None


def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    """In one line that names it."""
    with pytest.raises(SettingsError, match=r"missing\.txt: cannot be read"):
        KeyRing(tmp_path / "missing.txt")


def test_the_command_prints_the_key_apart_from_its_line() -> None:
    """So that stdout can be appended to the file."""
    ran = CliRunner().invoke(app, ["keys", "new", "ops", "--scope", "metrics", "--rate", "60"])

    assert ran.exit_code == 0
    assert re.fullmatch(r"ops sha256:[0-9a-f]{64} metrics 60/min\n", ran.stdout)
    shown = re.search(r"saclip_[\w-]{43}", ran.stderr)
    assert shown is not None
    assert parse_keys(ran.stdout, "f")[0].digest == keys.digest_of(shown[0])


def test_the_command_refuses_an_unknown_scope() -> None:
    """In one line, exit 1."""
    ran = CliRunner().invoke(app, ["keys", "new", "ops", "--scope", "root"])

    assert ran.exit_code == 1
    assert "no scope is called 'root'" in ran.stderr


def test_a_file_with_secrets_needs_no_bytes_beyond_utf8(tmp_path: Path) -> None:
    """Anything else is a mistake, not a traceback."""
    path = tmp_path / "keys.txt"
    path.write_bytes(os.urandom(8) + b"\xff\xfe")

    with pytest.raises(SettingsError, match="cannot be read"):
        KeyRing(path)
