"""What may be watched: a camera of this machine, a file, or a stream of a host that was allowed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from service.errors import SourceRefused

PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
# FFmpeg holds to both lists whatever a stream says: no playlist, no redirect to another protocol.
PROTOCOLS = {
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtsps": "rtsp,rtsps,rtp,tls,tcp",
    "http": "http,tcp",
    "https": "https,tls,tcp",
}
FORMATS = "rtsp,sdp,rtp,mpjpeg,mjpeg,mpegts,flv,mov,matroska,webm"
ANALYSE_US = 1_000_000  # FFmpeg's own five seconds would be five seconds of blindness


@dataclass(frozen=True, slots=True)
class Source:
    """A source that may be opened.

    Attributes:
        kind: ``file`` ends; the others go on, and are opened again when they are lost.
        address: For FFmpeg.
        shown: For people, without user name and password.
        format: FFmpeg's name where it cannot find out itself.
        options: For FFmpeg.
    """

    kind: Literal["camera", "network", "file"]
    address: str
    shown: str
    format: str | None
    options: dict[str, str]

    @property
    def is_live(self) -> bool:
        return self.kind != "file"


def parse_source(text: str, hosts: frozenset[str]) -> Source:
    """What a user named.

    Args:
        text: The number of a camera, a path, or an RTSP or HTTP address.
        hosts: Hosts that may be watched: ``host`` for the usual ports or ``host:port``.

    Raises:
        SourceRefused: Says why it may not, or cannot, be watched.
    """
    if text.isdecimal():
        return _camera(int(text))
    if "://" in text:
        return _network(text, hosts)
    path = Path(text)
    if not path.is_file():
        raise SourceRefused(f"{text} is neither a file, the number of a camera nor an address")
    return Source("file", str(path), path.name, None, {})


def _camera(number: int) -> Source:
    device = Path(f"/dev/video{number}")
    if not device.exists():
        raise SourceRefused(f"there is no camera {number}: {device} does not exist")
    return Source("camera", str(device), f"camera {number}", "v4l2", {})


def _network(text: str, hosts: frozenset[str]) -> Source:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise SourceRefused(f"no address to watch: {error}") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise SourceRefused(f"an address to watch begins with {', '.join(PORTS)}, and names a host")
    if any(ord(c) <= 32 or ord(c) == 127 for c in text):
        raise SourceRefused("the address holds a blank or a control character")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    named = host if port in (None, PORTS[parts.scheme]) else f"{host}:{port}"
    if named not in hosts:
        raise SourceRefused(
            f"{named} is not among the hosts that may be watched; add it to SACLIP_WATCH_HOSTS"
        )
    options = {
        "protocol_whitelist": PROTOCOLS[parts.scheme],
        "format_whitelist": FORMATS,
        "analyzeduration": str(ANALYSE_US),
        "fflags": "nobuffer",
    }
    if parts.scheme.startswith("rtsp"):
        options["rtsp_transport"] = "tcp"  # one connection, which firewalls let through
    else:
        options["max_redirects"] = "0"  # a redirect would lead past the list of hosts
    return Source("network", text, _without_user(parts), None, options)


def _without_user(parts: SplitResult) -> str:
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
