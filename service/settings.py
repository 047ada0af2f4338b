"""Settings read once at start-up from ``SACLIP_*`` environment variables or ``.env``."""

import difflib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    ByteSize,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.errors import SettingsError

PREFIX = "SACLIP_"
# Read by tests and by commands on real footage, not by the service.
RESERVED = frozenset({"TEST_DATA"})
EMBEDDED_BUNDLE = Path(__file__).parent / "bundles" / "nano"

MIB = 1024**2
GIB = 1024**3


class Settings(BaseSettings):
    """Every knob of the service.

    Built once, by the command line, and passed down. Nothing else reads the environment.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` lets other machines in."""

    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes any free one."""

    bundle: Path = EMBEDDED_BUNDLE
    """Folder of the model bundle; the embedded ``nano`` by default."""

    data_dir: Path = Field(default_factory=lambda: Path.home() / ".local" / "share" / "saclip")
    """Folder for uploads, reports and the accepted hierarchy; made when missing."""

    knowledge_file: Path | None = None
    """Hierarchy to start with; one accepted by ``PUT /knowledge`` earlier goes before it."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models run; ``auto`` is a GPU where ONNX Runtime can use one, else the CPU."""

    precision: Literal["auto", "fp32", "fp16", "int8"] = "auto"
    """Image encoder of the bundle; ``auto`` is fp16 on a GPU where there is one, else fp32."""

    threads: NonNegativeInt = 0
    """Threads of one model run; 0 lets the runtime choose."""

    max_concurrency: PositiveInt = 2
    """Frame requests computed at once."""

    max_waiting: NonNegativeInt = 16
    """Frame requests that may wait for their turn; one more is answered 429."""

    max_image_bytes: ByteSize = Field(default=ByteSize(20 * MIB), gt=0)
    """Largest picture file; ``8MiB`` style values work too."""

    max_image_pixels: PositiveInt = 50_000_000
    """Largest picture or video frame in pixels, read from its header before it is decoded."""

    max_images_per_request: PositiveInt = 16
    """Pictures in one ``POST /frames/score``."""

    max_request_bytes: ByteSize = Field(default=ByteSize(64 * MIB), gt=0)
    """Largest body of one ``POST /frames/score``, all its pictures together."""

    max_video_bytes: ByteSize = Field(default=ByteSize(2 * GIB), gt=0)
    """Largest video file."""

    max_video_seconds: PositiveFloat = 7200.0
    """Longest video that is analysed."""

    sample_fps: float = Field(default=10.0, gt=0, le=60)
    """Frames of a second that are analysed when a request does not say."""

    max_queued_jobs: PositiveInt = 32
    """Video jobs that may wait; one more is answered 429."""

    job_retention_hours: PositiveFloat = 168.0
    """Ended jobs and their reports are deleted after this time."""

    min_free_bytes: ByteSize = Field(default=ByteSize(512 * MIB), ge=0)
    """Free space in ``data_dir`` below which uploads are refused and ``/readyz`` says no."""

    log_format: Literal["json", "console"] = Field(
        default_factory=lambda: "console" if sys.stderr.isatty() else "json"
    )
    """``json`` for machines, ``console`` for people; by default what stderr is."""


def load_settings(**overrides: Any) -> Settings:
    """Read the environment; overrides of the command line win where they are not None.

    Raises:
        SettingsError: A variable is misspelt or its value is impossible; one line.
    """
    refuse_unknown_variables(os.environ)
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        found = (f"{_variable(e['loc'])}: {e['msg']}" for e in error.errors(include_url=False))
        raise SettingsError("; ".join(found)) from None


def refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    """A misspelt ``SACLIP_*`` variable would else be ignored in silence.

    Raises:
        SettingsError: Names the variable and the nearest setting.
    """
    known = {name.upper() for name in Settings.model_fields} | RESERVED
    for variable in sorted(environment):
        name = variable.upper().removeprefix(PREFIX)
        if variable.upper().startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {PREFIX}{near[0]}?" if near else ""
            raise SettingsError(f"{variable} is not a setting of this service{hint}")


def _variable(location: tuple[int | str, ...]) -> str:
    """Name of the variable; an unknown key of ``.env`` already carries the prefix."""
    name = str(location[0]).upper() if location else "settings"
    return name if name.startswith(PREFIX) else PREFIX + name
