"""Settings read once at start-up from ``SACLIP_*`` environment variables or ``.env``."""

import difflib
import os
import sys
from collections.abc import Mapping
from ipaddress import ip_address
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

    auth: Literal["auto", "on", "off"] = "auto"
    """API keys: ``auto`` asks for them beyond loopback and where a key file is named."""

    api_keys_file: Path | None = None
    """Keys, one a line, as ``saclip keys new`` prints them; read again when it changes."""

    token_secret_file: Path | None = None
    """Signs short-lived tokens; the same in all API processes. By default made in ``data_dir``."""

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

    decode_memory_bytes: ByteSize = Field(default=ByteSize(4 * GIB), ge=512 * MIB)
    """Address space of the process that decodes one video."""

    decode_stall_seconds: PositiveFloat = 60.0
    """A decoder that gives no sign of life for so long is ended."""

    sample_fps: float = Field(default=10.0, gt=0, le=60)
    """Frames of a second that are analysed when a request does not say."""

    redis_url: str | None = None
    """Redis 7 for jobs, rate limits and knowledge, as ``redis://host:6379/0``; else all in here."""

    store_url: str | None = None
    """Uploads and reports that API and workers share, such as ``s3://bucket/saclip``."""

    callback_hosts: str = ""
    """Hosts that ``callback_url`` may name, with commas between; ``host:port`` for other ports."""

    callback_secret_file: Path | None = None
    """File with the secret that signs callbacks; needed with ``callback_hosts``."""

    watch_hosts: str = ""
    """Hosts whose streams ``saclip watch`` may open, with commas; ``host:port`` for other ports."""

    max_job_attempts: PositiveInt = 3
    """A job that killed its worker so often fails and is not tried again."""

    max_queued_jobs: PositiveInt = 32
    """Video jobs that may wait; one more is answered 429."""

    job_retention_hours: PositiveFloat = 168.0
    """Ended jobs and their reports are deleted after this time."""

    min_free_bytes: ByteSize = Field(default=ByteSize(512 * MIB), ge=0)
    """Free space in ``data_dir`` below which uploads are refused and ``/readyz`` says no."""

    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Port on which ``saclip worker`` answers ``GET /metrics``; 0 for none. The API has its own."""

    otel_endpoint: str | None = None
    """Collector of traces (OTLP over HTTP), as ``http://collector:4318``; needs extra ``otel``."""

    log_format: Literal["json", "console"] = Field(
        default_factory=lambda: "console" if sys.stderr.isatty() else "json"
    )
    """``json`` for machines, ``console`` for people; by default what stderr is."""

    @property
    def decode_limits(self) -> tuple[int, float, int, float]:
        """The arguments of ``service.vision.isolated.in_a_child``."""
        return (
            self.max_image_pixels,
            self.max_video_seconds,
            self.decode_memory_bytes,
            self.decode_stall_seconds,
        )

    @property
    def hosts_to_call(self) -> frozenset[str]:
        """``callback_hosts`` one by one."""
        return _hosts(self.callback_hosts)

    @property
    def hosts_to_watch(self) -> frozenset[str]:
        """``watch_hosts`` one by one."""
        return _hosts(self.watch_hosts)

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine can reach the service."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


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


def _hosts(text: str) -> frozenset[str]:
    return frozenset(filter(None, (host.strip().lower() for host in text.split(","))))


def _variable(location: tuple[int | str, ...]) -> str:
    """Name of the variable; an unknown key of ``.env`` already carries the prefix."""
    name = str(location[0]).upper() if location else "settings"
    return name if name.startswith(PREFIX) else PREFIX + name
