"""Settings read once at start-up from ``SACLIP_*`` environment variables or ``.env``."""

import difflib
import os
from pathlib import Path
from typing import Literal

from pydantic import ByteSize, Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.bundle.bundle import EMBEDDED_BUNDLE
from service.errors import FatalError

PREFIX = "SACLIP_"
# Read by the tests and the training side, not by the service.
NOT_SETTINGS = ("TEST_DATA",)


class SettingsError(FatalError):
    """A setting has a value or a name that nothing can use."""


class Settings(BaseSettings):
    """Every knob of the service; the table in README.md is generated from this class.

    Built once by the command line and passed down. Nothing else reads the environment.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on."""

    bundle: Path = EMBEDDED_BUNDLE
    """Folder of the model bundle; the embedded nano bundle by default."""

    data_dir: Path = Path.home() / ".local" / "share" / "saclip"
    """Where uploads, jobs, reports and an edited hierarchy are kept."""

    max_image_bytes: ByteSize = Field(default=ByteSize(20 * 1024**2), gt=0)
    """Largest encoded picture; ``20MiB`` style values work too."""

    max_image_pixels: PositiveInt = 50_000_000
    """Largest decoded picture or video frame, in pixels."""

    max_images: PositiveInt = 16
    """Pictures in one request."""

    max_video_bytes: ByteSize = Field(default=ByteSize(2 * 1024**3), gt=0)
    """Largest uploaded video."""

    max_video_seconds: PositiveFloat = 7200.0
    """Longest video that is analysed, in seconds."""

    sample_fps: float = Field(default=10.0, gt=0, le=60)
    """Frames a second that are scored in a video."""

    threads: NonNegativeInt = 0
    """Threads of one inference; 0 lets the runtime choose."""

    max_concurrency: PositiveInt = 8
    """Frame requests in the house at once; one more is answered 429."""

    max_queued_jobs: PositiveInt = 64
    """Video jobs that may wait; one more is answered 429."""

    job_retention_hours: PositiveFloat = 168.0
    """How long finished jobs and their reports are kept."""

    log_format: Literal["json", "console"] = "console"
    """``json`` for machines, ``console`` for people."""


def load_settings(**overrides: object) -> Settings:
    """Read the settings, with the command line's own values on top.

    Raises:
        SettingsError: In one line, naming the setting; mistyped names get a suggestion.
    """
    known = {(PREFIX + name).upper() for name in (*Settings.model_fields, *NOT_SETTINGS)}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SettingsError(f"{name}: there is no such setting{hint}")
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic checks the values
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise SettingsError(f"{name}={first['input']!r}: {first['msg']}") from error
