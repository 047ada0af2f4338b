"""Short-lived signed tokens for what a browser cannot send with a header.

A token is ``name.expiry.signature``: the name of a key, the second it ends at, and an HMAC-SHA256
of both. It carries no scopes: they are looked up when it is used, so withdrawing a key withdraws
its tokens too.
"""

import base64
import contextlib
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from service.errors import SettingsError
from service.secret_file import read_secret

LIFETIME_S = 600  # a film of some minutes; the page asks for a new one when it ends
MIN_SECRET_BYTES = 32
KEPT_AS = "token.secret"


class TokenSigner:
    """Makes and checks tokens.

    Args:
        secret: At least 32 bytes, the same in every process that shall accept the token.
        clock: Seconds since the epoch.
    """

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._secret, self._clock = secret, clock

    def issue(self, name: str) -> tuple[str, int]:
        """A token for the key of this name, and the second since the epoch at which it ends."""
        expires_at = int(self._clock()) + LIFETIME_S
        return f"{name}.{expires_at}.{self._sign(name, str(expires_at))}", expires_at

    def name_of(self, token: str) -> str | None:
        """The name a valid token was issued to; None for any other text."""
        name, _, rest = token.rpartition(".")[0].rpartition(".")
        signature = token.rpartition(".")[2]
        expected = self._sign(name, rest)
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            return None
        return name if int(rest) > self._clock() else None

    def _sign(self, name: str, expires_at: str) -> str:
        signed = f"{name}\n{expires_at}".encode("utf-8", "replace")
        digest = hmac.new(self._secret, signed, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def load_secret(path: Path | None, data_dir: Path) -> bytes:
    """The signing secret: from its file, or one made once and kept in the data folder.

    Raises:
        SettingsError: The file cannot be read or written, or is too short to be a secret.
    """
    if path is None:
        path = data_dir / KEPT_AS
        _make_once(path)
    return read_secret(path, MIN_SECRET_BYTES)


def _make_once(path: Path) -> None:
    """Written beside and linked into place: of two processes that start at once, one wins."""
    if path.exists():
        return
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        partial.touch(mode=0o600)
        partial.write_text(secrets.token_hex(MIN_SECRET_BYTES), encoding="ascii")
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(partial)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be made ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)
