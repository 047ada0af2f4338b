"""A secret in a file of its own, never in the environment, where every child process reads it."""

from pathlib import Path

from service.errors import SettingsError


def read_secret(path: Path, min_bytes: int) -> bytes:
    """The file's content without white space at its ends.

    Raises:
        SettingsError: It cannot be read, or is too short to be a secret.
    """
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    if len(secret) < min_bytes:
        raise SettingsError(f"{path}: holds {len(secret)} bytes, a secret has at least {min_bytes}")
    return secret
