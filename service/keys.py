"""API keys: their file, their scopes, and who a key belongs to.

The file has one key a line, and comments after ``#``::

    # name   hash of the key                  scopes      requests a minute, if limited
    camera-7 sha256:6f1e...64 hex digits...   read,score  120/min

A key is 256 random bits, so one SHA-256 is enough: nothing is guessed from it. A slow hash such
as scrypt protects short passwords, which these are not, and would cost every request its time.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import structlog

from service.errors import SettingsError

Scope = Literal["read", "score", "admin", "metrics"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

PREFIX = "saclip_"  # lets scanners of leaked secrets find one
KEY_BYTES = 32
RELOAD_EVERY_S = 2.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
HASH = re.compile(r"sha256:[0-9a-f]{64}")
RATE = re.compile(r"([1-9][0-9]{0,6})/min")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request.

    Attributes:
        name: The key's name; empty when keys are switched off.
        scopes: What the key may do; ``admin`` may do everything and sees everybody's jobs.
        rate: Requests a minute, None for no limit.
    """

    name: str
    scopes: frozenset[Scope]
    rate: int | None = None

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes

    def may_see(self, owner: str) -> bool:
        """Whether a job of this owner exists for the caller."""
        return owner == self.name or "admin" in self.scopes


ANYONE = Caller("", frozenset({"admin"}))
"""The caller while keys are switched off."""


@dataclass(frozen=True, slots=True)
class Key:
    """One line of the file."""

    caller: Caller
    digest: str


def new_key(name: str, scopes: Sequence[str], rate: int | None = None) -> tuple[str, str]:
    """A fresh key, which is shown once, and its line for the file.

    Raises:
        SettingsError: The name, a scope or the rate is not one that the file could hold.
    """
    key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    parts = [name, f"sha256:{digest_of(key)}", ",".join(dict.fromkeys(scopes))]
    line = " ".join(parts if rate is None else [*parts, f"{rate}/min"])
    _parse_line(line, "key")
    return key, line


def digest_of(key: str) -> str:
    """Hex SHA-256 of a key."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def parse_keys(text: str, where: str) -> tuple[Key, ...]:
    """The keys of a file.

    Raises:
        SettingsError: Names the line that is wrong, or the name that comes twice.
    """
    found: list[Key] = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.split("#", 1)[0].strip()
        if content:
            found.append(_parse_line(content, f"{where}:{number}"))
    names = [key.caller.name for key in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(f"{where}: the name {twice[0]} comes twice")
    if not found:
        raise SettingsError(f"{where}: holds no key; `saclip keys new NAME` makes one")
    return tuple(found)


def _parse_line(line: str, where: str) -> Key:
    parts = line.split()
    if len(parts) not in (3, 4):
        raise SettingsError(f"{where}: expected NAME HASH SCOPES [RATE], got {len(parts)} words")
    name, digest, listed = parts[:3]
    if not NAME.fullmatch(name):
        raise SettingsError(f"{where}: a name is 1-64 letters, digits and ._-, got {name[:80]!r}")
    if not HASH.fullmatch(digest):
        raise SettingsError(f"{where}: the hash of {name} is not sha256: and 64 hex digits")
    scopes = listed.split(",")
    for scope in scopes:
        if scope not in SCOPES:
            raise SettingsError(f"{where}: no scope is called {scope!r}; use {', '.join(SCOPES)}")
    rate = RATE.fullmatch(parts[3]) if len(parts) == 4 else None
    if len(parts) == 4 and rate is None:
        raise SettingsError(f"{where}: a rate is like 120/min, got {parts[3]!r}")
    limit = int(rate[1]) if rate else None
    caller = Caller(name, cast("frozenset[Scope]", frozenset(scopes)), limit)
    return Key(caller, digest.removeprefix("sha256:"))


class KeyRing:
    """The keys of a file, read again when it changes, so that a key is withdrawn at once.

    Args:
        path: The file.

    Raises:
        SettingsError: The file cannot be read or has a mistake.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._stat()
        self._keys = parse_keys(self._read(), str(path))
        self._checked_at = time.monotonic()

    def find(self, key: str) -> Caller | None:
        """Whose key this is; every entry is compared, so the time taken tells nothing."""
        self._reload()
        digest, found = digest_of(key), None
        for entry in self._keys:
            if hmac.compare_digest(entry.digest, digest):
                found = entry.caller
        return found

    def named(self, name: str) -> Caller | None:
        """The caller of this name as the file has it now."""
        self._reload()
        return next((key.caller for key in self._keys if key.caller.name == name), None)

    def _reload(self) -> None:
        if time.monotonic() - self._checked_at < RELOAD_EVERY_S:
            return
        self._checked_at = time.monotonic()
        try:
            stamp = self._stat()
            if stamp != self._stamp:
                self._keys = parse_keys(self._read(), str(self._path))
                self._stamp = stamp
                log.info("keys_read_again", keys=len(self._keys))
        except SettingsError as error:
            # A half-written file must lock nobody out; the old keys stay until it is mended.
            log.error("keys_not_read", error=str(error))

    def _stat(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError as error:
            raise SettingsError(f"{self._path}: cannot be read ({error.strerror})") from error
        return found.st_mtime_ns, found.st_size

    def _read(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self._path}: cannot be read ({type(error).__name__})") from error
